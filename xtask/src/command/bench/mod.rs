//! `cargo xtask bench`: what a call costs beside what people use today, in the core and in each language.
//!
//! The programs measure and print figures; this room starts them, and renders what they print as `BENCHMARKS.md`.

mod figures;
pub mod instructions;
mod machine;
mod notes;
mod page;
mod programs;

use crate::tool::places::{at, native_library, target, write};
use crate::tool::run::Run;
use figures::Figures;
use page::{Page, Part};
use programs::{Language, Program};
use std::time::{Duration, Instant};

const PAGE: &str = "BENCHMARKS.md";

/// The longest time of one program.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = ["core", "js", "python", "kotlin"])]
    pub only: Vec<String>,
    /// Few rounds, only shown
    #[arg(long)]
    quick: bool,
}

/// Runs what `--only` names, or everything, and puts the tables of what ran to the end into `BENCHMARKS.md`; with
/// `--quick` they are only shown. A language that is not on this machine is named and left out.
///
/// # Errors
/// Arguments that are not understood, or the programs that failed, with what they printed.
pub fn main(options: &Options) -> Result<(), String> {
    let Options { only, quick } = options;
    let mut page = Page::read(&std::fs::read_to_string(at(PAGE)).unwrap_or_default());
    let mut failed = Vec::new();
    for language in Language::ALL {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == language.word()) {
            continue;
        }
        match measure(language, *quick) {
            Ok(Some(part)) => {
                println!("\n{}", part.text);
                page.put(part);
            }
            Ok(None) => {}
            Err(why) => failed.push(format!("{}: {}", language.word(), why.trim_end())),
        }
    }
    if !quick {
        write(&at(PAGE), &page.text())?;
        println!("written: {PAGE}");
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Measures one language; `None` if it is not on this machine.
fn measure(language: Language, quick: bool) -> Result<Option<Part>, String> {
    println!("{}: building", language.word());
    let programs = match language.programs() {
        Ok(programs) => programs,
        Err(why) => {
            println!("{} is left out: {}", language.word(), why.trim_end());
            return Ok(None);
        }
    };
    let mut figures = Figures::default();
    for Program { name, run } in programs {
        let started = Instant::now();
        let run = if quick { run.args(["--quick"]) } else { run };
        let before = figures.len();
        figures.read(&run.within(LIMIT).output()?);
        let found = figures.len() - before;
        println!("{}: {name}, {found} figures in {:.0} s", language.word(), started.elapsed().as_secs_f64());
        if found == 0 {
            return Err(format!("{name} printed no figure"));
        }
    }
    if language == Language::Core {
        counted(&mut figures)?;
        sized(&mut figures)?;
    }
    let ran_on = machine::sentence(language.versions());
    Ok(Some(Part { title: language.title().to_owned(), text: page::part(language.title(), &ran_on, &figures) }))
}

/// Adds the instructions of each path, where they can be counted.
fn counted(figures: &mut Figures) -> Result<(), String> {
    const TABLE: &str = "Core: instructions of one call, by its path";
    let Some(counts) = instructions::count()? else {
        println!("core: instructions are not counted here; that needs valgrind on x86-64 Linux");
        return Ok(());
    };
    for (path, count) in counts {
        figures.add(TABLE, &format!("unruffled-core, {path}"), "a call", count, "instructions");
    }
    figures.note(
        TABLE,
        "Counted by callgrind; the budget that `cargo xtask test` checks is core/benches/instructions.json.",
    );
    Ok(())
}

/// Adds the sizes of the native library as Python and Kotlin load it.
fn sized(figures: &mut Figures) -> Result<(), String> {
    const TABLE: &str = "Core: the native library";
    Run::cargo().args(["build", "--quiet", "--release", "-p", "unruffled-ffi"]).quietly()?;
    let built = target("release").join(native_library());
    let stripped = target("bench").join(native_library());
    crate::command::build::strip(&built, &stripped)?;
    for (column, path) in [("with symbols", &built), ("stripped", &stripped)] {
        let size = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?.len();
        figures.add(TABLE, "unruffled-ffi", column, size as f64 / 1_000.0, "KB");
    }
    figures.note(
        TABLE,
        "The cdylib of core and boundary for this platform; the jar has the stripped one. 1 KB = 1,000 bytes.",
    );
    Ok(())
}
