//! Every command of a developer; `cargo xtask --help` lists them.
//!
//! This program starts other programs and reads what they print. It knows where things are in the house; it must not
//! know what a policy means.

mod command;
mod tool;

use clap::{Parser, Subcommand};
use command::{adapters, bench, build, consumers, demo, docs, fuzz, house, limiters, miri, sim, soak, test};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about = "The commands of a developer of unruffled", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the packages
    Build(build::Options),
    /// Run every check, as CI does
    Test(test::Options),
    /// Play a bad day of 42 s for three clients, then write a report
    Demo(demo::Words),
    /// Play other people's clients with and without one line of ours, into a page of the manual
    Adapters {
        /// Write the page of what was played last
        #[arg(value_parser = ["page"])]
        page: Option<String>,
    },
    /// Play the client before rate limiters that other people wrote (nine minutes)
    Limiters {
        /// Only the cases whose name has this text
        #[arg(long)]
        only: Option<String>,
    },
    /// Build and play programs that depend on the Kotlin packages: Kotlin 2.1 and 2.4, Spring Boot 3.5 and 4
    Consumers {
        /// Only this folder of bindings-kotlin/consumers
        #[arg(long)]
        only: Option<String>,
    },
    /// Measure what a call costs beside its peers, into BENCHMARKS.md
    Bench(bench::Options),
    /// Run minutes of load and faults: memory must stay flat, nothing may be left over
    Soak(soak::Options),
    /// Fuzz parsers, codecs and input sequences, beside other readers and models
    Fuzz(fuzz::Options),
    /// Run the core's and the C ABI's tests under miri (a nightly compiler)
    Miri(miri::Options),
    /// Play random worlds, every answer judged
    Sim(sim::Words),
    /// Write the JSON Schema of the policy file, for editors: target/policy.schema.json
    Schema,
    /// Write the manual's policy reference, and the manual and all references as a site: target/docs
    Docs(docs::Options),
    /// Print the sizes of the parts and check the rules of the house
    House,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Build(options) => build::main(&options.only),
        Command::Test(options) if options.write_api => command::surface::rewrite(),
        Command::Test(options) => test::main(&options.only),
        Command::Demo(words) => demo::main(words),
        Command::Adapters { page: None } => adapters::main(),
        Command::Adapters { page: Some(_) } => adapters::page(),
        Command::Limiters { only } => limiters::main(only.as_deref()),
        Command::Consumers { only } => consumers::main(only.as_deref()),
        Command::Bench(options) => bench::main(&options),
        Command::Soak(options) => soak::main(&options),
        Command::Fuzz(options) => fuzz::main(&options),
        Command::Miri(options) => miri::main(&options.only),
        Command::Sim(words) => sim::main(&words.words),
        Command::Schema => docs::schema(),
        Command::Docs(options) => docs::main(&options.only),
        Command::House => house::main(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            if !text.is_empty() {
                eprintln!("xtask: {text}");
            }
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_commands_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_may_be_repeated_or_listed_and_unknown_names_are_told() {
        for words in ["test --only js --only rust", "test --only=js,rust"] {
            assert!(Arguments::try_parse_from(["xtask"].into_iter().chain(words.split(' '))).is_ok(), "{words}");
        }
        let refused = Arguments::try_parse_from(["xtask", "test", "--only", "jss"]).unwrap_err().to_string();
        assert!(refused.contains("jss") && refused.contains("js"), "{refused}");
    }
}
