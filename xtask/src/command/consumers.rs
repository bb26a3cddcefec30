//! `cargo xtask consumers`: programs that depend on the Kotlin packages as strangers' programs do.
//!
//! Each folder of `bindings-kotlin/consumers` is a Maven project of its own, with versions of its own. The packages are put
//! into a local repository below `target`, the programs are built against it and started, and each makes two calls.

use crate::command::build;
use crate::tool::places::{at, target, write};
use crate::tool::run::Run;
use crate::tool::server::Server;
use serde_json::json;
use std::fs;
use std::path::Path;

const FOLDER: &str = "bindings-kotlin/consumers";

/// Builds and plays every program, or with `--only NAME` that one.
///
/// # Errors
/// What did not build, or what did not hold.
pub fn main(only: Option<&str>) -> Result<(), String> {
    let names: Vec<String> = names()?.into_iter().filter(|name| only.is_none_or(|only| only == name)).collect();
    if names.is_empty() {
        return Err(format!("no folder of that name in {FOLDER}"));
    }
    build::package("kotlin")?;
    print!("{}", play(&names)?);
    Ok(())
}

/// The same for the test run, which has built the packages.
///
/// # Errors
/// As `main`.
pub fn all() -> Result<String, String> {
    play(&names()?)
}

fn play(names: &[String]) -> Result<String, String> {
    install()?;
    let server = Server::start()?;
    let played = |name: &String| match started(&server, name) {
        Ok(line) => Ok(format!("{name}: {line}\n")),
        Err(problem) => Err(format!("{FOLDER}/{name}: {problem}")),
    };
    names.iter().map(played).collect()
}

fn names() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(at(FOLDER)).map_err(|error| format!("{FOLDER}: {error}"))?;
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().join("pom.xml").exists());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Puts the packages where `mvn install` would, in a repository that holds nothing of other builds.
fn install() -> Result<(), String> {
    let version = "0.1.0";
    for (artifact, module) in [("unruffled-parent", ""), ("unruffled", "client"), ("unruffled-ktor", "ktor")] {
        let from = at("bindings-kotlin").join(module);
        let to = target("consumers/repository/dev/unruffled").join(artifact).join(version);
        let text = fs::read_to_string(from.join("pom.xml")).map_err(|error| format!("{module}/pom.xml: {error}"))?;
        write(&to.join(format!("{artifact}-{version}.pom")), &text)?;
        if !module.is_empty() {
            let jar = format!("{artifact}-{version}.jar");
            copy(&from.join("target").join(&jar), &to.join(&jar))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}

/// Builds one program and starts it; of its two calls the first one has to be made twice. Returns what it printed.
fn started(server: &Server, name: &str) -> Result<String, String> {
    let repository = format!("-Dmaven.repo.local={}", target("consumers/repository").display());
    let folder = at(FOLDER).join(name);
    Run::new("mvn").args(["-B", "-ntp", "-q", &repository, "clean", "package"]).folder(&folder).quietly()?;
    let order = json!({"status": 200, "json": {"sku": "a1"}});
    let script = json!({"tokens": ["t1"], "answers": [{"status": 503}], "then": order});
    let base = server.begin(name, &script)?;
    let text =
        Run::new("java").args(["-jar", "target/consumer.jar"]).folder(&folder).env("ORDERS_URL", base).output()?;
    let statuses = server.log(name)?["totals"]["statuses"].clone();
    let said = text.lines().find(|line| line.starts_with("ordered "));
    match said {
        Some(line) if line.matches("a1").count() == 2 && statuses == json!({"200": 2, "503": 1}) => Ok(line.to_owned()),
        _ => Err(format!("two orders and one 503 were to be seen: {statuses}\n{text}")),
    }
}
