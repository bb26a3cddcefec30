//! When the server wants to be asked again, and whether. Knows nothing of what a wait does to a call.

use super::amount::{LONGEST, decimal};
use super::{Field, Hints, date};

/// Returns the wait that the server asks for in milliseconds, 1 to 2^41, rounded up. The sources in order:
/// `retry-after-ms`, `Retry-After` (RFC 9110 section 10.2.3, and fractions as some servers send them), and
/// `x-ratelimit-retry-after`, which is read like `Retry-After`.
///
/// A date is measured against the answer's own `Date`, which cancels a wrong clock here, else against `wall_ms` (Unix
/// milliseconds). A source that says 0, a past date, two things or nothing readable names no time: the next is asked.
#[must_use]
pub fn server_time(hints: &Hints<'_>, wall_ms: u64) -> Option<u64> {
    let positive = |wait: u64| (wait > 0).then_some(wait.min(LONGEST));
    if let Field::One(text) = hints.one("retry-after-ms")
        && let Some(wait) = decimal(text, 0).and_then(positive)
    {
        return Some(wait);
    }
    ["retry-after", "x-ratelimit-retry-after"].into_iter().find_map(|name| {
        let Field::One(text) = hints.one(name) else { return None };
        let wait = match decimal(text, 3) {
            Some(wait) => wait,
            None => date::http_date(text, wall_ms)?.saturating_sub(hints.answered_at(wall_ms)),
        };
        positive(wait)
    })
}

