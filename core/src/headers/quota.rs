//! The quota fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers): `RateLimit` and `RateLimit-Policy` of
//! today, the dictionary of draft 07, and the annotated limits of the drafts before. Structured fields throughout: a
//! malformed field is ignored whole. Knows nothing of vendors.

use super::amount::{LONGEST, decimal};
use super::rate_limit::Limits;
use super::structured::{self, Bare, Entry, Form, Level, last, members};
use super::{Hints, Reading};
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const FIELD: &str = "ratelimit";
pub(super) const POLICY: &str = "ratelimit-policy";

/// `RateLimit` and `RateLimit-Policy`, in the form of today (`"default";r=50;t=30`) or of draft 07 (`limit=100,
/// remaining=50, reset=5`). A malformed field is ignored whole, as the draft says; a malformed policy costs limit and
/// window only.
#[inline(never)]
pub(super) fn read(limit_name: &str, limits: Limits, hints: &Hints<'_>) -> Option<Reading> {
    let text = joined(hints, FIELD);
    let Some(items) = structured::read(&text, Form::List) else { return draft_07(&text, hints) };
    let policy_text = joined(hints, POLICY);
    let mut policies = structured::read(&policy_text, Form::List).unwrap_or_default();
    let is_policy = |member| quota(member, "q", "w").is_some_and(|policy| policy.time != Some(0));
    if !members(&policies).all(is_policy) {
        policies = Vec::new();
    }
    let mut found: Option<(bool, Reading)> = None;
    for member in members(&items) {
        let item = quota(member, "r", "t")?;
        let policy =
            members(&policies).find_map(|member| quota(member, "q", "w").filter(|policy| policy.name == item.name));
        let is_own = item.name.eq_ignore_ascii_case(limit_name);
        // A lone limit counts requests unless it says by its name that it counts something else.
        if !is_own && (limits == Limits::Several || policy.as_ref().is_some_and(|policy| policy.is_other_unit)) {
            continue;
        }
        let mut reading = Reading { remaining: item.count, limit: None, reset: item.time, window: None };
        if let Some(policy) = policy {
            (reading.limit, reading.window) = (positive(policy.count), policy.time);
        }
        // The limit's own policy first, then the least that is left, then the longest wait.
        let is_better = found
            .is_none_or(|(own, best)| (is_own, best.remaining, reading.reset) > (own, reading.remaining, best.reset));
        if is_better {
            found = Some((is_own, reading));
        }
    }
    found.map(|(_, reading)| reading)
}

/// `limit=100, remaining=50, reset=5` with `RateLimit-Policy: 100;w=60`.
#[inline(never)]
fn draft_07(text: &str, hints: &Hints<'_>) -> Option<Reading> {
    let fields = structured::read(text, Form::Dictionary)?;
    let number = |key: &str| last(&fields, Level::Member, key).and_then(whole);
    let limit = number("limit");
    Some(Reading {
        remaining: millionths(number("remaining")?),
        limit: limit.map(millionths).and_then(positive),
        reset: number("reset").map(milliseconds),
        window: window_of(limit, &joined(hints, POLICY)),
    })
}

/// `100`, `100;w=60`, or `10, 10;w=1, 1000;w=3600`, where the first is the limit that ends soonest and its window
/// stands at the item of the same number, there or in `RateLimit-Policy: 10;w=1` (drafts up to 07). The limit is in
/// millionths, its window in milliseconds.
#[inline(never)]
pub(super) fn limit_and_window(text: &str, hints: &Hints<'_>) -> (Option<u64>, Option<u64>) {
    if let Some(limit) = decimal(text, 6) {
        return (Some(limit), window_of(decimal(text, 0), &joined(hints, POLICY)));
    }
    let first = structured::read(text, Form::List).and_then(|items| whole(items.first()?.bare));
    (first.map(millionths), window_of(first, text))
}

/// The `w` of the item that is this number.
#[inline(never)]
fn window_of(limit: Option<u64>, text: &str) -> Option<u64> {
    let items = structured::read(text, Form::List)?;
    let item = members(&items).find(|item| {
        limit.is_some()
            && item.first().and_then(|first| whole(first.bare)) == limit
            && last(item, Level::Param, "w").is_some()
    })?;
    last(item, Level::Param, "w").and_then(whole).map(milliseconds).and_then(positive)
}

/// One item of either field.
struct Quota<'a> {
    name: &'a str,
    /// Millionths.
    count: u64,
    /// Milliseconds.
    time: Option<u64>,
    /// `qu` is not `requests`.
    is_other_unit: bool,
}

