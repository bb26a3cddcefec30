//! What a limit's gauge says: the families of rate limit headers, read into one form. Knows the headers' names and
//! forms, nothing of buckets or rates. A reading with an unreadable `remaining` is none; an unreadable limit or reset
//! is merely unknown.

use super::amount::{LONGEST, cut, decimal};
use super::quota::{self, positive};
use super::{Field, Hints, reset};
use crate::config::Gauge;
use alloc::string::String;
use alloc::vec::Vec;

/// One reading of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Millionths of a request or token; saturates.
    pub remaining: u64,
    /// Millionths, never 0.
    pub limit: Option<u64>,
    /// Milliseconds from now until the quota is whole again, at most 2^41; 0 if that time is past.
    pub reset: Option<u64>,
    /// Length of the server's window in milliseconds, 1 to 2^41.
    pub window: Option<u64>,
}

/// How many limits an API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    One,
    Several,
}

impl Limits {
    /// Counts them.
    #[must_use]
    pub const fn count(limits: usize) -> Self {
        if limits == 1 { Self::One } else { Self::Several }
    }
}

/// Returns what a limit's gauge says. `window` is the documented one of its limit in milliseconds, if there is one;
/// `wall_ms` is Unix time, used where the answer has no `Date`.
///
/// Where the API has [one limit](Limits::One), it reads whatever part or policy is there, its own name first and
/// the tightest else. Among several each reads only the part (`openai`, `anthropic`), resource (`github`) or policy
/// (`RateLimit`) that bears its name; families without parts say the same to every limit that names them.
#[must_use]
pub fn read(
    gauge: &Gauge,
    limit_name: &str,
    window: Option<u64>,
    limits: Limits,
    hints: &Hints<'_>,
    wall_ms: u64,
) -> Option<Reading> {
    if matches!(gauge, Gauge::RateLimit | Gauge::Auto) {
        let reading = quota::read(limit_name, limits, hints);
        if reading.is_some() || matches!(gauge, Gauge::RateLimit) {
            return reading;
        }
    }
    if matches!(gauge, Gauge::Shopify) {
        let Field::One(text) = hints.one(SHOPIFY) else { return None };
        let (used, limit) = cut(text, b'/');
        let (used, limit) = (decimal(used, 6)?, decimal(limit?, 6)?);
        return Some(Reading {
            remaining: limit.saturating_sub(used),
            limit: positive(limit),
            reset: None,
            window: None,
        });
    }
    if matches!(gauge, Gauge::GitHub)
        && limits == Limits::Several
        && hints.one(GITHUB_RESOURCE) != Field::One(limit_name)
    {
        return None;
    }
    let named = parts(gauge, limit_name, limits).into_iter();
    let reading = named.filter_map(|part| read_part(gauge, part?, window, hints, wall_ms)).next();
    if reading.is_none() && matches!(gauge, Gauge::Auto) {
        // What a draft of the standard said until 2023, and many servers say.
        return read_part(&Gauge::RateLimitFields, "", window, hints, wall_ms);
    }
    reading
}

/// Whether a 429 pauses the bucket. Only Stripe tells: the reason must end in `-rate`, because the others are about
/// concurrency or one locked object.
#[must_use]
pub fn pauses(gauge: &Gauge, hints: &Hints<'_>) -> bool {
    !matches!(gauge, Gauge::Stripe)
        || matches!(hints.one(STRIPE_REASON), Field::One(reason) if reason.ends_with("-rate"))
}

/// The header names (lower case, at most three) that a host looks for on success: when one of them is present it hands
/// over every header of [`watch_error`], so that [`read`] sees limit, reset and date as well.
/// No gauges = the implicit bucket, which reads `Auto` alone.
#[must_use]
pub fn watch_success(gauges: &[(&Gauge, &str)]) -> Vec<String> {
    let mut watched = Vec::new();
    watch(gauges, &[Word::Remaining], &mut watched);
    watched.truncate(3);
    watched
}

