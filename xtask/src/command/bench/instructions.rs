//! Instructions of one round of each path through the core, counted by callgrind: the same on every machine of one kind,
//! however busy, so that the test run can hold them against a budget.

use crate::tool::needs;
use crate::tool::places::{at, target};
use crate::tool::run::Run;
use serde_json::Value;
use std::collections::BTreeMap;

/// The budget: instructions a round, by path.
const BUDGET: &str = "core/benches/instructions.json";

/// The most that a count may differ from its budget, in hundredths.
const SLACK: f64 = 3.0;

/// Instructions of one round, by path.
pub type Counts = BTreeMap<String, f64>;

/// Counts the instructions, where that is possible.
///
/// # Errors
/// The tool that failed, with its output.
pub fn count() -> Result<Option<Counts>, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || needs::in_path("valgrind").is_none() {
        return Ok(None);
    }
    let program = built()?;
    let out = target("bench/callgrind.out");
    std::fs::create_dir_all(target("bench")).map_err(|error| error.to_string())?;
    Run::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .args([format!("--callgrind-out-file={}", out.display())])
        .args([program])
        .quietly()?;
    let text = std::fs::read_to_string(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    Ok(Some(rounds(&text)))
}

/// Checks that every path is within its budget.
///
/// # Errors
/// The paths that are not, and what to do.
pub fn check() -> Result<String, String> {
    let Some(counts) = count()? else {
        println!(
            "           the instruction budget of the core is NOT checked here: it needs valgrind on x86-64 Linux"
        );
        return Ok(String::new());
    };
    let text = std::fs::read_to_string(at(BUDGET)).map_err(|error| format!("{BUDGET}: {error}"))?;
    let budget: BTreeMap<String, f64> = serde_json::from_str(&text).map_err(|error| format!("{BUDGET}: {error}"))?;
    let broken = broken(&counts, &budget);
    if broken.is_empty() { Ok(shown(&counts)) } else { Err(format!("{}\n{}", shown(&counts), broken.join("\n"))) }
}

fn shown(counts: &Counts) -> String {
    let list: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count:.0}")).collect();
    format!("instructions: {}", list.join(", "))
}

/// Finds the paths that differ from their budgets by more than the slack, a sentence each.
fn broken(counts: &Counts, budget: &BTreeMap<String, f64>) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, count) in counts {
        let Some(allowed) = budget.get(name) else {
            broken.push(format!("{name} has no budget: add \"{name}\": {count:.0} to {BUDGET}"));
            continue;
        };
        let off = 100.0 * (count / allowed - 1.0);
        if off > SLACK {
            broken.push(format!(
                "{name} takes {count:.0} instructions, {off:+.1} % of the {allowed:.0} in {BUDGET}: make it cheaper, or say \
                 in the commit why it is worth it and raise the number"
            ));
        } else if off < -SLACK {
            broken
                .push(format!("{name} takes only {count:.0} instructions: lower the {allowed:.0} in {BUDGET} to that"));
        }
    }
    for name in budget.keys().filter(|name| !counts.contains_key(*name)) {
        broken.push(format!("{name} in {BUDGET} was not counted"));
    }
    broken
}

/// Builds the program that makes the rounds, and returns its path, which holds a hash.
fn built() -> Result<String, String> {
    let text = Run::cargo()
        .args([
            "bench",
            "--quiet",
            "--no-run",
            "--message-format=json",
            "-p",
            "unruffled-core",
            "--bench",
            "instructions",
        ])
        .output()?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages
        .filter(|message| message["target"]["name"] == "instructions")
        .find_map(|message| message["executable"].as_str().map(str::to_owned));
    program.ok_or_else(|| format!("cargo named no program\n{text}"))
}

/// Computes what `measured` spent in each function of the paths, divided by its calls. The file names the caller (`fn=`),
/// the callee (`cfn=`), the number of calls (`calls=N …`) and, on the next line, where and how many instructions.
fn rounds(text: &str) -> Counts {
    let mut totals: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let (mut inside, mut callee, mut calls) = (false, None, None);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            inside = name.ends_with("::measured");
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name.split_once("::paths::").map(|(_, path)| path);
        } else if let Some(rest) = line.strip_prefix("calls=") {
            calls = rest.split(' ').next().and_then(|number| number.parse::<f64>().ok());
        } else if let (true, Some(calls), Some(callee)) = (inside, calls.take(), callee) {
            let cost = line.split(' ').next_back().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0);
            let total = totals.entry(callee.to_owned()).or_default();
            *total = (total.0 + calls, total.1 + cost);
        }
    }
    totals.into_iter().map(|(name, (calls, cost))| (name, (cost / calls).round())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_read_from_the_calls_of_the_measured_part() {
        let text = "fn=instructions::warm\ncfn=instructions::paths::success\ncalls=10 0\n12 9990\n\n\
            fn=instructions::measured\n10 40\ncfn=instructions::paths::success\ncalls=30 0\n12 15000\n11 8\n\
            cfn=instructions::paths::retry\ncalls=30 0\n12 60000\ncfn=memcmp\ncalls=5 0\n12 45\n";
        let expected = [("retry".to_owned(), 2_000.0), ("success".to_owned(), 500.0)];
        assert_eq!(rounds(text), expected.into());
    }

    #[test]
    fn more_is_refused_and_less_is_asked_to_be_written_down() {
        let counts =
            |numbers: &[(&str, f64)]| numbers.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Counts>();
        let budget = counts(&[("success", 500.0), ("retry", 1_000.0)]);
        assert_eq!(broken(&counts(&[("success", 514.0), ("retry", 971.0)]), &budget), [""; 0]);
        let off = broken(&counts(&[("success", 516.0), ("retry", 969.0)]), &budget);
        assert!(off.len() == 2 && off[0].contains("lower the 1000") && off[1].contains("+3.2 %"), "{off:?}");
        assert_eq!(broken(&counts(&[("success", 500.0), ("new", 1.0)]), &budget).len(), 2);
    }
}
