//! Reads JSON (RFC 8259): a policy as a tree with positions, and one place of an answer's body by pointer. Knows
//! nothing of policies. Written by hand because it is a tenth of a general reader's size, and because it keeps
//! positions and numbers exactly: decimals are scaled integers, so `60.0` and `6e1` are the integer 60.

#[cfg(feature = "fuzzing")]
pub mod debug;
mod scan;
pub(crate) mod write;

use crate::config::types::Scalar;
use alloc::string::String;
use alloc::vec::Vec;
use scan::Scanner;

/// Deepest nesting of a policy; the whole is level 1.
pub(crate) const MOST_LEVELS: usize = 32;
/// Longest string or key of a policy in bytes, unescaped.
pub(crate) const MOST_TEXT: usize = 4_096;

/// [`Broken::what`] for a text that is none.
pub(crate) const NOT_JSON: &str = "not JSON";

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Value {
    /// Bytes from the text's begin to the value's first and behind its last character.
    pub(crate) at: u32,
    pub(crate) end: u32,
    /// Its name in an object, and where that stands.
    pub(crate) key_at: u32,
    pub(crate) key: String,
    pub(crate) node: Node,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Value>),
    /// In the order of the text; a name may stand twice.
    Object(Vec<Value>),
}

/// A number, exactly or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Integer(i64),
    /// No integer, in millionths.
    Millionths(i64),
    /// More than six decimals.
    Fine,
    /// Outside 64 bits.
    Huge,
}

/// Where and why a text is no JSON, or more than is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) at: usize,
    /// `not JSON`, `too deep`, `text too long`.
    pub(crate) what: &'static str,
    pub(crate) wanted: &'static str,
}

/// Reads a whole text; a byte order mark at its begin is skipped.
///
/// # Errors
/// The first place that is no JSON, is deeper than [`MOST_LEVELS`] or has a string above [`MOST_TEXT`].
pub(crate) fn parse(text: &str) -> Result<Value, Broken> {
    let mut scanner = Scanner::new(text.as_bytes());
    let value = scanner.value(1, 0, String::new()).filter(|_| {
        scanner.peek();
        scanner.ended() || scanner.broken::<()>("nothing more").is_some()
    });
    value.ok_or(scanner.why)
}

/// A place of a text that moves on, with its line and column (in characters), both from 1.
pub(crate) struct Place<'a> {
    rest: &'a str,
    at: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl<'a> Place<'a> {
    /// The begin; a byte order mark takes no column.
    pub(crate) fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix(MARK).unwrap_or(text);
        Self { rest, at: text.len().saturating_sub(rest.len()), line: 1, column: 1 }
    }

    /// On to a byte that is not before this place.
    pub(crate) fn advance(&mut self, to: usize) {
        let mut letters = self.rest.chars();
        while self.at < to {
            let Some(letter) = letters.next() else { break };
            self.at = self.at.saturating_add(letter.len_utf8());
            if letter == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.rest = letters.as_str();
    }
}

/// Line and column of a byte.
pub(crate) fn position(text: &str, at: usize) -> (u32, u32) {
    let mut place = Place::new(text);
    place.advance(at);
    (place.line, place.column)
}

const MARK: char = '\u{feff}';

/// What stands at a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or the text is no JSON.
    Missing,
    /// The bytes end before it is certain.
    Undecided,
    Null,
    Scalar(Scalar),
    /// A list, an object, or a number that is no integer of 64 bits.
    Other,
}

