//! How far away a reset is. A wait is taken as it is written; a point in time needs a clock, and the one here may be
//! wrong. And what a reset says on its own, without a gauge. Knows nothing of buckets.

use super::Hints;
use super::amount::{self, LONGEST, Reset};
use super::quota::positive;
use super::rate_limit::{self, Word, name_of};
use crate::config::{Gauge, Limit};
use crate::defaults::{ONE, RESET_ROUNDED, RESET_UNDATED};

/// The families whose reset names the time of a 429 without a `remaining`, in the order in which they are asked.
pub(super) static COMMON: [Gauge; 3] = [Gauge::XRateLimit, Gauge::RateLimitFields, Gauge::XRateHyphen];

/// Returns the milliseconds from now to a reset, 0 if it is past, at most 2^41.
///
/// A point in time is measured against the answer's own `Date`. Without a readable `Date` it is measured against
/// `wall_ms` (Unix milliseconds), the clock here. Then it names no time if it is past, or if it is further away than the
/// `window` of its limit and [`RESET_ROUNDED`]. Where no window is known [`RESET_UNDATED`] takes its place.
#[must_use]
#[inline(never)]
pub(super) fn wait(text: &str, window: Option<u64>, hints: &Hints<'_>, wall_ms: u64) -> Option<u64> {
    let time = match amount::reset(text, wall_ms)? {
        Reset::After(wait) => return Some(wait),
        Reset::At(time) => time,
    };
    if let Some(date) = hints.date(wall_ms) {
        return Some(time.saturating_sub(date).min(LONGEST));
    }
    let most = window.unwrap_or(RESET_UNDATED).saturating_add(RESET_ROUNDED).min(LONGEST);
    time.checked_sub(wall_ms).filter(|wait| (1..=most).contains(wait))
}

