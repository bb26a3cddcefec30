//! The form of the files that all runtimes share: every vector and scenario is JSON with a name, a note and known keys.

use crate::tool::places::at;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const VECTOR: [&str; 12] = [
    "name",
    "note",
    "policy",
    "lenient",
    "seed",
    "wall",
    "subscribe",
    "steps",
    "events",
    "crossings",
    "issues",
    "settings",
];
const STEP: [&str; 35] = [
    "at",
    "is",
    "begin",
    "route",
    "scope",
    "method",
    "flags",
    "size",
    "deadline",
    "respond",
    "status",
    "headers",
    "body",
    "by",
    "fault",
    "as",
    "cause",
    "free",
    "resume",
    "abandon",
    "token",
    "expires",
    "tokenFailed",
    "after",
    "renew",
    "reset",
    "online",
    "close",
    "wakes",
    "report",
    "snapshot",
    "times",
    "every",
    "steps",
    "ids",
];
const SCENARIO: [&str; 14] = [
    "name",
    "note",
    "policy",
    "client",
    "credentials",
    "correlation",
    "server",
    "do",
    "expect",
    "not",
    "only",
    "alone",
    "buffer",
    "options",
];

/// Checks every file of `tests/vectors`, `tests/scenarios` and `tests/adapters`.
///
/// # Errors
/// The files that break their form, a line each.
pub fn check() -> Result<String, String> {
    let mut broken = Vec::new();
    let mut names = std::collections::BTreeMap::new();
    let mut number = 0;
    for folder in ["tests/vectors", "tests/scenarios", "tests/adapters"] {
        for path in json_files(&at(folder)) {
            number += 1;
            let place = path.strip_prefix(at("")).unwrap_or(&path).display().to_string();
            match read(&path) {
                // Vectors of URLs are read by the hosts alone and have a form of their own.
                Ok(_) if place.starts_with("tests/vectors/url/") => {}
                Ok(value) => {
                    // A scenario is asked for by its name alone.
                    let within = if folder == "tests/vectors" { path.parent().map(Path::to_path_buf) } else { None };
                    if let Some(other) = names.insert((folder, within, value["name"].to_string()), place.clone()) {
                        broken.push(format!("{place}: has the name of {other}"));
                    }
                    let problems = if folder == "tests/vectors" { vector(&value) } else { scenario(&value) };
                    broken.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
                }
                Err(why) => broken.push(format!("{place}: {why}")),
            }
        }
    }
    if broken.is_empty() { Ok(format!("{number} files")) } else { Err(broken.join("\n")) }
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Lists every `.json` below a folder, in the order of the paths.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn vector(value: &Value) -> Vec<String> {
    let mut problems = keys(value, &VECTOR, "");
    problems.extend(needed(value, &["name", "policy"]));
    let outcomes = ["steps", "issues", "settings"].iter().filter(|key| value.get(**key).is_some()).count();
    if outcomes == 0 {
        problems.push("says nothing: steps, issues or settings are needed".into());
    }
    if value.get("steps").is_some() {
        problems.extend(needed(value, &["note"]));
        if value.get("crossings").and_then(Value::as_u64).is_none() {
            problems.push("steps need the number of crossings".into());
        }
    }
    steps(&value["steps"], "steps", &mut problems);
    problems
}

fn steps(list: &Value, place: &str, problems: &mut Vec<String>) {
    for (index, step) in list.as_array().into_iter().flatten().enumerate() {
        let place = format!("{place}[{index}]");
        problems.extend(keys(step, &STEP, &place));
        steps(&step["steps"], &format!("{place}.steps"), problems);
    }
}

fn scenario(value: &Value) -> Vec<String> {
    let mut problems = keys(value, &SCENARIO, "");
    problems.extend(needed(value, &["name", "note", "server", "do"]));
    for key in ["not", "only"] {
        for (runtime, reason) in value[key].as_object().into_iter().flatten() {
            if reason.as_str().is_none_or(|text| text.len() <= 8) {
                problems.push(format!("{key}.{runtime}: the reason is missing"));
            }
        }
    }
    problems
}

fn keys(value: &Value, known: &[&str], place: &str) -> Vec<String> {
    let Some(object) = value.as_object() else { return vec![format!("{place} is no object")] };
    let strange = object.keys().filter(|key| !known.contains(&key.as_str()));
    strange.map(|key| format!("{place} has the unknown key `{key}`").trim_start().to_owned()).collect()
}

fn needed(value: &Value, keys: &[&str]) -> Vec<String> {
    keys.iter().filter(|key| value.get(**key).is_none()).map(|key| format!("`{key}` is missing")).collect()
}

#[cfg(test)]
mod tests {
    use super::{scenario, vector};
    use serde_json::json;

    #[test]
    fn a_whole_vector_has_no_problem() {
        let steps = json!([{"at": 0, "begin": 1, "is": "Send 10000"}, {"times": 2, "steps": [{"at": 1, "resume": 1, "is": "x"}]}]);
        let value = json!({"name": "a", "note": "b", "policy": {}, "steps": steps, "crossings": 3});
        assert_eq!(vector(&value), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let value = json!({"name": "a", "policy": {}, "steps": [{"att": 0}]});
        let problems = vector(&value).join("; ");
        for part in ["`note` is missing", "steps[0] has the unknown key `att`", "crossings"] {
            assert!(problems.contains(part), "{problems}");
        }
        assert_eq!(scenario(&json!({"name": "a", "note": "b", "server": {}, "do": [], "not": {"jvm": ""}})).len(), 1);
    }
}
