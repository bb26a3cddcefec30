//! The reference of the policy file as Markdown, from the table that the reader uses. Each key has an example, and a test
//! gives each example to the reader.

use super::issues::push_range;
use super::keys::{self, Form, Key, Place};
use alloc::string::String;

/// What a section is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Policy,
    Route,
    /// An object within the policy.
    Object,
}

/// An object of the policy: its heading, what it is for, its keys, and for each key a policy that has it.
struct Section {
    of: Of,
    heading: &'static str,
    about: &'static str,
    keys: &'static [Key],
    examples: &'static [(&'static str, &'static str)],
}

static SECTIONS: &[Section] = &[
    Section {
        of: Of::Policy,
        heading: "The policy",
        about: "The outermost object.",
        keys: keys::POLICY,
        examples: &[
            ("$schema", r#"{"$schema": "./policy.schema.json"}"#),
            ("baseUrl", r#"{"baseUrl": "https://api.example.com/v1"}"#),
            ("breaker", r#"{"breaker": {"minimumCalls": 10}}"#),
            ("bufferUpTo", r#"{"bufferUpTo": "1MiB"}"#),
            ("classify", r#"{"classify": [{"status": 404, "as": "retry"}]}"#),
            ("concurrency", r#"{"concurrency": 20}"#),
            ("correlationId", r#"{"correlationId": false}"#),
            ("headers", r#"{"headers": {"accept-language": "en"}}"#),
            ("idempotency", r#"{"idempotency": {"header": "Idempotency-Key"}}"#),
            ("limits", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m"}]}"#),
            ("maxBody", r#"{"maxBody": "32MiB"}"#),
            ("maxWaiting", r#"{"maxWaiting": 1000}"#),
            ("name", r#"{"name": "orders"}"#),
            ("note", r#"{"note": "see the provider's status page"}"#),
            ("preset", r#"{"preset": "interactive"}"#),
            ("query", r#"{"query": {"locale": "en"}}"#),
            ("requestId", r#"{"requestId": "X-Request-Id"}"#),
            ("retry", r#"{"retry": {"attempts": 3}}"#),
            ("routes", r#"{"routes": {"GET /orders/{id}": {"timeouts": {"total": "5s"}}}}"#),
            ("timeouts", r#"{"timeouts": {"attempt": "3s", "total": "20s"}}"#),
            ("unruffled", r#"{"unruffled": 1}"#),
            ("userAgent", r#"{"userAgent": "orders-service/2.1"}"#),
            ("version", r#"{"version": {"header": "api-version", "pin": "2026-01-01"}}"#),
        ],
    },
    Section {
        of: Of::Route,
        heading: "`routes`: a route",
        about: "The keys that only a route has. A route also takes each key of the policy that is marked \"also in routes\".",
        keys: keys::POLICY,
        examples: &[
            ("cost", r#"{"limits": [{"name": "search"}], "routes": {"POST /search": {"cost": {"search": 5}}}}"#),
            ("repeatable", r#"{"limits": [{"name": "search"}], "routes": {"POST /search": {"repeatable": true}}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`timeouts`",
        about: "Time limits.",
        keys: keys::TIMEOUTS,
        examples: &[
            ("attempt", r#"{"timeouts": {"attempt": "3s"}}"#),
            ("connect", r#"{"timeouts": {"connect": "1s"}}"#),
            ("idle", r#"{"timeouts": {"idle": "5s"}}"#),
            ("note", r#"{"timeouts": {"note": "slow in the morning"}}"#),
            ("total", r#"{"timeouts": {"total": "30s"}}"#),
            ("wait", r#"{"timeouts": {"wait": "500ms"}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`retry`",
        about: "Retries and backoff.",
        keys: keys::RETRY,
        examples: &[
            ("attempts", r#"{"retry": {"attempts": 3}}"#),
            ("base", r#"{"retry": {"base": "100ms"}}"#),
            ("budget", r#"{"retry": {"budget": {"capacity": 20}}}"#),
            ("cap", r#"{"retry": {"cap": "10s"}}"#),
            ("jitter", r#"{"retry": {"jitter": "full"}}"#),
            ("maxRetryAfter", r#"{"retry": {"maxRetryAfter": "1m"}}"#),
            ("note", r#"{"retry": {"note": "as agreed with the provider"}}"#),
            ("patience", r#"{"retry": {"patience": "10s"}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`retry.budget`",
        about: "The tokens that retries take.",
        keys: keys::BUDGET,
        examples: &[
            ("capacity", r#"{"retry": {"budget": {"capacity": 20}}}"#),
            ("note", r#"{"retry": {"budget": {"note": "more in batches"}}}"#),
            ("perCall", r#"{"retry": {"budget": {"perCall": 0.2}}}"#),
            ("perSecond", r#"{"retry": {"budget": {"perSecond": 0.1}}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`breaker`",
        about: "The circuit breaker; `false` switches it off.",
        keys: keys::BREAKER,
        examples: &[
            ("coolDown", r#"{"breaker": {"coolDown": "1s"}}"#),
            ("failureRate", r#"{"breaker": {"failureRate": 0.7}}"#),
            ("latestProbe", r#"{"breaker": {"latestProbe": "10s"}}"#),
            ("minimumCalls", r#"{"breaker": {"minimumCalls": 10}}"#),
            ("note", r#"{"breaker": {"note": "fails in rows"}}"#),
            ("probes", r#"{"breaker": {"probes": 2}}"#),
            ("run", r#"{"breaker": {"run": 10}}"#),
            ("scope", r#"{"breaker": {"scope": "route"}}"#),
            ("slowAfter", r#"{"breaker": {"slowAfter": "2s"}}"#),
            ("wait", r#"{"breaker": {"wait": 0}}"#),
            ("window", r#"{"breaker": {"window": "1m"}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`idempotency`",
        about: "Idempotency keys that are made for each call; `false` switches them off.",
        keys: keys::IDEMPOTENCY,
        examples: &[
            ("format", r#"{"idempotency": {"header": "Idempotency-Key", "format": "sf-string"}}"#),
            ("header", r#"{"idempotency": {"header": "Idempotency-Key"}}"#),
            ("methods", r#"{"idempotency": {"header": "Idempotency-Key", "methods": ["POST"]}}"#),
            ("note", r#"{"idempotency": {"header": "Idempotency-Key", "note": "kept for a day"}}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`classify[]`: a rule",
        about: "What an answer means where its status alone misleads. At most 64; the first that matches wins.",
        keys: keys::RULE,
        examples: &[
            ("as", r#"{"classify": [{"status": 400, "json": "/error", "as": "rate-limited"}]}"#),
            ("header", r#"{"classify": [{"status": 400, "as": "retry", "json": "/error", "header": "x-error-code"}]}"#),
            ("is", r#"{"classify": [{"status": 400, "as": "retry", "json": "/error", "is": ["busy"]}]}"#),
            ("json", r#"{"classify": [{"status": 400, "as": "retry", "json": "/error/code"}]}"#),
            (
                "note",
                r#"{"classify": [{"status": 400, "as": "retry", "json": "/error", "note": "documented under errors"}]}"#,
            ),
            ("status", r#"{"classify": [{"as": "retry", "json": "/error", "status": [200, 400]}]}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`limits[]`: a rate limit",
        about: "A bucket that calls draw from. At most 16.",
        keys: keys::LIMIT,
        examples: &[
            ("burst", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m", "burst": 10}]}"#),
            ("cost", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m", "cost": 2}]}"#),
            ("headers", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m", "headers": "github"}]}"#),
            ("headroom", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m", "headroom": 0.9}]}"#),
            ("name", r#"{"limits": [{"rate": 100, "per": "1m", "name": "api"}]}"#),
            ("note", r#"{"limits": [{"name": "api", "rate": 100, "per": "1m", "note": "of the free plan"}]}"#),
            ("per", r#"{"limits": [{"name": "api", "rate": 100, "per": "1h"}]}"#),
            ("rate", r#"{"limits": [{"name": "api", "per": "1m", "rate": 5000}]}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`limits[].headers`: names of its headers",
        about: "For headers of no known family.",
        keys: keys::NAMED,
        examples: &[
            ("limit", r#"{"limits": [{"name": "api", "headers": {"remaining": "x-left", "limit": "x-most"}}]}"#),
            ("note", r#"{"limits": [{"name": "api", "headers": {"remaining": "x-left", "note": "undocumented"}}]}"#),
            ("remaining", r#"{"limits": [{"name": "api", "headers": {"remaining": "x-left"}}]}"#),
            ("reset", r#"{"limits": [{"name": "api", "headers": {"remaining": "x-left", "reset": "x-whole-in"}}]}"#),
            ("unit", r#"{"limits": [{"name": "api", "headers": {"remaining": "x-left", "unit": "ms"}}]}"#),
        ],
    },
    Section {
        of: Of::Object,
        heading: "`version`",
        about: "The version of the API that is asked for.",
        keys: keys::VERSION,
        examples: &[
            ("header", r#"{"version": {"pin": "2026-01-01", "header": "api-version"}}"#),
            ("note", r#"{"version": {"header": "api-version", "pin": "2026-01-01", "note": "the last one before 3"}}"#),
            ("pin", r#"{"version": {"header": "api-version", "pin": "2026-01-01"}}"#),
            ("query", r#"{"version": {"query": "v", "pin": "2026-01-01"}}"#),
        ],
    },
];

/// The reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(HEAD);
    for section in SECTIONS {
        out.push_str("\n## ");
        out.push_str(section.heading);
        out.push_str("\n\n");
        out.push_str(section.about);
        out.push_str("\n\n| Key | Value | Default | Meaning | Example |\n|---|---|---|---|---|\n");
        for (name, example) in section.examples {
            if let Some(key) = section.keys.iter().find(|key| key.name == *name) {
                row(&mut out, key, section.of, example);
            }
        }
    }
    out
}

const HEAD: &str = "# Policy reference

Every key of a policy file. This page is generated from the table that the reader uses (`cargo xtask docs`), and each
example is given to the reader by a test. [The policy file](policy-file.md) explains how a file is found, read and merged.

Times are texts such as `\"200ms\"`, `\"3s\"`, `\"10m\"` and `\"2h\"`, or milliseconds. Sizes are texts such as `\"64KiB\"` and
`\"8MiB\"`, or bytes. `null` in a route takes a key back to the preset or the default. Keys of later versions are refused.
";

fn row(out: &mut String, key: &Key, of: Of, example: &str) {
    out.push_str("| `");
    out.push_str(key.name);
    out.push_str("` | ");
    value(out, key.form);
    if key.place == Place::Both && of == Of::Policy {
        out.push_str("; also in routes");
    }
    let (meaning, default) = match key.meaning.split_once(" Default: ") {
        Some((meaning, default)) => (meaning, default.trim_end_matches('.')),
        None => match key.meaning.strip_prefix("Default: ") {
            Some(default) => ("", default.trim_end_matches('.')),
            None => (key.meaning, ""),
        },
    };
    for cell in [default, meaning] {
        out.push_str(" | ");
        out.push_str(cell);
    }
    out.push_str(" | `");
    out.push_str(example);
    out.push_str("` |\n");
}

/// Appends what a value must look like.
fn value(out: &mut String, form: Form) {
    let text = match form {
        Form::Time(..) => "a time, ",
        Form::Size(..) => "a size, ",
        Form::Whole(..) => "an integer, ",
        Form::Ratio(..) => "a number, ",
        Form::Word(words) => return any_of(out, words),
        Form::Family => {
            any_of(out, keys::FAMILIES);
            return out.push_str(", or an object of header names");
        }
        Form::Methods => {
            out.push_str("a list of ");
            return any_of(out, keys::KEYED);
        }
        Form::Note | Form::Text => "a text",
        Form::Later => "of a later version",
        Form::Major => "`1`",
        Form::Bool => "`true` or `false`",
        Form::Id => "a name: `a-z`, `0-9`, then also `.`, `_`, `-`; at most 64 characters",
        Form::Line => "a text of printable ASCII",
        Form::Header => "a header's name",
        Form::HeaderOrFalse => "a header's name or `false`",
        Form::Pointer => "a JSON pointer",
        Form::Base => "an `http` or `https` URL, or `{\"env\": NAME}`",
        Form::Headers => "an object: names and texts",
        Form::Query => "an object: names and texts",
        Form::Statuses => "a status from 200 to 599, or a list",
        Form::Values => "a list of texts, integers and booleans",
        Form::Object(_) => "an object, see below",
        Form::ObjectOrFalse(_) => "an object, see below, or `false`",
        Form::Rules => "a list of rules, see below",
        Form::Limits => "a list of limits, see below",
        Form::Costs => "an object: names of limits and integers from 0 to 1000000",
        Form::Routes => "an object: patterns and routes, see below",
    };
    out.push_str(text);
    if matches!(form, Form::Time(..) | Form::Size(..) | Form::Whole(..) | Form::Ratio(..)) {
        push_range(out, &form);
    }
}

fn any_of(out: &mut String, words: &[&str]) {
    for (i, word) in words.iter().enumerate() {
        out.push_str(if i > 0 { ", `" } else { "`" });
        out.push_str(word);
        out.push('`');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Reading, read};
    use serde_json::Value;

    #[test]
    fn each_key_has_an_example_that_the_reader_takes() {
        for section in SECTIONS {
            for key in section.keys.iter().filter(|key| !matches!(key.form, Form::Later)) {
                let here = match section.of {
                    Of::Policy => key.place != Place::Route,
                    Of::Route => key.place == Place::Route,
                    Of::Object => true,
                };
                if !here {
                    continue;
                }
                let example = section.examples.iter().find(|(name, _)| *name == key.name);
                let (_, example) =
                    example.unwrap_or_else(|| panic!("{}: {} has no example", section.heading, key.name));
                let parsed: Value = serde_json::from_str(example).unwrap();
                assert!(std::format!("{parsed}").contains(&std::format!("\"{}\":", key.name)), "{example}");
                if let Err(issues) = read(example, Reading::Strict) {
                    panic!("{example}: {issues:?}");
                }
            }
        }
    }

    #[test]
    fn the_manual_has_this_reference() {
        let page = include_str!("../../manual/policy-reference.md");
        assert!(page == reference(), "core/manual/policy-reference.md is old: cargo xtask docs writes it");
    }
}
