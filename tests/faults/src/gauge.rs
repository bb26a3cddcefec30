//! What a limited server says of its limit, in the headers of a family. Times are microseconds of the server's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::dates;
use crate::script::{
    BucketKind, BucketScript, Family, LimitSays, Quota, ResetForm, ResetOf, RetryAfter, RetryWord, Round,
};

const SECOND: u64 = 1_000_000;
pub const HOUR: u64 = 3_600 * SECOND;
/// Points an hour of the roomy quota that some servers tell of.
pub const ROOMY: u64 = 100_000;

/// The numbers of a gauge at a time.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub now: u64,
    pub limit: u64,
    /// What the limit is for.
    pub window: u64,
    pub remaining: u64,
    pub reset_at: u64,
    /// What is left of the roomy quota.
    pub roomy: u64,
}

/// Header lines: name and value.
pub type Lines = Vec<(String, String)>;

/// Writes the gauge.
pub fn gauge(script: &BucketScript, told: &Told) -> Lines {
    let Told { limit, remaining, .. } = *told;
    let reset = reset(script, told);
    let names = match script.headers {
        Family::None | Family::Stripe => return Lines::new(),
        Family::Ratelimit | Family::RatelimitBare => return list(script, told, reset),
        Family::Draft07 => return dictionary(script, told, reset),
        Family::Shopify => {
            let used = limit.saturating_sub(remaining);
            return vec![("X-Shopify-Shop-Api-Call-Limit".into(), format!("{used}/{limit}"))];
        }
        Family::RatelimitFields => ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        Family::XRatelimit | Family::Github => ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
        Family::XRateLimit => ["X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"],
        Family::OpenAi => {
            ["X-RateLimit-Limit-Requests", "X-RateLimit-Remaining-Requests", "X-RateLimit-Reset-Requests"]
        }
        Family::Anthropic => [
            "Anthropic-RateLimit-Requests-Limit",
            "Anthropic-RateLimit-Requests-Remaining",
            "Anthropic-RateLimit-Requests-Reset",
        ],
    };
    let limit = (script.limit != LimitSays::Absent).then(|| limit.to_string());
    let values = [limit, Some(remaining.to_string()), reset];
    let mut lines: Lines =
        names.into_iter().zip(values).filter_map(|(name, value)| Some((name.into(), value?))).collect();
    if script.headers == Family::Github {
        lines.push(("X-RateLimit-Resource".into(), "core".into()));
    }
    lines
}

/// Writes what only a refusal carries; at `ready_at` the request would pass.
pub fn refusal(script: &BucketScript, now: u64, ready_at: u64) -> Lines {
    let wait = ready_at - now;
    let exact = wait.div_ceil(SECOND).max(1);
    let value = match script.retry_after {
        RetryAfter::Exact(false) => None,
        RetryAfter::Exact(true) | RetryAfter::As(RetryWord::Ms) => Some(exact.to_string()),
        RetryAfter::As(RetryWord::Half) => Some((wait / (2 * SECOND)).to_string()),
        RetryAfter::As(RetryWord::Longer) => Some((2 * exact + 1).to_string()),
        RetryAfter::As(RetryWord::Date) => Some(dates::imf(time(ready_at.div_ceil(SECOND) * SECOND))),
    };
    let mut lines: Lines = value.map(|value| ("Retry-After".into(), value)).into_iter().collect();
    if script.retry_after == RetryAfter::As(RetryWord::Ms) {
        lines.push(("Retry-After-Ms".into(), wait.div_ceil(1_000).max(1).to_string()));
    }
    if script.headers == Family::Stripe {
        let capped = script.kind == BucketKind::Concurrency;
        let reason = if capped { "global-concurrency" } else { "global-rate" };
        lines.push(("Stripe-Rate-Limited-Reason".into(), reason.into()));
    }
    lines
}

/// Returns a time of the server's clock.
pub fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// Writes `reset`; `None` where it is absent.
fn reset(script: &BucketScript, told: &Told) -> Option<String> {
    if script.reset == ResetOf::Absent {
        return None;
    }
    let (at, wait) = (told.reset_at, told.reset_at - told.now);
    Some(match (script.reset_as, script.headers) {
        (None, Family::OpenAi) => go_duration(wait / 1_000),
        (None, Family::Anthropic) => dates::rfc3339(time(seconds(script, at) * SECOND)),
        (None, Family::Github) | (Some(ResetForm::Epoch), _) => seconds(script, at).to_string(),
        (Some(ResetForm::EpochMs), _) => at.div_ceil(1_000).to_string(),
        (Some(ResetForm::DeltaMs), _) => wait.div_ceil(1_000).to_string(),
        (None | Some(ResetForm::Delta), _) => seconds(script, wait).to_string(),
    })
}

fn seconds(script: &BucketScript, micros: u64) -> u64 {
    match script.round {
        Round::Up => micros.div_ceil(SECOND),
        Round::Down => micros / SECOND,
    }
}

