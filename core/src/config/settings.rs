//! What a host needs of a policy, as JSON: hosts hold no defaults and no second parser.

use super::issues::joined;
use super::json::write::Json;
use super::keys::Slot;
use super::leaves::Leaves;
use super::limits::insert;
use super::text::names::Sent;
use super::types::*;
use super::url::cut;
use super::write_issues;
use alloc::string::String;
use alloc::vec::Vec;

/// Headers (lower case) by which a caller above shows that it retries, and the least number that proves it. The number
/// is the first run of digits in the value. Retry counts begin at 0, which proves nothing: the caller's retries may be
/// off. The AWS header counts attempts from 1: `attempt=2; max=3`.
const RETRY_COUNTS: &[(&str, u64)] = &[
    ("x-stainless-retry-count", 1),
    ("x-retry-count", 1),
    ("x-retry-attempt", 1),
    ("retry-attempt", 1),
    ("amz-sdk-request", 2),
];

/// Headers (lower case) that carry a secret: a redirect must not take them to another origin.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "private-token",
    "x-goog-api-key",
    "x-amz-security-token",
    "x-shopify-access-token",
];

/// The media type whose bodies are always streamed. Hosts compare the start of Content-Type, without case.
const STREAM_TYPE: &str = "text/event-stream";

/// The resolved settings as JSON, the same bytes in every language. `watch_success` and `watch_error` are the header
/// names (lower case) that the host looks for on success and at status ≥ 400.
#[must_use]
pub fn settings_json(config: &Config, watch_success: &[String], watch_error: &[String]) -> String {
    let mut json = Json::new();
    json.object().key("name").text(name(config)).key("baseUrl");
    match &config.base {
        Base::None => json.null(),
        Base::Url { origin, path } => json.text(&joined(origin, path)),
        Base::Env(name) => json.object().field_text("env", name).end_object(),
    };
    json.field_number("concurrency", config.concurrency.into()).key("routes").array();
    json.raw(&config.settings.host);
    for route in &config.routes {
        json.raw(&route.settings.host);
    }
    json.end_array();
    write_names(&mut json, "watchSuccess", watch_success);
    write_names(&mut json, "watchError", watch_error);
    json.key("retryCounts").object();
    for &(header, least) in RETRY_COUNTS {
        json.field_number(header, least);
    }
    json.end_object();
    write_names(&mut json, "secretHeaders", SECRET_HEADERS);
    json.field_text("streamType", STREAM_TYPE);
    json.key("warnings");
    write_issues(&mut json, &config.warnings);
    json.end_object();
    json.finish()
}

/// The policy's name, else the base URL's host.
fn name(config: &Config) -> &str {
    match &config.base {
        Base::Url { origin, .. } if config.name.is_empty() => {
            let host = cut(origin, b"/").1.get(2..).unwrap_or_default();
            // Colons inside an IPv6 address are no port.
            let address = cut(host, b"]").1;
            let port = if address.is_empty() { cut(host, b":").1.len() } else { address.len().saturating_sub(1) };
            host.get(..host.len().saturating_sub(port)).unwrap_or_default()
        }
        _ => &config.name,
    }
}

