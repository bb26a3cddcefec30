//! How well the policy decides: modelled servers, other people's policies beside ours, the table that compares, and
//! the sweep of the constants.
//!
//! A `case` is a load and a `server`; `play` runs clients with a `policy` against it on a virtual clock and logs what
//! happened; `measure` makes figures of the log.

pub mod bars;
pub mod budgets;
pub mod cases;
pub mod chance;
pub mod gates;
pub mod measure;
pub mod others;
pub mod ours;
pub mod play;
pub mod policy;
pub mod pool;

pub mod quota;
pub mod server;
pub mod sweep;
pub mod table;

/// The value of `--NAME VALUE`.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let place = words.iter().position(|word| word == name)?;
    words.get(place + 1).map(String::as_str)
}

fn seeds(words: &[String], usual: u64) -> Result<u64, String> {
    option(words, "--seeds").map_or(Ok(usual), |text| text.parse().map_err(|_| format!("{text}: no number of seeds")))
}

/// What each policy makes of each server, as Markdown.
///
/// # Errors
/// An argument that it does not know.
pub fn table(words: &[String]) -> Result<String, String> {
    Ok(table::table(seeds(words, 5)?, option(words, "--only")))
}

/// The figures that the policy must reach, with their bars.
///
/// # Errors
/// An argument that it does not know.
pub fn bars(words: &[String]) -> Result<String, String> {
    Ok(bars::text(&bars::bars(seeds(words, 9)?)))
}

/// The figures over values of the constants.
///
/// # Errors
/// An argument that it does not know.
pub fn sweep(words: &[String]) -> Result<String, String> {
    let seeds = seeds(words, 5)?;
    let flag = words.iter().position(|word| word == "--seeds");
    let names: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(place, _)| flag.is_none_or(|flag| *place != flag && *place != flag + 1))
        .map(|(_, word)| word.as_str())
        .collect();
    Ok(sweep::sweep(seeds, &names))
}