/// `"burst";r=50;t=30` or `"burst";q=100;w=60;qu="requests"`: the count is required.
#[inline(never)]
fn quota<'a>(member: &[Entry<'a>], count: &str, seconds: &str) -> Option<Quota<'a>> {
    let time = match last(member, Level::Param, seconds) {
        Some(bare) => Some(milliseconds(whole(bare)?)),
        None => None,
    };
    let is_other_unit = match last(member, Level::Param, "qu") {
        Some(bare) => name_of(bare)? != "requests",
        None => false,
    };
    let count = millionths(whole(last(member, Level::Param, count)?)?);
    Some(Quota { name: name_of(member.first()?.bare)?, count, time, is_other_unit })
}

/// A policy's name: a string, or a token where a server forgets the quotes.
fn name_of(bare: Bare<'_>) -> Option<&str> {
    match bare {
        Bare::String(text) | Bare::Token(text) => Some(text),
        _ => None,
    }
}

/// An integer that is not negative.
fn whole(bare: Bare<'_>) -> Option<u64> {
    match bare {
        Bare::Integer(value) => u64::try_from(value).ok(),
        _ => None,
    }
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000).min(LONGEST)
}

fn millionths(count: u64) -> u64 {
    count.saturating_mul(crate::defaults::ONE)
}

pub(super) fn positive(value: u64) -> Option<u64> {
    (value > 0).then_some(value)
}

