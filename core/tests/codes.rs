//! The numbers that cross the boundary stand in `tests/codes.json`, for every host to be checked against; here the core
//! is.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use serde_json::{Value, json};
use unruffled_core::config::Reading;
use unruffled_core::{Cause, Engine, Fault, Flags, Kind, Misuse, Outcome, REDIRECTED, Reason, Step};

fn table() -> Value {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/codes.json");
    serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap()
}

fn rows(all: impl Iterator<Item = (&'static str, u64)>) -> Value {
    all.map(|(text, code)| (text.to_string(), json!(code))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn words_and_numbers_are_those_of_the_table() {
    let table = table();
    assert_eq!(table["faults"], rows(Fault::ALL.iter().map(|f| (f.text(), *f as u64))));
    assert_eq!(table["causes"], rows(Cause::ALL.iter().map(|c| (c.text(), *c as u64))));
    assert_eq!(table["redirected"], json!(REDIRECTED));
    assert_eq!(table["reasons"], rows(Reason::ALL.iter().map(|r| (r.text(), *r as u64))));
    assert_eq!(table["outcomes"], rows(Outcome::ALL.iter().map(|o| (o.text(), *o as u64))));
    assert_eq!(table["misuses"], rows(Misuse::ALL.iter().map(|m| (m.text(), *m as u64))));
    assert_eq!(table["events"], rows(Kind::ALL.iter().map(|k| (k.text(), 1 << *k as u64))));
    let flags = [
        ("WAKES", Flags::WAKES),
        ("EVENTS", Flags::EVENTS),
        ("KEY", Flags::KEY),
        ("TOKEN", Flags::TOKEN),
        ("REPORT", Flags::REPORT),
        ("FRESH", Flags::FRESH),
        ("APPLIED", Flags::APPLIED),
        ("RESPONSE", Flags::RESPONSE),
    ];
    assert_eq!(table["flags"], rows(flags.into_iter().map(|(name, flag)| (name, u64::from(flag.0)))));
    let needs = [("EXPIRED", Flags::EXPIRED), ("REFUSED", Flags::REFUSED)];
    assert_eq!(table["renewal"], rows([("RENEW", u64::from(Flags::RENEW.0))].into_iter()));
    assert_eq!(table["needs"], rows(needs.into_iter().map(|(name, flag)| (name, u64::from(flag.0)))));
    let steps = [
        ("Send", Step::Send { timeout: 1 }),
        ("Wait", Step::Wait { delay: 1 }),
        ("Park", Step::Park { at_most: 1 }),
        ("Refresh", Step::Refresh { generation: 1 }),
        ("Deliver", Step::Deliver { outcome: Outcome::NotSent }),
        ("Fail", Step::Fail { retry_after: 0, outcome: Outcome::NotSent, reason: Reason::Status }),
        ("Misuse", Step::Misuse(Misuse::Live)),
        ("Done", Step::Done { arg: 0 }),
    ];
    let kinds = steps.into_iter().map(|(name, step)| (name, unruffled_core::Answer::from(step).word() & 15));
    assert_eq!(table["steps"], rows(kinds));
}

#[test]
fn method_numbers_decide_what_is_idempotent() {
    let table = table();
    for (name, code) in table["methods"].as_object().unwrap() {
        let mut engine = Engine::open("{}", Reading::Strict).unwrap();
        engine.begin(1, 0, 0, 0, code.as_u64().unwrap() as u32 | 1 << 4, 0);
        let retried = matches!(engine.respond(1, 10, 503).step(), Step::Wait { .. });
        let idempotent = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"].contains(&name.as_str());
        assert_eq!(retried, idempotent, "{name}");
    }
}
