//! How stages and their sum are shown.

use super::{Ended, Verdict};
use std::fmt::Write;
use std::time::Duration;

/// One line as a stage ends.
pub fn line(one: &Ended) -> String {
    let word = match &one.verdict {
        Verdict::Passed => "ok".to_owned(),
        Verdict::Failed => "FAILED".to_owned(),
        Verdict::Absent(why) => format!("absent: {why}"),
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

/// The table at the end: what failed or is absent by name, vectors and scenarios by runtime, the time in all.
pub fn summary(ended: &[Ended], took: Duration) -> String {
    let mut text = String::from("\n");
    let named = |text: &mut String, title: &str, want: fn(&Verdict) -> bool| {
        let names: Vec<&str> = ended.iter().filter(|one| want(&one.verdict)).map(|one| one.stage.name).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "{title:<10} {}", names.join(", "));
        }
    };
    named(&mut text, "failed", |verdict| matches!(verdict, Verdict::Failed));
    named(&mut text, "absent", |verdict| matches!(verdict, Verdict::Absent(_)));
    let vectors: Vec<String> =
        ended.iter().filter_map(|one| Some(format!("{} {}", one.stage.tags.first()?, one.counts.vectors?))).collect();
    let scenarios: Vec<String> = ended
        .iter()
        .flat_map(|one| one.counts.scenarios.iter().map(|(runtime, number)| format!("{runtime} {number}")))
        .collect();
    for (title, list) in [("vectors", vectors), ("scenarios", scenarios)] {
        if !list.is_empty() {
            let _ = writeln!(text, "{title:<10} {}", list.join(", "));
        }
    }
    let _ = writeln!(text, "stages     {} in {:.0} s", ended.len(), took.as_secs_f64());
    text
}
