//! `cargo xtask test`: every check of the project, one stage after the other, seconds beside each.
//!
//! Quiet while all is well; a failed stage shows everything that its tools printed. The last line is always
//! `N passed, M failed`.

mod counts;
mod quickstart;
mod stages;
mod table;

use std::time::{Duration, Instant};

use counts::Counts;
use stages::{STAGES, Stage};

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = PARTS)]
    pub only: Vec<String>,
    /// Only writes the listing of the core's public surface, core/api.txt, anew
    #[arg(long)]
    pub write_api: bool,
}

/// The names of `--only`.
const PARTS: [&str; 17] = [
    "rust",
    "js",
    "chromium",
    "python",
    "kotlin",
    "vectors",
    "scenarios",
    "adapters",
    "limiters",
    "consumers",
    "bundlers",
    "sim",
    "traces",
    "fuzz",
    "house",
    "docs",
    "instructions",
];

/// The runtimes that must all pass the same number of vectors and of traces, by the first tag of the stages that run them.
const RUNTIMES: [&str; 5] = ["rust", "js", "chromium", "python", "kotlin"];

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

/// One stage that was run or passed over.
#[derive(Debug)]
struct Ended {
    stage: &'static Stage,
    verdict: Verdict,
    took: Duration,
    counts: Counts,
}

/// Runs the stages that `--only` names, or all.
///
/// # Errors
/// How many failed.
pub fn main(only: &[String]) -> Result<(), String> {
    let wanted = |stage: &&Stage| {
        (only.is_empty() && !stage.on_demand) || stage.tags.iter().any(|tag| only.iter().any(|name| name == tag))
    };
    let started = Instant::now();
    let mut ended: Vec<Ended> = Vec::new();
    for stage in STAGES.iter().filter(wanted) {
        let one = run(stage, &ended);
        println!("{}", table::line(&one));
        ended.push(one);
    }
    let all = |part: &str| only.is_empty() || only.iter().any(|name| name == part);
    let vectors = all("vectors").then(|| differ("vectors", &ended, |counts| counts.vectors)).flatten();
    let traces = all("traces").then(|| differ("traces", &ended, |counts| counts.traces)).flatten();
    print!("{}", table::summary(&ended, started.elapsed()));
    let mut failed: u64 = ended.iter().map(|one| one.failed()).sum();
    for why in vectors.into_iter().chain(traces) {
        println!("{why}");
        failed += 1;
    }
    let passed: u64 = ended.iter().map(|one| one.passed()).sum();
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(String::new()) }
}

fn run(stage: &'static Stage, earlier: &[Ended]) -> Ended {
    let started = Instant::now();
    let broken = earlier.iter().find(|one| stage.after.contains(&one.stage.name) && one.verdict == Verdict::Failed);
    let result = match broken {
        Some(one) => Err(format!("not run, because {} did not pass", one.stage.name)),
        None => (stage.work)().and_then(none_skipped),
    };
    let (verdict, text) = match result {
        Ok(text) => (Verdict::Passed, text),
        Err(text) => (Verdict::Failed, text),
    };
    if verdict == Verdict::Failed {
        println!("---- {}\n{}\n----", stage.name, text.trim_end());
    }
    Ended { stage, verdict, took: started.elapsed(), counts: Counts::read(&text) }
}

/// A test that is passed over proves nothing. What one runtime cannot do stands with its reason in the scenario or in
/// tests/skips.toml, and is not counted here.
fn none_skipped(text: String) -> Result<String, String> {
    match Counts::read(&text).skipped {
        0 => Ok(text),
        number => Err(format!("{text}\n{number} tests were skipped")),
    }
}

/// All five runtimes played every vector (or trace), and equally many; else the sentence that says who did not.
fn differ(what: &str, ended: &[Ended], count: fn(&Counts) -> Option<u64>) -> Option<String> {
    let mut numbers = Vec::new();
    for runtime in RUNTIMES {
        let found = ended.iter().filter(|one| one.stage.tags.first() == Some(&runtime));
        numbers.push((runtime, found.filter_map(|one| count(&one.counts)).next_back().unwrap_or(0)));
    }
    let first = numbers.first().map_or(0, |(_, number)| *number);
    let equal = first > 0 && numbers.iter().all(|(_, number)| *number == first);
    let list: Vec<String> = numbers.iter().map(|(runtime, number)| format!("{runtime} {number}")).collect();
    if equal { None } else { Some(format!("{what} must pass in equal number in all runtimes: {}", list.join(", "))) }
}

impl Ended {
    /// Tests that passed; a stage without tests of its own counts as one.
    fn passed(&self) -> u64 {
        match self.verdict {
            Verdict::Passed => self.counts.tests.max(1),
            Verdict::Failed => self.counts.tests,
        }
    }

    fn failed(&self) -> u64 {
        match self.verdict {
            Verdict::Failed => self.counts.failures.max(1),
            Verdict::Passed => 0,
        }
    }
}
