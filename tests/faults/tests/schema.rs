//! `tests/schema.json` says what the files are: every vector and scenario fits it, and it knows no less than the reader.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unruffled_faults::scenario::Scenario;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(tests().join("schema.json")).unwrap()).unwrap()
}

/// What is wrong with `value`, by the part of JSON Schema that the file uses.
fn problems(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = root.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}"));
        return problems(root, target, value, place);
    }
    let mut found = Vec::new();
    if let Some(branches) = schema["anyOf"].as_array() {
        let mut tried: Vec<_> = branches.iter().map(|branch| problems(root, branch, value, place)).collect();
        tried.sort_by_key(Vec::len);
        found.extend(tried.into_iter().next().unwrap_or_default());
    }
    if schema.get("const").is_some_and(|only| only != value) {
        found.push(format!("{place}: is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|list| !list.contains(value)) {
        found.push(format!("{place}: {value} is none of {}", schema["enum"]));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| has_type(value, name)) {
        return vec![format!("{place}: is not {}", types.join(" or "))];
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_i64(), value.as_i64())
        && number < least
    {
        found.push(format!("{place}: {number} is below {least}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                found.push(format!("{place}: {name} is missing"));
            }
        }
        for (key, value) in object {
            let place = format!("{place}/{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => found.extend(problems(root, schema, value, &place)),
                (None, Value::Bool(false)) => found.push(format!("{place}: unknown")),
                (None, schema) => found.extend(problems(root, schema, value, &place)),
            }
        }
    }
    if let Some(list) = value.as_array() {
        let length = list.len() as u64;
        if schema["minItems"].as_u64().is_some_and(|least| length < least)
            || schema["maxItems"].as_u64().is_some_and(|most| length > most)
        {
            found.push(format!("{place}: {length} items"));
        }
        for (index, value) in list.iter().enumerate() {
            found.extend(problems(root, &schema["items"], value, &format!("{place}/{index}")));
        }
    }
    found
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the schema has the type {other}"),
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            into.push(path);
        }
    }
}

#[test]
fn every_file_fits() {
    let schema = schema();
    let mut paths = Vec::new();
    files(&tests().join("vectors"), &mut paths);
    files(&tests().join("scenarios"), &mut paths);
    files(&tests().join("adapters"), &mut paths);
    files(&tests().join("mistakes"), &mut paths);
    assert!(paths.len() > 100);
    let mut found = Vec::new();
    for path in paths {
        let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let within = |name: &str| path.iter().any(|part| part == name);
        let kind = match () {
            () if within("scenarios") || within("adapters") => "scenario",
            () if within("url") => "urls",
            () if within("mistakes") => "mistakes",
            () => "vector",
        };
        let wrong = problems(&schema, &schema["$defs"][kind], &value, "");
        found.extend(wrong.into_iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn schema_and_reader_refuse_the_same_mistakes() {
    let schema = schema();
    let good =
        json!({"name": "a", "note": "", "policy": {}, "server": {}, "do": [{"call": "GET /x", "is": {"status": 200}}]});
    let refused = |value: &Value| {
        let by_schema = !problems(&schema, &schema["$defs"]["scenario"], value, "").is_empty();
        (by_schema, Scenario::read(value.clone()).is_err())
    };
    assert_eq!(refused(&good), (false, false));
    for (pointer, mistake) in [
        ("", json!({"name": "a", "note": "", "policy": {}, "server": {}, "do": []})),
        ("/server", json!({"answer": []})),
        ("/server", json!({"answers": [{"fault": "reset"}]})),
        ("/server", json!({"phases": [{"fro": 1}]})),
        ("/server", json!({"bucket": {"rate": 1, "headers": "x"}})),
        ("/server", json!({"bucket": {"rate": 1, "kind": "bucket"}})),
        ("/server", json!({"bucket": {"rate": 1, "retryAfter": "later"}})),
        ("/server", json!({"bucket": {"rate": 1, "resetAs": "seconds"}})),
        ("/do/0", json!({"cal": "GET /x"})),
        ("/do/0", json!({"call": "GET /x", "is": {"stats": 200}})),
        ("/do/0", json!({"call": "GET /x", "is": {"attempts": [1]}})),
        ("/do/0", json!({"call": "GET /x", "every": 3})),
        ("/do/0", json!({"together": 2, "call": "GET /x", "is": {"status": 200}})),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).unwrap() = mistake;
        assert_eq!(refused(&value), (true, true), "{value}");
    }
}