/// Writes the structured fields of today's draft, with a second quota where there is one.
fn list(script: &BucketScript, told: &Told, reset: Option<String>) -> Lines {
    let Told { now, limit, remaining, window, roomy, .. } = *told;
    let t = |reset: Option<String>| reset.map_or_else(String::new, |reset| format!(";t={reset}"));
    let mut policy = format!("\"default\";q={limit};w={}", window.div_ceil(SECOND));
    let mut state = format!("\"default\";r={remaining}{}", t(reset));
    let hour = match script.quota {
        Quota::Binding | Quota::Other => None,
        Quota::Several => Some(roomy),
        Quota::Exhausted => Some(0),
    };
    if let Some(left) = hour {
        policy.push_str(&format!(", \"hour\";q={ROOMY};w=3600"));
        state.push_str(&format!(", \"hour\";r={left}{}", t(Some(seconds(script, HOUR - now % HOUR).to_string()))));
    }
    let mut lines = vec![("RateLimit-Policy".into(), policy), ("RateLimit".into(), state)];
    if script.headers == Family::RatelimitBare {
        lines.remove(0);
    }
    lines
}

/// Writes the dictionary of draft 07.
fn dictionary(script: &BucketScript, told: &Told, reset: Option<String>) -> Lines {
    let Told { limit, remaining, window, .. } = *told;
    let reset = reset.map_or_else(String::new, |reset| format!(", reset={reset}"));
    if script.limit == LimitSays::Absent {
        return vec![("RateLimit".into(), format!("remaining={remaining}{reset}"))];
    }
    vec![
        ("RateLimit-Policy".into(), format!("{limit};w={}", window.div_ceil(SECOND))),
        ("RateLimit".into(), format!("limit={limit}, remaining={remaining}{reset}")),
    ]
}

