//! Rounds in turn, their median and spread, and the line in which a figure is printed.
#![allow(dead_code, reason = "each program uses the part it needs")]

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

/// What is measured in turn with others: its row and column, and a round that answers how long one call of it took.
pub struct Subject<'a> {
    pub row: String,
    pub column: String,
    pub round: Box<dyn FnMut() -> f64 + 'a>,
}

/// Runs all subjects in turn, round after round, and prints the median of each.
pub fn compare(table: &str, unit: &str, rounds: u32, mut subjects: Vec<Subject<'_>>) {
    let mut seen: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (subject, seen) in subjects.iter_mut().zip(&mut seen) {
            let value = (subject.round)();
            // The first round warms caches and branch predictors.
            if round > 0 {
                seen.push(value);
            }
        }
    }
    for (subject, mut seen) in subjects.into_iter().zip(seen) {
        seen.sort_by(f64::total_cmp);
        let at = |share: f64| seen.get((share * (seen.len().saturating_sub(1)) as f64).round() as usize).copied();
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| at(share).unwrap_or(f64::NAN));
        print(table, &subject.row, &subject.column, median, Some((high - low) / 2.0), unit);
    }
}

/// `100,000`.
pub fn thousands(number: u32) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}
