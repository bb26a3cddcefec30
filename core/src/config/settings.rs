//! What a host needs of a policy, as JSON: hosts hold no defaults and no second parser.

use super::issues::joined;
use super::limits::insert;
use super::types::*;
use super::url::cut;
use super::write::Json;
use super::{VERSION, write_issues};
use alloc::string::String;
use alloc::vec::Vec;

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
    write_route(&mut json, "", &config.settings);
    for route in &config.routes {
        write_route(&mut json, &route.pattern, &route.settings);
    }
    json.end_array();
    for (key, names) in [("watchSuccess", watch_success), ("watchError", watch_error)] {
        json.key(key).array();
        for name in names {
            json.text(name);
        }
        json.end_array();
    }
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

fn write_route(json: &mut Json, pattern: &str, settings: &Settings) {
    let host = &settings.host;
    json.object().field_text("pattern", pattern);
    json.field_number("connect", host.connect).field_flag("connectWritten", host.connect_written);
    json.field_number("idle", host.idle).field_flag("idleWritten", host.idle_written);
    json.field_number("maxBody", host.max_body).field_number("bufferUpTo", host.buffer_up_to);
    for (key, pairs) in [("headers", &host.headers), ("query", &host.query)] {
        json.key(key).object();
        for (name, text) in pairs {
            json.field_text(name, text);
        }
        json.end_object();
    }
    let agent = joined("unruffled/", VERSION);
    json.key("userAgent").object().field_text("value", host.user_agent.as_deref().unwrap_or(&agent));
    json.field_flag("written", host.user_agent.is_some()).end_object();
    write_choice(json, "requestId", "X-Request-Id", &host.request_id);
    write_choice(json, "correlationId", "X-Correlation-Id", &host.correlation_id);
    json.key("version");
    match &host.version {
        None => json.null(),
        Some(version) => {
            json.object().field_text("pin", &version.pin);
            json.key("header").maybe_text(version.header.as_deref());
            json.key("query").maybe_text(version.query.as_deref()).end_object()
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
}

fn write_choice(json: &mut Json, key: &str, default: &str, choice: &HeaderChoice) {
    let (name, written) = match choice {
        HeaderChoice::Default => (default, false),
        HeaderChoice::Named(name) => (&**name, true),
        HeaderChoice::Off => {
            json.key(key).null();
            return;
        }
    };
    json.key(key).object().field_text("name", name).field_flag("written", written).end_object();
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
                r#""connect":3000,"connectWritten":false,"idle":10000,"idleWritten":false,"maxBody":8388608,"#,
                r#""bufferUpTo":262144,"headers":{},"query":{},"userAgent":{"value":"unruffled/0.1.0","written":false},"#,
                r#""requestId":{"name":"X-Request-Id","written":false},"#,
                r#""correlationId":{"name":"X-Correlation-Id","written":false},"version":null,"#,
                r#""idempotency":{"header":"Idempotency-Key","format":"uuid"},"bodyStatuses":[]}],"#,
                r#""watchSuccess":["ratelimit"],"watchError":[],"warnings":[]}"#
            )
        );
    }
}
