//! What the host does next, and the integer it travels in.
//!
//! A [`Step`] is the answer to every input. At the boundary it is one word of 52 bits, exact in a JavaScript number:
//! `arg · 4096 + flags · 16 + kind`, that is 4 bits of kind, 8 of flags and 40 of argument.

use crate::failure::{Misuse, Outcome, Reason};
use core::fmt;
use core::num::NonZeroU64;

/// Largest argument a word carries: 40 bits.
pub const MAX_ARG: u64 = (1 << 40) - 1;

/// `retryAfterMs` of a [`Step::Fail`] that knows no time: all 32 bits set.
pub const NO_TIME: u32 = u32::MAX;

/// What the host does next for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the request; the attempt may take this many milliseconds, 0 = no limit.
    Send { timeout: u64 },
    /// Do nothing for this many milliseconds (at least 1), then `resume`.
    Wait { delay: u64 },
    /// Do nothing until a wake names this call, or for at most this many milliseconds, then `resume`.
    Park { at_most: u64 },
    /// Obtain a new credential, then `token` or `token_failed` with this generation; stay parked meanwhile.
    /// [`Flags::EXPIRED`] and [`Flags::REFUSED`] say why.
    Refresh { generation: u64 },
    /// Hand the answer to the caller. The call is over.
    Deliver { outcome: Outcome },
    /// End the call with a failure. The call is over.
    Fail {
        /// Milliseconds after which a new call makes sense; [`NO_TIME`] = not known.
        retry_after: u32,
        outcome: Outcome,
        reason: Reason,
    },
    /// The input made no sense and changed nothing.
    Misuse(Misuse),
    /// The input was taken; nothing to do. The argument is 0 except from `wake`.
    Done { arg: u64 },
}

/// Bits that ride along with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    pub const NONE: Self = Self(0);
    /// Parked calls may go: pull their ids with `wake` until it answers 0.
    pub const WAKES: Self = Self(1);
    /// The event ring is half full or a breaker moved: pull `events` soon.
    pub const EVENTS: Self = Self(1 << 1);
    /// Send with the call's idempotency key (made once per call by the host).
    pub const KEY: Self = Self(1 << 2);
    /// Send with the current credential.
    pub const TOKEN: Self = Self(1 << 3);
    /// The call kept its record: pull it with `report`, or let it go with `abandon`.
    pub const REPORT: Self = Self(1 << 4);
    /// Send on a new connection if the host can.
    pub const FRESH: Self = Self(1 << 5);
    /// Of a [`Step::Refresh`], in the place of [`Flags::FRESH`]: the token before has expired.
    pub const EXPIRED: Self = Self(1 << 5);
    /// Of a [`Step::Refresh`], in the place of [`Flags::APPLIED`]: a 401 refused the token before.
    pub const REFUSED: Self = Self(1 << 6);
    /// Of a [`Step::Send`], in the place of [`Flags::APPLIED`]: the token ends soon; the host may `renew` it beside the call.
    pub const RENEW: Self = Self(1 << 6);
    /// The delivered status (404, 410, 412) may be the echo of an earlier attempt that was applied.
    pub const APPLIED: Self = Self(1 << 6);
    /// A failure that has a last response: a drop-in returns it, a verb raises with it.
    pub const RESPONSE: Self = Self(1 << 7);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A step and its flags as the word that crosses the boundary. The marker makes it never 0, so that a
/// `Result<(), Answer>` is one machine word as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer(NonZeroU64);

/// A bit above all words.
const MARKER: NonZeroU64 = NonZeroU64::MIN.saturating_add((1 << 63) - 1);

impl From<Step> for Answer {
    #[inline]
    fn from(step: Step) -> Self {
        Self::new(step, Flags::NONE)
    }
}

impl From<Misuse> for Answer {
    fn from(misuse: Misuse) -> Self {
        Step::Misuse(misuse).into()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} {:?}", self.step(), self.flags())
    }
}

impl Answer {
    /// The step with these flags. Arguments above 40 bits are cut to the largest that fits.
    #[must_use]
    #[inline]
    pub const fn new(step: Step, flags: Flags) -> Self {
        let (kind, arg) = match step {
            Step::Send { timeout } => (0, timeout),
            Step::Wait { delay } => (1, delay),
            Step::Park { at_most } => (2, at_most),
            Step::Refresh { generation } => (3, generation),
            Step::Deliver { outcome } => (4, outcome as u64),
            Step::Fail { retry_after, outcome, reason } => {
                (5, (retry_after as u64) << 8 | (outcome as u64) << 6 | reason as u64)
            }
            Step::Misuse(code) => (6, code as u64),
            Step::Done { arg } => (7, arg),
        };
        let arg = if arg > MAX_ARG { MAX_ARG } else { arg };
        Self::marked(arg << 12 | (flags.0 as u64) << 4 | kind)
    }

