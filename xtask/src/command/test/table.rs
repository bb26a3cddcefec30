//! How stages and their sum are shown.

use super::{Ended, Verdict};
use std::fmt::Write;
use std::time::Duration;

/// One line as a stage ends.
pub fn line(one: &Ended) -> String {
    let word = match one.verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
    };
    let counts = &one.counts;
    let mut text = format!("{:>7.1} s  {:<22} {word}", one.took.as_secs_f64(), one.stage.name);
    if counts.tests > 0 {
        let _ = write!(text, ", {} tests", counts.tests);
    }
    if let Some(number) = counts.vectors {
        let _ = write!(text, ", vectors {number}");
    }
    for (runtime, number) in &counts.scenarios {
        let _ = write!(text, ", scenarios {number} ({runtime})");
    }
    if counts.skipped > 0 {
        let _ = write!(text, ", {} skipped", counts.skipped);
    }
    text
}

/// The table at the end: what failed by name, vectors and scenarios by runtime, the time in all.
pub fn summary(ended: &[Ended], took: Duration) -> String {
    let mut text = String::from("\n");
    let failed: Vec<String> =
        ended.iter().filter(|one| one.verdict == Verdict::Failed).map(|one| one.stage.name.to_owned()).collect();
    let vectors: Vec<String> =
        ended.iter().filter_map(|one| Some(format!("{} {}", one.stage.tags.first()?, one.counts.vectors?))).collect();
    let scenarios: Vec<String> = ended
        .iter()
        .flat_map(|one| one.counts.scenarios.iter().map(|(runtime, number)| format!("{runtime} {number}")))
        .collect();
    for (title, list) in [("failed", failed), ("vectors", vectors), ("scenarios", scenarios)] {
        if !list.is_empty() {
            let _ = writeln!(text, "{title:<10} {}", list.join(", "));
        }
    }
    let _ = writeln!(text, "stages     {} in {:.0} s", ended.len(), took.as_secs_f64());
    text
}
