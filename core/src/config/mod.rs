//! The policy file: read, checked whole, merged. Nothing outside this folder knows the file's form.

mod aliases;
mod issues;
pub mod json;
mod keys;
mod leaves;
mod limits;
mod merge;
mod read;
#[cfg(any(feature = "schema", test))]
mod reference;
pub mod route;
#[cfg(any(feature = "schema", test))]
mod schema;
mod settings;
mod text;
mod types;

pub use issues::Issue;
#[cfg(feature = "fuzzing")]
pub use json::debug::print;
#[cfg(any(feature = "schema", test))]
pub use reference::reference;
#[cfg(any(feature = "schema", test))]
pub use schema::json_schema;
pub use settings::settings_json;
pub use text::url;
pub use types::*;

use alloc::string::String;
use alloc::vec::Vec;
use issues::Path;
use json::write;

/// The library's version, as in `User-Agent`.
pub const VERSION: &str = "0.1.0";
/// The versions that know the same keys.
const SERIES: &str = "0.1";

/// How unknown keys and words are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// An unknown key is an error.
    Strict,
    /// Unknown keys, later keys and keys with unknown words are left out, one warning each.
    Lenient,
}

/// Reads and checks a policy file.
///
/// # Errors
/// At most 20 issues in file order.
pub fn read(text: &str, reading: Reading) -> Result<Config, Vec<Issue>> {
    let parsed = if text.len() > crate::defaults::MAX_POLICY { None } else { Some(json::parse(text)) };
    let mut reader = read::Reader::new(text, reading);
    let path = Path::ROOT.known("policy");
    let mut config = None;
    match &parsed {
        None => {
            let out = reader.issues.note(0, &path, None, "");
            write::digits(out, text.len() as u64);
            out.push_str(" bytes; at most 256 KiB");
        }
        Some(Err(broken)) => {
            let (line, column) = json::position(text, broken.at);
            let out = reader.issues.note(broken.at as u32, &path, None, broken.what);
            out.push_str(" at line ");
            write::digits(out, line.into());
            out.push_str(", column ");
            write::digits(out, column.into());
            out.push_str("; ");
            out.push_str(broken.wanted);
            out.push_str(if broken.what == json::NOT_JSON { " expected" } else { "" });
        }
        Some(Ok(root)) if matches!(root.node, json::Node::Object(_)) => config = Some(reader.policy(root)),
        Some(Ok(root)) => {
            reader.report(root.at, &path, "not an object; write {…}");
        }
    }
    match config {
        Some(mut config) if reader.issues.is_empty() => {
            config.warnings = reader.warnings.finish();
            Ok(config)
        }
        _ => Err(reader.issues.finish()),
    }
}

/// The issues as JSON, the same bytes in every language.
#[must_use]
pub fn issues_json(issues: &[Issue]) -> String {
    let mut json = write::Json::new();
    write_issues(&mut json, issues);
    json.finish()
}

