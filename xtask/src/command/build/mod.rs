//! `cargo xtask build`: the three packages, each from the core.

mod javascript;
mod kotlin;
mod python;

pub use javascript::npm_install;
pub use kotlin::{jvm, native, strip};
use std::time::Instant;

/// A build of one package; it returns the part of its tools' output that is worth reading.
type Build = fn() -> Result<String, String>;

/// The packages that can be built, by the words of `--only`.
const PACKAGES: [(&str, Build); 3] = [("js", javascript::build), ("python", python::build), ("kotlin", kotlin::build)];

/// What to build.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = ["js", "python", "kotlin"])]
    pub only: Vec<String>,
}

/// Builds what `only` names, or everything.
///
/// # Errors
/// The first package that could not be built, with the output of its tool.
pub fn main(only: &[String]) -> Result<(), String> {
    for (name, _) in PACKAGES {
        if only.is_empty() || only.iter().any(|wanted| wanted == name) {
            let started = Instant::now();
            let said = package(name)?;
            print!("{said}");
            println!("built {name} in {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

/// Builds one package, and returns the part of its tools' output that is worth reading.
///
/// # Errors
/// As `main`.
pub fn package(name: &str) -> Result<String, String> {
    let build = PACKAGES.iter().find(|(known, _)| *known == name).map(|(_, build)| build);
    build.ok_or_else(|| format!("no package named {name}"))?()
}
