//! JSON pointers into bodies, beside `serde_json`'s on whole documents; and no cut of a document ever says something else
//! than the whole, unless it says that it cannot know.

use crate::json::{Tree, number, tree};
use unruffled_core::config::Scalar;
use unruffled_core::config::json::{Found, find};
use unruffled_core::defaults::RULE_BODY;

/// The text up to the first line break is the pointer, the rest the body.
pub fn target(data: &[u8]) {
    let place = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(pointer) = std::str::from_utf8(&data[..place]) else { return };
    let body = data.get(place + 1..).unwrap_or_default();
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let found = find(body, &tokens);
    let Some(whole) = std::str::from_utf8(body).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text)) else {
        return;
    };
    let Some(root) = tree(whole) else { return };
    let expected = walk(&root, &tokens);
    if !(tokens.is_empty() && body.len() >= RULE_BODY) {
        assert_eq!(found, expected, "{pointer:?} {whole:?}");
    }
    beside_serde_json(whole, &root, &tokens, &expected);
    // A host cuts at 4 KiB; the others show the same with less.
    let all = (0..body.len()).filter(|cut| body.len() < 64 || cut % 17 == body.len() % 17 || *cut == RULE_BODY);
    for cut in all {
        let found = find(&body[..cut], &tokens);
        let certain = found == expected || found == Found::Undecided;
        // A lone number or word that is cut looks whole; only a body as long as the bound tells.
        let alone = tokens.is_empty() && cut < RULE_BODY;
        assert!(
            certain || alone,
            "{pointer:?} {:?}: {found:?}, not {expected:?}",
            String::from_utf8_lossy(&body[..cut])
        );
    }
}

/// The first member of a name counts.
fn walk(root: &Tree, tokens: &[String]) -> Found {
    let mut at = root;
    for token in tokens {
        let next = match at {
            Tree::Object(parts) => parts.iter().find(|(key, _)| key == token).map(|(_, part)| part),
            Tree::List(parts) => {
                let plain =
                    token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
                token.parse::<usize>().ok().filter(|_| plain).and_then(|index| parts.get(index))
            }
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) => None,
        };
        let Some(next) = next else { return Found::Missing };
        at = next;
    }
    match at {
        Tree::Null => Found::Null,
        Tree::Bool(flag) => Found::Scalar(Scalar::Bool(*flag)),
        Tree::Text(text) => Found::Scalar(Scalar::Text(text.clone())),
        Tree::Number(text) => {
            number(text).parse().map_or(Found::Other, |number| Found::Scalar(Scalar::Integer(number)))
        }
        Tree::List(_) | Tree::Object(_) => Found::Other,
    }
}

fn has_doubles(at: &Tree) -> bool {
    match at {
        Tree::Object(parts) => {
            let double =
                |(place, (key, _)): (usize, &(String, Tree))| parts[..place].iter().any(|(other, _)| other == key);
            parts.iter().enumerate().any(double) || parts.iter().any(|(_, part)| has_doubles(part))
        }
        Tree::List(parts) => parts.iter().any(has_doubles),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) => false,
    }
}

/// The model above is itself held against the crate's own pointers.
fn beside_serde_json(text: &str, root: &Tree, tokens: &[String], expected: &Found) {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return };
    if has_doubles(root) {
        return;
    }
    let pointer: String =
        tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect();
    match (value.pointer(&pointer), expected) {
        (None, Found::Missing) | (Some(serde_json::Value::Null), Found::Null) => {}
        (Some(serde_json::Value::Bool(a)), Found::Scalar(Scalar::Bool(b))) => assert_eq!(a, b),
        (Some(serde_json::Value::String(a)), Found::Scalar(Scalar::Text(b))) => assert_eq!(a, b),
        (Some(serde_json::Value::Number(a)), Found::Scalar(Scalar::Integer(b))) => {
            assert_eq!(number(a.as_str()), b.to_string());
        }
        (Some(found), Found::Other) => assert!(found.is_array() || found.is_object() || found.is_number()),
        (found, expected) => panic!("{pointer:?} {text:?}: {found:?} {expected:?}"),
    }
}
