//! `cargo xtask sim`: the simulation. Random worlds whose every answer is judged, or the tables of how well the policy
//! decides.

use crate::tool::places::target;
use crate::tool::run::Run;

/// Seeds of `cargo xtask sim`: more than 200 million inputs.
const MANY: &str = "310000";

/// Seeds of the test run: more than 20 million inputs.
const FEW: &str = "32000";

/// Seeds whose traces every runtime replays.
const TRACED: &str = "1000";

/// The words of the simulation's own program.
#[derive(Debug, clap::Args)]
pub struct Words {
    /// `run --seeds N`: many worlds · `replay SEED`: one of them again, what it breaks made short · `table`, `sweep`: how well the
    /// policy decides, beside the policies of others · fates [cases|grid|endpoints|shrink|show|log]: each call's fate beside
    /// a plain retry loop's · limits [table|shared|quota|show|log]: how much of a limited server's room calls get
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Runs the words of a command of the simulation; none = many random worlds.
///
/// # Errors
/// What broke.
pub fn main(words: &[String]) -> Result<(), String> {
    let (command, rest): (&str, &[String]) = match words.split_first() {
        Some((word, rest)) if !word.starts_with('-') => (word, rest),
        _ => ("run", words),
    };
    let mut args = vec![command];
    args.extend(rest.iter().map(String::as_str));
    if command == "run" && !rest.iter().any(|word| word == "--seeds") {
        args.extend(["--seeds", MANY]);
    }
    print!("{}", simulation(&args)?);
    Ok(())
}

/// The worlds of the test run.
///
/// # Errors
/// A seed that broke a sentence, with its trace made short.
pub fn worlds() -> Result<String, String> {
    simulation(&["run", "--seeds", FEW])
}

/// Writes what the cores of the first seeds were told, for the runtimes to replay.
///
/// # Errors
/// The same seed gave two traces.
pub fn traces() -> Result<String, String> {
    let file = trace_file();
    std::fs::create_dir_all(target("sim")).map_err(|error| error.to_string())?;
    simulation(&["traces", "--seeds", TRACED, "--out", &file.to_string_lossy()])
}

/// Where the traces are.
pub fn trace_file() -> std::path::PathBuf {
    target("sim").join("traces.bin")
}

fn simulation(args: &[&str]) -> Result<String, String> {
    let run = Run::cargo().args(["run", "--quiet", "--profile", "sim", "-p", "unruffled-sim", "--"]);
    run.args(args).output()
}
