//! What is wrong with a policy, in words: where, what was found, what is allowed. Keeps the first few in file order
//! and never repeats a value that may be a secret.

use super::json::{self, Node, Value};
use super::write;
use alloc::string::String;
use alloc::vec::Vec;

/// One rejected (or, read leniently, left out) place of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// `limits[1].per`; `policy` for the file as a whole.
    pub path: String,
    /// The path, what was found and what is allowed, in one sentence:
    /// `limits[1].per: "1 hour" is not a duration; write "1h"`.
    pub text: String,
    /// From 1; 0 where there is none.
    pub line: u32,
    /// In characters (code points), from 1; 0 where there is none.
    pub column: u32,
}

/// Where in a policy the reader is: a list that grows towards the root.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) up: Option<&'a Path<'a>>,
    pub(super) part: Part<'a>,
}

/// One part of a path.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Root,
    /// A name of ours, or several with dots.
    Known(&'static str),
    /// Anything from the file.
    Key(&'a str),
    /// A route's pattern.
    Pattern(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { up: None, part: Part::Root };

    pub(super) fn with(&'a self, part: Part<'a>) -> Path<'a> {
        Path { up: Some(self), part }
    }

    fn write(&self, out: &mut String) {
        if let Some(up) = self.up {
            up.write(out);
        }
        let plain = |key: &str| {
            key.len() < 40 && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'$'))
        };
        match self.part {
            Part::Root => {}
            Part::Known(key) => dotted(out, key),
            Part::Key(key) if !key.is_empty() && plain(key) => dotted(out, key),
            Part::Key(key) => bracketed(out, key, 40),
            Part::Pattern(pattern) => bracketed(out, pattern, 120),
            Part::Index(index) => {
                out.push('[');
                write::digits(out, index as u64);
                out.push(']');
            }
        }
    }
}

fn dotted(out: &mut String, key: &str) {
    if !out.is_empty() {
        out.push('.');
    }
    out.push_str(key);
}

fn bracketed(out: &mut String, key: &str, most: usize) {
    out.push('[');
    out.push_str(&quoted(key, most));
    out.push(']');
}

/// A string as JSON, cut to `most` characters.
pub(super) fn quoted(text: &str, most: usize) -> String {
    let mut out = String::new();
    // No more than can be shown is escaped.
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    write::quote(&mut out, text.get(..end).unwrap_or_default());
    cut(out, most)
}