/// The header names (lower case, no duplicates, stable order) that a host hands over at status 400 and above: all that
/// this folder reads, and `extra` (what `classify` rules name).
#[must_use]
pub fn watch_error(gauges: &[(&Gauge, &str)], extra: &[String]) -> Vec<String> {
    let mut watched = Vec::new();
    for name in ALWAYS {
        add(&mut watched, &[name]);
    }
    let words = [Word::Beside, Word::Limit, Word::Remaining, Word::Reset];
    watch(gauges, &words, &mut watched);
    // What [`reset::alone`] reads whatever the gauges are.
    watch(&reset::COMMON.each_ref().map(|gauge| (gauge, "")), &words, &mut watched);
    extra.iter().for_each(|name| add(&mut watched, &[name]));
    watched
}

/// What is read at status 400 and above whatever the gauges are.
const ALWAYS: [&str; 6] =
    ["retry-after-ms", "retry-after", "x-ratelimit-retry-after", "date", "x-should-retry", "stripe-should-retry"];
const SHOPIFY: &str = "x-shopify-shop-api-call-limit";
const STRIPE_REASON: &str = "stripe-rate-limited-reason";
const GITHUB_RESOURCE: &str = "x-ratelimit-resource";

/// What a header of a family tells.
#[derive(Clone, Copy)]
pub(super) enum Word {
    Limit,
    Remaining,
    Reset,
    /// What else is read.
    Beside,
}

/// The parts of a family that a limit reads, the better first: its own name, and for a lone limit that is named
/// otherwise the requests.
fn parts<'n>(gauge: &Gauge, limit_name: &'n str, limits: Limits) -> [Option<&'n str>; 2] {
    let has_parts = matches!(gauge, Gauge::OpenAi | Gauge::Anthropic);
    [Some(limit_name), (limits == Limits::One && has_parts && limit_name != "requests").then_some("requests")]
}

/// The pieces that make a header's name; `None` where the family has no such header.
#[inline(never)]
pub(super) fn name_of<'n>(gauge: &'n Gauge, part: &'n str, word: Word) -> Option<[&'n str; 4]> {
    let text = match word {
        Word::Limit => "limit",
        Word::Remaining => "remaining",
        Word::Reset => "reset",
        Word::Beside => "",
    };
    Some(match (gauge, word) {
        (Gauge::Auto | Gauge::RateLimit | Gauge::RateLimitFields, Word::Beside) => [quota::POLICY, "", "", ""],
        (Gauge::Stripe, Word::Beside) => [STRIPE_REASON, "", "", ""],
        (Gauge::GitHub, Word::Beside) => [GITHUB_RESOURCE, "", "", ""],
        (Gauge::Shopify, Word::Remaining) => [SHOPIFY, "", "", ""],
        (Gauge::Named { limit, .. }, Word::Limit) => [limit.as_deref()?, "", "", ""],
        (Gauge::Named { remaining, .. }, Word::Remaining) => [remaining, "", "", ""],
        (Gauge::Named { reset, .. }, Word::Reset) => [reset.as_deref()?, "", "", ""],
        (_, Word::Beside) | (Gauge::RateLimit | Gauge::Shopify | Gauge::Stripe | Gauge::None, _) => return None,
        (Gauge::RateLimitFields, _) => ["ratelimit-", text, "", ""],
        (Gauge::Auto | Gauge::XRateLimit | Gauge::GitHub, _) => ["x-ratelimit-", text, "", ""],
        (Gauge::XRateHyphen, _) => ["x-rate-limit-", text, "", ""],
        (Gauge::OpenAi, _) => ["x-ratelimit-", text, "-", part],
        (Gauge::Anthropic, _) => ["anthropic-ratelimit-", part, "-", text],
    })
}

