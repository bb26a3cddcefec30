//! The Python package: an environment with its exact tools, and the native library in place for development.

use crate::needs;
use crate::places::{at, is_fresh, target, venv_program, write};
use crate::run::Run;

/// Makes `target/python/venv` and installs the package there in place.
///
/// # Errors
/// The tool that failed, with its output.
pub fn build() -> Result<String, String> {
    let python = needs::python()?;
    let package = at("bindings-python");
    let venv = target("python/venv");
    if !venv_program("python").exists() {
        Run::new(python).args(["-m", "venv"]).args([&venv]).quietly()?;
    }
    install()?;
    Run::new(venv_program("maturin"))
        .args(["develop", "--quiet", "--release"])
        .folder(&package)
        .env("VIRTUAL_ENV", &venv)
        .output()
}

/// The tools and libraries of the tests, exactly as pinned; skipped while the list is unchanged.
fn install() -> Result<(), String> {
    let list = at("bindings-python/requirements-dev.txt");
    let done = target("python/installed");
    if is_fresh(&done, &list) {
        return Ok(());
    }
    Run::new(venv_program("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .args([&list])
        .quietly()?;
    write(&done, "")
}
