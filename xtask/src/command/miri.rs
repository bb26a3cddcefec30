//! `cargo xtask miri`: the core's unit tests and the C ABI's under an interpreter that finds undefined behaviour.
//!
//! Slow, and for a nightly compiler only, so not in the test run. The core forbids unsafe code; what is looked at is the C
//! ABI's handles, pointers and locks, and that the core's arithmetic says the same where nothing is compiled.

use crate::tool::run::Run;

/// The models of the policies roll millions of dice: they are left to the compiled tests.
const SKIPPED: [&str; 3] = ["models::", "naive", "ten_thousand"];

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = ["core", "ffi"])]
    pub only: Vec<String>,
}

/// Runs both; prints their counts.
///
/// # Errors
/// What miri found, or what to install.
pub fn main(only: &[String]) -> Result<(), String> {
    let parts = ["core", "ffi"];
    let found = Run::new("cargo").args(["+nightly", "miri", "--version"]).output();
    found.map_err(|why| format!("miri is needed: rustup +nightly component add miri rust-src\n{why}"))?;
    for part in parts {
        if only.is_empty() || only.iter().any(|name| name == part) {
            println!("{part}: {}", summary(&run(part)?));
        }
    }
    Ok(())
}

fn run(part: &str) -> Result<String, String> {
    let package = format!("unruffled-{part}");
    let mut run = Run::new("cargo").args(["+nightly", "miri", "test", "--quiet", "-p", &package, "--lib", "--"]);
    for name in SKIPPED {
        run = run.args(["--skip", name]);
    }
    // A cargo that runs us hands its own compiler down, which is not nightly's.
    run.env("RUSTUP_TOOLCHAIN", "nightly").env("MIRIFLAGS", "-Zmiri-disable-isolation").output()
}

fn summary(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("test result: ")).unwrap_or("no tests")
}
