//! Rounds in turn, and the lines that `cargo xtask bench` reads.
#![allow(dead_code, reason = "each program uses the part it needs")]

use std::time::Instant;

/// Whether this is only a trial of the program.
pub fn quick() -> bool {
    std::env::args().any(|word| word == "--quick")
}

/// Prints what was measured once.
pub fn print(table: &str, row: &str, column: &str, value: f64, unit: &str) {
    print_line(table, row, column, unit, &format!("\"value\":{value:.2}"));
}

/// Prints what was measured in each round.
fn print_rounds(table: &str, row: &str, column: &str, rounds: &[f64], unit: &str) {
    let rounds: Vec<String> = rounds.iter().map(|value| format!("{value:.2}")).collect();
    print_line(table, row, column, unit, &format!("\"rounds\":[{}]", rounds.join(",")));
}

fn print_line(table: &str, row: &str, column: &str, unit: &str, measured: &str) {
    println!("{{\"table\":\"{table}\",\"row\":\"{row}\",\"column\":\"{column}\",{measured},\"unit\":\"{unit}\"}}");
}

/// Prints the sentence below a table.
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

/// Runs all subjects in turn, round after round, and prints the rounds of each.
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
    for (subject, seen) in subjects.iter().zip(&seen) {
        print_rounds(table, &subject.row, &subject.column, seen, turns.unit);
    }
}

/// `100,000`.
pub fn thousands(number: u32) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}
