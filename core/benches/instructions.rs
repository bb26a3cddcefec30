//! Rounds of each path for an instruction counter: `cargo xtask test` runs this under callgrind and holds what one round of
//! each path takes against `instructions.json`. On its own it counts nothing.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that may stop at the first surprise"
)]

mod paths;

use paths::{Client, PATHS, Path};

fn main() {
    for Path { client, round, .. } in PATHS {
        let mut client = client();
        warm(&mut client, round);
        measured(&mut client, round);
    }
}

/// Growing tables and the first slices of windows are no part of a round.
#[inline(never)]
fn warm(client: &mut Client, round: fn(&mut Client)) {
    for _ in 0..1_000 {
        round(client);
    }
}

/// What the counter's reader looks for: its calls of each round, and what these took.
#[inline(never)]
fn measured(client: &mut Client, round: fn(&mut Client)) {
    for _ in 0..3_000 {
        round(client);
    }
}
