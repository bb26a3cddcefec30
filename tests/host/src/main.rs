//! Runs every vector against the core, as the adapters of the other languages do through their boundaries, and checks
//! what only Rust can see: that the vectors together take every transition of `CallState`.
//!
//! `cargo run -p unruffled-host [-- --bless] [FOLDER or FILE …]`; `--bless` writes the answers of the core into the
//! files that have none yet (`"is"` missing) or differ: read the diff against `core/manual/semantics.md` before you commit it.

mod adapter;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use unruffled_core::{EDGES, Node};

fn files(place: &Path, found: &mut Vec<PathBuf>) {
    if place.is_file() {
        found.push(place.to_path_buf());
        return;
    }
    let mut entries: Vec<_> = std::fs::read_dir(place).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for entry in entries {
        // Building URLs is the hosts' own work; those vectors are counted apart.
        if entry.is_dir() && entry.file_name().is_some_and(|name| name != "url") {
            files(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "json") {
            found.push(entry);
        }
    }
}

fn main() -> ExitCode {
    let mut bless = false;
    let mut places = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--bless" => bless = true,
            place => places.push(PathBuf::from(place)),
        }
    }
    let whole = places.is_empty();
    if whole {
        places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors"));
    }
    let mut found = Vec::new();
    places.iter().for_each(|place| files(place, &mut found));
    let mut edges: BTreeSet<(Node, Node)> = BTreeSet::new();
    let (mut passed, mut failed) = (0, 0);
    for file in found {
        match adapter::run(&file, bless) {
            Ok(taken) => {
                passed += 1;
                edges.extend(taken);
            }
            Err(why) => {
                failed += 1;
                eprintln!("{}: {why}", file.display());
            }
        }
    }
    println!("vectors: {passed} passed");
    let missed: Vec<_> = EDGES.iter().filter(|edge| !edges.contains(edge)).collect();
    let illegal: Vec<_> = edges.iter().filter(|edge| !EDGES.contains(edge)).collect();
    if whole {
        println!("transitions: {} of {} taken", EDGES.len() - missed.len(), EDGES.len());
        missed.iter().for_each(|(from, to)| println!("  no vector takes {} -> {}", from.text(), to.text()));
    }
    illegal.iter().for_each(|(from, to)| println!("  not allowed: {} -> {}", from.text(), to.text()));
    if failed > 0 || !illegal.is_empty() || (whole && !missed.is_empty()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