#[inline(never)]
fn watch(gauges: &[(&Gauge, &str)], words: &[Word], watched: &mut Vec<String>) {
    let implicit = [(&Gauge::Auto, "")];
    let gauges = if gauges.is_empty() { &implicit } else { gauges };
    for (gauge, limit_name) in gauges {
        if matches!(gauge, Gauge::RateLimit | Gauge::Auto) {
            add(watched, &[quota::FIELD]);
        }
        let older = matches!(gauge, Gauge::Auto).then_some(&Gauge::RateLimitFields);
        for gauge in core::iter::once(*gauge).chain(older) {
            for part in parts(gauge, limit_name, Limits::count(gauges.len())).into_iter().flatten() {
                for word in words {
                    if let Some(name) = name_of(gauge, part, *word) {
                        add(watched, &name);
                    }
                }
            }
        }
    }
}

#[inline(never)]
fn add(watched: &mut Vec<String>, pieces: &[&str]) {
    let name = pieces.concat();
    if !watched.contains(&name) {
        watched.push(name);
    }
}

/// One header each for limit, remaining and reset.
#[inline(never)]
fn read_part(gauge: &Gauge, part: &str, documented: Option<u64>, hints: &Hints<'_>, wall_ms: u64) -> Option<Reading> {
    let remaining = remaining(gauge, part, hints)?;
    let (limit, window) = limit_and_window(gauge, part, hints);
    let reset = wait(gauge, part, window.or(documented), hints, wall_ms);
    Some(Reading { remaining, limit: limit.and_then(positive), reset, window })
}

/// Returns the only value of one header of a family.
fn value<'a>(gauge: &Gauge, part: &str, word: Word, hints: &Hints<'a>) -> Option<&'a str> {
    match hints.only(&name_of(gauge, part, word)?) {
        Field::One(text) => Some(text),
        Field::Absent | Field::Doubled => None,
    }
}

/// Returns what is left in millionths. `76;w=21600` (Docker Hub): the parameter is said again in the limit.
pub(super) fn remaining(gauge: &Gauge, part: &str, hints: &Hints<'_>) -> Option<u64> {
    decimal(cut(value(gauge, part, Word::Remaining, hints)?, b';').0, 6)
}

/// Returns the limit in millionths and the server's window in milliseconds.
pub(super) fn limit_and_window(gauge: &Gauge, part: &str, hints: &Hints<'_>) -> (Option<u64>, Option<u64>) {
    value(gauge, part, Word::Limit, hints).map_or((None, None), |text| quota::limit_and_window(text, hints))
}