fn cut(mut text: String, most: usize) -> String {
    if text.chars().count() > most {
        let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A value as an issue shows it.
pub(super) fn found(text: &str, value: &Value) -> String {
    match &value.node {
        Node::Text(text) => quoted(text, 40),
        Node::List(list) => String::from(if list.is_empty() { "[]" } else { "[…]" }),
        Node::Object(members) => String::from(if members.is_empty() { "{}" } else { "{…}" }),
        Node::Null | Node::Bool(_) | Node::Number(_) => {
            let token = text.get(value.at as usize..value.end as usize).unwrap_or_default();
            cut(String::from(token.get(..token.len().min(64)).unwrap_or_default()), 40)
        }
    }
}

/// The first issues of a text, in its order.
pub(super) struct Issues {
    most: usize,
    list: Vec<(u32, Issue)>,
}

impl Issues {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, list: Vec::new() }
    }

    /// Notes an issue at a byte of the text; `words` follow the path and a colon.
    #[inline(never)]
    pub(super) fn add(&mut self, at: u32, path: &Path, words: &[&str]) {
        let place = self.list.partition_point(|(other, _)| *other <= at);
        if place >= self.most {
            return;
        }
        let mut shown = String::new();
        path.write(&mut shown);
        if shown.is_empty() {
            shown.push_str("policy");
        }
        let text = [&shown, ": ", &words.concat()].concat();
        self.list.insert(place, (at, Issue { path: shown, text, line: 0, column: 0 }));
        self.list.truncate(self.most);
    }

    /// Whether an issue here would be one too many.
    pub(super) fn full(&self, at: u32) -> bool {
        self.list.len() >= self.most && self.list.last().is_some_and(|(last, _)| *last <= at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The issues with their lines and columns.
    pub(super) fn finish(self, text: &str) -> Vec<Issue> {
        let mut place = json::Place::new(text);
        let locate = |(at, issue): (u32, Issue)| {
            place.advance(at as usize);
            Issue { line: place.line, column: place.column, ..issue }
        };
        self.list.into_iter().map(locate).collect()
    }
}

/// An issue that stands in no policy file.
pub(super) fn alone(path: &'static str, words: &[&str]) -> Issue {
    let mut issues = Issues::new(1);
    issues.add(0, &Path::ROOT.with(Part::Known(path)), words);
    let (_, issue) =
        issues.list.pop().unwrap_or((0, Issue { path: String::new(), text: String::new(), line: 0, column: 0 }));
    issue
}

/// `did you mean "retry"?`, or all known words: `added, full or none`.
#[inline(never)]
pub(super) fn instead(word: &str, known: &mut [&str]) -> String {
    known.sort_unstable();
    let distance = |name: &&str| if word.len() <= 40 { edits(word.as_bytes(), name.as_bytes(), 2) } else { None };
    let nearest = known.iter().filter_map(|name| distance(name).map(|edits| (edits, *name))).min();
    match nearest {
        Some((edits, name)) if edits.saturating_mul(2) < word.len() => ["did you mean \"", name, "\"?"].concat(),
        _ => any_of(known),
    }
}

/// `a, b or c`.
#[inline(never)]
pub(super) fn any_of(words: &[&str]) -> String {
    let mut out = String::new();
    for (place, word) in words.iter().enumerate() {
        if place > 0 {
            out.push_str(if place.saturating_add(1) == words.len() { " or " } else { ", " });
        }
        out.push_str(word);
    }
    out
}

/// How many insertions, deletions, replacements and swaps of neighbours lie between two words, if at most `most`.
fn edits(a: &[u8], b: &[u8], most: usize) -> Option<usize> {
    let (Some((x, after_a)), Some((y, after_b))) = (a.split_first(), b.split_first()) else {
        let left = a.len().max(b.len());
        return (left <= most).then_some(left);
    };
    if x == y {
        return edits(after_a, after_b, most);
    }
    let most = most.checked_sub(1)?;
    let swapped = match (after_a, after_b) {
        ([next_a, rest_a @ ..], [next_b, rest_b @ ..]) if x == next_b && y == next_a => edits(rest_a, rest_b, most),
        _ => None,
    };
    let plain = [edits(after_a, b, most), edits(a, after_b, most), edits(after_a, after_b, most), swapped];
    plain.into_iter().flatten().min().map(|least| least.saturating_add(1))
}

/// A time as a policy writes it: `500ms`, `60s`, `10m`, `24h`.
pub(super) fn duration(millis: u64) -> String {
    let (unit, name) = match millis {
        0 => (1, "ms"),
        _ if millis.is_multiple_of(3_600_000) => (3_600_000, "h"),
        _ if millis.is_multiple_of(60_000) && millis > 60_000 => (60_000, "m"),
        _ if millis.is_multiple_of(1_000) => (1_000, "s"),
        _ => (1, "ms"),
    };
    measured(millis, unit, name)
}

/// A size as a policy writes it: `1KiB`, `8MiB`, `1GiB`.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0 => (1, ""),
        _ if bytes.is_multiple_of(1 << 30) => (1 << 30, "GiB"),
        _ if bytes.is_multiple_of(1 << 20) => (1 << 20, "MiB"),
        _ if bytes.is_multiple_of(1 << 10) => (1 << 10, "KiB"),
        _ => (1, ""),
    };
    measured(bytes, unit, name)
}

fn measured(number: u64, unit: u64, name: &str) -> String {
    let mut out = String::new();
    write::digits(&mut out, number.checked_div(unit).unwrap_or(0));
    out.push_str(name);
    out
}

/// A number.
pub(super) fn plain(number: u64) -> String {
    measured(number, 1, "")
}

/// Millionths as a decimal: `0.05`.
pub(super) fn decimal(millionths: u64) -> String {
    let mut out = measured(millionths, 1_000_000, "");
    let mut rest = millionths.checked_rem(1_000_000).unwrap_or(0);
    let mut unit = 100_000_u64;
    if rest > 0 {
        out.push('.');
    }
    while rest > 0 {
        write::digits(&mut out, rest.checked_div(unit).unwrap_or(0));
        rest = rest.checked_rem(unit).unwrap_or(0);
        unit = unit.checked_div(10).unwrap_or(1);
    }
    out
}