/// The host's part of one layer: its pattern, what was read, and the headers and query that are sent always.
pub(super) fn host_json(pattern: &str, leaves: &Leaves, headers: &Sent, query: &Sent, settings: &Settings) -> String {
    let mut json = Json::new();
    json.object().field_text("pattern", pattern);
    for &(key, slot, written) in &[
        ("connect", Slot::Connect, "connectWritten"),
        ("attempt", Slot::Attempt, "attemptWritten"),
        ("idle", Slot::Idle, "idleWritten"),
        ("total", Slot::Total, "totalWritten"),
        ("maxBody", Slot::MaxBody, ""),
        ("bufferUpTo", Slot::BufferUpTo, ""),
    ] {
        json.field_number(key, leaves.number(slot));
        if !written.is_empty() {
            json.field_flag(written, leaves.written(slot));
        }
    }
    write_sent(&mut json, "headers", headers);
    write_sent(&mut json, "query", query);
    for &(key, slot, of, default) in &[
        ("userAgent", Slot::UserAgent, "value", concat!("unruffled/", env!("CARGO_PKG_VERSION"))),
        ("requestId", Slot::RequestId, "name", "X-Request-Id"),
        ("correlationId", Slot::CorrelationId, "name", "X-Correlation-Id"),
    ] {
        json.key(key);
        if leaves.number(slot) == 0 {
            json.null();
            continue;
        }
        json.object().field_text(of, leaves.text(slot).unwrap_or(default));
        json.field_flag("written", leaves.written(slot)).end_object();
    }
    json.key("version");
    match leaves.text(Slot::Pin) {
        None => json.null(),
        Some(pin) => {
            json.object().field_text("pin", pin);
            json.key("header").maybe_text(leaves.text(Slot::PinHeader));
            json.key("query").maybe_text(leaves.text(Slot::PinQuery)).end_object()
        }
    };
    // A caller may ask for a key where the policy names no header.
    let keys = settings.idempotency.as_ref();
    json.key("idempotency").object().field_text("header", keys.map_or("Idempotency-Key", |keys| &keys.header));
    let format = if keys.is_some_and(|keys| keys.sf_string) { "sf-string" } else { "uuid" };
    json.field_text("format", format).end_object().key("bodyStatuses").array();
    let mut statuses = Vec::new();
    for rule in &settings.classify {
        for status in rule.status.iter().filter(|_| rule.json.is_some()) {
            insert(&mut statuses, *status);
        }
    }
    for status in statuses {
        json.number(status.into());
    }
    json.end_array().end_object();
    json.finish()
}

#[inline(never)]
fn write_sent(json: &mut Json, key: &str, pairs: &Sent) {
    json.key(key).object();
    for (name, text) in pairs {
        json.field_text(name, text);
    }
    json.end_object();
}

#[inline(never)]
fn write_names<T: AsRef<str>>(json: &mut Json, key: &str, names: &[T]) {
    json.key(key).array();
    for name in names {
        json.text(name.as_ref());
    }
    json.end_array();
}

#[cfg(test)]
mod tests {
    use crate::config::{Reading, read};
    use std::string::String;

    #[test]
    fn the_bytes_of_the_default_settings() {
        let config = read(r#"{"baseUrl":"http://[::1]:8080/v1"}"#, Reading::Strict).unwrap();
        let success = [String::from("ratelimit")];
        let json = super::settings_json(&config, &success, &[]);
        assert_eq!(
            json,
            concat!(
                r#"{"name":"[::1]","baseUrl":"http://[::1]:8080/v1","concurrency":100,"routes":[{"pattern":"","#,
                r#""connect":3000,"connectWritten":false,"attempt":10000,"attemptWritten":false,"idle":10000,"#,
                r#""idleWritten":false,"total":60000,"totalWritten":false,"maxBody":8388608,"#,
                r#""bufferUpTo":262144,"headers":{},"query":{},"userAgent":{"value":"unruffled/0.1.0","written":false},"#,
                r#""requestId":{"name":"X-Request-Id","written":false},"#,
                r#""correlationId":{"name":"X-Correlation-Id","written":false},"version":null,"#,
                r#""idempotency":{"header":"Idempotency-Key","format":"uuid"},"bodyStatuses":[]}],"#,
                r#""watchSuccess":["ratelimit"],"watchError":[],"#,
                r#""retryCounts":{"x-stainless-retry-count":1,"x-retry-count":1,"x-retry-attempt":1,"retry-attempt":1,"#,
                r#""amz-sdk-request":2},"secretHeaders":["authorization","cookie","proxy-authorization","x-api-key","#,
                r#""api-key","x-auth-token","private-token","x-goog-api-key","x-amz-security-token","#,
                r#""x-shopify-access-token"],"streamType":"text/event-stream","warnings":[]}"#
            )
        );
    }
}
