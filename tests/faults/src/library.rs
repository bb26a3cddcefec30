//! The folder of scenarios: which of them a runtime plays, and which may fail for now.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;
use thiserror::Error;

use crate::scenario::{ADAPTERS, Client, RUNTIMES, Scenario};

/// Runtimes whose binding has a drop-in.
const DROPINS: [&str; 7] = ["node", "chromium", "python-sync", "python-async", "jvm", "jvm-blocking", ADAPTERS];

/// A fault in the library of scenarios, for its author.
#[derive(Debug, Error)]
pub enum LibraryError {
    #[error("runtime={runtime}: one of {} {ADAPTERS}", RUNTIMES.join(" "))]
    Runtime { runtime: String },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{}: {why}", path.display())]
    Content { path: PathBuf, why: String },
}

/// Returns the scenarios that `runtime` plays, in the order of their files.
pub fn chosen(folder: &Path, runtime: &str) -> Result<Vec<Value>, LibraryError> {
    if runtime != ADAPTERS && !RUNTIMES.contains(&runtime) {
        return Err(LibraryError::Runtime { runtime: runtime.to_owned() });
    }
    let mut list = Vec::new();
    for path in files(folder)? {
        let (value, scenario) = read(&path)?;
        let fits = scenario.client == Client::Verbs || DROPINS.contains(&runtime);
        if fits && scenario.plays_in(runtime) {
            list.push(value);
        }
    }
    Ok(list)
}

/// Returns the scenario files of a folder and its folders, sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let entries = fs::read_dir(folder).map_err(|source| LibraryError::File { path: folder.to_owned(), source })?;
    let mut paths = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            paths.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads one file: its JSON, and the scenario in it. The name of the file is the scenario's.
pub fn read(path: &Path) -> Result<(Value, Scenario), LibraryError> {
    let content = |why: String| LibraryError::Content { path: path.to_owned(), why };
    let text = fs::read_to_string(path).map_err(|source| LibraryError::File { path: path.to_owned(), source })?;
    let value: Value =
        serde_json::from_str(&text).map_err(|source| LibraryError::Json { path: path.to_owned(), source })?;
    let scenario = Scenario::read(value.clone()).map_err(content)?;
    if path.file_stem().is_none_or(|stem| stem != scenario.name.as_str()) {
        return Err(content(format!("name: {:?} is not the file's", scenario.name)));
    }
    Ok((value, scenario))
}

/// Returns why this pair may fail, from `skips.toml` beside the folder.
pub fn skip(folder: &Path, scenario: &str, runtime: &str) -> Result<Option<String>, LibraryError> {
    let path = folder.with_file_name("skips.toml");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
    let list = skips(&text).map_err(|why| LibraryError::Content { path, why })?;
    let found = list.into_iter().find(|skip| skip.scenario == scenario && skip.runtime == runtime);
    Ok(found.map(|skip| skip.reason))
}

/// An entry of `skips.toml`.
#[derive(Debug, Default, PartialEq)]
pub struct Skip {
    pub scenario: String,
    pub runtime: String,
    pub reason: String,
}

/// Reads the little of TOML that the file may use: `[[skip]]`, `key = "text"`, comments.
pub fn skips(text: &str) -> Result<Vec<Skip>, String> {
    let mut list: Vec<Skip> = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[skip]]" {
            list.push(Skip::default());
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(wrong("[[skip]] or key = \"text\" expected"))?;
        let value = value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let value = value.filter(|value| !value.contains(['"', '\\'])).ok_or(wrong("\"text\" expected"))?;
        let skip = list.last_mut().ok_or(wrong("[[skip]] expected first"))?;
        let slot = match key.trim() {
            "scenario" => &mut skip.scenario,
            "runtime" => &mut skip.runtime,
            "reason" => &mut skip.reason,
            _ => return Err(wrong("scenario, runtime or reason")),
        };
        value.clone_into(slot);
    }
    match list.iter().position(|skip| skip.reason.is_empty() || skip.scenario.is_empty() || skip.runtime.is_empty()) {
        Some(index) => Err(format!("skip {}: scenario, runtime and reason are required", index + 1)),
        None => Ok(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_need_all_three() {
        let text = "# why\n[[skip]]\nscenario = \"a\"\nruntime = \"node\"\nreason = \"later\"\n";
        let skip = Skip { scenario: "a".into(), runtime: "node".into(), reason: "later".into() };
        assert_eq!(skips(text).unwrap(), [skip]);
        assert!(skips("[[skip]]\nscenario = \"a\"\n").unwrap_err().contains("required"));
        assert!(skips("scenario = \"a\"\n").unwrap_err().contains("line 1"));
    }
}
