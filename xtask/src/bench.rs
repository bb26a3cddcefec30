//! `cargo xtask bench`: what a call costs, in the core and in each language, in one table.
//!
//! A bench program prints one JSON line per figure, `{"name", "value", "unit"}`; whatever else it prints is shown as it is.

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
            Ok(run) => figures.extend(run.output()?.lines().filter_map(figure)),
            Err(why) => println!("{name} is left out: {}", why.trim_end()),
        }
    }
    let width = figures.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in figures {
        println!("{name:<width$}  {value}");
    }
    Ok(())
}

/// A figure's name and value; a line of another form is printed at once.
fn figure(line: &str) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(line).unwrap_or(Value::Null);
    match (value["name"].as_str(), value["value"].as_f64(), value["unit"].as_str()) {
        (Some(name), Some(number), Some(unit)) => Some((name.to_owned(), format!("{number:>10.1} {unit}"))),
        _ => {
            println!("{line}");
            None
        }
    }
}

fn core() -> Result<Run, String> {
    Ok(Run::cargo().args(["bench", "--quiet", "-p", "unruffled-core", "--bench", "speed"]))
}

fn javascript() -> Result<Run, String> {
    let program = present("bindings-js/bench/added.mjs")?;
    needs::node()?;
    build::package("js")?;
    Ok(Run::new("node").args(["--expose-gc".as_ref(), program.as_os_str()]))
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
    use super::figure;

    #[test]
    fn a_figure_has_a_name_a_value_and_a_unit() {
        let line = r#"{"name":"core","value":80.25,"unit":"ns"}"#;
        assert_eq!(figure(line), Some(("core".into(), "      80.2 ns".into())));
        assert_eq!(figure("warming up"), None);
    }
}
