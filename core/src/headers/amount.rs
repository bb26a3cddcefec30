//! Numbers as APIs write them: decimals, Go durations, and resets whose kind only their shape tells. Integers
//! throughout; what is too large saturates, what is not exactly such a number is nothing.

use super::date;
use crate::defaults;

/// No wait or window is longer (milliseconds, about 69 years).
pub(super) const LONGEST: u64 = defaults::MAX_NOW;

/// The text up to the first such byte, and what is after it.
#[must_use]
#[inline(never)]
pub(super) fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    let end = text.bytes().position(|byte| byte == at).unwrap_or(text.len());
    let (before, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (before, rest.get(1..))
}

/// `12` or `12.5` times 10^`places`, rounded up, saturating. No sign, no exponent, digits on both sides of the dot.
#[must_use]
#[inline(never)]
pub(crate) fn decimal(text: &str, places: u32) -> Option<u64> {
    let (mut value, mut left, mut digits, mut seen_dot, mut rest) = (0_u64, places, false, false, false);
    for byte in text.bytes() {
        if byte == b'.' && digits && !seen_dot {
            (seen_dot, digits) = (true, false);
            continue;
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        digits = true;
        if seen_dot && left == 0 {
            rest |= byte != b'0';
            continue;
        }
        left = left.saturating_sub(u32::from(seen_dot));
        value = value.saturating_mul(10).saturating_add(u64::from(byte.wrapping_sub(b'0')));
    }
    if !digits {
        return None;
    }
    Some(value.saturating_mul(10_u64.saturating_pow(left)).saturating_add(u64::from(rest)))
}

/// Milliseconds of a Go duration (`1h2m3.5s`, `6m0s`, `20ms`), rounded up, at most [`LONGEST`].
#[must_use]
#[inline(never)]
pub(super) fn go_duration(mut text: &str) -> Option<u64> {
    // Millionths of a millisecond: nanoseconds.
    let mut total = 0_u64;
    while !text.is_empty() {
        let is_unit = |byte: u8| !byte.is_ascii_digit() && byte != b'.';
        let (number, rest) = text.split_at_checked(text.bytes().position(is_unit)?)?;
        let end = rest.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at_checked(end)?;
        let (places, times) = match unit {
            "h" => (6, 3_600_000),
            "m" => (6, 60_000),
            "s" => (6, 1_000),
            "ms" => (6, 1),
            "us" | "\u{b5}s" | "\u{3bc}s" => (3, 1),
            "ns" => (0, 1),
            _ => return None,
        };
        total = total.saturating_add(decimal(number, places)?.saturating_mul(times));
        text = rest;
    }
    Some(total.div_ceil(1_000_000).min(LONGEST))
}

/// A reset as it is written, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reset {
    /// A wait, at most [`LONGEST`].
    After(u64),
    /// A point in Unix time.
    At(u64),
}

