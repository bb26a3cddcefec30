//! What must hold for every file of the project.

use crate::tool::places::at;
use crate::tool::run::Run;
use serde_json::Value;
use std::fs;

/// What may stand at the top.
const TOP: [&str; 24] = [
    ".cargo",
    ".ci",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "bindings-js",
    "bindings-kotlin",
    "bindings-python",
    "clippy.toml",
    "core",
    "examples",
    "rust-toolchain.toml",
    "tests",
    "xtask",
];

/// Names that say nothing about what is inside.
const NAMELESS: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

/// Endings and folders of what a build makes.
const MADE: [&str; 9] = [".so", ".dylib", ".dll", ".wasm", ".whl", ".jar", ".class", ".pyc", ".tgz"];
const MADE_IN: [&str; 4] =
    ["bindings-js/wasm/pkg/", "bindings-js/dist/", "bindings-python/unruffled/_native/", "node_modules/"];

/// Beginnings of paths that exist on one machine only; in pieces, so that this file does not break its own rule.
const MACHINE: [&str; 6] = [
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("/", "work/"),
    concat!("/", "tmp/"),
    concat!("C:", "\\Users"),
];

/// Words that tie a file to one package registry or mirror.
const REGISTRY: [&str; 5] = [
    concat!("\"resolved", "\": \"http"),
    concat!("index", "-url"),
    concat!("<repo", "sitory>"),
    concat!("<mir", "ror>"),
    concat!("registry", ".npmjs"),
];

/// The most crates in the core's tree, itself included.
const CORE_CRATES: usize = 4;

/// Finds the rules that are broken, a sentence each.
///
/// # Errors
/// A tool or file that could not be read.
pub fn broken(tracked: &[String]) -> Result<Vec<String>, String> {
    let mut broken = Vec::new();
    for path in tracked {
        names(path, &mut broken);
        if let Ok(text) = fs::read_to_string(at(path)) {
            contents(path, &text, &mut broken);
            length(path, &text, &mut broken);
        }
    }
    let crates = core_crates()?;
    if crates.len() > CORE_CRATES {
        broken.push(format!(
            "core has {} crates in its tree ({}), {CORE_CRATES} allowed",
            crates.len(),
            crates.join(", ")
        ));
    }
    pins(&mut broken);
    Ok(broken)
}

/// The most lines of a source file.
const LONGEST: usize = 600;
/// Dumps of a public API, which a build writes.
const DUMPS: &str = "bindings-js/api/";

fn length(path: &str, text: &str, broken: &mut Vec<String>) {
    let lines = text.lines().count();
    let is_source = [".rs", ".ts", ".mjs", ".js", ".py", ".kt", ".java"].iter().any(|ending| path.ends_with(ending));
    if is_source && !path.starts_with(DUMPS) && lines > LONGEST {
        broken.push(format!("{path}: {lines} lines, {LONGEST} are the most; split it by subject"));
    }
}

fn names(path: &str, broken: &mut Vec<String>) {
    let top = path.split('/').next().unwrap_or(path);
    if !TOP.contains(&top) {
        broken.push(format!("{path}: {top} has no place at the top of the house"));
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file).trim_start_matches('_').to_lowercase();
    if NAMELESS.contains(&stem.as_str()) {
        broken.push(format!("{path}: the name does not say what is inside"));
    }
    if MADE.iter().any(|ending| path.ends_with(ending)) || MADE_IN.iter().any(|folder| path.contains(folder)) {
        broken.push(format!("{path}: made by a build, must not be tracked"));
    }
}

fn contents(path: &str, text: &str, broken: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let place = number + 1;
        if let Some(word) = MACHINE.iter().find(|word| starts_a_path(line, word)) {
            broken.push(format!("{path}:{place}: {word} is a path of one machine"));
        }
        if let Some(word) = REGISTRY.iter().find(|word| line.contains(**word)) {
            broken.push(format!("{path}:{place}: {word} ties the project to one registry"));
        }
    }
}

/// Returns whether `word` starts an absolute path in `line`, not inside a URL or a longer path.
fn starts_a_path(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-}*~/$".contains(letter))
    })
}

/// Lists the crates that `core` is built from.
pub fn core_crates() -> Result<Vec<String>, String> {
    let tree =
        Run::cargo().args(["tree", "--quiet", "-p", "unruffled-core", "-e", "normal", "--prefix", "none"]).output()?;
    let mut crates: Vec<String> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    crates.sort();
    crates.dedup();
    Ok(crates)
}

/// Lists the npm packages that are installed with ours.
pub fn npm_dependencies() -> Option<Vec<String>> {
    let text = fs::read_to_string(at("bindings-js/package.json")).ok()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let names = package.get("dependencies").and_then(Value::as_object);
    Some(names.map(|names| names.keys().cloned().collect()).unwrap_or_default())
}

/// Checks that there is no dependency at run time, and that versions for development are exact.
fn pins(broken: &mut Vec<String>) {
    for name in npm_dependencies().unwrap_or_default() {
        broken.push(format!(
            "bindings-js/package.json: {name} would be installed with the package; it has no dependencies"
        ));
    }
    for file in [
        "bindings-js/package.json",
        "bindings-js/test/bundlers/package.json",
        "bindings-js/test/clients/package.json",
        "tests/limiters/package.json",
    ] {
        let package = fs::read_to_string(at(file)).unwrap_or_default();
        let package: Value = serde_json::from_str(&package).unwrap_or(Value::Null);
        let lists = [&package["dependencies"], &package["devDependencies"]];
        for (name, version) in lists.into_iter().filter_map(Value::as_object).flatten() {
            if !version.as_str().is_some_and(is_exact) {
                broken.push(format!("{file}: {name} {version} is not one exact version"));
            }
        }
    }
    for file in [
        "bindings-python/requirements-dev.txt",
        "bindings-python/tests/clients/requirements.txt",
        "tests/limiters/requirements.txt",
    ] {
        let list = fs::read_to_string(at(file)).unwrap_or_default();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-'])) {
            if !line.contains("==") {
                broken.push(format!("{file}: {line} is not one exact version"));
            }
        }
    }
}

/// Returns whether it is one version: `1.2.3`, or under another name `npm:undici@8.12.4`.
fn is_exact(version: &str) -> bool {
    let number =
        version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')).map_or(version, |(_, number)| number);
    number.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{contents, is_exact, names, starts_a_path};

    #[test]
    fn a_range_is_no_exact_version() {
        let versions = ["1.2.3", "npm:undici@8.12.4", "^1.2.3", "npm:undici@^8", "latest"];
        assert_eq!(versions.map(is_exact), [true, true, false, false, false]);
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_url_is_not() {
        let word = concat!("/", "home/");
        assert!(starts_a_path(&format!("open \"{word}me/x\""), word));
        assert!(!starts_a_path(&format!("https://example.com{word}"), word));
    }

    #[test]
    fn nameless_and_built_files_are_named() {
        let mut broken = Vec::new();
        names("core/src/utils.rs", &mut broken);
        names("bindings-js/dist/index.js", &mut broken);
        names("docs/index.md", &mut broken);
        names("core/src/engine.rs", &mut broken);
        assert_eq!(broken.len(), 3, "{broken:?}");
    }

    #[test]
    fn lock_files_name_no_registry() {
        let mut broken = Vec::new();
        contents("package-lock.json", concat!("\"resolved", "\": \"https://x\""), &mut broken);
        assert_eq!(broken.len(), 1);
    }
}
