//! `cargo xtask fuzz`: libFuzzer programs of the core's parsers, codecs and input sequences.
//!
//! Each replays its committed inputs (`core/fuzz/corpus/TARGET/`), then goes on from there and from what earlier runs left
//! in `target/fuzz/corpus/`. Coverage is instrumented with flags that a stable compiler takes.

use crate::tool::needs;
use crate::tool::places::{at, target};
use crate::tool::run::Run;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

/// The programs, and the most bytes that each gets.
const TARGETS: [(&str, &str); 13] = [
    ("abi", "400"),
    ("amount", "64"),
    ("date", "72"),
    ("engine", "800"),
    ("hints", "1024"),
    ("json", "512"),
    ("oracle", "1000"),
    ("pointer", "300"),
    ("policy", "2048"),
    ("route", "120"),
    ("structured", "256"),
    ("url", "160"),
    ("word", "40"),
];

/// Seconds of each program when none are said.
const SECONDS: u64 = 60;

/// Seconds of each in the test run.
const BRIEF: u64 = 3;

/// No single program runs longer than this, so that a hanging one is told from a long run.
const SLICE: u64 = 300;

/// What cargo-fuzz passes too: counters in line, their places, and what comparisons compare.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// What to run, and how long.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = TARGETS.map(|(name, _)| name))]
    pub only: Vec<String>,
    /// Seconds for each
    #[arg(long, default_value_t = SECONDS, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// `--seconds N` for each target, `--only TARGET`.
///
/// # Errors
/// What was found, with the input that shows it.
pub fn main(options: &Options) -> Result<(), String> {
    let (seconds, only) = (options.seconds, &options.only);
    let programs = build()?;
    let chosen = TARGETS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|wanted| wanted == name));
    print!("{}", run(&programs, &chosen.copied().collect::<Vec<_>>(), seconds)?);
    Ok(())
}

/// The committed inputs and a few seconds more of each target.
///
/// # Errors
/// As [`main`], and what the formatter says of the targets' sources.
pub fn briefly() -> Result<String, String> {
    let manifest = ["--manifest-path", "core/fuzz/Cargo.toml"];
    Run::cargo().args(["fmt"]).args(manifest).args(["--check"]).output()?;
    run(&build()?, &TARGETS, BRIEF)
}

/// Builds all programs and returns their folder.
fn build() -> Result<PathBuf, String> {
    needs::cpp()?;
    let about = Run::new("rustc").args(["-vV"]).output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    // With a target named, the flags are not for build scripts.
    Run::cargo()
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path", "core/fuzz/Cargo.toml"])
        .args(["--target", host])
        .args(["--target-dir".as_ref(), target("fuzz").as_os_str()])
        .env("RUSTFLAGS", FLAGS)
        .quietly()?;
    Ok(target("fuzz").join(host).join("release"))
}

/// As many programs at a time as there are cores; a line for each, and the sum.
fn run(programs: &std::path::Path, chosen: &[(&str, &str)], seconds: u64) -> Result<String, String> {
    let workers = thread::available_parallelism().map_or(1, |count| count.get());
    let left = Mutex::new(chosen.iter());
    let ended: Mutex<Vec<(&str, Result<u64, String>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers.min(chosen.len()) {
            scope.spawn(|| {
                while let Some((name, most)) = left.lock().ok().and_then(|mut left| left.next()) {
                    let found = one(programs, name, most, seconds);
                    if let Ok(mut ended) = ended.lock() {
                        ended.push((name, found));
                    }
                }
            });
        }
    });
    let mut ended = ended.into_inner().map_err(|_| "a thread of this program broke")?;
    ended.sort_by_key(|(name, _)| *name);
    let (mut text, mut sum, mut broken) = (String::new(), 0, Vec::new());
    for (name, found) in ended {
        match found {
            Ok(executions) => {
                text.push_str(&format!("{name:<12}{executions:>14} executions\n"));
                sum += executions;
            }
            Err(why) => broken.push(format!("{name}: {why}")),
        }
    }
    text.push_str(&format!("{:<12}{sum:>14} executions\n", "all"));
    if broken.is_empty() { Ok(text) } else { Err(format!("{text}{}", broken.join("\n"))) }
}

/// One program for so many seconds; returns how often it called its target.
fn one(programs: &std::path::Path, name: &str, most: &str, seconds: u64) -> Result<u64, String> {
    let (own, findings) = (target("fuzz").join("corpus").join(name), target("fuzz").join("findings"));
    for folder in [&own, &findings] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let (mut left, mut executions) = (seconds, 0);
    while left > 0 {
        let slice = left.min(SLICE);
        left -= slice;
        let prefix = format!("-artifact_prefix={}/{name}-", findings.display());
        let text = Run::new(programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
            .args([own.clone(), at("core/fuzz/corpus").join(name)])
            .args([format!("-max_total_time={slice}"), format!("-max_len={most}"), prefix])
            .args(["-print_final_stats=1", "-timeout=60", "-verbosity=1"])
            .output()?;
        executions += executed(&text).ok_or_else(|| format!("{name} counts no executions\n{text}"))?;
    }
    Ok(executions)
}

/// libFuzzer's own count.
fn executed(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, executed};
    use crate::tool::places::at;

    #[test]
    fn executions_are_read_as_libfuzzer_prints_them() {
        assert_eq!(executed("x\nstat::number_of_executed_units: 4711\nstat::average_exec_per_sec: 3\n"), Some(4_711));
        assert_eq!(executed("nothing"), None);
    }

    #[test]
    fn every_target_has_a_program_and_committed_inputs() {
        for (name, _) in TARGETS {
            assert!(at("core/fuzz/src/bin").join(format!("{name}.rs")).is_file(), "{name}");
            let inputs = std::fs::read_dir(at("core/fuzz/corpus").join(name)).map_or(0, Iterator::count);
            assert!(inputs > 0, "{name}");
        }
        let programs = std::fs::read_dir(at("core/fuzz/src/bin")).map_or(0, Iterator::count);
        assert_eq!(programs, TARGETS.len());
    }
}
