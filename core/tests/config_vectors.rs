//! Plays `tests/vectors/config`: what the reader says of a policy, and what a host is told of it. The same files run in
//! every language; here they run where they are quickest to debug.

use serde_json::Value;
use std::fs;
use std::path::Path;
use unruffled_core::config::{Reading, read, settings_json};

fn text(vector: &Value) -> String {
    match &vector["policy"] {
        Value::String(raw) => raw.clone(),
        policy => policy.to_string(),
    }
}

/// Objects may have more than is asked; all else is exact.
fn differs(path: &str, asked: &Value, got: &Value) -> Option<String> {
    match (asked, got) {
        (Value::Object(asked), Value::Object(got)) => asked.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match got.get(key) {
                Some(got) => differs(&path, value, got),
                None => Some(format!("{path} is missing")),
            }
        }),
        (Value::Array(asked), Value::Array(got)) if asked.len() == got.len() => asked
            .iter()
            .zip(got)
            .enumerate()
            .find_map(|(at, (asked, got))| differs(&format!("{path}[{at}]"), asked, got)),
        _ if asked == got => None,
        _ => Some(format!("{path}: asked {asked}, got {got}")),
    }
}

fn play(vector: &Value) -> Result<(), String> {
    let reading = if vector["lenient"] == true { Reading::Lenient } else { Reading::Strict };
    match (read(&text(vector), reading), vector.get("issues")) {
        (Err(issues), Some(asked)) => {
            let got = Value::from(issues.iter().map(|issue| issue.text.clone()).collect::<Vec<_>>());
            if let Some(wrong) =
                issues.iter().find(|issue| !issue.text.starts_with(&format!("{}: ", issue.path)) || issue.line == 0)
            {
                return Err(format!("no place: {wrong:?}"));
            }
            if *asked == got { Ok(()) } else { Err(format!("asked {asked:#}\ngot {got:#}")) }
        }
        (Err(issues), None) => Err(format!("rejected: {issues:#?}")),
        (Ok(_), Some(asked)) => Err(format!("accepted, but asked {asked:#}")),
        (Ok(config), None) => {
            let names = ["ratelimit".to_owned()];
            let got: Value =
                serde_json::from_str(&settings_json(&config, &names, &names)).map_err(|error| error.to_string())?;
            vector.get("settings").and_then(|asked| differs("settings", asked, &got)).map_or(Ok(()), Err)
        }
    }
}

#[test]
fn every_vector_of_the_room_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/config");
    let mut files: Vec<_> = fs::read_dir(folder).expect("vectors").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let vector: Value = serde_json::from_str(&fs::read_to_string(file).expect("text")).expect(name);
        if vector["name"] != name.replace('-', " ") {
            failures.push(format!("{name}: its name is {}", vector["name"]));
        }
        // Those with steps are played by the adapters, as all are.
        if vector.get("steps").is_none()
            && let Err(why) = play(&vector)
        {
            failures.push(format!("{name}: {why}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(files.len() >= 60, "{} files", files.len());
}