/// The lines of a list or dictionary as one.
#[inline(never)]
fn joined(hints: &Hints<'_>, name: &str) -> String {
    let mut text = String::new();
    for line in hints.all(name) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remaining and limit in whole requests, reset and window in milliseconds.
    type Plain = (u64, Option<u64>, Option<u64>, Option<u64>);

    fn plain(reading: Reading) -> Plain {
        (reading.remaining / 1_000_000, reading.limit.map(|limit| limit / 1_000_000), reading.reset, reading.window)
    }

    #[test]
    fn the_fields_of_today() {
        let full = Some((50, Some(100), Some(30_000), Some(60_000)));
        let rows: [(&str, &str, Limits, Option<Plain>); 36] = [
            ("ratelimit: \"default\";r=50;t=30\nratelimit-policy: \"default\";q=100;w=60\n", "api", Limits::One, full),
            ("ratelimit: default;r=50;t=30\nratelimit-policy: default;q=100;w=60\n", "api", Limits::One, full),
            // As express-rate-limit writes it.
            (
                "ratelimit: \"100-in-1min\"; r=50; t=30\nratelimit-policy: \"100-in-1min\"; q=100; w=60; pk=:YWJj:\n",
                "api",
                Limits::One,
                full,
            ),
            ("ratelimit: \"default\";r=50\n", "api", Limits::One, Some((50, None, None, None))),
            ("ratelimit: \"default\";r=0;t=0\n", "api", Limits::One, Some((0, None, Some(0), None))),
            ("ratelimit: \"default\";t=30\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=-1\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=1.5\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=\"1\"\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=1;t=-5\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=1;t=1.5\n", "api", Limits::One, None),
            ("ratelimit: \"default\";r=1;r=7\n", "api", Limits::One, Some((7, None, None, None))),
            ("ratelimit: \"default\";r=1;future=?1\n", "api", Limits::One, Some((1, None, None, None))),
            ("ratelimit: \"default\";r=1,\n", "api", Limits::One, None),
            ("ratelimit: (\"default\");r=1\n", "api", Limits::One, None),
            ("ratelimit: 5;r=1\n", "api", Limits::One, None),
            ("ratelimit: \n", "api", Limits::One, None),
            ("", "api", Limits::One, None),
            // One bad member spoils the field, even if the own one is good.
            ("ratelimit: \"api\";r=1, \"b\"\n", "api", Limits::One, None),
            // Among several policies a lone limit reads its own, else the tightest; a limit among others its own only.
            ("ratelimit: \"a\";r=1, \"b\";r=2\n", "b", Limits::One, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=1, \"b\";r=2\n", "B", Limits::One, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=3, \"b\";r=2\n", "api", Limits::One, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=0;t=5, \"b\";r=0;t=50\n", "api", Limits::One, Some((0, None, Some(50_000), None))),
            ("ratelimit: \"a\";r=0;t=50, \"b\";r=0;t=5\n", "api", Limits::One, Some((0, None, Some(50_000), None))),
            ("ratelimit: \"a\";r=3\nratelimit: \"b\";r=2\n", "api", Limits::One, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=1, \"b\";r=2\n", "b", Limits::Several, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=1, \"Api\";r=2\n", "api", Limits::Several, Some((2, None, None, None))),
            ("ratelimit: \"a\";r=1, \"b\";r=2\n", "api", Limits::Several, None),
            // Two partitions of one policy.
            (
                "ratelimit: \"a\";r=4;pk=:AA==:, \"a\";r=2;pk=:BB==:\n",
                "a",
                Limits::Several,
                Some((2, None, None, None)),
            ),
            // A policy that counts bytes is for the limit of its name alone.
            (
                "ratelimit: \"size\";r=1, \"b\";r=2\nratelimit-policy: \"size\";q=9;qu=\"content-bytes\"\n",
                "api",
                Limits::One,
                Some((2, None, None, None)),
            ),
            (
                "ratelimit: \"size\";r=1\nratelimit-policy: \"size\";q=9;qu=\"content-bytes\"\n",
                "size",
                Limits::One,
                Some((1, Some(9), None, None)),
            ),
            // A malformed policy field costs limit and window.
            ("ratelimit: \"a\";r=1\nratelimit-policy: \"a\";q=9;w=0\n", "a", Limits::One, Some((1, None, None, None))),
            (
                "ratelimit: \"a\";r=1\nratelimit-policy: \"a\";q=9;w=5, \"b\"\n",
                "a",
                Limits::One,
                Some((1, None, None, None)),
            ),
            ("ratelimit: \"a\";r=1\nratelimit-policy: \"a\";q=0\n", "a", Limits::One, Some((1, None, None, None))),
            ("ratelimit: \"a\";r=1\nratelimit-policy: \"a\";w=9\n", "a", Limits::One, Some((1, None, None, None))),
            ("ratelimit: \"a\";r=1\nratelimit-policy: \"b\";q=9\n", "a", Limits::One, Some((1, None, None, None))),
        ];
        for (lines, name, limits, expected) in rows {
            assert_eq!(read(name, limits, &Hints::new(lines.as_bytes())).map(plain), expected, "{lines} {name}");
        }
    }

    #[test]
    fn the_dictionary_of_draft_07() {
        let rows: [(&str, Option<Plain>); 9] = [
            ("ratelimit: limit=100, remaining=50, reset=5\n", Some((50, Some(100), Some(5_000), None))),
            (
                "ratelimit: limit=100, remaining=50, reset=5\nratelimit-policy: 10;w=1, 100;w=60\n",
                Some((50, Some(100), Some(5_000), Some(60_000))),
            ),
            ("ratelimit: limit=100,remaining=50,reset=5\n", Some((50, Some(100), Some(5_000), None))),
            ("ratelimit: remaining=50\n", Some((50, None, None, None))),
            ("ratelimit: limit=100, reset=5\n", None),
            ("ratelimit: limit=100, remaining=x, reset=5\n", None),
            ("ratelimit: limit=100, remaining=(50), reset=5\n", None),
            ("ratelimit: limit=0, remaining=0, reset=0\n", Some((0, None, Some(0), None))),
            ("ratelimit: limit=100, remaining=50, reset=5,\n", None),
        ];
        for (lines, expected) in rows {
            assert_eq!(read("api", Limits::Several, &Hints::new(lines.as_bytes())).map(plain), expected, "{lines}");
        }
    }

    #[test]
    fn annotated_limits_of_the_first_drafts() {
        let rows = [
            ("100", "", (Some(100_000_000), None)),
            ("100.0", "", (Some(100_000_000), None)),
            ("100;w=21600", "", (Some(100_000_000), Some(21_600_000))),
            ("100, 100;w=60", "", (Some(100_000_000), Some(60_000))),
            ("10, 10;w=1;burst=1000, 1000;w=3600", "", (Some(10_000_000), Some(1_000))),
            ("1000, 10;w=1;burst=1000, 1000;w=3600", "", (Some(1_000_000_000), Some(3_600_000))),
            ("100, 10;w=1", "", (Some(100_000_000), None)),
            ("100;w=0", "", (Some(100_000_000), None)),
            ("100", "ratelimit-policy: 100;w=60\n", (Some(100_000_000), Some(60_000))),
            ("100", "ratelimit-policy: 10;w=1\nratelimit-policy: 100;w=60\n", (Some(100_000_000), Some(60_000))),
            ("100", "ratelimit-policy: 10;w=60\n", (Some(100_000_000), None)),
            ("many", "", (None, None)),
            ("(100)", "", (None, None)),
            ("", "", (None, None)),
        ];
        for (text, lines, expected) in rows {
            assert_eq!(limit_and_window(text, &Hints::new(lines.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn absurd_numbers_saturate() {
        let lines = "ratelimit: \"a\";r=999999999999999;t=999999999999999\n\
             ratelimit-policy: \"a\";q=999999999999999;w=999999999999999\n";
        let reading = read("a", Limits::One, &Hints::new(lines.as_bytes())).unwrap();
        let most = Some(u64::MAX);
        assert_eq!((Some(reading.remaining), reading.limit), (most, most));
        assert_eq!((reading.reset, reading.window), (Some(LONGEST), Some(LONGEST)));
    }
}
