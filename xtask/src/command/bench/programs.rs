//! The bench programs of each language: where they are, what they need, how they are started.

use super::machine::version;
use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, target, venv_program, write};
use crate::tool::run::Run;
use std::path::PathBuf;

/// What is measured, by the word of `--only` and the section of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Core,
    JavaScript,
    Python,
    Kotlin,
}

/// One program to run; it prints figures.
#[derive(Debug)]
pub struct Program {
    pub name: String,
    pub run: Run,
}

impl Language {
    pub const ALL: [Self; 4] = [Self::Core, Self::JavaScript, Self::Python, Self::Kotlin];

    /// Returns its word of `--only`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::Kotlin => "kotlin",
        }
    }

    /// Returns the heading of its section.
    pub fn title(self) -> &'static str {
        match self {
            Self::Core => "Core",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Kotlin => "Kotlin and the JVM",
        }
    }

    /// Returns the versions of what runs the programs. The figures name those of what is compared.
    pub fn versions(self) -> Vec<String> {
        match self {
            Self::Core => vec![version("rustc", &["--version"])],
            Self::JavaScript => vec![format!("Node {}", version("node", &["--version"]))],
            Self::Python => vec![version(&python_program().to_string_lossy(), &["--version"])],
            Self::Kotlin => vec![version("java", &["-version"])],
        }
    }

    /// Builds and installs what is needed, and returns the programs to start.
    ///
    /// # Errors
    /// What is missing on this machine, or did not build.
    pub fn programs(self) -> Result<Vec<Program>, String> {
        match self {
            Self::Core => core(),
            Self::JavaScript => javascript(),
            Self::Python => python(),
            Self::Kotlin => kotlin(),
        }
    }
}

fn core() -> Result<Vec<Program>, String> {
    let bench = |name: &str| {
        let run = Run::cargo().args(["bench", "--quiet", "-p", "unruffled-core", "--bench", name, "--"]);
        Program { name: name.to_owned(), run }
    };
    Ok(["speed", "start", "memory"].map(bench).into())
}

/// Lists every `bindings-js/bench/*.mjs`. What they share is in a folder below.
fn javascript() -> Result<Vec<Program>, String> {
    needs::node()?;
    build::package("js")?;
    if at("bindings-js/bench/package.json").is_file() {
        build::npm_install("bindings-js/bench")?;
    }
    let programs = files("bindings-js/bench", "mjs")?;
    Ok(programs.into_iter().map(|(name, path)| Program { name, run: Run::new("node").args([path]) }).collect())
}

/// Lists every `bindings-python/bench/*.py` whose name does not begin with an underscore.
fn python() -> Result<Vec<Program>, String> {
    build::package("python")?;
    install_peers()?;
    let programs = files("bindings-python/bench", "py")?.into_iter().filter(|(name, _)| !name.starts_with('_'));
    let run = |path| Run::new(python_program()).args([path]).folder(at("bindings-python"));
    Ok(programs.map(|(name, path)| Program { name, run: run(path) }).collect())
}

/// Makes an environment for the peers, apart from that of the tests.
fn install_peers() -> Result<(), String> {
    let list = at("bindings-python/bench/requirements.txt");
    let (venv, done) = (target("bench/python"), target("bench/python-installed"));
    let python = python_program();
    if !python.exists() {
        Run::new(needs::python()?).args(["-m", "venv"]).args([&venv]).quietly()?;
    }
    if !crate::tool::places::is_fresh(&done, &list) {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        Run::new(&python).args(pip).args([&list]).quietly()?;
        write(&done, "")?;
    }
    Run::new(venv_program("maturin"))
        .args(["develop", "--quiet", "--release"])
        .folder(at("bindings-python"))
        .env("VIRTUAL_ENV", &venv)
        .quietly()
}

fn python_program() -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    target("bench/python").join(folder).join(format!("python{}", std::env::consts::EXE_SUFFIX))
}

/// Builds the module of the benches. The package's own build leaves it out, because only it needs the peers.
fn kotlin() -> Result<Vec<Program>, String> {
    build::package("kotlin")?;
    let maven = ["-B", "-ntp", "-q", "-DskipTests", "-P", "bench", "package"];
    Run::new("mvn").args(maven).folder(at("bindings-kotlin")).quietly()?;
    let run = build::jvm("bench", "dev.unruffled.bench.BenchKt")?;
    Ok(vec![Program { name: "Bench.kt".to_owned(), run }])
}

/// Lists the files of a folder with an ending, sorted: name and path.
fn files(folder: &str, ending: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let entries = std::fs::read_dir(at(folder)).map_err(|error| format!("{folder}: {error}"))?;
    let mut found: Vec<(String, PathBuf)> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .collect();
    found.sort();
    if found.is_empty() { Err(format!("{folder} has no program")) } else { Ok(found) }
}
