//! How long to wait before retry k.
//!
//! `d = min(base · 2^(k−1), cap / 2)`, the wait uniform in `[d, 2d]`: with base 200 ms and cap 30 s the intervals are
//! 200, 400, 800, 1600 ms … each with 0–100 % added, and 15–30 s at the cap, so that it is still random there.

use crate::config::{Jitter, Retry};
use crate::defaults;

/// The interval `d` before retry `k` (1 = the first), in milliseconds.
#[must_use]
pub fn interval(base: u64, cap: u64, k: u32) -> u64 {
    let doubled = if k > 40 { u64::MAX } else { base.saturating_mul(1 << k.saturating_sub(1)) };
    doubled.min(cap / 2)
}

/// The longest time that all backoffs of a call may take together.
#[must_use]
pub fn longest(retry: &Retry) -> u64 {
    let most = |k| {
        let Range { least, spread } = range(retry, k, Asked::Nothing);
        least.saturating_add(spread)
    };
    (1..u32::from(retry.attempts)).map(most).fold(0, u64::saturating_add)
}

/// What the wait is drawn from: `least` plus a draw from `[0, spread]`; a sum of 0 waits 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub least: u64,
    pub spread: u64,
}

/// What the server asked for before a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    /// To wait for so many milliseconds.
    Time(u64),
    /// To go slower, by a 429 that names no time.
    Slower,
}

/// Returns the range of the wait before retry `k`. The wait is never shorter than the time that the server asked for, and
/// longer by one draw from `[0, d]`. With [`Jitter::None`] nothing is drawn, so it is exactly that time. A 429 that names
/// no time starts from a base of 1 s.
#[must_use]
pub fn range(retry: &Retry, k: u32, asked: Asked) -> Range {
    let base = if asked == Asked::Slower { retry.base.max(defaults::BASE_429) } else { retry.base };
    let d = interval(base, retry.cap, k);
    match (asked, retry.jitter) {
        (Asked::Time(least), Jitter::Added | Jitter::Full) => Range { least, spread: d },
        (Asked::Time(least), Jitter::None) => Range { least, spread: 0 },
        (_, Jitter::Added) => Range { least: d, spread: d },
        (_, Jitter::Full) => Range { least: 0, spread: d.saturating_mul(2) },
        (_, Jitter::None) => Range { least: d, spread: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_half_the_cap() {
        let seen: std::vec::Vec<u64> = (1..=9).map(|k| interval(200, 30_000, k)).collect();
        assert_eq!(seen, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
        assert_eq!(interval(86_400_000, 86_400_000, 200), 43_200_000);
    }

    #[test]
    fn jitter_chooses_the_range() {
        let mut retry = Retry::default();
        assert_eq!(range(&retry, 2, Asked::Nothing), Range { least: 400, spread: 400 });
        retry.jitter = Jitter::Full;
        assert_eq!(range(&retry, 2, Asked::Nothing), Range { least: 0, spread: 800 });
        retry.jitter = Jitter::None;
        assert_eq!(range(&retry, 2, Asked::Nothing), Range { least: 400, spread: 0 });
    }

    #[test]
    fn the_servers_time_is_the_least() {
        assert_eq!(range(&Retry::default(), 1, Asked::Time(3_000)), Range { least: 3_000, spread: 200 });
    }

    #[test]
    fn without_jitter_the_wait_is_the_servers_time_itself() {
        let of = |jitter| range(&Retry { jitter, ..Retry::default() }, 2, Asked::Time(3_000));
        assert_eq!(of(Jitter::Full), Range { least: 3_000, spread: 400 });
        assert_eq!(of(Jitter::None), Range { least: 3_000, spread: 0 });
    }

    #[test]
    fn a_429_without_a_time_starts_from_a_second() {
        assert_eq!(range(&Retry::default(), 1, Asked::Slower), Range { least: 1_000, spread: 1_000 });
        let slow = Retry { base: 4_000, ..Retry::default() };
        assert_eq!(range(&slow, 1, Asked::Slower).least, 4_000);
    }
}
