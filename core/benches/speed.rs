//! What a call takes in the core: each of its paths, and how the time of the common one grows with calls in flight, routes
//! and buckets.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a program that may stop at the first surprise"
)]

mod figures;
mod paths;

use figures::{Subject, Turns, compare, note, quick};
use paths::{Client, PATHS, POLICY, WHAT};
use std::fmt::Write;
use std::hint::black_box;
use unruffled_core::Step;

const PATH_TABLE: &str = "Core: one call, by its path";
const FLIGHT_TABLE: &str = "Core: begin + respond with so many calls in flight";
const SIZE_TABLE: &str = "Core: begin + respond with the size of the policy and of the API";

fn main() {
    let turns = Turns { rounds: if quick() { 3 } else { 301 }, times: 1_000, unit: "ns" };
    one_call(&turns);
    in_flight(&turns);
    sizes(&turns);
}

fn one_call(turns: &Turns) {
    let subject = |path: &paths::Path| {
        let mut client = (path.client)();
        let round = path.round;
        let work = move |times| (0..times).for_each(|_| round(&mut client));
        Subject { row: format!("unruffled-core, {}", path.name), column: "a call".into(), work: Box::new(work) }
    };
    compare(PATH_TABLE, turns, PATHS.iter().map(subject).collect());
    note(
        PATH_TABLE,
        "All inputs of one call with breaker, budget and a rate limit on: begin and respond; with a retry also resume and \
         the letting go of the record, and a second call that succeeds. Batches of 1,000 in turn.",
    );
}

/// Which of the calls in flight ends next.
#[derive(Clone, Copy)]
enum Ends {
    Newest,
    Oldest,
    Any,
}

fn in_flight(turns: &Turns) {
    let mut subjects = Vec::new();
    for (ends, name) in [(Ends::Newest, "the newest ends"), (Ends::Oldest, "the oldest ends"), (Ends::Any, "any ends")]
    {
        for live in [1, 100, 10_000, 100_000] {
            subjects.push(Subject {
                row: format!("unruffled-core, {name}"),
                column: format!("{} in flight", figures::thousands(live)),
                work: flight(live, ends),
            });
        }
    }
    compare(FLIGHT_TABLE, turns, subjects);
    note(
        FLIGHT_TABLE,
        "A call begins and one of those in flight ends; batches of 1,000 of all cells in turn, the first of two batches \
         untimed, because the caches are full of the others' data.",
    );
}

fn flight(live: u32, ends: Ends) -> Box<dyn FnMut(u32)> {
    let mut client = Client::new(POLICY);
    let mut calls: Vec<u32> = Vec::new();
    for _ in 1..live {
        assert!(matches!(client.begin(), Step::Send { .. }));
        calls.push(client.call);
    }
    let mut at = 0_usize;
    let mut dice = 1_u64;
    Box::new(move |times| {
        for round in 0..times {
            client.begin();
            let newest = client.call;
            let ended = if calls.is_empty() {
                newest
            } else {
                let place = match ends {
                    Ends::Newest => usize::MAX,
                    Ends::Oldest => at % calls.len(),
                    Ends::Any => {
                        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (dice >> 33) as usize % calls.len()
                    }
                };
                at = at.wrapping_add(1);
                calls.get_mut(place).map_or(newest, |place| std::mem::replace(place, newest))
            };
            black_box(client.engine.respond(ended, client.now, 200));
            if round % 10 == 0 {
                client.now += 1;
            }
        }
    })
}

/// The routes, origins or buckets that calls go through in turn.
fn sizes(turns: &Turns) {
    let mut subjects = Vec::new();
    for routes in [1, 4_096] {
        subjects.push(Subject {
            row: "unruffled-core, routes with a breaker each, in turn".into(),
            column: figures::thousands(routes),
            work: through(routed(routes), routes, Turn::Route),
        });
    }
    for origins in [1, 1_000] {
        let mut client = Client::new(MANY_BUCKETS);
        let scopes: Vec<u32> = (0..origins).map(|i| client.engine.scope(&format!("https://a{i}.test"), "")).collect();
        assert_eq!(scopes.last(), Some(&origins));
        subjects.push(Subject {
            row: "unruffled-core, origins with 10 buckets each, in turn".into(),
            column: figures::thousands(origins),
            work: through(client, origins, Turn::Scope),
        });
    }
    compare(SIZE_TABLE, turns, subjects);
    note(
        SIZE_TABLE,
        "Each call takes the next route or origin. 1,000 origins of 10 limits are 10,000 buckets, of which a call draws from \
         one.",
    );
}

const MANY_BUCKETS: &str = r#"{"limits": [{"name": "a", "rate": 1000000000, "per": "1s"},
    {"name": "b", "rate": 100, "per": "1s", "cost": 0}, {"name": "c", "rate": 100, "per": "1s", "cost": 0},
    {"name": "d", "rate": 100, "per": "1s", "cost": 0}, {"name": "e", "rate": 100, "per": "1s", "cost": 0},
    {"name": "f", "rate": 100, "per": "1s", "cost": 0}, {"name": "g", "rate": 100, "per": "1s", "cost": 0},
    {"name": "h", "rate": 100, "per": "1s", "cost": 0}, {"name": "i", "rate": 100, "per": "1s", "cost": 0},
    {"name": "j", "rate": 100, "per": "1s", "cost": 0}]}"#;

fn routed(routes: u32) -> Client {
    let mut text = String::from(r#"{"breaker": {"scope": "route"}, "routes": {"#);
    for i in 0..routes {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}"GET /r{i}/{{id}}":{{}}"#);
    }
    text.push_str("}}");
    Client::new(&text)
}

#[derive(Clone, Copy)]
enum Turn {
    Route,
    Scope,
}

fn through(mut client: Client, count: u32, turn: Turn) -> Box<dyn FnMut(u32)> {
    let mut next = 0;
    Box::new(move |times| {
        for round in 0..times {
            next = next % count + 1;
            let (route, scope) = match turn {
                Turn::Route => (next, 0),
                Turn::Scope => (0, next),
            };
            client.call += 1;
            black_box(client.engine.begin(client.call, client.now, route, scope, WHAT, 0));
            black_box(client.engine.respond(client.call, client.now, 200));
            if round % 10 == 0 {
                client.now += 1;
            }
        }
    })
}