/// What `x-should-retry`, else `stripe-should-retry` says; only `true` and `false` say anything.
#[must_use]
pub fn should_retry(hints: &Hints<'_>) -> Option<bool> {
    ["x-should-retry", "stripe-should-retry"].into_iter().find_map(|name| match hints.one(name) {
        Field::One("true") => Some(true),
        Field::One("false") => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    const WALL: u64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

    fn time(lines: &str) -> Option<u64> {
        server_time(&Hints::new(lines.as_bytes()), WALL)
    }

    #[test]
    fn server_times() {
        let rows = [
            ("retry-after: 1\n", Some(1_000)),
            ("retry-after: 120\n", Some(120_000)),
            ("Retry-After:120", Some(120_000)),
            ("retry-after: \t 120 \t\r\n", Some(120_000)),
            ("retry-after: 2.0\n", Some(2_000)),
            ("retry-after: 0.25\n", Some(250)),
            ("retry-after: 0.0001\n", Some(1)),
            ("retry-after: 007\n", Some(7_000)),
            ("retry-after: 0\n", None),
            ("retry-after: 0.0\n", None),
            ("retry-after: -1\n", None),
            ("retry-after: +1\n", None),
            ("retry-after: 1e3\n", None),
            ("retry-after: \n", None),
            ("retry-after: soon\n", None),
            ("retry-after: 1s\n", None),
            ("retry-after: 120, 120\n", None),
            ("retry-after: 120\nretry-after: 120\n", None),
            ("retry-after: 2026-01-01T00:00:30Z\n", None),
            ("retry-after: 99999999999999999999999\n", Some(LONGEST)),
            ("retry-after: 1.7976931348623157\n", Some(1_798)),
            // The three dates, against the wall.
            ("retry-after: Thu, 01 Jan 2026 00:00:30 GMT\n", Some(30_000)),
            ("retry-after: Thursday, 01-Jan-26 00:00:30 GMT\n", Some(30_000)),
            ("retry-after: Thu Jan  1 00:00:30 2026\n", Some(30_000)),
            ("retry-after: Thu, 01 Jan 2026 00:00:00 GMT\n", None),
            ("retry-after: Wed, 31 Dec 2025 23:59:59 GMT\n", None),
            ("retry-after: Fri, 31 Dec 9999 23:59:59 GMT\n", Some(LONGEST)),
            ("retry-after: Thu, 01 Jan 2026 00:00:30 GMT, 30\n", None),
            // … and against the answer's own date.
            ("date: Thu, 01 Jan 2026 00:00:20 GMT\nretry-after: Thu, 01 Jan 2026 00:00:30 GMT\n", Some(10_000)),
            ("retry-after: Thu, 01 Jan 2026 00:00:30 GMT\ndate: Thu, 01 Jan 2026 00:00:40 GMT\n", None),
            ("date: Thu, 01 Jan 2026 00:00:20 GMT\nretry-after: 5\n", Some(5_000)),
            ("date: today\nretry-after: Thu, 01 Jan 2026 00:00:30 GMT\n", Some(30_000)),
            ("date: x\ndate: y\nretry-after: Thu, 01 Jan 2026 00:00:30 GMT\n", Some(30_000)),
            // Milliseconds come first.
            ("retry-after: 7\nretry-after-ms: 250\n", Some(250)),
            ("retry-after-ms: 250\n", Some(250)),
            ("retry-after-ms: 250.2\n", Some(251)),
            ("retry-after-ms: 0\nretry-after: 7\n", Some(7_000)),
            ("retry-after-ms: -5\nretry-after: 7\n", Some(7_000)),
            ("retry-after-ms: x\nretry-after: 7\n", Some(7_000)),
            ("retry-after-ms: 1\nretry-after-ms: 2\nretry-after: 7\n", Some(7_000)),
            ("retry-after-ms: 99999999999999999999999\n", Some(LONGEST)),
            // `x-ratelimit-retry-after` comes last.
            ("x-ratelimit-retry-after: 9\n", Some(9_000)),
            ("x-ratelimit-retry-after: 0.5\n", Some(500)),
            ("x-ratelimit-retry-after: Thu, 01 Jan 2026 00:00:30 GMT\n", Some(30_000)),
            ("x-ratelimit-retry-after: 9\nretry-after: 7\n", Some(7_000)),
            ("x-ratelimit-retry-after: 9\nretry-after-ms: 250\n", Some(250)),
            ("retry-after: 0\nx-ratelimit-retry-after: 9\n", Some(9_000)),
            ("retry-after: soon\nx-ratelimit-retry-after: 9\n", Some(9_000)),
            ("retry-after: 7\nretry-after: 7\nx-ratelimit-retry-after: 9\n", Some(9_000)),
            ("x-ratelimit-retry-after: 0\n", None),
            ("x-ratelimit-retry-after: 9\nx-ratelimit-retry-after: 9\n", None),
            ("", None),
            ("x-retry-after: 7\n", None),
            ("retry-after7\n", None),
        ];
        for (lines, expected) in rows {
            assert_eq!(time(lines), expected, "{lines}");
        }
    }

    #[test]
    fn should_retry_says_true_false_or_nothing() {
        let rows = [
            ("x-should-retry: true\n", Some(true)),
            ("x-should-retry: false\n", Some(false)),
            ("stripe-should-retry: true\n", Some(true)),
            ("stripe-should-retry: false\nx-should-retry: true\n", Some(true)),
            ("stripe-should-retry: false\nx-should-retry: maybe\n", Some(false)),
            ("x-should-retry: True\n", None),
            ("x-should-retry: 1\n", None),
            ("x-should-retry: true\nx-should-retry: true\n", None),
            ("", None),
        ];
        for (lines, expected) in rows {
            assert_eq!(should_retry(&Hints::new(lines.as_bytes())), expected, "{lines}");
        }
    }

    #[test]
    fn hostile_values_name_no_time_or_the_longest() {
        assert_eq!(time(&std::format!("retry-after: {}\n", "9".repeat(8_000))), Some(LONGEST));
        for piece in [",", "9:", "\u{0}", "\u{7f}", "é", "Sun, ", "0."] {
            let lines: String = std::format!("retry-after: {}\n", piece.repeat(2_000));
            assert_eq!(time(&lines), None, "{piece}");
        }
    }
}
