//! What a server says of its limit, as lines of headers.

use super::case::Case;
use super::convention::*;
use super::server::{Answer, Told};
use crate::date::http_date;
use crate::world::input::WALL;
use std::fmt::Write;

/// A server's way of speaking.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    case: &'a Case,
}

impl<'a> Voice<'a> {
    /// Makes the voice of a case.
    #[must_use]
    pub fn new(case: &'a Case) -> Self {
        Self { case }
    }

    /// Writes the headers of an answer that a host hands over.
    pub fn write(&self, answer: &Answer, out: &mut String) {
        out.clear();
        if let Some(told) = &answer.told {
            self.write_gauge(told, out);
        }
        if !answer.passed {
            self.write_retry_after(answer, out);
        }
        let clock = self.case.convention.clock;
        if !out.is_empty() && matches!(clock, Clock::Dated | Clock::AheadDated) {
            let _ = writeln!(out, "date: {}", http_date(self.unix_ms(answer.at) / 1_000));
        }
    }

    /// Returns Unix milliseconds on the server's clock.
    fn unix_ms(&self, at: u64) -> u64 {
        (WALL + self.case.phase + at).saturating_add_signed(self.case.skew())
    }

    fn seconds(&self, ms: u64) -> u64 {
        if self.case.convention.rounding == Rounding::Down { ms / 1_000 } else { ms.div_ceil(1_000) }
    }

    /// Writes `reset`; `None` where it is absent.
    fn reset(&self, told: &Told) -> Option<String> {
        let convention = &self.case.convention;
        let wait = told.reset_at - told.at;
        Some(match (convention.form, convention.family) {
            (Form::None, _) => return None,
            (Form::Delta, _) => self.seconds(wait).to_string(),
            (Form::Epoch, _) => self.seconds(self.unix_ms(told.reset_at)).to_string(),
            (Form::EpochMs, _) => self.unix_ms(told.reset_at).to_string(),
            (Form::Exact, Family::OpenAi) => go_duration(wait),
            (Form::Exact, Family::Anthropic) => rfc3339(self.unix_ms(told.reset_at).div_ceil(1_000)),
            (Form::Exact, _) => wait.to_string(),
        })
    }

    fn write_gauge(&self, told: &Told, out: &mut String) {
        let Told { limit, remaining, window, .. } = *told;
        let reset = self.reset(told);
        let _ = match self.case.convention.family {
            Family::Structured | Family::Bare => return self.write_list(told, reset, out),
            Family::Draft07 if self.case.convention.limit == LimitSays::Absent => {
                let reset = reset.map_or(String::new(), |reset| format!(", reset={reset}"));
                writeln!(out, "ratelimit: remaining={remaining}{reset}")
            }
            Family::Draft07 => {
                let reset = reset.map_or(String::new(), |reset| format!(", reset={reset}"));
                let _ = writeln!(out, "ratelimit: limit={limit}, remaining={remaining}{reset}");
                writeln!(out, "ratelimit-policy: {limit};w={}", window / 1_000)
            }
            Family::Shopify => {
                writeln!(out, "x-shopify-shop-api-call-limit: {}/{limit}", limit.saturating_sub(remaining))
            }
            family => {
                let [limit_name, remaining_name, reset_name] = names(family);
                if self.case.convention.limit != LimitSays::Absent {
                    let _ = writeln!(out, "{limit_name}: {limit}");
                }
                if let Some(reset) = reset {
                    let _ = writeln!(out, "{reset_name}: {reset}");
                }
                if family == Family::GitHub {
                    out.push_str("x-ratelimit-resource: core\n");
                }
                writeln!(out, "{remaining_name}: {remaining}")
            }
        };
    }

    /// Writes the structured fields, with a second quota where there is one.
    fn write_list(&self, told: &Told, reset: Option<String>, out: &mut String) {
        let until = |reset: &str| if reset.is_empty() { String::new() } else { format!(";t={reset}") };
        let own = until(&reset.unwrap_or_default());
        let hour = 3_600_000 - told.at % 3_600_000;
        let (left, more) = match self.case.convention.quota {
            Quota::Several => (told.roomy(), true),
            Quota::Exhausted => (0, true),
            _ => (0, false),
        };
        let _ = write!(out, "ratelimit: \"d\";r={}{own}", told.remaining);
        if more {
            let _ = write!(out, ", \"hour\";r={left};t={}", self.seconds(hour));
        }
        out.push('\n');
        if self.case.convention.family == Family::Structured {
            let _ = write!(out, "ratelimit-policy: \"d\";q={};w={}", told.limit, told.window / 1_000);
            if more {
                out.push_str(", \"hour\";q=100000;w=3600");
            }
            out.push('\n');
        }
    }