    /// The same step with these flags as well.
    #[must_use]
    pub const fn with(self, flags: Flags) -> Self {
        Self::marked(self.0.get() | (flags.0 as u64) << 4)
    }

    const fn marked(word: u64) -> Self {
        match NonZeroU64::new(MARKER.get() | word) {
            Some(marked) => Self(marked),
            None => Self(MARKER),
        }
    }

    /// The word of 52 bits.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0.get() & (MAX_ARG << 12 | 4_095)
    }

    /// The flags alone.
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags((self.word() >> 4 & 255) as u8)
    }

    /// The step alone.
    #[must_use]
    pub const fn step(self) -> Step {
        match step_of(self.word()) {
            Some(step) => step,
            // Not reached: an answer is made of a step, or of a word that has one.
            None => Step::Misuse(Misuse::Range),
        }
    }

    /// The answer of a word; `None` for a word that no core wrote.
    #[must_use]
    pub const fn from_word(word: u64) -> Option<Self> {
        match step_of(word) {
            Some(step) => Some(Self::new(step, Flags((word >> 4 & 255) as u8))),
            None => None,
        }
    }
}

const fn step_of(word: u64) -> Option<Step> {
    let arg = word >> 12;
    if arg > MAX_ARG {
        return None;
    }
    Some(match word & 15 {
        0 => Step::Send { timeout: arg },
        1 => Step::Wait { delay: arg },
        2 => Step::Park { at_most: arg },
        3 => Step::Refresh { generation: arg },
        4 => match Outcome::from_code(arg) {
            Some(outcome) => Step::Deliver { outcome },
            None => return None,
        },
        5 => match (Outcome::from_code(arg >> 6 & 3), Reason::from_code(arg & 63)) {
            (Some(outcome), Some(reason)) => Step::Fail { retry_after: (arg >> 8) as u32, outcome, reason },
            _ => return None,
        },
        6 => match Misuse::from_code(arg) {
            Some(code) => Step::Misuse(code),
            None => return None,
        },
        7 => Step::Done { arg },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kind_then_flags_then_argument() {
        assert_eq!(Answer::from(Step::Send { timeout: 10_000 }).word(), 10_000 * 4096);
        assert_eq!(Answer::new(Step::Wait { delay: 1 }, Flags::WAKES).word(), 4096 + 16 + 1);
        let fail = Step::Fail { retry_after: 7, outcome: Outcome::Unknown, reason: Reason::Deadline };
        let arg = 7 * 256 + 2 * 64 + Reason::Deadline as u64;
        assert_eq!(Answer::new(fail, Flags::REPORT).word(), arg * 4096 + 16 * 16 + 5);
    }

    #[test]
    fn every_word_fits_a_javascript_number_and_comes_back() {
        let steps = [
            Step::Send { timeout: 0 },
            Step::Send { timeout: MAX_ARG },
            Step::Wait { delay: 1 },
            Step::Park { at_most: 59_950 },
            Step::Refresh { generation: MAX_ARG },
            Step::Deliver { outcome: Outcome::Rejected },
            Step::Fail { retry_after: NO_TIME, outcome: Outcome::NotSent, reason: Reason::Misuse },
            Step::Misuse(Misuse::Range),
            Step::Done { arg: 1 << 32 },
        ];
        for step in steps {
            for flags in [0, 1, 255] {
                let answer = Answer::new(step, Flags(flags));
                assert!(answer.word() < 1 << 52, "{answer:?}");
                assert_eq!(Answer::from_word(answer.word()), Some(answer));
            }
        }
    }

    #[test]
    fn an_argument_too_large_is_cut_not_wrapped() {
        assert_eq!(Answer::from(Step::Send { timeout: u64::MAX }).word() >> 12, MAX_ARG);
    }

    #[test]
    fn foreign_words_are_refused() {
        for word in [8, 15, u64::MAX, 6 | 99 << 12, 5 | 63 << 12, 4 | 3 << 12] {
            assert_eq!(Answer::from_word(word), None, "{word}");
        }
    }
}
