//! The real core as a client of the simulation: the driver's order of inputs, hints as lines of headers.

use super::policy::{Came, Next, Policy};
use super::server::What;
use crate::date::http_date;
use std::fmt::Write;
use unruffled_core::config::{Config, Reading, read};
use unruffled_core::{Answer, Engine, Fault, Flags, Step};

/// A GET whose body (none) can be sent again.
const GET: u32 = 1 << 4;
/// Unix milliseconds at time 0: 2026-01-01.
const WALL: u64 = 1_767_225_600_000;

/// One client.
#[derive(Debug)]
pub struct Ours {
    engine: Engine,
    wakes: bool,
    hints: String,
}

impl Ours {
    /// A client with this policy.
    ///
    /// # Panics
    /// When the policy is wrong: the cases are part of this program.
    #[must_use]
    pub fn new(policy: &str, seed: u64) -> Self {
        match read(policy, Reading::Strict) {
            Ok(config) => Self::with(config, seed),
            Err(issues) => panic!("{policy}: {issues:?}"),
        }
    }

    /// A client with a policy that was read.
    #[must_use]
    pub fn with(config: Config, seed: u64) -> Self {
        let mut engine = Engine::with(config);
        engine.seed(seed);
        Self { engine, wakes: false, hints: String::new() }
    }

    fn next(&mut self, call: u32, now: u64, answer: Answer) -> Next {
        self.wakes |= answer.flags().has(Flags::WAKES);
        let end = |engine: &mut Engine, ok| {
            if answer.flags().has(Flags::REPORT) {
                engine.abandon(call, now);
            }
            Next::End { ok }
        };
        match answer.step() {
            Step::Send { timeout } => Next::Send { timeout },
            Step::Wait { delay } => Next::Wait(delay),
            Step::Park { at_most } => Next::Wait(at_most),
            Step::Deliver { .. } => end(&mut self.engine, true),
            Step::Fail { .. } => end(&mut self.engine, false),
            other @ (Step::Refresh { .. } | Step::Misuse(_) | Step::Done { .. }) => {
                panic!("call {call} at {now}: {other:?}")
            }
        }
    }

    fn write_hints(&mut self, now: u64, came: &Came) {
        self.hints.clear();
        if let Some(gauge) = came.gauge {
            let _ = writeln!(self.hints, "ratelimit: \"default\";r={};t={}", gauge.remaining, gauge.reset);
            let _ = writeln!(self.hints, "ratelimit-policy: \"default\";q={};w={}", gauge.limit, gauge.window);
        }
        match came.retry_after {
            Some((seconds, None)) => {
                let _ = writeln!(self.hints, "retry-after: {seconds}");
            }
            Some((seconds, Some(skew))) => {
                let there = (WALL + now).saturating_add_signed(skew);
                let _ = writeln!(self.hints, "date: {}", http_date(there / 1_000));
                let _ = writeln!(self.hints, "retry-after: {}", http_date(there / 1_000 + seconds));
            }
            None => {}
        }
    }
}

impl Policy for Ours {
    fn begin(&mut self, call: u32, now: u64) -> Next {
        let answer = self.engine.begin(call, now, 0, 0, GET, 0);
        self.next(call, now, answer)
    }

    fn came(&mut self, call: u32, now: u64, came: &Came) -> Next {
        let answer = match came.what {
            What::Status(status) => {
                self.write_hints(now, came);
                if self.hints.is_empty() {
                    self.engine.respond(call, now, u32::from(status))
                } else {
                    let hints = self.hints.as_bytes();
                    self.engine.respond_with(call, now, WALL + now, u32::from(status), hints, &[])
                }
            }
            What::Lost => self.engine.fault(call, now, Fault::Lost as u32),
            What::Unsent => self.engine.fault(call, now, Fault::Unsent as u32),
            What::Silent => self.engine.fault(call, now, Fault::Timeout as u32),
        };
        self.next(call, now, answer)
    }

    fn resume(&mut self, call: u32, now: u64) -> Next {
        let answer = self.engine.resume(call, now);
        self.next(call, now, answer)
    }

    fn wake(&mut self) -> Option<u32> {
        if !self.wakes {
            return None;
        }
        let Step::Done { arg } = self.engine.wake().step() else { return None };
        self.wakes = arg != 0;
        u32::try_from(arg.checked_sub(1)?).ok()
    }

    fn state(&mut self, now: u64) -> String {
        self.engine.snapshot(now)
    }
}
