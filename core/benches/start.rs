//! How long it takes until a client can begin its first call: a policy is read, checked and turned into an engine.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that may stop at the first surprise"
)]

mod figures;

use figures::{Subject, Turns, compare, note, quick};
use std::fmt::Write;
use std::hint::black_box;
use unruffled_core::Engine;
use unruffled_core::config::Reading;

const TABLE: &str = "Core: start";

fn main() {
    let rounds = if quick() { 3 } else { 101 };
    let long = long_policy();
    assert!(long.lines().count() >= 200, "{}", long.lines().count());
    let subjects = [("without a policy", "{}"), ("with a policy of 200 lines", long.as_str())].map(|(name, policy)| {
        let work = move |times| {
            for _ in 0..times {
                let engine = Engine::open(black_box(policy), Reading::Strict).expect("the policy is right");
                black_box(&engine);
            }
        };
        Subject { row: format!("unruffled-core, {name}"), column: "open".into(), work: Box::new(work) }
    });
    compare(TABLE, &Turns { rounds, times: 20, unit: "µs" }, Vec::from(subjects));
    note(
        TABLE,
        "Engine::open reads and checks the policy, builds the routes and all state, and frees it again; 20 at a time.",
    );
}

/// Every section that policies have, and routes with their own settings until there are 200 lines.
fn long_policy() -> String {
    let mut text = String::from(
        r#"{
  "name": "example",
  "baseUrl": "https://api.example.com/v1",
  "headers": {
    "X-Team": "a"
  },
  "timeouts": {
    "connect": "3s",
    "attempt": "10s",
    "total": "60s"
  },
  "retry": {
    "attempts": 4,
    "base": "200ms",
    "cap": "30s"
  },
  "breaker": {
    "scope": "both",
    "window": "30s",
    "minimumCalls": 20
  },
  "idempotency": {
    "header": "Idempotency-Key"
  },
  "classify": [
    { "status": 409, "as": "retry" },
    { "status": [404, 410], "as": "fail" }
  ],
  "limits": [
    { "name": "read", "rate": 100, "per": "1m", "headers": "x-ratelimit" },
    { "name": "write", "rate": 20, "per": "1m", "cost": 0 }
  ],
  "routes": {"#,
    );
    for i in 0..28 {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n    \"POST /things{i}/{{id}}/parts\": {{\n      \"repeatable\": true,\n      \"timeouts\": {{ \"attempt\": \"{}s\" }},\n      \
             \"retry\": {{ \"attempts\": 3 }},\n      \"cost\": {{ \"read\": 0, \"write\": 1 }}\n    }}",
            i % 9 + 1
        );
    }
    text.push_str("\n  }\n}\n");
    text
}
