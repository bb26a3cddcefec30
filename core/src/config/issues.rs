//! What is wrong with a policy, in words: where, what was found, what is allowed. Keeps the first few in file order
//! and never repeats a value that may be a secret.

use super::json::write;
use super::json::{self, Node, Value};
use super::keys::Form;
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

    #[inline(never)]
    pub(super) fn known(&'a self, key: &'static str) -> Path<'a> {
        self.with(Part::Known(key))
    }

    #[inline(never)]
    pub(super) fn key(&'a self, key: &'a str) -> Path<'a> {
        self.with(Part::Key(key))
    }

    #[inline(never)]
    pub(super) fn index(&'a self, index: usize) -> Path<'a> {
        self.with(Part::Index(index))
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
    push_quoted(out, key, most);
    out.push(']');
}

/// Appends a string as JSON, cut to `most` characters.
#[inline(never)]
pub(super) fn push_quoted(out: &mut String, text: &str, most: usize) {
    let begin = out.len();
    // No more than can be shown is escaped.
    let mut end = 0;
    for letter in text.chars().take(most) {
        end = letter.len_utf8().saturating_add(end);
    }
    write::quote(out, text.get(..end).unwrap_or_default());
    cut(out, begin, most);
}

/// Cuts what was appended since `begin` to `most` characters.
fn cut(out: &mut String, begin: usize, most: usize) {
    let mut end = begin;
    let mut letters = out.get(begin..).unwrap_or_default().chars();
    for letter in letters.by_ref().take(most.saturating_sub(1)) {
        end = letter.len_utf8().saturating_add(end);
    }
    if letters.nth(1).is_some() {
        out.truncate(end);
        out.push('…');
    }
}

/// Both in one.
pub(super) fn joined(begin: &str, end: &str) -> String {
    let mut out = String::from(begin);
    out.push_str(end);
    out
}

/// Appends a value as it stands in the file: text and numbers cut, lists and objects not repeated.
pub(super) fn push_found(out: &mut String, text: &str, value: &Value) {
    let begin = out.len();
    out.push_str(match &value.node {
        Node::Text(text) => return push_quoted(out, text, 40),
        Node::List(list) => {
            if list.is_empty() {
                "[]"
            } else {
                "[…]"
            }
        }
        Node::Object(members) => {
            if members.is_empty() {
                "{}"
            } else {
                "{…}"
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => {
            let end = value.end.min(value.at.saturating_add(64));
            text.get(value.at as usize..end as usize).unwrap_or_default()
        }
    });
    cut(out, begin, 40);
}

/// Appends `a, b or c`.
#[inline(never)]
pub(super) fn push_any(out: &mut String, words: &[&str]) {
    let mut left = words.len();
    for word in words {
        out.push_str(word);
        left = left.saturating_sub(1);
        out.push_str(match left {
            0 => "",
            1 => " or ",
            _ => ", ",
        });
    }
}

/// Appends the nearest of these to a word, else all.
pub(super) fn push_instead(out: &mut String, word: &str, known: &[&str]) {
    let (mut nearest, mut least) = ("", 3);
    for name in known {
        let edits = if word.len() > 40 { 3 } else { edits(word.as_bytes(), name.as_bytes(), 2) };
        if edits < least && edits.saturating_mul(2) < word.len() {
            (nearest, least) = (name, edits);
        }
    }
    if least > 2 {
        return push_any(out, known);
    }
    out.push_str("did you mean \"");
    out.push_str(nearest);
    out.push_str("\"?");
}

/// Appends `; write "…"`: what it should be.
pub(super) fn push_write(out: &mut String, instead: &str) {
    out.push_str("; write ");
    push_quoted(out, instead, 120);
}

/// Appends from and to.
pub(super) fn push_range(out: &mut String, form: &Form) {
    let (least, most) = form.range();
    if let Form::Ratio(1, _) = form {
        out.push_str("above 0, at most ");
    } else {
        push_amount(out, form, least);
        out.push_str(" to ");
    }
    push_amount(out, form, most);
}

/// Appends a number as a form is written: `500ms`, `60s`, `10m`, `24h`; `1KiB`, `8MiB`, `1GiB`; `0.05`; `20`.
#[inline(never)]
pub(super) fn push_amount(out: &mut String, form: &Form, number: u64) {
    let units: &[(u64, &str)] = match form {
        Form::Time(..) => &[(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")],
        Form::Size(..) => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "")],
        Form::Ratio(..) => return push_decimal(out, number),
        _ => &[(1, "")],
    };
    for (unit, name) in units {
        // 60 s rather than 1 m, but 2 m, 3 m, 10 m.
        let fits = number > 0 && number.is_multiple_of(*unit) && (*unit, number) != (60_000, 60_000);
        if fits || *unit == 1 {
            write::digits(out, number.checked_div(*unit).unwrap_or(0));
            return out.push_str(name);
        }
    }
}

/// Millionths as a decimal, for the schema.
#[cfg(any(feature = "schema", test))]
pub(super) fn decimal(millionths: u64) -> String {
    let mut out = String::new();
    push_decimal(&mut out, millionths);
    out
}

/// Millionths as a decimal.
fn push_decimal(out: &mut String, millionths: u64) {
    let mut rest = millionths;
    let mut unit = 1_000_000_u64;
    while rest > 0 || unit == 1_000_000 {
        if unit == 100_000 {
            out.push('.');
        }
        write::digits(out, rest.checked_div(unit).unwrap_or(0));
        rest = rest.checked_rem(unit).unwrap_or(0);
        unit = unit.checked_div(10).unwrap_or(1);
    }
}

/// The first issues of a text, in its order.
pub(super) struct Issues<'t> {
    pub(super) text: &'t str,
    most: usize,
    /// Until the end their lines are the bytes they are at.
    list: Vec<Issue>,
    /// What is told beyond the most, or while quiet, goes here.
    spare: String,
    /// What is read again is not told again.
    pub(super) quiet: bool,
}

impl<'t> Issues<'t> {
    pub(super) const fn new(text: &'t str, most: usize) -> Self {
        Self { text, most, list: Vec::new(), spare: String::new(), quiet: false }
    }

    /// Notes an issue at a byte of the text: its path, a colon, what was found and these words. More may be appended.
    #[inline(never)]
    pub(super) fn note(&mut self, at: u32, path: &Path, found: Option<&Value>, words: &str) -> &mut String {
        let mut place = 0;
        while self.list.get(place).is_some_and(|other| other.line <= at) {
            place = place.saturating_add(1);
        }
        self.spare.clear();
        let kept = place < self.most && !self.quiet;
        if kept {
            if self.list.len() >= self.most {
                self.list.pop();
            }
            let mut shown = String::new();
            path.write(&mut shown);
            let mut text = joined(&shown, ": ");
            if let Some(value) = found {
                push_found(&mut text, self.text, value);
            }
            text.push_str(words);
            self.list.insert(place, Issue { path: shown, text, line: at, column: 0 });
        }
        self.list.get_mut(place).filter(|_| kept).map_or(&mut self.spare, |issue| &mut issue.text)
    }

    /// Whether an issue here would be one too many.
    pub(super) fn full(&self, at: u32) -> bool {
        self.list.len() >= self.most && self.list.last().is_some_and(|last| last.line <= at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The issues with their lines and columns.
    #[inline(never)]
    pub(super) fn finish(mut self) -> Vec<Issue> {
        let mut place = json::Place::new(self.text);
        for issue in &mut self.list {
            place.advance(issue.line as usize);
            (issue.line, issue.column) = (place.line, place.column);
        }
        self.list
    }
}

/// What is wrong with a URL or pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong<'a> {
    /// Shown first, where it cannot be a secret.
    pub(super) found: Option<&'a str>,
    pub(super) why: &'static str,
    /// What to write instead.
    pub(super) write: Option<String>,
}

impl Wrong<'_> {
    #[inline(never)]
    pub(super) fn push(&self, out: &mut String) {
        if let Some(found) = self.found {
            push_quoted(out, found, 40);
        }
        out.push_str(self.why);
        if let Some(instead) = &self.write {
            push_write(out, instead);
        }
    }

    /// An issue that stands in no policy file.
    pub(super) fn alone(&self, path: &str) -> Issue {
        let mut text = joined(path, ": ");
        self.push(&mut text);
        Issue { path: String::from(path), text, line: 0, column: 0 }
    }
}

/// How many insertions, deletions, replacements and swaps of neighbours lie between two words; more than `most` where
/// there are more.
fn edits(a: &[u8], b: &[u8], most: usize) -> usize {
    let (Some((x, after_a)), Some((y, after_b))) = (a.split_first(), b.split_first()) else {
        return a.len().max(b.len());
    };
    if x == y {
        return edits(after_a, after_b, most);
    }
    let Some(most) = most.checked_sub(1) else { return 1 };
    let mut least = edits(after_a, b, most).min(edits(a, after_b, most)).min(edits(after_a, after_b, most));
    if let ([next_a, rest_a @ ..], [next_b, rest_b @ ..]) = (after_a, after_b)
        && x == next_b
        && y == next_a
    {
        least = least.min(edits(rest_a, rest_b, most));
    }
    least.saturating_add(1)
}
