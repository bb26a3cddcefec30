//! `cargo xtask bench`: what a call costs, in the core and in each language, in one table.
//!
//! A bench program prints one JSON line per figure, `{"name", "value", "unit"}`, or one object of all; whatever else it
//! prints is shown as it is.

use crate::build;
use crate::needs;
use crate::places::{at, venv_program};
use crate::run::Run;
use serde_json::Value;

type Prepare = fn() -> Result<Run, String>;

/// The programs, by the words of `--only`.
const PROGRAMS: [(&str, Prepare); 4] = [("core", core), ("js", javascript), ("python", python), ("kotlin", kotlin)];

/// Runs what `--only` names, or everything; a language that is not here is named and left out.
///
/// # Errors
/// A program that failed, with what it printed.
pub fn main(words: &[String]) -> Result<(), String> {
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    let only = crate::arguments::only(words, &names)?;
    let mut figures = Vec::new();
    for (name, prepare) in PROGRAMS {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        match prepare() {
            Ok(run) => figures.extend(run.output()?.lines().flat_map(read)),
            Err(why) => println!("{name} is left out: {}", why.trim_end()),
        }
    }
    let width = figures.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in figures {
        println!("{name:<width$}  {value}");
    }
    Ok(())
}

/// The names and values in a line; a line without any is printed at once.
fn read(line: &str) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(line).unwrap_or(Value::Null);
    if let (Some(name), Some(number), Some(unit)) =
        (value["name"].as_str(), value["value"].as_f64(), value["unit"].as_str())
    {
        return vec![(name.to_owned(), format!("{number:>10.1} {unit}"))];
    }
    let mut figures = Vec::new();
    for place in ["stub", "loopback"] {
        for (name, number) in value[place].as_object().into_iter().flatten() {
            let added = if ["bare", "control"].contains(&name.as_str()) { "" } else { "added by " };
            figures.push((
                format!("node {place}: {added}{name}"),
                format!("{:>10.1} µs", number.as_f64().unwrap_or(f64::NAN)),
            ));
        }
    }
    if let Some(number) = value["crossings"].as_f64() {
        figures.push(("node begin + respond".into(), format!("{number:>10.1} ns")));
    }
    if figures.is_empty() {
        println!("{line}");
    }
    figures
}

fn core() -> Result<Run, String> {
    Ok(Run::cargo().args(["bench", "--quiet", "-p", "unruffled-core", "--bench", "speed"]))
}

fn javascript() -> Result<Run, String> {
    let program = present("bindings-js/bench/added.mjs")?;
    needs::node()?;
    print!("{}", build::package("js")?);
    Ok(Run::new("node").args([program.as_os_str(), "--json".as_ref()]))
}

fn python() -> Result<Run, String> {
    let program = present("bindings-python/bench/added.py")?;
    build::package("python")?;
    Ok(Run::new(venv_program("python")).args([program]).folder(at("bindings-python")))
}

fn kotlin() -> Result<Run, String> {
    present("bindings-kotlin/examples/src/main/kotlin/dev/unruffled/examples/Bench.kt")?;
    build::package("kotlin")?;
    build::jvm("dev.unruffled.examples.BenchKt")
}

fn present(path: &str) -> Result<std::path::PathBuf, String> {
    let full = at(path);
    if full.is_file() { Ok(full) } else { Err(format!("{path} is not there")) }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_figure_has_a_name_a_value_and_a_unit() {
        let line = r#"{"name":"core","value":80.25,"unit":"ns"}"#;
        assert_eq!(read(line), [("core".into(), "      80.2 ns".into())]);
        assert_eq!(read("warming up"), []);
    }

    #[test]
    fn nodes_figures_come_in_one_object() {
        let line = r#"{"stub":{"bare":10,"get":3.5},"loopback":{},"crossings":99}"#;
        let names: Vec<String> = read(line).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["node stub: bare", "node stub: added by get", "node begin + respond"]);
    }
}
