//! The fate of each call in the real core, beside its fate in a plain retry loop that meets the same server.
//!
//! A `world` has `calls`, a policy, a `server` with its `effect`s, and what happens to the host. `play` runs it with a
//! `client`: `ours` is the real core, `plain` the loop. `judge` compares the two runs call by call.

pub mod answer;
pub mod arrivals;
pub mod call;
pub mod cases;
pub mod client;
pub mod effect;
pub mod how;
pub mod judge;
pub mod luck;
pub mod many;
pub mod meter;
pub mod ours;
pub mod plain;
pub mod play;
pub mod server;
pub mod why;
pub mod world;

use crate::worlds::number;

/// Runs a command of the fates.
///
/// # Errors
/// A word that it does not know, or a bar that is missed.
pub fn command(words: &[String]) -> Result<String, String> {
    let threads = number(words, "--threads", many::cores() as u64)? as usize;
    match words.split_first() {
        Some((word, rest)) if word == "cases" => cases_command(threads, rest),
        Some((word, rest)) if word == "show" => show(rest),
        _ => Err("todo".to_string()),
    }
}

fn cases_command(threads: usize, words: &[String]) -> Result<String, String> {
    let name = words.first().filter(|word| !word.starts_with('-'));
    let outcomes = cases::outcomes(threads, |case| name.is_none_or(|name| case.name.contains(name.as_str())))?;
    let text = cases::text(&outcomes, words.iter().any(|word| word == "-v"));
    if outcomes.iter().any(cases::Outcome::misses) { Err(text) } else { Ok(text) }
}

fn show(words: &[String]) -> Result<String, String> {
    let text = words.first().ok_or("show needs a world")?;
    let world = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(format!("{:?}\n", judge::judge(&world)?))
}
