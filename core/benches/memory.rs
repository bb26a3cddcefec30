//! What the core's state takes, as its allocator sees it: bytes a call in flight, a route, an origin, an engine.
#![allow(
    unsafe_code,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that may stop at the first surprise; an allocator is unsafe by its nature"
)]

mod figures;
mod paths;

use figures::{note, print, thousands};
use paths::{Client, POLICY};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use unruffled_core::Step;

const TABLE: &str = "Core: memory";

/// Bytes that are allocated at present.
static HELD: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is the system's allocator's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> f64 {
    HELD.load(Ordering::Relaxed) as f64
}

fn main() {
    for live in [1_000, 10_000, 100_000] {
        let mut client = Client::new(POLICY);
        let before = held();
        for _ in 0..live {
            assert!(matches!(client.begin(), Step::Send { .. }));
        }
        let row = format!("unruffled-core, a call of {} in flight", thousands(live));
        print(TABLE, &row, "bytes", (held() - before) / f64::from(live), "bytes");
    }
    let row = "unruffled-core, a route";
    let routes = |count: u32| {
        let before = held();
        let client = Client::new(&with_routes(count));
        (held() - before, client)
    };
    let (few, many) = (routes(96).0, routes(4_096).0);
    print(TABLE, row, "bytes", (many - few) / 4_000.0, "bytes");
    let mut client = Client::new("{}");
    let before = held();
    for i in 0..1_000 {
        client.engine.scope(&format!("https://a{i}.test"), "");
    }
    print(TABLE, "unruffled-core, an origin", "bytes", (held() - before) / 1_000.0, "bytes");
    for (name, policy) in [("an engine without a policy", "{}"), ("an engine with one limit and one route", POLICY)] {
        let before = held();
        let client = Client::new(policy);
        let inside = size_of_val(&client.engine) as f64;
        print(TABLE, &format!("unruffled-core, {name}"), "bytes", held() - before + inside, "bytes");
    }
    note(
        TABLE,
        "Bytes that the allocator was asked for and not given back, all tables and their spare room included; a route is the \
         mean of 4,000.",
    );
}

fn with_routes(count: u32) -> String {
    let mut text = String::from(r#"{"routes": {"#);
    for i in 0..count {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}"GET /r{i:04}/{{id}}":{{}}"#);
    }
    text.push_str("}}");
    text
}