/// Writes a duration as Go does.
fn go_duration(ms: u64) -> String {
    match (ms / 60_000, ms % 60_000) {
        (0, ms) if ms < 1_000 => format!("{ms}ms"),
        (0, ms) => format!("{}s", ms as f64 / 1_000.0),
        (minutes, ms) => format!("{minutes}m{}s", ms as f64 / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unruffled_core::config::Gauge;
    use unruffled_core::headers::{self, Hints, Limits};

    /// 2026-01-01T00:00:00.25Z.
    const NOW: u64 = 1_767_225_600_250_000;

    /// The lines, one a row, of 7 of 10 a second left, and all there again in 1.5 s.
    fn text(options: &str) -> String {
        let script = serde_json::from_str(&format!(r#"{{"rate":10,{options}}}"#)).unwrap();
        let told = Told { now: NOW, limit: 10, window: SECOND, remaining: 7, reset_at: NOW + 1_500_000, roomy: 89_997 };
        lines(gauge(&script, &told))
    }

    fn refused(options: &str) -> String {
        lines(refusal(&serde_json::from_str(&format!(r#"{{"rate":10,{options}}}"#)).unwrap(), NOW, NOW + 2_500_000))
    }

    fn lines(lines: Lines) -> String {
        lines.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn each_family_has_its_names_and_its_reset() {
        let rows = [
            ("ratelimit", "RateLimit-Policy: \"default\";q=10;w=1 | RateLimit: \"default\";r=7;t=2"),
            ("ratelimit-bare", "RateLimit: \"default\";r=7;t=2"),
            ("draft-07", "RateLimit-Policy: 10;w=1 | RateLimit: limit=10, remaining=7, reset=2"),
            ("ratelimit-fields", "RateLimit-Limit: 10 | RateLimit-Remaining: 7 | RateLimit-Reset: 2"),
            ("x-ratelimit", "X-RateLimit-Limit: 10 | X-RateLimit-Remaining: 7 | X-RateLimit-Reset: 2"),
            ("x-rate-limit", "X-Rate-Limit-Limit: 10 | X-Rate-Limit-Remaining: 7 | X-Rate-Limit-Reset: 2"),
            (
                "github",
                "X-RateLimit-Limit: 10 | X-RateLimit-Remaining: 7 | X-RateLimit-Reset: 1767225602 | X-RateLimit-Resource: core",
            ),
            (
                "openai",
                "X-RateLimit-Limit-Requests: 10 | X-RateLimit-Remaining-Requests: 7 | X-RateLimit-Reset-Requests: 1.5s",
            ),
            (
                "anthropic",
                "Anthropic-RateLimit-Requests-Limit: 10 | Anthropic-RateLimit-Requests-Remaining: 7 | Anthropic-RateLimit-Requests-Reset: 2026-01-01T00:00:02Z",
            ),
            ("shopify", "X-Shopify-Shop-Api-Call-Limit: 3/10"),
            ("stripe", ""),
            ("none", ""),
        ];
        for (family, expected) in rows {
            assert_eq!(text(&format!(r#""headers":"{family}""#)), expected);
        }
    }

    #[test]
    fn the_core_reads_each_family() {
        let named = Gauge::Named {
            remaining: "x-ratelimit-remaining".into(),
            limit: Some("x-ratelimit-limit".into()),
            reset: Some("x-ratelimit-reset".into()),
            milliseconds: true,
        };
        let seconds = Some(1_750);
        let rows = [
            (Gauge::Auto, r#""headers":"ratelimit""#, Some(10), Some(2_000)),
            (Gauge::Auto, r#""headers":"ratelimit-bare""#, None, Some(2_000)),
            (Gauge::Auto, r#""headers":"draft-07""#, Some(10), Some(2_000)),
            (Gauge::RateLimitFields, r#""headers":"ratelimit-fields""#, Some(10), Some(2_000)),
            (Gauge::Auto, r#""headers":"x-ratelimit""#, Some(10), Some(2_000)),
            (Gauge::Auto, r#""headers":"x-ratelimit","resetAs":"epoch-ms""#, Some(10), Some(1_500)),
            (Gauge::XRateHyphen, r#""headers":"x-rate-limit","resetAs":"epoch""#, Some(10), seconds),
            (Gauge::GitHub, r#""headers":"github""#, Some(10), seconds),
            (Gauge::OpenAi, r#""headers":"openai""#, Some(10), Some(1_500)),
            (Gauge::Anthropic, r#""headers":"anthropic""#, Some(10), seconds),
            (Gauge::Shopify, r#""headers":"shopify""#, Some(10), None),
            (named, r#""headers":"x-ratelimit","resetAs":"delta-ms""#, Some(10), Some(1_500)),
        ];
        for (gauge, options, limit, reset) in rows {
            let text = text(options).replace(" | ", "\n").to_ascii_lowercase() + "\n";
            let reading =
                headers::read(&gauge, "requests", None, Limits::One, &Hints::new(text.as_bytes()), NOW / 1_000)
                    .unwrap();
            let found = (reading.remaining / 1_000_000, reading.limit.map(|limit| limit / 1_000_000), reading.reset);
            assert_eq!(found, (7, limit, reset), "{options}");
        }
        let stripe = refused(r#""headers":"stripe""#).replace(" | ", "\n").to_ascii_lowercase() + "\n";
        assert!(headers::pauses(&Gauge::Stripe, &Hints::new(stripe.as_bytes())));
    }

    #[test]
    fn reset_is_written_in_each_form_and_rounded_either_way() {
        let rows = [
            (r#""resetAs":"delta""#, "2"),
            (r#""resetAs":"delta","round":"down""#, "1"),
            (r#""resetAs":"delta-ms""#, "1500"),
            (r#""resetAs":"epoch""#, "1767225602"),
            (r#""resetAs":"epoch","round":"down""#, "1767225601"),
            (r#""resetAs":"epoch-ms""#, "1767225601750"),
        ];
        for (options, expected) in rows {
            let text = text(&format!(r#""headers":"x-ratelimit",{options}"#));
            assert_eq!(
                text,
                format!("X-RateLimit-Limit: 10 | X-RateLimit-Remaining: 7 | X-RateLimit-Reset: {expected}")
            );
        }
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let absent = r#""limit":"absent","reset":"absent""#;
        assert_eq!(text(&format!(r#""headers":"x-ratelimit",{absent}"#)), "X-RateLimit-Remaining: 7");
        assert_eq!(text(&format!(r#""headers":"draft-07",{absent}"#)), "RateLimit: remaining=7");
        assert_eq!(text(r#""headers":"ratelimit-bare","reset":"absent""#), "RateLimit: \"default\";r=7");
    }

    #[test]
    fn several_quotas_stand_in_one_field() {
        assert_eq!(
            text(r#""quota":"several""#),
            "RateLimit-Policy: \"default\";q=10;w=1, \"hour\";q=100000;w=3600 | RateLimit: \"default\";r=7;t=2, \"hour\";r=89997;t=3600"
        );
        assert_eq!(
            text(r#""headers":"ratelimit-bare","quota":"exhausted""#),
            "RateLimit: \"default\";r=7;t=2, \"hour\";r=0;t=3600"
        );
    }

    #[test]
    fn a_refusal_asks_for_the_time_that_the_script_says() {
        let rows = [
            (r#""retryAfter":true"#, "Retry-After: 3"),
            (r#""retryAfter":false"#, ""),
            (r#""retryAfter":"ms""#, "Retry-After: 3 | Retry-After-Ms: 2500"),
            (r#""retryAfter":"half""#, "Retry-After: 1"),
            (r#""retryAfter":"longer""#, "Retry-After: 7"),
            (r#""retryAfter":"date""#, "Retry-After: Thu, 01 Jan 2026 00:00:03 GMT"),
            (r#""headers":"stripe""#, "Retry-After: 3 | Stripe-Rate-Limited-Reason: global-rate"),
            (
                r#""headers":"stripe","kind":"concurrency""#,
                "Retry-After: 3 | Stripe-Rate-Limited-Reason: global-concurrency",
            ),
        ];
        for (options, expected) in rows {
            assert_eq!(refused(options), expected);
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        assert_eq!([20, 1_500, 360_000].map(go_duration), ["20ms", "1.5s", "6m0s"]);
    }
}
