//! Limited servers as they are: every algorithm with every way to tell of it, drawn by a seed.
//!
//! A `case` has a `convention`, which names a value of each dimension, and the numbers of its limit. Its `server` counts
//! with `meter`s and speaks with a `voice`. `play` runs it with the real core, or with an oracle that knows the algorithm;
//! `ideal` says what the oracle reaches, `measure` compares, and the `floor` is held after every step.

pub mod bars;
pub mod buckets;
pub mod case;
pub mod convention;
pub mod fit;
pub mod floor;
pub mod fresh;
pub mod ideal;
pub mod measure;
pub mod meter;
pub mod ours;
pub mod play;
pub mod policy;
#[cfg(test)]
mod recount;
pub mod rows;
pub mod run;
pub mod server;
pub mod shared;
pub mod show;
pub mod table;
pub mod voice;
pub mod windows;

use crate::fates::many;
use crate::worlds::number;

/// Seeds of `limits` when none are given.
const SEEDS: u64 = 2_000;

/// Changes of rows that the table shows without `-v`.
const SHOWN: usize = 40;

/// Runs a command of the limits.
///
/// # Errors
/// A word that it does not know, or a bar that is missed.
pub fn command(words: &[String]) -> Result<String, String> {
    let threads = number(words, "--threads", many::cores() as u64)? as usize;
    match words.split_first() {
        Some((word, rest)) if word == "show" => show::show(&case(rest)?),
        Some((word, rest)) if word == "log" => show::log(&case(rest)?, lines(rest)?),
        Some((word, rest)) if word == "table" => {
            let entries = table::entries(threads)?;
            let shown = if rest.iter().any(|word| word == "-v") { usize::MAX } else { SHOWN };
            verdict(table::text(&entries, shown), &table::missed(&entries))
        }
        Some((word, _)) if word == "shared" => {
            let entries = shared::entries(threads)?;
            verdict(shared::text(&entries), &shared::missed(&entries))
        }
        Some((word, _)) if word == "quota" => {
            let entries = fresh::entries(threads)?;
            verdict(fresh::text(&entries), &fresh::missed(&entries))
        }
        Some((word, _)) if !word.starts_with("--") => Err(format!("limits {word}: no such command")),
        _ => {
            let of = words.iter().position(|word| word == "--of").and_then(|at| words.get(at + 1));
            let (from, seeds) = (number(words, "--from", 0)?, number(words, "--seeds", SEEDS)?);
            let summary = run::run(threads, from, seeds, of.map_or("", String::as_str));
            verdict(summary.text(), &summary.missed())
        }
    }
}

/// Adds the bars that are missed; with one it is an error.
fn verdict(text: String, missed: &[String]) -> Result<String, String> {
    let lines: String = missed.iter().map(|line| format!("missed: {line}\n")).collect();
    if missed.is_empty() { Ok(text + "\nall bars reached\n") } else { Err(format!("{text}\n{lines}")) }
}

/// Reads a case: a seed, or a row of the table with `row`.
fn case(words: &[String]) -> Result<case::Case, String> {
    let word = words.first().ok_or("a seed is missing, or a row as row:3 or row:3:7")?;
    match word.strip_prefix("row:") {
        Some(key) => table::find(key).ok_or_else(|| format!("{word}: no such row; the table numbers them")),
        None => word.parse().map(case::draw).map_err(|_| format!("{word}: neither a seed nor a row")),
    }
}

fn lines(words: &[String]) -> Result<usize, String> {
    words.get(1).map_or(Ok(usize::MAX), |word| word.parse().map_err(|_| format!("{word}: no number of lines")))
}
