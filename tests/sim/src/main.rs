//! The commands of the simulation.

use std::process::ExitCode;
use unruffled_sim::{fates, figures, limits, worlds};

const USAGE: &str = "\
usage: unruffled-sim COMMAND

  run [--seeds N] [--from S] [--threads N] [--marks]   random worlds, every answer judged
  replay SEED                  one of them again; what it breaks, made short
  traces --seeds N --out FILE  what each core was told, for the other runtimes
  table [--seeds N]            what each policy makes of each server, as Markdown
  bars [--seeds N]             the figures that the policy must reach
  sweep [--seeds N] [NAME…]    the same figures over values of the constants
  fates [--seeds N] [--from S] [--threads N]   random worlds, each call beside a plain retry loop
  fates cases [NAME] [-v]      worlds with a floor each; fails when one is missed
  fates grid                   calls at once in short outages; fails when a cell is missed
  fates endpoints              broken endpoints beside healthy ones; fails when a cell is missed
  fates shrink SEED|WORLD      for each flag of a world the smallest world that has it
  fates show SEED|WORLD        the verdict on a world
  fates log SEED|WORLD         every step of the core in a world
  limits [--seeds N] [--from S] [--threads N] [--of TEXT]  limited servers by seed, with the figures of each value of each
                               dimension; of those with a text in their convention
  limits table [-v]            common servers, and each with one thing changed
  limits shared                3 and 10 clients on each of them
  limits quota                 300 calls on a fresh quota, beside a bare client
  limits show SEED|row:KEY     the convention and the figures of a seed, or of a row of the table
  limits log SEED|row:KEY [LINES]  its timeline: what is sent, what comes, what the core's buckets hold
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((command, rest)) if command == "run" => worlds::run(rest),
        Some((command, rest)) if command == "replay" => worlds::replay(rest),
        Some((command, rest)) if command == "traces" => worlds::traces(rest),
        Some((command, rest)) if command == "table" => figures::table(rest),
        Some((command, rest)) if command == "bars" => figures::bars(rest),
        Some((command, rest)) if command == "sweep" => figures::sweep(rest),
        Some((command, rest)) if command == "fates" => fates::command(rest),
        Some((command, rest)) if command == "limits" => limits::command(rest),
        _ => Err(USAGE.to_string()),
    };
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