/// Returns the milliseconds to the reset. `window`: of its limit, where it is known.
pub(super) fn wait(gauge: &Gauge, part: &str, window: Option<u64>, hints: &Hints<'_>, wall_ms: u64) -> Option<u64> {
    let text = value(gauge, part, Word::Reset, hints)?;
    if matches!(gauge, Gauge::Named { milliseconds: true, .. }) {
        return decimal(text, 0).map(|wait| wait.min(LONGEST));
    }
    reset::wait(text, window, hints, wall_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    const WALL: u64 = 1_704_067_200_000; // 2024-01-01T00:00:00Z

    /// Remaining, limit (millionths), reset, window (milliseconds).
    type Plain = (u64, Option<u64>, Option<u64>, Option<u64>);

    fn plain(gauge: &Gauge, name: &str, limits: Limits, lines: &str) -> Option<Plain> {
        let reading = read(gauge, name, None, limits, &Hints::new(lines.as_bytes()), WALL)?;
        Some((reading.remaining, reading.limit, reading.reset, reading.window))
    }

    /// The headers of one's own, with a reset in seconds and with one in milliseconds.
    fn named() -> [Gauge; 2] {
        [false, true].map(|milliseconds| Gauge::Named {
            remaining: "x-left".to_string(),
            limit: Some("x-most".to_string()),
            reset: Some("x-again".to_string()),
            milliseconds,
        })
    }

    const M: u64 = 1_000_000;

    #[test]
    fn families_with_a_header_for_each_number() {
        let full = |reset: u64| Some((7 * M, Some(10 * M), Some(reset), None));
        let [seconds, milliseconds] = named();
        let (x, hyphen, fields) = (Gauge::XRateLimit, Gauge::XRateHyphen, Gauge::RateLimitFields);
        let rows: [(&Gauge, &str, Option<Plain>); 34] = [
            (&x, "x-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 30\n", full(30_000)),
            (&x, "x-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067230\n", full(30_000)),
            (&x, "x-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067230250\n", full(30_250)),
            (
                &x,
                "x-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 2024-01-01T00:01Z\n",
                full(60_000),
            ),
            // Without a `Date` a past reset names no time.
            (
                &x,
                "x-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067100\n",
                Some((7 * M, Some(10 * M), None, None)),
            ),
            (
                &x,
                "date: Mon, 01 Jan 2024 00:00:10 GMT\nx-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067100\n",
                full(0),
            ),
            // The server's own window bounds it too.
            (
                &x,
                "x-ratelimit-limit: 10;w=20\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067230\n",
                Some((7 * M, Some(10 * M), None, Some(20_000))),
            ),
            // Reddit.
            (
                &x,
                "x-ratelimit-remaining: 598.5\nx-ratelimit-reset: 241\n",
                Some((598_500_000, None, Some(241_000), None)),
            ),
            (&x, "x-ratelimit-remaining: 7\n", Some((7 * M, None, None, None))),
            (&x, "x-ratelimit-remaining: 7\nx-ratelimit-limit: 0\n", Some((7 * M, None, None, None))),
            (
                &x,
                "x-ratelimit-remaining: 7\nx-ratelimit-limit: ten\nx-ratelimit-reset: soon\n",
                Some((7 * M, None, None, None)),
            ),
            (
                &x,
                "x-ratelimit-remaining: 7\nx-ratelimit-limit: 9\nx-ratelimit-limit: 9\n",
                Some((7 * M, None, None, None)),
            ),
            (&x, "x-ratelimit-remaining: 0\n", Some((0, None, None, None))),
            (&x, "x-ratelimit-remaining: -1\n", None),
            (&x, "x-ratelimit-remaining: \n", None),
            (&x, "x-ratelimit-remaining: lots\n", None),
            (&x, "x-ratelimit-remaining: 7, 7\n", None),
            (&x, "x-ratelimit-remaining: 7\nx-ratelimit-remaining: 7\n", None),
            (&x, "x-ratelimit-limit: 10\n", None),
            (&x, "x-rate-limit-remaining: 7\n", None),
            // The answer's own date counts, not the wall.
            (
                &x,
                "date: Mon, 01 Jan 2024 00:00:10 GMT\nx-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067230\n",
                full(20_000),
            ),
            (
                &x,
                "date: Mon, 01 Jan 2024 00:00:10 GMT\nx-ratelimit-limit: 10\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 30\n",
                full(30_000),
            ),
            (
                &hyphen,
                "x-rate-limit-limit: 10\nx-rate-limit-remaining: 7\nx-rate-limit-reset: 1704067230\n",
                full(30_000),
            ),
            (&hyphen, "x-ratelimit-remaining: 7\n", None),
            (&fields, "ratelimit-limit: 10\nratelimit-remaining: 7\nratelimit-reset: 30\n", full(30_000)),
            // GitLab.
            (&fields, "ratelimit-limit: 10\nratelimit-remaining: 7\nratelimit-reset: 1704067230\n", full(30_000)),
            // Docker Hub.
            (
                &fields,
                "ratelimit-limit: 100;w=21600\nratelimit-remaining: 76;w=21600\n",
                Some((76 * M, Some(100 * M), None, Some(21_600_000))),
            ),
            (
                &fields,
                "ratelimit-limit: 10\nratelimit-policy: 10;w=60\nratelimit-remaining: 7\nratelimit-reset: 30\n",
                Some((7 * M, Some(10 * M), Some(30_000), Some(60_000))),
            ),
            (&seconds, "x-most: 10\nx-left: 7\nx-again: 30\n", full(30_000)),
            (&seconds, "x-most: 10\nx-left: 7\nx-again: 6m0s\n", full(360_000)),
            (&seconds, "x-most: 10\nx-left: 7\nx-again: Mon, 01 Jan 2024 00:00:30 GMT\n", full(30_000)),
            (&milliseconds, "x-most: 10\nx-left: 7\nx-again: 30\n", full(30)),
            (&milliseconds, "x-most: 10\nx-left: 7\nx-again: 6m0s\n", Some((7 * M, Some(10 * M), None, None))),
            (&milliseconds, "x-most: 10\nx-left: 7\nx-again: 99999999999999\n", full(LONGEST)),
        ];
        for (gauge, lines, expected) in rows {
            for limits in [Limits::One, Limits::Several] {
                assert_eq!(plain(gauge, "api", limits, lines), expected, "{lines}");
            }
        }
    }

    #[test]
    fn the_documented_window_bounds_a_reset_that_no_date_dates() {
        let of = |window, lines: &str| {
            let reading = read(&Gauge::XRateLimit, "api", window, Limits::One, &Hints::new(lines.as_bytes()), WALL);
            reading.and_then(|reading| reading.reset)
        };
        let undated = "x-ratelimit-remaining: 7\nx-ratelimit-reset: 1704067230\n";
        let rows = [(None, Some(30_000)), (Some(60_000), Some(30_000)), (Some(10_000), None)];
        for (window, expected) in rows {
            assert_eq!(of(window, undated), expected, "{window:?}");
        }
        let dated = format!("date: Mon, 01 Jan 2024 00:00:10 GMT\n{undated}");
        assert_eq!(of(Some(10_000), &dated), Some(20_000));
        // The server's own window is nearer to the reset than what the policy documents.
        let own = format!("x-ratelimit-limit: 10;w=60\n{undated}");
        assert_eq!(of(Some(10_000), &own), Some(30_000));
    }

    #[test]
    fn parts_are_picked_by_the_name_of_the_limit() {
        let openai = "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 1s\n\
             x-ratelimit-limit-tokens: 150000\nx-ratelimit-remaining-tokens: 149984\nx-ratelimit-reset-tokens: 6m0s\n";
        let anthropic = "anthropic-ratelimit-requests-limit: 60\nanthropic-ratelimit-requests-remaining: 59\n\
             anthropic-ratelimit-requests-reset: 2024-01-01T00:00:01Z\nanthropic-ratelimit-output-tokens-remaining: 8000\n";
        let requests = Some((59 * M, Some(60 * M), Some(1_000), None));
        let tokens = Some((149_984 * M, Some(150_000 * M), Some(360_000), None));
        let search = "x-ratelimit-remaining: 7\nx-ratelimit-resource: search\n";
        let seven = Some((7 * M, None, None, None));
        let rows = [
            (Gauge::OpenAi, "requests", Limits::Several, openai, requests),
            (Gauge::OpenAi, "tokens", Limits::Several, openai, tokens),
            (Gauge::OpenAi, "tokens", Limits::One, openai, tokens),
            (Gauge::OpenAi, "api", Limits::One, openai, requests),
            (Gauge::OpenAi, "api", Limits::Several, openai, None),
            (Gauge::OpenAi, "requests", Limits::One, "x-ratelimit-remaining: 7\n", None),
            (Gauge::Anthropic, "requests", Limits::Several, anthropic, requests),
            (Gauge::Anthropic, "output-tokens", Limits::Several, anthropic, Some((8_000 * M, None, None, None))),
            (Gauge::Anthropic, "input-tokens", Limits::Several, anthropic, None),
            (Gauge::Anthropic, "api", Limits::One, anthropic, requests),
            (Gauge::GitHub, "search", Limits::Several, search, seven),
            (Gauge::GitHub, "core", Limits::Several, search, None),
            (Gauge::GitHub, "core", Limits::One, search, seven),
            (Gauge::GitHub, "core", Limits::Several, "x-ratelimit-remaining: 7\n", None),
            (Gauge::GitHub, "core", Limits::One, "x-ratelimit-remaining: 7\n", seven),
        ];
        for (gauge, name, limits, lines, expected) in rows {
            assert_eq!(plain(&gauge, name, limits, lines), expected, "{gauge:?} {name} {limits:?}");
        }
    }

    #[test]
    fn auto_reads_the_standard_before_the_custom() {
        let rows: [(&str, Option<Plain>); 6] = [
            ("ratelimit: \"a\";r=1\nx-ratelimit-remaining: 7\n", Some((M, None, None, None))),
            ("x-ratelimit-remaining: 7\n", Some((7 * M, None, None, None))),
            ("ratelimit: broken;\nx-ratelimit-remaining: 7\n", Some((7 * M, None, None, None))),
            ("ratelimit: limit=10, remaining=2, reset=5\n", Some((2 * M, Some(10 * M), Some(5_000), None))),
            ("ratelimit-remaining: 7\nratelimit-limit: 10\n", Some((7 * M, Some(10 * M), None, None))),
            ("ratelimit-remaining: 7\nx-ratelimit-remaining: 6\n", Some((6 * M, None, None, None))),
        ];
        for (lines, expected) in rows {
            assert_eq!(plain(&Gauge::Auto, "", Limits::One, lines), expected, "{lines}");
        }
        assert_eq!(plain(&Gauge::None, "", Limits::One, "ratelimit: \"a\";r=1\nx-ratelimit-remaining: 7\n"), None);
    }

    #[test]
    fn shopify_counts_what_is_used() {
        let rows: [(&str, Option<Plain>); 7] = [
            ("32/40", Some((8 * M, Some(40 * M), None, None))),
            ("40/40", Some((0, Some(40 * M), None, None))),
            ("41/40", Some((0, Some(40 * M), None, None))),
            ("0/0", Some((0, None, None, None))),
            ("32", None),
            ("32/", None),
            ("1/2/3", None),
        ];
        for (value, expected) in rows {
            let lines = format!("x-shopify-shop-api-call-limit: {value}\n");
            assert_eq!(plain(&Gauge::Shopify, "rest", Limits::Several, &lines), expected, "{value}");
        }
    }

    #[test]
    fn only_a_rate_reason_pauses_stripe() {
        let rows = [
            (Gauge::Stripe, "stripe-rate-limited-reason: global-rate\n", true),
            (Gauge::Stripe, "stripe-rate-limited-reason: endpoint-rate\n", true),
            (Gauge::Stripe, "stripe-rate-limited-reason: global-concurrency\n", false),
            (Gauge::Stripe, "stripe-rate-limited-reason: resource-specific\n", false),
            (Gauge::Stripe, "", false),
            (Gauge::Auto, "stripe-rate-limited-reason: global-concurrency\n", true),
            (Gauge::None, "", true),
        ];
        for (gauge, lines, expected) in rows {
            assert_eq!(pauses(&gauge, &Hints::new(lines.as_bytes())), expected, "{lines}");
        }
        assert_eq!(plain(&Gauge::Stripe, "api", Limits::One, "x-ratelimit-remaining: 7\n"), None);
    }

    #[test]
    fn hosts_watch_three_names_on_success() {
        let three = ["ratelimit", "x-ratelimit-remaining", "ratelimit-remaining"];
        assert_eq!(watch_success(&[]), three);
        assert_eq!(watch_success(&[(&Gauge::Auto, "api")]), three);
        assert_eq!(watch_success(&[(&Gauge::None, "a"), (&Gauge::Stripe, "b")]), [""; 0]);
        let openai = ["x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens"];
        assert_eq!(
            watch_success(&[(&Gauge::OpenAi, "requests"), (&Gauge::OpenAi, "tokens"), (&Gauge::Auto, "x")]),
            [&openai[..], &["ratelimit"]].concat()
        );
        let lone = ["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-requests-remaining"];
        assert_eq!(watch_success(&[(&Gauge::Anthropic, "tokens")]), lone);
        assert_eq!(watch_success(&[(&Gauge::GitHub, "core"), (&Gauge::GitHub, "search")]), ["x-ratelimit-remaining"]);
        assert_eq!(watch_success(&[(&named()[1], "a"), (&Gauge::Shopify, "b")]), ["x-left", SHOPIFY]);
        assert_eq!(
            watch_success(&[(&Gauge::RateLimit, "a"), (&Gauge::RateLimitFields, "b")]),
            ["ratelimit", "ratelimit-remaining"]
        );
    }

    #[test]
    fn hosts_hand_over_all_that_is_read_on_errors() {
        type Row<'a> = (&'a [(&'a Gauge, &'a str)], &'a [&'a str]);
        let rows: [Row<'_>; 9] = [
            (&[], &["ratelimit", "ratelimit-policy"]),
            (&[(&Gauge::None, "a")], &[]),
            (&[(&Gauge::RateLimit, "a")], &["ratelimit", "ratelimit-policy"]),
            (&[(&Gauge::RateLimitFields, "a")], &[]),
            (&[(&Gauge::GitHub, "core"), (&Gauge::GitHub, "search")], &["x-ratelimit-resource"]),
            (&[(&Gauge::Stripe, "a")], &["stripe-rate-limited-reason"]),
            (&[(&Gauge::Shopify, "a")], &["x-shopify-shop-api-call-limit"]),
            (&[(&named()[0], "a")], &["x-most", "x-left", "x-again"]),
            (
                &[(&Gauge::OpenAi, "requests")],
                &["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
            ),
        ];
        let common = COMMON_NAMES.split(' ');
        for (gauges, expected) in rows {
            let found = watch_error(gauges, &["x-code".to_string(), "date".to_string()]);
            // The order is that of the places where a name is read first.
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            assert_eq!(found.last(), Some(&"x-code"));
            let mut all: Vec<&str> = ALWAYS.iter().chain(expected).copied().chain(common.clone()).collect();
            all.push("x-code");
            found.sort_unstable();
            all.sort_unstable();
            all.dedup();
            assert_eq!(found, all);
        }
        let auto = [
            "ratelimit",
            "ratelimit-policy",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "x-rate-limit-limit",
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
        ];
        assert_eq!(watch_error(&[], &[])[ALWAYS.len()..], auto);
    }

    /// What is read at errors whatever the gauges are, beside [`ALWAYS`].
    const COMMON_NAMES: &str = "ratelimit-policy x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset ratelimit-limit \
        ratelimit-remaining ratelimit-reset x-rate-limit-limit x-rate-limit-remaining x-rate-limit-reset";

    #[test]
    fn hostile_values_are_read_without_a_panic() {
        let [seconds, milliseconds] = named();
        let gauges = [
            Gauge::Auto,
            Gauge::RateLimitFields,
            Gauge::XRateLimit,
            Gauge::OpenAi,
            Gauge::Anthropic,
            Gauge::Shopify,
            seconds,
            milliseconds,
        ];
        for piece in ["9", ",", "a,", "\"a\";r=1,", ";", "1h", "\u{0}", "(", "9/", "é", "a=1,", "-"] {
            let value = piece.repeat(2_000);
            for gauge in &gauges {
                let watched = watch_error(&[(gauge, "requests")], &[]);
                for name in &watched {
                    let lines: String = watched
                        .iter()
                        .map(|other| format!("{other}: 1\n"))
                        .filter(|line| !line.starts_with(name.as_str()))
                        .collect();
                    let _ = plain(gauge, "requests", Limits::One, &format!("{lines}{name}: {value}\n"));
                }
            }
        }
        let nines = format!("x-ratelimit-remaining: {}\n", "9".repeat(8_000));
        assert_eq!(plain(&Gauge::XRateLimit, "", Limits::One, &nines), Some((u64::MAX, None, None, None)));
    }
}
