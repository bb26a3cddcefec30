//! The Python package: an environment with its exact tools, and the native library in place for development.

use crate::tool::needs;
use crate::tool::places::{at, is_fresh, target, venv_program, write};
use crate::tool::run::Run;
use std::path::Path;

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

/// Installs the pinned tools, the libraries of the tests and the clients for the drop-ins, unless the lists are unchanged.
fn install() -> Result<(), String> {
    let tools = at("bindings-python/requirements-dev.txt");
    let clients = at("bindings-python/tests/clients/requirements.txt");
    let done = target("python/installed");
    if is_fresh(&done, &tools) && is_fresh(&done, &clients) {
        return Ok(());
    }
    // Both at once, so that a pin that does not go with another is seen.
    Run::new(venv_program("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args([Path::new("-r"), &tools, Path::new("-r"), &clients])
        .quietly()?;
    write(&done, "")
}
