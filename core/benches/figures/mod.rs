//! Rounds in turn, their median and spread, and the line in which a figure is printed.
#![allow(dead_code, reason = "each program uses the part it needs")]

use std::time::Instant;

/// Whether this is only a trial of the program.
pub fn quick() -> bool {
    std::env::args().any(|word| word == "--quick")
}

/// One figure, as `cargo xtask bench` reads it.
pub fn print(table: &str, row: &str, column: &str, value: f64, spread: Option<f64>, unit: &str) {
    let spread = spread.map_or(String::new(), |spread| format!(",\"spread\":{spread:.2}"));
    println!(
        "{{\"table\":\"{table}\",\"row\":\"{row}\",\"column\":\"{column}\",\"value\":{value:.2}{spread},\"unit\":\"{unit}\"}}"
    );
}

/// The sentence below a table.
pub fn note(table: &str, text: &str) {
    println!("{{\"table\":\"{table}\",\"note\":\"{text}\"}}");
}

/// What is measured in turn with others.
pub struct Subject<'a> {
    pub row: String,
    pub column: String,
    /// Does it so many times.
    pub work: Box<dyn FnMut(u32) + 'a>,
}

/// How the subjects of one table take turns.
pub struct Turns {
    pub rounds: u32,
    /// How often a subject does its work in one round. Small, so that few rounds are interrupted.
    pub times: u32,
    /// `ns` or `µs` for one time.
    pub unit: &'static str,
}

/// Runs all subjects in turn, round after round, and prints the median of each.
pub fn compare(table: &str, turns: &Turns, mut subjects: Vec<Subject<'_>>) {
    let nanoseconds = if turns.unit == "ns" { 1.0 } else { 1_000.0 };
    let mut seen: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
    for _ in 0..turns.rounds {
        for (subject, seen) in subjects.iter_mut().zip(&mut seen) {
            // The caches are full of the others' data.
            (subject.work)(turns.times);
            let started = Instant::now();
            (subject.work)(turns.times);
            seen.push(started.elapsed().as_nanos() as f64 / f64::from(turns.times) / nanoseconds);
        }
    }
    for (subject, mut seen) in subjects.into_iter().zip(seen) {
        seen.sort_by(f64::total_cmp);
        let at = |share: f64| seen.get((share * (seen.len().saturating_sub(1)) as f64).round() as usize).copied();
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| at(share).unwrap_or(f64::NAN));
        print(table, &subject.row, &subject.column, median, Some((high - low) / 2.0), turns.unit);
    }
}

/// `100,000`.
pub fn thousands(number: u32) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}
