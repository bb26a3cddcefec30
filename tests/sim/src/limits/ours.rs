//! The real core as a client: the order of inputs of the drivers.

use super::case::Case;
use super::policy::policy;
use super::server::Answer;
use super::voice::Voice;
use crate::world::input::WALL;
use unruffled_core::config::{Reading, read};
use unruffled_core::{Answer as Word, Engine, Flags, Reason, Step};

/// A GET whose body (none) can be sent again.
const GET: u32 = 1 << 4;

/// What the host does next for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Send {
        /// Milliseconds that the attempt may take; 0 = no limit.
        timeout: u64,
    },
    /// Do nothing for so many milliseconds.
    Wait {
        delay: u64,
    },
    /// Do nothing until a wake comes.
    Park {
        at_most: u64,
    },
    Deliver,
    Fail {
        reason: Reason,
    },
}

/// One client.
#[derive(Debug)]
pub struct Ours {
    engine: Engine,
    has_wakes: bool,
    wall: u64,
    /// Header lines of the latest answer.
    pub hints: String,
}

impl Ours {
    /// Makes a client of a case.
    ///
    /// # Errors
    /// What is wrong with its policy.
    pub fn new(case: &Case, place: u64) -> Result<Self, String> {
        let text = policy(case);
        let config = read(&text, Reading::Strict).map_err(|issues| format!("{text}: {issues:?}"))?;
        let mut engine = Engine::with(config);
        engine.seed(case.seed + 1 + place * 1_000_003);
        Ok(Self { engine, has_wakes: false, wall: WALL + case.phase, hints: String::new() })
    }

    fn next(&mut self, call: u32, now: u64, word: Word) -> Next {
        self.has_wakes |= word.flags().has(Flags::WAKES);
        let next = match word.step() {
            Step::Send { timeout } => Next::Send { timeout },
            Step::Wait { delay } => Next::Wait { delay },
            Step::Park { at_most } => Next::Park { at_most },
            Step::Deliver { .. } => Next::Deliver,
            Step::Fail { reason, .. } => Next::Fail { reason },
            other @ (Step::Refresh { .. } | Step::Misuse(_) | Step::Done { .. }) => {
                panic!("call {call} at {now}: {other:?}")
            }
        };
        if word.flags().has(Flags::REPORT) {
            self.has_wakes |= self.engine.abandon(call, now).flags().has(Flags::WAKES);
        }
        next
    }

    /// Begins a call.
    pub fn begin(&mut self, call: u32, now: u64) -> Next {
        let word = self.engine.begin(call, now, 0, 0, GET, 0);
        self.next(call, now, word)
    }

    /// Receives an answer; `None` = none came in time.
    pub fn ended(&mut self, call: u32, now: u64, case: &Case, answer: Option<&Answer>) -> Next {
        let word = match answer {
            None => self.engine.fault(call, now, unruffled_core::Fault::Timeout as u32),
            Some(answer) => {
                Voice::new(case).write(answer, &mut self.hints);
                let status = answer.status().into();
                if self.hints.is_empty() {
                    self.engine.respond(call, now, status)
                } else {
                    self.engine.respond_with(call, now, self.wall + now, status, self.hints.as_bytes(), b"")
                }
            }
        };
        self.next(call, now, word)
    }

    /// Continues after a wait or a wake.
    pub fn resume(&mut self, call: u32, now: u64) -> Next {
        let word = self.engine.resume(call, now);
        self.next(call, now, word)
    }

    /// Names the next call that may go earlier than planned.
    pub fn wake(&mut self) -> Option<u32> {
        if !self.has_wakes {
            return None;
        }
        let Step::Done { arg } = self.engine.wake().step() else { return None };
        self.has_wakes = arg != 0;
        u32::try_from(arg.checked_sub(1)?).ok()
    }

    /// Returns what the engine holds, as JSON.
    #[must_use]
    pub fn snapshot(&self, now: u64) -> String {
        self.engine.snapshot(now)
    }
}
