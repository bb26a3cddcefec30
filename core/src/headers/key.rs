//! Idempotency keys that a caller gives.

use alloc::string::String;

/// Returns the header's text for a caller's key: as it is, or with `quoted` as a string of RFC 9651. A text that already is
/// such a string stays as it is. `None` = it fits no header: empty, above 255 bytes, not printable ASCII, or with a space at an
/// end.
#[must_use]
pub fn header_key(text: &str, quoted: bool) -> Option<String> {
    let fits = !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.starts_with(' ')
        && !text.ends_with(' ');
    if !fits {
        return None;
    }
    if !quoted || is_string(text) {
        return Some(String::from(text));
    }
    let mut out = String::from("\"");
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    Some(out)
}

/// Tells whether a text of printable ASCII is a string of RFC 9651.
fn is_string(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return false,
            '\\' if !matches!(letters.next(), Some('"' | '\\')) => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::header_key;
    use serde_json::Value;

    #[test]
    fn keys_are_written_as_the_shared_table_says() {
        let rows: Value = serde_json::from_str(include_str!("../../../tests/vectors/url/keys.json")).unwrap();
        for row in rows.as_array().unwrap() {
            let found = header_key(row["key"].as_str().unwrap(), row["quoted"].as_bool().unwrap());
            assert_eq!(found.as_deref(), row["header"].as_str(), "{}", row["name"]);
        }
    }
}
