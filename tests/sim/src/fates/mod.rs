//! The fate of each call in the real core, beside its fate in a plain retry loop that meets the same server.
//!
//! A `world` has `calls`, a policy, a `server` with its `effect`s, and what happens to the host. `play` runs it with a
//! `client`: `ours` is the real core, `plain` the loop. `judge` compares the two runs call by call.

pub mod answer;
pub mod arrivals;
pub mod call;
pub mod cases;
pub mod client;
pub mod draw;
pub mod effect;
pub mod endpoints;
pub mod grid;
pub mod how;
pub mod judge;
pub mod log;
pub mod luck;
pub mod many;
pub mod meter;
pub mod ours;
pub mod plain;
pub mod play;
pub mod run;
pub mod server;
pub mod shrink;
pub mod troubles;
pub mod why;
pub mod world;

use crate::worlds::number;

/// Seeds of `fates` when none are given.
const SEEDS: u64 = 20_000;

/// Runs a command of the fates.
///
/// # Errors
/// A word that it does not know, or a bar that is missed.
pub fn command(words: &[String]) -> Result<String, String> {
    let threads = number(words, "--threads", many::cores() as u64)? as usize;
    match words.split_first() {
        Some((word, rest)) if word == "cases" => cases_command(threads, rest),
        Some((word, _)) if word == "grid" => grid_command(threads),
        Some((word, _)) if word == "endpoints" => endpoints_command(threads),
        Some((word, rest)) if word == "shrink" => shrink_command(&world(rest)?),
        Some((word, rest)) if word == "log" => log::log(&world(rest)?),
        Some((word, rest)) if word == "show" => Ok(log::verdict(&world(rest)?)? + "\n"),
        Some((word, _)) if !word.starts_with("--") => Err(format!("fates {word}: no such command")),
        _ => run_command(threads, words),
    }
}

fn run_command(threads: usize, words: &[String]) -> Result<String, String> {
    let summary = run::run(threads, number(words, "--from", 0)?, number(words, "--seeds", SEEDS)?);
    if summary.broken.is_empty() { Ok(summary.text()) } else { Err(summary.text()) }
}

fn cases_command(threads: usize, words: &[String]) -> Result<String, String> {
    let name = words.first().filter(|word| !word.starts_with('-'));
    let outcomes = cases::outcomes(threads, |case| name.is_none_or(|name| case.name.contains(name.as_str())))?;
    let text = cases::text(&outcomes, words.iter().any(|word| word == "-v"));
    if outcomes.iter().any(cases::Outcome::misses) { Err(text) } else { Ok(text) }
}

fn grid_command(threads: usize) -> Result<String, String> {
    let all = grid::grid(threads)?;
    let text = grid::text(&all);
    if all.iter().all(|came| came.missed().is_empty()) { Ok(text) } else { Err(text) }
}

fn endpoints_command(threads: usize) -> Result<String, String> {
    let all = endpoints::endpoints(threads)?;
    let text = endpoints::text(&all);
    if all.iter().all(|came| came.missed().is_empty()) { Ok(text) } else { Err(text) }
}

/// Shrinks a world once for each of its flags.
fn shrink_command(world: &world::World) -> Result<String, String> {
    let flags = judge::judge(world)?.flags;
    let mut text = log::verdict(world)? + "\n";
    for flag in flags {
        let small = shrink::shrink(world, flag)?;
        let (letter, about, verdict) = (flag.letter(), flag.about(), log::verdict(&small)?);
        text += &format!("\n{letter}: {about}\n{}\n{verdict}\n", small.text());
    }
    Ok(text)
}

/// Reads a world: the number of its seed, or the world itself as JSON.
fn world(words: &[String]) -> Result<world::World, String> {
    let word = words.first().ok_or("a seed or a world in JSON is missing")?;
    match word.parse() {
        Ok(seed) => Ok(draw::draw(seed)),
        Err(_) => serde_json::from_str(word).map_err(|error| format!("the world: {error}")),
    }
}