/// Reads a reset whose kind its shape tells: an HTTP or RFC 3339 date, a Go duration, from 10^12 on Unix milliseconds,
/// from 10^9 on Unix seconds, below it seconds to wait. `wall_ms` (Unix time) completes a two-digit year.
#[must_use]
#[inline(never)]
pub(super) fn reset(text: &str, wall_ms: u64) -> Option<Reset> {
    let time = match decimal(text, 3) {
        Some(delta) if delta < 1_000_000_000_000 => return Some(Reset::After(delta.min(LONGEST))),
        Some(seconds) if seconds < 1_000_000_000_000_000 => seconds,
        Some(_) => decimal(text, 0)?,
        None if text.is_empty() => return None,
        None => match date::rfc3339(text).or_else(|| date::http_date(text, wall_ms)) {
            Some(time) => time,
            None => return go_duration(text).map(Reset::After),
        },
    };
    Some(Reset::At(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn decimals_round_up_and_saturate() {
        let rows = [
            ("0", 3, Some(0)),
            ("00", 3, Some(0)),
            ("007", 0, Some(7)),
            ("1", 3, Some(1_000)),
            ("1.5", 3, Some(1_500)),
            ("2.0", 3, Some(2_000)),
            ("1.0001", 3, Some(1_001)),
            ("0.0000001", 3, Some(1)),
            ("1.5000", 3, Some(1_500)),
            ("0.000", 3, Some(0)),
            ("100.2", 0, Some(101)),
            ("100.0", 0, Some(100)),
            ("598.25", 6, Some(598_250_000)),
            ("18446744073709551615", 0, Some(u64::MAX)),
            ("18446744073709551616", 0, Some(u64::MAX)),
            ("18446744073709551615", 3, Some(u64::MAX)),
            ("99999999999999999999999999.9", 3, Some(u64::MAX)),
            ("", 3, None),
            (".", 3, None),
            (".5", 3, None),
            ("5.", 3, None),
            ("1.2.3", 3, None),
            ("-1", 3, None),
            ("+1", 3, None),
            ("1e3", 3, None),
            ("1 ", 3, None),
            ("1,5", 3, None),
            ("0x10", 3, None),
            ("\u{661}", 3, None),
            ("Infinity", 3, None),
            ("NaN", 3, None),
        ];
        for (text, places, expected) in rows {
            assert_eq!(decimal(text, places), expected, "{text}");
        }
    }

    #[test]
    fn go_durations() {
        let rows = [
            ("6m0s", Some(360_000)),
            ("1.5s", Some(1_500)),
            ("20ms", Some(20)),
            ("120ms", Some(120)),
            ("1h2m3.5s", Some(3_723_500)),
            ("1s", Some(1_000)),
            ("0s", Some(0)),
            ("1h", Some(3_600_000)),
            ("1.5h", Some(5_400_000)),
            ("7m12s", Some(432_000)),
            ("1us", Some(1)),
            ("1\u{b5}s", Some(1)),
            ("1500\u{3bc}s", Some(2)),
            ("1ns", Some(1)),
            ("2000000ns", Some(2)),
            ("0ns", Some(0)),
            ("1.5ms", Some(2)),
            ("8.64s", Some(8_640)),
            ("99999999999h", Some(LONGEST)),
            ("99999999999999999999999s", Some(LONGEST)),
            ("1d", None),
            ("1", None),
            ("s", None),
            ("ms20", None),
            ("1.s", None),
            ("-1s", None),
            ("+1s", None),
            ("1 s", None),
            ("1s ", None),
            ("1S", None),
            ("1m 2s", None),
            ("PT1S", None),
        ];
        for (text, expected) in rows {
            assert_eq!(go_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reset_tells_its_kind_by_its_shape() {
        let (after, at) = (|wait| Some(Reset::After(wait)), |time| Some(Reset::At(time)));
        let rows = [
            ("0", after(0)),
            ("30", after(30_000)),
            ("241.5", after(241_500)),
            ("999999999", after(999_999_999_000)),
            ("1704067230", at(1_704_067_230_000)),
            ("1704067230.25", at(1_704_067_230_250)),
            ("1704067230250", at(1_704_067_230_250)),
            ("1704067230250.5", at(1_704_067_230_251)),
            ("1000000000", at(1_000_000_000_000)),
            ("2024-01-01T00:00:30Z", at(1_704_067_230_000)),
            ("2024-01-01T00:01Z", at(1_704_067_260_000)),
            ("Mon, 01 Jan 2024 00:00:30 GMT", at(1_704_067_230_000)),
            ("Monday, 01-Jan-24 00:00:30 GMT", at(1_704_067_230_000)),
            ("Mon Jan  1 00:00:30 2024", at(1_704_067_230_000)),
            ("6m0s", after(360_000)),
            ("99999999999999999999999999999", at(u64::MAX)),
            ("9999-12-31T23:59:59Z", at(253_402_300_799_000)),
            ("-5", None),
            ("", None),
            ("soon", None),
            ("30 seconds", None),
            ("30, 30", None),
        ];
        for (text, expected) in rows {
            assert_eq!(reset(text, 1_704_067_200_000), expected, "{text}");
        }
    }

    #[test]
    fn ten_thousand_characters_are_read_once() {
        for piece in ["9", "1h", ".", "0.", "T", ", ", "1:"] {
            let text: String = piece.repeat(10_000);
            let _ = (decimal(&text, 6), go_duration(&text), reset(&text, 0));
        }
        assert_eq!(decimal(&"9".repeat(10_000), 3), Some(u64::MAX));
        assert_eq!(go_duration(&"1h".repeat(10_000)), Some(36_000_000_000));
    }
}
