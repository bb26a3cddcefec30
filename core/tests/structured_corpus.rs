//! The structured field parser against the public corpus (httpwg/structured-field-tests), where a copy of it lies
//! beside the repository; the project holds none of it.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use serde_json::Value;
use std::path::Path;
use unruffled_core::headers::structured::{self, Bare, Item, Member, Params};

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
            let found = match case["header_type"].as_str() {
                Some("item") => structured::item(&text).map(|item| json_item(&item)),
                Some("list") => structured::list(&text).map(|list| list.iter().map(json_member).collect()),
                Some("dictionary") => structured::dictionary(&text).map(|pairs| json_dictionary(&pairs)),
                other => panic!("{name}: unknown type {other:?}"),
            };
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
fn json_dictionary(pairs: &[(&str, Member<'_>)]) -> Value {
    json_pairs(pairs.iter().map(|(key, member)| (*key, json_member(member))))
}

fn json_params(params: &Params<'_>) -> Value {
    json_pairs(params.iter().map(|(key, bare)| (*key, json_bare(bare))))
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

fn json_member(member: &Member<'_>) -> Value {
    match member {
        Member::Item(item) => json_item(item),
        Member::Inner(items, params) => Value::from(vec![items.iter().map(json_item).collect(), json_params(params)]),
    }
}

fn json_item(item: &Item<'_>) -> Value {
    Value::from(vec![json_bare(&item.bare), json_params(&item.params)])
}

fn json_bare(bare: &Bare<'_>) -> Value {
    let typed = |kind: &str, value: Value| serde_json::json!({"__type": kind, "value": value});
    match bare {
        Bare::Integer(value) => Value::from(*value),
        Bare::Decimal(thousandths) => Value::from(*thousandths as f64 / 1_000.0),
        Bare::String(text) => Value::from(text.as_str()),
        Bare::Token(text) => typed("token", Value::from(*text)),
        Bare::Bytes(bytes) => typed("binary", Value::from(base32(bytes))),
        Bare::Boolean(value) => Value::from(*value),
        Bare::Date(seconds) => typed("date", Value::from(*seconds)),
        Bare::Display(text) => typed("displaystring", Value::from(text.as_str())),
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