    fn write_retry_after(&self, answer: &Answer, out: &mut String) {
        let _ = match (self.case.convention.retry_after, seconds_asked(self.case, answer)) {
            (RetryAfter::Date, _) => {
                let at = self.unix_ms(answer.at + answer.wait).div_ceil(1_000);
                writeln!(out, "retry-after: {}", http_date(at))
            }
            (_, Some(seconds)) => writeln!(out, "retry-after: {seconds}"),
            (_, None) => Ok(()),
        };
        if self.case.convention.family == Family::Stripe {
            let rate = self.case.convention.algorithm != Algorithm::Concurrency;
            let reason = if rate { "global-rate" } else { "global-concurrency" };
            let _ = writeln!(out, "stripe-rate-limited-reason: {reason}");
        }
    }
}

/// Returns the seconds that `Retry-After` asks for; a date is 1 s later at most.
fn seconds_asked(case: &Case, answer: &Answer) -> Option<u64> {
    let exact = answer.wait.div_ceil(1_000).max(1);
    if answer.passed {
        return None;
    }
    match case.convention.retry_after {
        RetryAfter::Absent => None,
        RetryAfter::Exact => Some(exact),
        RetryAfter::Shorter => Some(answer.wait / 2_000),
        RetryAfter::Longer => Some(2 * exact + 1),
        RetryAfter::Date => Some(exact + 1),
    }
}

/// Returns the milliseconds that an answer asks to wait.
#[must_use]
pub fn asked(case: &Case, answer: &Answer) -> Option<u64> {
    seconds_asked(case, answer).map(|seconds| seconds * 1_000)
}

/// Returns the names of limit, remaining and reset.
fn names(family: Family) -> [&'static str; 3] {
    match family {
        Family::Fields => ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        Family::XHyphen => ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"],
        Family::OpenAi => {
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
        }
        Family::Anthropic => [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
        Family::Own => ["x-most", "x-left", "x-again"],
        _ => ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    }
}

/// Writes a duration as Go does.
fn go_duration(ms: u64) -> String {
    match (ms / 60_000, ms % 60_000) {
        (0, ms) if ms < 1_000 => format!("{ms}ms"),
        (0, ms) => format!("{}s", ms as f64 / 1_000.0),
        (minutes, ms) => format!("{minutes}m{}s", ms as f64 / 1_000.0),
    }
}

/// Writes Unix seconds as RFC 3339 does.
fn rfc3339(seconds: u64) -> String {
    // The HTTP date has the same parts: "Thu, 01 Jan 2026 00:00:01 GMT".
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let date = http_date(seconds);
    let parts: Vec<&str> = date.split(' ').collect();
    let month = MONTHS.find(parts[2]).unwrap_or(0) / 3 + 1;
    format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4])
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::limits::case::draw;
    use crate::limits::policy::policy;
    use crate::limits::server::Server;
    use unruffled_core::config::{Gauge, Reading, read};
    use unruffled_core::headers::{self, Hints, Limits};

    /// Reads an answer as the core does.
    fn reading(case: &Case, answer: &Answer) -> Option<headers::Reading> {
        let config = read(&policy(case), Reading::Strict).expect("a right policy");
        let limit = config.limits.first();
        let (gauge, name) = limit.map_or((&Gauge::Auto, ""), |limit| (&limit.gauge, limit.name.as_str()));
        let mut text = String::new();
        Voice::new(case).write(answer, &mut text);
        let window = limit.and_then(|limit| limit.rate).map(|(_, window)| window);
        headers::read(gauge, name, window, Limits::One, &Hints::new(text.as_bytes()), WALL + case.phase + answer.at)
    }

    #[test]
    fn the_core_reads_what_each_server_tells() {
        let mut with_reset = 0;
        for seed in 0..2_000 {
            let case = draw(seed);
            let mut server = Server::new(&case);
            for call in 0..20 {
                let answer = server.answer(u64::from(call) * 37, call, 1);
                let reading = reading(&case, &answer);
                let Some(told) = answer.told else {
                    assert_eq!(reading, None, "seed {seed}");
                    continue;
                };
                let reading = reading.unwrap_or_else(|| panic!("seed {seed}: {told:?}"));
                assert_eq!(reading.remaining / 1_000_000, told.left(&case), "seed {seed}: {told:?}");
                assert!(reading.limit.is_none_or(|limit| limit >= 1_000_000), "seed {seed}");
                let own = case.convention.quota == Quota::Binding;
                if let Some(reset) = reading.reset.filter(|_| own && case.convention.clock == Clock::Dated) {
                    with_reset += 1;
                    let wait = told.reset_at - told.at;
                    assert!(reset <= wait + 2_000 && wait <= reset + 1_000, "seed {seed}: {reset} {told:?}");
                }
                let absent = matches!(case.convention.limit, LimitSays::Absent);
                assert_eq!(reading.limit.is_none(), absent, "seed {seed}: {told:?}");
            }
        }
        assert!(with_reset > 5_000);
    }

    #[test]
    fn durations_and_dates_are_written_as_vendors_write_them() {
        assert_eq!([20, 1_500, 360_000].map(go_duration), ["20ms", "1.5s", "6m0s"]);
        assert_eq!(rfc3339(1_767_225_601), "2026-01-01T00:00:01Z");
    }
}