/// Follows a pointer (RFC 6901, split and unescaped) into a text that may be cut off. Looks at each byte at most twice.
/// Of names that stand twice the first counts. Text that is not UTF-8 is [`Found::Missing`].
#[must_use]
pub fn find(body: &[u8], pointer: &[String]) -> Found {
    let mut scanner = Scanner::new(body);
    scanner.most = usize::MAX;
    for token in pointer {
        match scanner.enter(token) {
            Some(true) => {}
            Some(false) => return Found::Missing,
            None => return scanner.lost(),
        }
    }
    match scanner.peek() {
        b'{' | b'[' => return Found::Other,
        _ => {}
    }
    let Some(value) = scanner.value(1, 0, String::new()) else { return scanner.lost() };
    scanner.peek();
    if scanner.ended() && !pointer.is_empty() && !matches!(value.node, Node::Text(_)) {
        // `12` may be the begin of `123`.
        return Found::Undecided;
    }
    match value.node {
        Node::Text(text) => Found::Scalar(Scalar::Text(text)),
        Node::Null => Found::Null,
        Node::Bool(flag) => Found::Scalar(Scalar::Bool(flag)),
        Node::Number(Number::Integer(number)) => Found::Scalar(Scalar::Integer(number)),
        Node::Number(_) | Node::List(_) | Node::Object(_) => Found::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Other;
    use std::format;
    use std::string::ToString;
    use std::vec;

    fn wanted(text: &str) -> (&'static str, usize) {
        let broken = parse(text).unwrap_err();
        (broken.wanted, broken.at)
    }

    fn number(text: &str) -> Number {
        match parse(text).unwrap().node {
            Node::Number(number) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_exact_or_say_why_not() {
        let cases = [
            ("0", Number::Integer(0)),
            ("-0", Number::Integer(0)),
            ("60.0", Number::Integer(60)),
            ("6e1", Number::Integer(60)),
            ("6E+1", Number::Integer(60)),
            ("600e-1", Number::Integer(60)),
            ("0.6e2", Number::Integer(60)),
            ("1.50", Number::Millionths(1_500_000)),
            ("-1.5", Number::Millionths(-1_500_000)),
            ("0.000001", Number::Millionths(1)),
            ("10e-7", Number::Millionths(1)),
            ("0.0000001", Number::Fine),
            ("0.1234567", Number::Fine),
            ("1e-400", Number::Fine),
            ("0e99999999999999999999", Number::Integer(0)),
            ("0.000e-99999999999999999999", Number::Integer(0)),
            ("1e400", Number::Huge),
            ("1e99999999999999999999", Number::Huge),
            ("1e-99999999999999999999", Number::Fine),
            ("9223372036854775807", Number::Integer(i64::MAX)),
            ("-9223372036854775807", Number::Integer(-i64::MAX)),
            ("9223372036854775808", Number::Huge),
            ("10000000000000000000000.5", Number::Fine),
            ("1000000000000000000000", Number::Huge),
            ("123456789012345678901234567890", Number::Huge),
            ("1230000000000000000000000000000e-28", Number::Integer(123)),
            ("99999999999999.5", Number::Huge),
            ("0.30000000000000004", Number::Fine),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), expected, "{text}");
        }
        let long = ["1.", &"0".repeat(100_000)].concat();
        assert_eq!(number(&long), Number::Integer(1));
        assert_eq!(number(&["1", &"0".repeat(100_000), "e-100000"].concat()), Number::Integer(1));
    }

    #[test]
    fn what_is_no_json_is_placed_and_named() {
        let cases = [
            ("", "a value", 0),
            ("  ", "a value", 2),
            ("{\"a\":1,}", "a key in double quotes", 7),
            ("{a:1}", "a key in double quotes", 1),
            ("{\"a\" 1}", "\":\"", 5),
            ("{\"a\":}", "a value", 5),
            ("{\"a\":1 \"b\":2}", "\",\" or \"}\"", 7),
            ("[1 2]", "\",\" or \"]\"", 3),
            ("[1,]", "a value", 3),
            ("{} x", "nothing more", 3),
            ("nul", "null, true or false", 3),
            ("NaN", "a value", 0),
            ("Infinity", "a value", 0),
            ("-", "a digit", 1),
            ("01", "nothing more", 1),
            ("1.", "a digit", 2),
            (".5", "a value", 0),
            ("+1", "a value", 0),
            ("1e", "a digit", 2),
            ("'a'", "a value", 0),
            ("// a\n{}", "a value", 0),
            ("\"a", "a closing quote", 2),
            ("\"a\nb\"", "an escape for the control character", 2),
            ("\"\\x\"", "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", 2),
            ("\"\\u12g4\"", "four hexadecimal digits", 5),
            ("\"\\ud800\"", "both halves of a surrogate pair", 7),
            ("\"\\ud800x\"", "both halves of a surrogate pair", 7),
            ("\"\\ud800\\u0041\"", "both halves of a surrogate pair", 13),
            ("\"\\udc00\"", "both halves of a surrogate pair", 7),
        ];
        for (text, what, at) in cases {
            assert_eq!(wanted(text), (what, at), "{text}");
        }
    }

    #[test]
    fn a_surrogate_pair_is_one_letter() {
        assert_eq!(parse("\"\\ud83d\\ude00\\u00e9\\/\"").unwrap().text(), Some("😀é/"));
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
        assert!(parse(&nested(32)).is_ok());
        let broken = parse(&nested(33)).unwrap_err();
        assert_eq!((broken.what, broken.at), ("too deep", 32));
        assert!(parse(&nested(200_000)).is_err());
        let text = |length: usize| format!("\"{}\"", "a".repeat(length));
        assert!(parse(&text(4_096)).is_ok());
        assert_eq!(parse(&text(4_097)).unwrap_err().what, "text too long");
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_takes_no_column() {
        let text = "\u{feff}{\n \"é\": x}";
        let broken = parse(text).unwrap_err();
        assert_eq!(position(text, broken.at), (2, 7));
        assert_eq!(position(text, 3), (1, 1));
    }

    /// A small generator of numbers (xorshift), so that every run sees the same documents.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) % sides
        }

        fn space(&mut self, out: &mut String) {
            for _ in 0..self.roll(6).saturating_sub(3) {
                out.push([' ', '\n', '\t', '\r'][self.roll(4) as usize]);
            }
        }

        fn string(&mut self, out: &mut String) {
            out.push('"');
            for _ in 0..self.roll(8) {
                out.push_str(
                    [
                        "a",
                        "é",
                        "😀",
                        "\\n",
                        "\\\"",
                        "\\\\",
                        "\\/",
                        "\\u0041",
                        "\\ud83d\\ude00",
                        "~",
                        "/",
                        "0",
                        "\\b",
                        "\\ud800",
                    ][self.roll(if self.0.is_multiple_of(16) { 14 } else { 13 }) as usize],
                );
            }
            out.push('"');
        }

        fn value(&mut self, out: &mut String, level: u64) {
            self.space(out);
            match self.roll(if level > 4 { 5 } else { 8 }) {
                0 => out.push_str(["null", "true", "false"][self.roll(3) as usize]),
                1 => self.string(out),
                2 => out.push_str(&(self.roll(1 << 53) as i64 - (1 << 52)).to_string()),
                3 => out.push_str(&format!("{}.{}", self.roll(1000), self.roll(10_000_000))),
                4 => out.push_str(&format!("{}e{}", self.roll(100), self.roll(12) as i64 - 6)),
                5 | 6 => {
                    out.push('{');
                    for index in 0..self.roll(5) {
                        if index > 0 {
                            out.push(',');
                        }
                        self.space(out);
                        // Unique: of double names serde_json keeps the last, this reader the first.
                        out.push_str(&format!("\"k{index}"));
                        let mut key = String::new();
                        self.string(&mut key);
                        out.push_str(&key[1..]);
                        self.space(out);
                        out.push(':');
                        self.value(out, level + 1);
                    }
                    out.push('}');
                }
                _ => {
                    out.push('[');
                    for index in 0..self.roll(5) {
                        if index > 0 {
                            out.push(',');
                        }
                        self.value(out, level + 1);
                    }
                    out.push(']');
                }
            }
            self.space(out);
        }

        fn document(&mut self) -> String {
            let mut out = String::new();
            self.value(&mut out, 0);
            let letters: vec::Vec<char> = out.chars().collect();
            if self.roll(3) > 0 || letters.is_empty() {
                return out;
            }
            // Broken somewhere: a letter dropped, doubled or replaced, or the end cut off.
            let place = self.roll(letters.len() as u64) as usize;
            let (before, after) = (&letters[..place], &letters[place + 1..]);
            let middle = match self.roll(4) {
                0 => vec![],
                1 => vec![letters[place], letters[place]],
                2 => vec!['{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', '.', 'e', '\u{1}', 'x']
                    [self.roll(14) as usize..][..1]
                    .to_vec(),
                _ => return before.iter().collect(),
            };
            [before, &middle, after].concat().into_iter().collect()
        }
    }

    fn same(mine: &Node, other: &Other) -> bool {
        match (mine, other) {
            (Node::Null, Other::Null) => true,
            (Node::Bool(a), Other::Bool(b)) => a == b,
            (Node::Text(a), Other::String(b)) => a == b,
            (Node::Number(Number::Integer(a)), Other::Number(b)) => {
                b.as_i64().map_or(b.as_f64() == Some(*a as f64), |b| b == *a)
            }
            (Node::Number(Number::Millionths(a)), Other::Number(b)) => {
                let (a, b) = (*a as f64 / 1e6, b.as_f64().unwrap());
                (a - b).abs() <= b.abs() * 1e-15
            }
            (Node::Number(Number::Fine | Number::Huge), Other::Number(_)) => true,
            (Node::List(a), Other::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.node, b)),
            (Node::Object(a), Other::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, (key, b))| a.key == *key && same(&a.node, b))
            }
            _ => false,
        }
    }

    #[test]
    fn generated_and_broken_documents_are_read_as_serde_json_reads_them() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut good = 0;
        for _ in 0..6_000 {
            let text = dice.document();
            match (parse(&text), serde_json::from_str::<Other>(&text)) {
                (Ok(mine), Ok(other)) => {
                    good += 1;
                    assert!(same(&mine.node, &other), "{text}\n{mine:?}\n{other:?}");
                }
                (Err(_), Err(_)) => {}
                // It reads no number above f64; this one does, and calls it huge.
                (Ok(_), Err(broken)) if broken.to_string().contains("out of range") => {}
                (mine, other) => panic!("{text:?}\n{mine:?}\n{other:?}"),
            }
        }
        assert!((3_000..5_500).contains(&good), "{good}");
    }

    /// Every pointer of a document.
    fn pointers(value: &Other, here: &mut vec::Vec<String>, all: &mut vec::Vec<vec::Vec<String>>) {
        all.push(here.clone());
        let children: vec::Vec<(String, &Other)> = match value {
            Other::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
            Other::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
            _ => vec![],
        };
        for (token, value) in children {
            here.push(token);
            pointers(value, here, all);
            here.pop();
        }
    }

    fn expected(value: &Other) -> Found {
        match value {
            Other::Null => Found::Null,
            Other::Bool(flag) => Found::Scalar(Scalar::Bool(*flag)),
            Other::String(text) => Found::Scalar(Scalar::Text(text.clone())),
            Other::Number(number) => {
                number.as_i64().map_or(Found::Other, |number| Found::Scalar(Scalar::Integer(number)))
            }
            Other::Array(_) | Other::Object(_) => Found::Other,
        }
    }

    #[test]
    fn pointers_lead_where_serde_json_leads_and_a_cut_text_is_never_read_wrong() {
        let mut dice = Dice(0x1234_5678_9abc_def1);
        let mut followed = 0;
        for _ in 0..4_000 {
            let text = dice.document();
            let Ok(value) = serde_json::from_str::<Other>(&text) else {
                // No panic on anything.
                let _ = find(text.as_bytes(), &["k0".into()]);
                continue;
            };
            let mut all = vec![];
            pointers(&value, &mut vec![], &mut all);
            for pointer in all.iter().filter(|pointer| !pointer.is_empty()) {
                let escaped: String =
                    pointer.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect();
                let place = value.pointer(&escaped).unwrap();
                let whole = find(text.as_bytes(), pointer);
                let other = expected(place);
                if whole != other {
                    // Numbers such as 6e1 are integers here.
                    assert!(
                        matches!((&whole, place), (Found::Scalar(Scalar::Integer(_)), Other::Number(_))),
                        "{text} {pointer:?}"
                    );
                }
                let cut = dice.roll(text.len() as u64) as usize;
                let part = find(&text.as_bytes()[..cut], pointer);
                assert!(part == whole || part == Found::Undecided, "{text} {pointer:?} {cut} {part:?}");
                followed += 1;
            }
            let missing = find(text.as_bytes(), &["no such key".into()]);
            assert_eq!(missing, Found::Missing, "{text}");
        }
        assert!(followed > 3_000, "{followed}");
    }

    fn at(body: &str, pointer: &[&str]) -> Found {
        let pointer: vec::Vec<String> = pointer.iter().map(|token| token.to_string()).collect();
        find(body.as_bytes(), &pointer)
    }

    #[test]
    fn a_pointer_is_decided_as_soon_as_its_value_is_whole() {
        let text = |text: &str| Found::Scalar(Scalar::Text(text.into()));
        assert_eq!(at(r#"{"error":{"code":"quota"#, &["error", "code"]), Found::Undecided);
        assert_eq!(at(r#"{"error":{"code":"quota""#, &["error", "code"]), text("quota"));
        assert_eq!(at(r#"{"error":{"code":"quota","#, &["error", "code"]), text("quota"));
        assert_eq!(at(r#"{"n":12"#, &["n"]), Found::Undecided);
        assert_eq!(at(r#"{"n":12 "#, &["n"]), Found::Undecided);
        assert_eq!(at(r#"{"n":12}"#, &["n"]), Found::Scalar(Scalar::Integer(12)));
        assert_eq!(at(r#"{"a":{"b":1},"c":[1,[2],{"d":null}]}"#, &["c", "2", "d"]), Found::Null);
        assert_eq!(at(r#"{"c":[1,2]}"#, &["c", "2"]), Found::Missing);
        assert_eq!(at(r#"{"c":[1,2]}"#, &["c", "01"]), Found::Missing);
        assert_eq!(at(r#"{"c":[1,2]}"#, &["c", "-"]), Found::Missing);
        assert_eq!(at(r#"{"c":[]}"#, &["c", "0"]), Found::Missing);
        assert_eq!(at(r#"{"a":{}}"#, &["a", "b"]), Found::Missing);
        assert_eq!(at(r#"{"a":1}"#, &["a", "b"]), Found::Missing);
        assert_eq!(at(r#"{"a":1.5}"#, &["a"]), Found::Other);
        assert_eq!(at(r#"{"":{"~/":true}}"#, &["", "~/"]), Found::Scalar(Scalar::Bool(true)));
        assert_eq!(at("<html>", &["a"]), Found::Missing);
        assert_eq!(at("", &["a"]), Found::Undecided);
        assert_eq!(at("{", &["a"]), Found::Undecided);
        assert_eq!(at("\u{feff}{\"a\":true}", &["a"]), Found::Scalar(Scalar::Bool(true)));
        assert_eq!(find(b"{\"a\":\"\xff\"}", &["a".into()]), Found::Missing);
        assert_eq!(find(&[b'['; 4096], &["0".into(), "0".into()]), Found::Other);
    }
}
