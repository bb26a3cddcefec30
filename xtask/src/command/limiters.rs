//! `cargo xtask limiters`: the JavaScript client before rate limiters that other people wrote, over sockets.
//!
//! `tests/limiters` has the cases, starts each limiter and says what does not hold.

use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, is_fresh, target, write};
use crate::tool::run::Run;
use std::path::PathBuf;

const FOLDER: &str = "tests/limiters";

/// Plays every case, or with `--only TEXT` those whose name has that text.
///
/// # Errors
/// What is missing, or what did not hold.
pub fn main(only: Option<&str>) -> Result<(), String> {
    build::package("js")?;
    for name in ["nginx", "haproxy"] {
        // The case that needs it says that it was skipped.
        if let Err(why) = needs::packaged(name) {
            println!("{why}");
        }
    }
    let text = prepare()?.args(only.into_iter().flat_map(|text| ["--only", text])).output()?;
    print!("{text}");
    Ok(())
}

/// The cases of the test run, which need neither nginx nor HAProxy.
///
/// # Errors
/// As `main`.
pub fn briefly() -> Result<String, String> {
    let text = prepare()?.args(["--brief"]).output()?;
    if text.contains("skipped ") { Err(text) } else { Ok(text) }
}

/// The runner, with all limiters of npm and PyPI installed.
fn prepare() -> Result<Run, String> {
    build::npm_install(FOLDER)?;
    let list = at(FOLDER).join("requirements.txt");
    let done = target("limiters/installed");
    let python = python();
    if !python.exists() {
        Run::new(needs::python()?).args(["-m", "venv"]).args([target("limiters/python")]).quietly()?;
    }
    if !is_fresh(&done, &list) {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        Run::new(&python).args(pip).args([&list]).quietly()?;
        write(&done, "")?;
    }
    Ok(Run::new("node").args(["run.mjs"]).folder(at(FOLDER)).env("UNRUFFLED_LIMITERS_PYTHON", python))
}

fn python() -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    target("limiters/python").join(folder).join(format!("python{}", std::env::consts::EXE_SUFFIX))
}
