//! The word that crosses the boundary: what is written comes back, and what no core wrote is refused.

use crate::feed::Feed;
use unruffled_core::{Answer, Flags, MAX_ARG, Misuse, Outcome, Reason, Step};

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let word = feed.long() >> feed.below(64);
    if let Some(answer) = Answer::from_word(word) {
        assert_eq!(answer.word(), word);
        assert!(word < 1 << 52 && word as f64 as u64 == word, "exact in a JavaScript number");
        assert_eq!(fields(word), fields_of(answer.step(), answer.flags()));
        assert_eq!(Answer::new(answer.step(), answer.flags()), answer);
    } else {
        let legal = word >> 52 == 0 && !matches!(word & 15, 4..=6 | 8..=15);
        assert!(!legal, "a word of a core was refused: {word}");
    }
    let arg = feed.any();
    let codes = feed.word();
    let outcome = Outcome::from_code(u64::from(codes) % 4).unwrap_or(Outcome::NotSent);
    let reason = Reason::from_code(u64::from(codes >> 2) % 64).unwrap_or(Reason::Status);
    let misuse = Misuse::from_code(u64::from(codes >> 8) % 64).unwrap_or(Misuse::Unknown);
    let flags = Flags((codes >> 24) as u8);
    for step in [
        Step::Send { timeout: arg },
        Step::Wait { delay: arg },
        Step::Park { at_most: arg },
        Step::Refresh { generation: arg },
        Step::Deliver { outcome },
        Step::Fail { retry_after: arg as u32, outcome, reason },
        Step::Misuse(misuse),
        Step::Done { arg },
    ] {
        let answer = Answer::new(step, flags);
        let again = Answer::from_word(answer.word()).unwrap();
        assert_eq!((again, again.flags()), (answer, flags));
        assert_eq!(again.step(), cut(step));
        assert_eq!(fields(answer.word()), fields_of(cut(step), flags));
        let more = Flags(data.first().copied().unwrap_or(0));
        assert_eq!((answer.with(more).step(), answer.with(more).flags()), (cut(step), flags.with(more)));
    }
}

/// Kind, flags and argument as the design says: `arg · 4096 + flags · 16 + kind`.
fn fields(word: u64) -> (u64, u64, u64) {
    (word % 16, word / 16 % 256, word / 4096)
}

fn fields_of(step: Step, flags: Flags) -> (u64, u64, u64) {
    let (kind, arg) = match step {
        Step::Send { timeout } => (0, timeout),
        Step::Wait { delay } => (1, delay),
        Step::Park { at_most } => (2, at_most),
        Step::Refresh { generation } => (3, generation),
        Step::Deliver { outcome } => (4, outcome as u64),
        Step::Fail { retry_after, outcome, reason } => {
            (5, u64::from(retry_after) * 256 + outcome as u64 * 64 + reason as u64)
        }
        Step::Misuse(misuse) => (6, misuse as u64),
        Step::Done { arg } => (7, arg),
    };
    (kind, u64::from(flags.0), arg)
}

/// The step with an argument that fits 40 bits.
fn cut(step: Step) -> Step {
    match step {
        Step::Send { timeout } => Step::Send { timeout: timeout.min(MAX_ARG) },
        Step::Wait { delay } => Step::Wait { delay: delay.min(MAX_ARG) },
        Step::Park { at_most } => Step::Park { at_most: at_most.min(MAX_ARG) },
        Step::Refresh { generation } => Step::Refresh { generation: generation.min(MAX_ARG) },
        Step::Done { arg } => Step::Done { arg: arg.min(MAX_ARG) },
        Step::Deliver { .. } | Step::Fail { .. } | Step::Misuse(_) => step,
    }
}
