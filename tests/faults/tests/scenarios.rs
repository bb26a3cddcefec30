//! Every file of `tests/scenarios` is understood, and every runtime has its share.

use std::path::{Path, PathBuf};

use unruffled_core::config::{self, Reading};
use unruffled_faults::library;
use unruffled_faults::scenario::RUNTIMES;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

/// Those for all runtimes, and those for other people's clients.
fn all() -> Vec<PathBuf> {
    let mut files = library::files(&folder()).unwrap();
    files.extend(library::files(&folder().with_file_name("adapters")).unwrap());
    files
}

#[test]
fn every_file_is_understood() {
    let problems: Vec<String> =
        all().iter().filter_map(|path| library::read(path).err()).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_policy_is_one() {
    let mut problems = Vec::new();
    for path in all() {
        let (mut value, scenario) = library::read(&path).unwrap();
        value["policy"]["baseUrl"] = "http://127.0.0.1:1/run".into();
        for issue in config::read(&value["policy"].to_string(), Reading::Strict).err().unwrap_or_default() {
            problems.push(format!("{}: {}", scenario.name, issue.text));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_runtime_has_its_share() {
    for runtime in RUNTIMES {
        let list = library::chosen(&folder(), runtime).unwrap();
        println!("{runtime}: {}", list.len());
        assert!(!list.is_empty(), "{runtime}");
    }
}

#[test]
fn every_skip_names_a_scenario_and_a_runtime() {
    let text = std::fs::read_to_string(folder().with_file_name("skips.toml")).unwrap();
    for skip in library::skips(&text).unwrap() {
        assert!(folder().join(format!("{}.json", skip.scenario)).exists(), "{}", skip.scenario);
        assert!(RUNTIMES.contains(&skip.runtime.as_str()), "{}", skip.runtime);
    }
}
