//! The structured field parser against the public corpus (httpwg/structured-field-tests), where a copy of it lies
//! beside the repository; the project holds none of it.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use serde_json::Value;
use std::path::Path;
use unruffled_core::headers::structured::{self, Bare, Entry, Form, Level};

#[test]
fn the_public_corpus_of_structured_fields_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/structured_fields");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("structured fields: no corpus beside the repository, 0 cases");
        return;
    };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let (mut parsed, mut refused, mut free, mut failures) = (0, 0, 0, Vec::new());
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Those write fields; nothing here does.
        if name.starts_with("serialisation") || !name.ends_with(".json") {
            continue;
        }
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let cases = file.as_array().or_else(|| file["cases"].as_array()).unwrap_or_else(|| panic!("{name}: no cases"));
        for case in cases {
            let Some(lines) = case["raw"].as_array() else { continue };
            let text = lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join(", ");
            let (form, json): (_, fn(&[Entry<'_>]) -> Value) = match case["header_type"].as_str() {
                Some("item") => (Form::Item, json_member),
                Some("list") => (Form::List, |entries| structured::members(entries).map(json_member).collect()),
                Some("dictionary") => (Form::Dictionary, json_dictionary),
                other => panic!("{name}: unknown type {other:?}"),
            };
            let found = structured::read(&text, form).map(|entries| json(&entries));
            let expected = &case["expected"];
            let fits = match &found {
                None => case["must_fail"] == true || case["can_fail"] == true,
                Some(found) => case["must_fail"] != true && found == expected,
            };
            if !fits {
                failures.push(format!("{name}: {}: {text:?}: expected {expected}, found {found:?}", case["name"]));
            }
            match (case["must_fail"] == true, case["can_fail"] == true) {
                (true, _) => refused += 1,
                (_, true) => free += 1,
                _ => parsed += 1,
            }
        }
    }
    println!("structured fields: {parsed} cases read, {refused} refused, {free} free to choose");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(parsed + refused > 0, "the folder holds no cases");
}

/// The corpus writes a dictionary as pairs; a key that comes again keeps its first place and takes the last value.
fn json_dictionary(entries: &[Entry<'_>]) -> Value {
    json_pairs(structured::members(entries).map(|member| (member[0].key, json_member(member))))
}

fn json_params(entries: &[Entry<'_>], level: Level) -> Value {
    json_pairs(entries.iter().filter(|entry| entry.level == level).map(|entry| (entry.key, json_bare(entry.bare))))
}

fn json_pairs<'a>(pairs: impl Iterator<Item = (&'a str, Value)>) -> Value {
    let mut unique: Vec<(&str, Value)> = Vec::new();
    for (key, value) in pairs {
        match unique.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => unique.push((key, value)),
        }
    }
    unique.into_iter().map(|(key, value)| Value::from(vec![Value::from(key), value])).collect()
}

fn json_member(entries: &[Entry<'_>]) -> Value {
    let value = match entries[0].bare {
        Bare::Inner => {
            let items = &entries[1..];
            let items =
                items.chunk_by(|_, next| next.level != Level::Inner).filter(|item| item[0].level == Level::Inner);
            items.map(|item| Value::from(vec![json_bare(item[0].bare), json_params(item, Level::InnerParam)])).collect()
        }
        bare => json_bare(bare),
    };
    Value::from(vec![value, json_params(entries, Level::Param)])
}

fn json_bare(bare: Bare<'_>) -> Value {
    let typed = |kind: &str, value: Value| serde_json::json!({"__type": kind, "value": value});
    match bare {
        Bare::Integer(value) => Value::from(value),
        Bare::Decimal(thousandths) => Value::from(thousandths as f64 / 1_000.0),
        Bare::String(text) => Value::from(structured::string(text)),
        Bare::Token(text) => typed("token", Value::from(text)),
        Bare::Bytes(bytes) => typed("binary", Value::from(base32(&structured::bytes(bytes)))),
        Bare::Boolean(value) => Value::from(value),
        Bare::Date(seconds) => typed("date", Value::from(seconds)),
        Bare::Inner => Value::Null,
        Bare::Display(text) => typed("displaystring", Value::from(structured::display(text))),
    }
}

/// RFC 4648 section 6, as the corpus writes bytes.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0_u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let letters = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let letter = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(bits >> (35 - 5 * place) & 31) as usize];
            text.push(if place < letters { char::from(letter) } else { '=' });
        }
    }
    text
}
