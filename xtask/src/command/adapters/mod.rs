//! Other people's clients with one line of ours under them, and as they are: the runners of the three languages play
//! `tests/adapters`, and their results become one table.

mod results;
mod table;

use std::fs;

use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, is_fresh, target, venv_program, write};
use crate::tool::run::Run;
use crate::tool::server;
use results::{Found, Reasons};

pub use results::Mode;

/// The languages whose runners there are.
const LANGUAGES: [&str; 3] = ["js", "python", "kotlin"];

/// Where the page of the documentation stands that `cargo xtask adapters` writes.
const PAGE: &str = "core/manual/adapters/results.md";

/// Plays every scenario for every client of a language.
///
/// # Errors
/// What the runner said if it broke; in mode `Unruffled` also every failure without a reason, and every reason without a
/// failure.
pub fn play(language: &str, mode: Mode) -> Result<String, String> {
    let file = file(language, mode);
    let _ = fs::remove_file(&file);
    write(&file, "[]")?;
    let run = prepare(language)?.args(["--mode", mode.word()]);
    let text = run.env("UNRUFFLED_FAULTS", server::program()).env("UNRUFFLED_ADAPTERS", &file).output()?;
    let found = results::read(&file)?;
    if found.is_empty() {
        return Err(format!("{text}\nno results in {}", file.display()));
    }
    let passed = found.iter().filter(|one| one.passed()).count();
    let wrong = match mode {
        Mode::Unruffled => Reasons::read()?.wrong(language, &found),
        Mode::Bare => Vec::new(),
    };
    if wrong.is_empty() { Ok(format!("adapters: {passed} passed ({language})")) } else { Err(wrong.join("\n")) }
}

/// Prints the tables of what was played last.
///
/// # Errors
/// Files that cannot be read.
pub fn show() -> Result<String, String> {
    for mode in [Mode::Unruffled, Mode::Bare] {
        let found = all(mode)?;
        if !found.is_empty() {
            println!("\n{}", table::plain(mode, &found, &Reasons::read()?));
        }
    }
    Ok(String::new())
}

/// `cargo xtask adapters`: both modes, then the page of the documentation; `adapters page`: the page of what was played
/// last.
///
/// # Errors
/// As `cargo xtask test --only adapters`.
pub fn main() -> Result<(), String> {
    crate::command::test::main(&["adapters".to_owned()])?;
    page()
}

/// Writes the page of what was played last.
///
/// # Errors
/// What was not played, or cannot be read.
pub fn page() -> Result<(), String> {
    let page = table::page(&all(Mode::Unruffled)?, &all(Mode::Bare)?, &Reasons::read()?);
    write(&at(PAGE), &page)?;
    println!("{PAGE}");
    Ok(())
}

fn all(mode: Mode) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    for language in LANGUAGES {
        let file = file(language, mode);
        if file.exists() {
            found.extend(results::read(&file)?);
        }
    }
    Ok(found)
}

fn file(language: &str, mode: Mode) -> std::path::PathBuf {
    target("adapters").join(format!("{language}-{}.json", mode.word()))
}

/// A language's runner, with everything that it needs installed.
fn prepare(language: &str) -> Result<Run, String> {
    match language {
        "js" => {
            build::npm_install("bindings-js/test/clients")?;
            Ok(Run::new("node").args(["test/clients/run.mjs"]).folder(at("bindings-js")))
        }
        "python" => {
            let list = at("bindings-python/tests/clients/requirements.txt");
            let done = target("python/clients-installed");
            if !is_fresh(&done, &list) {
                let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
                Run::new(venv_program("python")).args(pip).args([&list]).quietly()?;
                write(&done, "")?;
            }
            Ok(Run::new(venv_program("python")).args(["-m", "tests.clients"]).folder(at("bindings-python")))
        }
        _ => {
            needs::java()?;
            let maven =
                ["-B", "-ntp", "-q", "-Dkotlin.compiler.daemon=false", "-P", "clients", "-DskipTests", "package"];
            Run::new("mvn").args(maven).folder(at("bindings-kotlin")).quietly()?;
            build::jvm("clients", "dev.unruffled.clients.MainKt")
        }
    }
}
