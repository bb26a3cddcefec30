//! Every file of `tests/scenarios` is understood, and every runtime has its share.

use std::path::{Path, PathBuf};

use unruffled_faults::library;
use unruffled_faults::scenario::RUNTIMES;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

#[test]
fn every_file_is_understood() {
    let problems: Vec<String> =
        library::files(&folder()).unwrap().iter().filter_map(|path| library::read(path).err()).collect();
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
