//! Every command of a developer: `cargo xtask build | test | adapters | limiters | consumers | demo | bench | fuzz | miri | soak | sim |
//! schema | docs | house`.
//!
//! This program starts other programs and reads what they print. It knows where things are in the house; it must not
//! know what a policy means.

mod adapters;
mod arguments;
mod bench;
mod build;
mod consumers;
mod demo;
mod docs;
mod formats;
mod fuzz;
mod house;
mod limiters;
mod miri;
mod needs;
mod places;
mod run;
mod server;
mod sim;
mod soak;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  build [--only js|python|kotlin]   build the packages
  test  [--only NAME[,NAME…]]       every check; NAME: rust js chromium python kotlin vectors scenarios adapters
                                    limiters consumers house docs instructions
  adapters [page]                   other people's clients with and without one line of ours, into a page of the manual
  limiters [--only TEXT]            the client before rate limiters that other people wrote: nine minutes
  consumers [--only NAME]           programs that depend on the Kotlin packages: Kotlin 2.1 and 2.4, Spring Boot 3.5 and 4
  demo                              a bad day of 42 s for three clients, then a report
  demo  --peers                     the same day for what else there is in Node
  demo  --url URL [--policy FILE]   GETs of the three clients to an API of yours
  bench [--only NAME[,NAME…]] [--quick]
                                    what a call costs beside its peers, into BENCHMARKS.md; NAME: core js python kotlin
  soak  [--only js|python|kotlin] [--seconds N]
                                    10 minutes of load and faults each: memory flat, nothing left over
  fuzz  [--seconds N] [--only NAME] parsers, codecs and input sequences, beside other readers and models
  miri  [--only core|ffi]           the core's and the C ABI's tests under miri (a nightly compiler)
  sim   [--seeds N]                 random worlds by the hundred thousand, every answer judged
  sim   replay SEED                 one of them again, what it breaks made short
  sim   table | sweep               how well the policy decides, beside the policies of others
  sim   fates [cases|grid|endpoints|shrink|show|log]
                                    each call's fate beside a plain retry loop's, in random worlds and in named ones
  sim   limits [table|shared|quota|show|log]
                                    how much of a limited server's room calls get, over conventions drawn at random
  schema                            the JSON Schema of the policy file, for editors: target/policy.schema.json
  docs  [--only reference|site]     the manual's policy reference; the manual and all references as a site: target/docs
  house                             sizes and rules of the house
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            if !text.is_empty() {
                eprintln!("xtask: {text}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<(), String> {
    let Some((command, rest)) = words.split_first() else {
        return Err(format!("no command given\n\n{USAGE}"));
    };
    match command.as_str() {
        "build" => build::main(rest),
        "test" => test::main(rest),
        "adapters" => adapters::main(rest),
        "limiters" => limiters::main(rest),
        "consumers" => consumers::main(rest),
        "demo" => demo::main(rest),
        "bench" => bench::main(rest),
        "fuzz" => fuzz::main(rest),
        "miri" => miri::main(rest),
        "sim" => sim::main(rest),
        "soak" => soak::main(rest),
        "schema" => schema(),
        "docs" => docs::main(rest),
        "house" => house::main(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no command named `{other}`\n\n{USAGE}")),
    }
}

/// Writes the schema that the core generates from the table its reader uses.
fn schema() -> Result<(), String> {
    let place = places::target("policy.schema.json");
    std::fs::write(&place, unruffled_core::config::json_schema()).map_err(|error| error.to_string())?;
    println!("{}", place.display());
    Ok(())
}
