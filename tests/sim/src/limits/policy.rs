//! The policy file of a client that knows as much as its case says.

use super::case::Case;
use super::convention::{Cost, Family, Policy};
use std::fmt::Write;

/// Writes the policy of a case.
#[must_use]
pub fn policy(case: &Case) -> String {
    let headers = match case.convention.family {
        Family::Structured | Family::Bare | Family::Draft07 | Family::X | Family::Nothing => "",
        Family::Fields => "\"ratelimit-fields\"",
        Family::XHyphen => "\"x-rate-limit\"",
        Family::GitHub => "\"github\"",
        Family::OpenAi => "\"openai\"",
        Family::Anthropic => "\"anthropic\"",
        Family::Shopify => "\"shopify\"",
        Family::Stripe => "\"stripe\"",
        Family::Own => r#"{"remaining":"x-left","limit":"x-most","reset":"x-again","unit":"ms"}"#,
    };
    // A call must not cost more than the burst, which is a fifth of the rate.
    let cost = if case.convention.cost == Cost::Three { 3 } else { 1 };
    let documented = case.convention.policy == Policy::Documented && (cost == 1 || case.limit >= 5 * cost);
    if headers.is_empty() && !documented {
        return "{}".to_string();
    }
    let mut text = r#"{"limits":[{"name":"api""#.to_string();
    if documented {
        let _ = write!(text, r#","rate":{},"per":"{}s""#, case.limit, case.window / 1_000);
        if cost > 1 {
            let _ = write!(text, r#","cost":{cost}"#);
        }
    }
    if !headers.is_empty() {
        let _ = write!(text, r#","headers":{headers}"#);
    }
    text + "}]}"
}