fn write_issues(json: &mut write::Json, issues: &[Issue]) {
    json.array();
    for issue in issues {
        json.object().field_text("path", &issue.path).field_text("text", &issue.text);
        json.field_number("line", issue.line.into()).field_number("column", issue.column.into()).end_object();
    }
    json.end_array();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn texts(policy: &str) -> Vec<String> {
        read(policy, Reading::Strict)
            .map_or_else(|issues| issues.into_iter().map(|issue| issue.text).collect(), |_| vec![])
    }

    #[test]
    fn an_empty_policy_is_the_defaults() {
        for reading in [Reading::Strict, Reading::Lenient] {
            let mut config = read("{}", reading).unwrap();
            assert!(core::mem::take(&mut config.settings.host).starts_with('{'));
            assert_eq!(config, Config::default());
        }
    }

    #[test]
    fn every_error_line_of_the_reference_is_reported() {
        let cases = [
            (r#"{"retyr":{}}"#, r#"retyr: unknown key; did you mean "retry"?"#),
            (
                r#"{"retry":{"on":[503]}}"#,
                "retry.on: unknown key; attempts, base, budget, cap, jitter, maxRetryAfter or patience",
            ),
            (
                r#"{"limits":[{"name":"a"},{"name":"b","rate":1,"per":"1 hour"}]}"#,
                r#"limits[1].per: "1 hour" is not a duration; write "1h""#,
            ),
            (r#"{"timeouts":{"total":30}}"#, "timeouts.total: 30 is out of range; 50ms to 24h (numbers are ms)"),
            (r#"{"retry":{"attempts":"four"}}"#, r#"retry.attempts: "four" is not an integer; 1 to 20"#),
            (r#"{"breaker":{"failureRate":50}}"#, "breaker.failureRate: 50 is out of range; above 0, at most 1"),
            (r#"{"retry":{"jitter":"equal"}}"#, r#"retry.jitter: "equal" is not known; added, full or none"#),
            (
                r#"{"timeouts":{"attempt":"2m"}}"#,
                r#"timeouts.attempt: "2m" is longer than timeouts.total (60s); raise total"#,
            ),
            (r#"{"auth":{"kind":"oauth2"}}"#, "auth: not supported yet by unruffled 0.1; leave it out"),
            (
                r#"{"headers":{"Authorization":"Bearer x"}}"#,
                "headers.Authorization: no secret in a policy; use credentials, or give it to each call",
            ),
            (r#"{"baseUrl":"a.com"}"#, r#"baseUrl: "a.com" is not a URL; write "https://a.com""#),
            (r#"{"routes":{"GET orders":{}}}"#, r#"routes["GET orders"]: path without "/"; write "GET /orders""#),
            (
                r#"{"limits":[{"name":"core"},{"name":"search"}],"routes":{"/a/*":{"cost":{"serach":1}}}}"#,
                r#"routes["/a/*"].cost.serach: no such limit; did you mean "search"?"#,
            ),
            (r#"{"unruffled":2}"#, "unruffled: 2 is newer than this library; it reads 1"),
            ("{\n\"name\":\"a\",\n\n\"b\":1 ]", r#"policy: not JSON at line 4, column 7; "," or "}" expected"#),
        ];
        for (policy, text) in cases {
            assert_eq!(texts(policy), [text], "{policy}");
        }
    }

    #[test]
    fn a_policy_too_large_is_refused_unread() {
        let spaces = |bytes: usize| ["{}", &*" ".repeat(bytes - 2)].concat();
        assert!(read(&spaces(256 * 1024), Reading::Strict).is_ok());
        assert_eq!(texts(&spaces(256 * 1024 + 1)), ["policy: 262145 bytes; at most 256 KiB"]);
        assert_eq!(texts(&"[".repeat(10 << 20)), ["policy: 10485760 bytes; at most 256 KiB"]);
    }

    /// Policies that would be slow or large if some step were not bounded; each is read within the test's time.
    #[test]
    fn hostile_policies_end_soon() {
        let fill = |begin: &str, part: &dyn Fn(usize) -> String, end: &str| {
            let mut text = String::from(begin);
            let mut number = 0;
            while text.len() < 262_000 - 4_200 {
                text.push_str(&part(number));
                text.push(',');
                number += 1;
            }
            text.pop();
            text + end
        };
        let policies = [
            fill("{", &|n| std::format!("\"k{n}\":1"), "}"),
            fill("{", &|_| String::from("\"a\":1"), "}"),
            fill("{\"headers\":{", &|n| std::format!("\"X-{n}\":\"\""), "}}"),
            fill("{\"classify\":[{\"status\":[", &|_| String::from("429"), "],\"as\":\"fail\"}]}"),
            fill(
                "{\"classify\":[{\"status\":429,\"header\":\"a\",\"as\":\"fail\",\"is\":[",
                &|_| String::from("0"),
                "]}]}",
            ),
            fill("{\"routes\":{", &|n| std::format!("\"/{n}\":{{\"retyr\":1}}"), "}}"),
            fill("{\"routes\":{", &|_| std::format!("\"{}\":{{}}", "/a".repeat(2_000)), "}}"),
            fill("{\"limits\":[", &|n| std::format!("{{\"name\":\"{n}\"}}"), "]}"),
            fill("{\"note\":[", &|_| "9".repeat(4_000), "]}"),
            fill("{\"note\":[", &|_| std::format!("{}1{}", "[".repeat(28), "]".repeat(28)), "]}"),
        ];
        for policy in policies {
            for reading in [Reading::Strict, Reading::Lenient] {
                match read(&policy, reading) {
                    Ok(config) => assert!(config.warnings.len() <= 1_024),
                    Err(issues) => assert!((1..=20).contains(&issues.len())),
                }
            }
        }
    }

    #[test]
    fn issues_are_json_with_places() {
        let issues = read("{\n \"a\\\"\": 1}", Reading::Strict).unwrap_err();
        let json: serde_json::Value = serde_json::from_str(&issues_json(&issues)).unwrap();
        assert_eq!(json[0]["path"], r#"["a\""]"#);
        assert_eq!((&json[0]["line"], &json[0]["column"]), (&2.into(), &2.into()));
        assert_eq!(issues_json(&[]), "[]");
    }

    #[test]
    fn the_series_is_the_versions_begin_and_the_packages() {
        assert_eq!(VERSION, env!("CARGO_PKG_VERSION"));
        assert!(VERSION.starts_with(SERIES) && VERSION[SERIES.len()..].starts_with('.'));
    }
}