/// Returns the milliseconds that a rate limit asks to wait by a reset alone: that of `x-ratelimit-reset`,
/// `ratelimit-reset` or `x-rate-limit-reset`, if the `remaining` beside it is absent, unreadable or shows nothing left.
///
/// While something is left the refusal is about another limit, so the reset does not end it. `limits`: those that the
/// origin is bound to. The longest of their documented windows bounds the reset, unless one of them documents none. A
/// limit that names one of these headers as its own says its unit.
#[must_use]
pub fn alone(limits: &[Limit], hints: &Hints<'_>, wall_ms: u64) -> Option<u64> {
    let longest = |longest: u64, limit: &Limit| Some(longest.max(limit.rate?.1));
    let documented = limits.iter().try_fold(0, longest).and_then(positive);
    COMMON.iter().find_map(|family| {
        let own = |gauge: &&Gauge| {
            matches!(gauge, Gauge::Named { reset: Some(name), .. }
                if name_of(family, "", Word::Reset).is_some_and(|pieces| pieces.concat().eq_ignore_ascii_case(name)))
        };
        let gauge = limits.iter().map(|limit| &limit.gauge).find(own).unwrap_or(family);
        if rate_limit::remaining(gauge, "", hints).is_some_and(|left| left >= ONE) {
            return None;
        }
        let window = rate_limit::limit_and_window(gauge, "", hints).1.or(documented);
        rate_limit::wait(gauge, "", window, hints, wall_ms).and_then(positive)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const WALL: u64 = 1_704_067_200_000; // 2024-01-01T00:00:00Z
    const MINUTE: Option<u64> = Some(60_000);

    #[test]
    fn a_point_in_time_is_measured_against_the_answers_date() {
        let lines = Hints::new(b"date: Mon, 01 Jan 2024 00:00:10 GMT\n");
        let rows = [
            ("30", Some(30_000)),
            ("1704067230", Some(20_000)),
            ("1704067230250", Some(20_250)),
            ("2024-01-01T00:01Z", Some(50_000)),
            ("Mon, 01 Jan 2024 00:00:30 GMT", Some(20_000)),
            ("1704067210", Some(0)),
            ("1704067200", Some(0)),
            ("1000000000", Some(0)),
            // With a `Date` it may be any time away.
            ("1704070800", Some(3_590_000)),
            ("9999-12-31T23:59:59Z", Some(LONGEST)),
            ("99999999999999999999999999999", Some(LONGEST)),
        ];
        for (text, expected) in rows {
            assert_eq!(wait(text, MINUTE, &lines, WALL), expected, "{text}");
            // Whatever the clock here says.
            assert_eq!(wait(text, MINUTE, &lines, WALL + 86_400_000), expected, "{text}");
        }
    }

    #[test]
    fn without_a_date_a_point_in_time_must_lie_within_the_window() {
        let rows = [
            ("1704067230", MINUTE, Some(30_000)),
            ("1704067260", MINUTE, Some(60_000)),
            // A window that ends within a second is rounded up to its end.
            ("1704067261", MINUTE, Some(61_000)),
            ("1704067261001", MINUTE, None),
            ("1704067262", MINUTE, None),
            ("2024-01-01T00:02Z", MINUTE, None),
            ("Mon, 01 Jan 2024 01:00:00 GMT", MINUTE, None),
            ("1704067200", MINUTE, None),
            ("1704067199", MINUTE, None),
            ("2023-01-01T00:00:30Z", MINUTE, None),
            // No window is known.
            ("1704153600", None, Some(86_400_000)),
            ("1704153601", None, Some(86_401_000)),
            ("1704153602", None, None),
            ("1704067199", None, None),
            ("9999-12-31T23:59:59Z", None, None),
            ("99999999999999999999999999999", None, None),
            // A wait needs no clock.
            ("0", MINUTE, Some(0)),
            ("3600", MINUTE, Some(3_600_000)),
            ("999999999", None, Some(999_999_999_000)),
            ("6m0s", MINUTE, Some(360_000)),
            ("soon", MINUTE, None),
        ];
        for lines in ["", "date: today\n", "date: Mon, 01 Jan 2024 00:00:10 GMT\ndate: x\n"] {
            for (text, window, expected) in rows {
                assert_eq!(wait(text, window, &Hints::new(lines.as_bytes()), WALL), expected, "{text} {lines}");
            }
        }
    }

    fn limit(gauge: Gauge, window: Option<u64>) -> Limit {
        let rate = window.map(|window| (10, window));
        Limit { name: "api".to_string(), rate, burst: None, headroom: 0, cost: 1, gauge }
    }

    #[test]
    fn a_reset_alone_is_the_time_of_a_rate_limit() {
        let of = |limits: &[Limit], lines: &str| alone(limits, &Hints::new(lines.as_bytes()), WALL);
        let rows = [
            ("x-ratelimit-reset: 30\n", Some(30_000)),
            ("x-ratelimit-reset: 1704067230\n", Some(30_000)),
            ("x-ratelimit-reset: 1704067230250\n", Some(30_250)),
            ("ratelimit-reset: 30\n", Some(30_000)),
            ("x-rate-limit-reset: 1704067230\n", Some(30_000)),
            ("date: Mon, 01 Jan 2024 00:00:10 GMT\nx-ratelimit-reset: 1704067230\n", Some(20_000)),
            // The first family that names a time.
            ("x-ratelimit-reset: 30\nratelimit-reset: 40\nx-rate-limit-reset: 50\n", Some(30_000)),
            ("x-ratelimit-reset: 0\nratelimit-reset: soon\nx-rate-limit-reset: 50\n", Some(50_000)),
            ("x-ratelimit-reset: 1704067199\n", None),
            ("date: Mon, 01 Jan 2024 00:00:10 GMT\nx-ratelimit-reset: 1704067200\n", None),
            ("x-ratelimit-reset: 1704153602\n", None),
            ("x-ratelimit-limit: 10;w=20\nx-ratelimit-reset: 1704067230\n", None),
            ("x-ratelimit-reset: 30\nx-ratelimit-reset: 30\n", None),
            // Something left: the refusal is about another limit.
            ("x-ratelimit-remaining: 1\nx-ratelimit-reset: 30\n", None),
            ("x-ratelimit-remaining: 1\nx-ratelimit-reset: 30\nratelimit-reset: 40\n", Some(40_000)),
            ("x-ratelimit-remaining: 0\nx-ratelimit-reset: 30\n", Some(30_000)),
            ("x-ratelimit-remaining: lots\nx-ratelimit-reset: 30\n", Some(30_000)),
            ("x-ratelimit-reset-requests: 30\n", None),
            ("", None),
        ];
        for (lines, expected) in rows {
            assert_eq!(of(&[], lines), expected, "{lines}");
            assert_eq!(of(&[limit(Gauge::None, None)], lines), expected, "{lines}");
        }
    }

    #[test]
    fn the_longest_documented_window_bounds_a_reset_alone() {
        let lines = Hints::new(b"x-ratelimit-reset: 1704067230\n");
        let limit = |window| limit(Gauge::None, window);
        let rows: [(&[Limit], Option<u64>); 4] = [
            (&[limit(Some(10_000))], None),
            (&[limit(Some(10_000)), limit(Some(60_000))], Some(30_000)),
            (&[limit(Some(10_000)), limit(Some(20_000))], None),
            (&[limit(Some(10_000)), limit(None)], Some(30_000)),
        ];
        for (limits, expected) in rows {
            assert_eq!(alone(limits, &lines, WALL), expected, "{limits:?}");
        }
    }

    #[test]
    fn a_limit_that_names_the_reset_as_its_own_says_its_unit() {
        let own = |milliseconds| Gauge::Named {
            remaining: "x-left".to_string(),
            limit: None,
            reset: Some("ratelimit-reset".to_string()),
            milliseconds,
        };
        let of =
            |milliseconds, lines: &str| alone(&[limit(own(milliseconds), None)], &Hints::new(lines.as_bytes()), WALL);
        assert_eq!(of(true, "ratelimit-reset: 30\n"), Some(30));
        assert_eq!(of(false, "ratelimit-reset: 30\n"), Some(30_000));
        assert_eq!(of(true, "x-left: 1\nratelimit-reset: 30\n"), None);
        assert_eq!(of(true, "x-ratelimit-reset: 30\nratelimit-reset: 30\n"), Some(30_000));
    }
}
