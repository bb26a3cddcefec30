//! `cargo xtask soak`: minutes of load with random faults in each runtime; memory must stay flat and nothing be left
//! over.
//!
//! Each program makes its calls through the fault server, and at its end prints one JSON line with what it held when warm
//! and at the end, and what is left. The bounds are checked here as well: a program that judges itself too kindly is no
//! proof.

use crate::command::build;
use crate::tool::places::{at, venv_program};
use crate::tool::run::Run;
use crate::tool::server;
use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

/// Long enough for a leak of one small object in a hundred calls to show.
const SECONDS: u64 = 600;

/// Calls a second that a program is told to make, and those it must have reached.
const RATE: u64 = 550;
const LEAST: f64 = 500.0;

/// Memory at the end over memory when warm.
const GROWTH: f64 = 1.05;

/// What the last calls and the building of the program may take longer.
const AFTERWARDS: u64 = 300;

/// The programs, by the words of `--only`.
type Prepare = fn() -> Result<Run, String>;

const PROGRAMS: [(&str, Prepare); 3] = [("js", javascript), ("python", python), ("kotlin", kotlin)];

/// What to run, and how long.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = ["js", "python", "kotlin"])]
    pub only: Vec<String>,
    /// Seconds for each
    #[arg(long, default_value_t = SECONDS, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Runs what `--only` names, or all, one after the other, each for `--seconds N`.
///
/// # Errors
/// Arguments that are not understood, or what did not hold, a line each.
pub fn main(options: &Options) -> Result<(), String> {
    let (seconds, only) = (options.seconds, &options.only);
    server::build()?;
    let mut broken = Vec::new();
    for (name, prepare) in PROGRAMS {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let run = prepare()?
            .args(["--seconds", &seconds.to_string(), "--rate", &RATE.to_string()])
            .env("UNRUFFLED_FAULTS", server::program())
            .within(Duration::from_secs(seconds + AFTERWARDS));
        println!("{name}: {seconds} s at {RATE} calls a second");
        let (text, succeeded) = run.output().map_or_else(|text| (text, false), |text| (text, true));
        let ended = last_line(&text).unwrap_or(Value::Null);
        let wrong = wrong(&ended);
        println!("{}", shown(&ended));
        if !succeeded && (ended.is_null() || wrong.is_empty()) {
            broken.push(format!("{name}: {}", text.trim_end()));
        }
        broken.extend(wrong.into_iter().map(|why| format!("{name}: {why}")));
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

fn javascript() -> Result<Run, String> {
    build::package("js")?;
    Ok(Run::new("node").args(["--expose-gc", "test/soak.mjs"]).folder(at("bindings-js")))
}

fn python() -> Result<Run, String> {
    build::package("python")?;
    Ok(Run::new(venv_program("python")).args(["-m", "tests.soak"]).folder(at("bindings-python")))
}

fn kotlin() -> Result<Run, String> {
    build::package("kotlin")?;
    build::jvm("examples", "dev.unruffled.examples.SoakKt")
}

/// The line that tells how it ended.
fn last_line(text: &str) -> Option<Value> {
    let values = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
    values.into_iter().find(|value| value["runtime"].is_string())
}

/// `node: 330,000 calls, 550 a second; 61.2 MB warm, 61.9 MB at the end (+1.1 %); nothing left`.
fn shown(ended: &Value) -> String {
    const MEGABYTE: f64 = 1e6;
    let number = |name: &str| ended[name].as_f64().unwrap_or(f64::NAN);
    let (warm, end) = (number("rssWarm"), number("rssEnd"));
    let mut text = format!(
        "{}: {} calls, {:.0} a second; {:.1} MB warm, {:.1} MB at the end ({:+.1} %); left:",
        ended["runtime"].as_str().unwrap_or_default(),
        number("calls"),
        number("perSecond"),
        warm / MEGABYTE,
        end / MEGABYTE,
        100.0 * (end / warm - 1.0)
    );
    for (name, left) in ended["left"].as_object().into_iter().flatten() {
        let _ = write!(text, " {name} {left}");
    }
    text
}

/// What does not hold, a sentence each. A number that is absent does not hold either.
fn wrong(ended: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let number = |name: &str| ended[name].as_f64().unwrap_or(f64::NAN);
    let fast = number("perSecond") >= LEAST;
    if !fast {
        wrong.push(format!("{} calls a second, {LEAST} are asked for", ended["perSecond"]));
    }
    let flat = number("rssEnd") <= GROWTH * number("rssWarm");
    if !flat {
        wrong.push(format!("memory grew from {} to {} bytes", ended["rssWarm"], ended["rssEnd"]));
    }
    let left = ended["left"].as_object();
    if left.is_none_or(serde_json::Map::is_empty) {
        wrong.push("nothing is said about what is left".to_owned());
    }
    for (name, count) in left.into_iter().flatten().filter(|(_, count)| count.as_f64() != Some(0.0)) {
        wrong.push(format!("{count} {name} are left"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(text: &str) -> Vec<String> {
        wrong(&last_line(&format!("started\n{text}\n")).unwrap_or(Value::Null))
    }

    #[test]
    fn what_is_flat_fast_and_empty_at_the_end_passes() {
        let good = r#"{"runtime":"node","seconds":9,"calls":4950,"perSecond":550,"rssWarm":100,"rssEnd":105,"left":{"timers":0}}"#;
        assert_eq!(ended(good), [""; 0]);
        assert_eq!(ended(&good.replace("105", "106")).len(), 1);
        assert_eq!(ended(&good.replace("550", "499.5")).len(), 1);
        assert_eq!(ended(&good.replace("\"timers\":0", "\"timers\":0,\"sockets\":2")), ["2 sockets are left"]);
    }

    #[test]
    fn what_is_not_told_does_not_pass() {
        assert_eq!(ended("{\"runtime\":\"jvm\"}").len(), 3);
        assert_eq!(ended("crashed").len(), 3);
    }
}
