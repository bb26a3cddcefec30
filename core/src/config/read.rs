//! Walks a policy's tree along the table of keys: every value's type and range, unknown and later keys. Puts what it
//! read into [`Leaves`]; what keys mean together is the business of `merge`.

use super::aliases::meant_by;
use super::issues::{Issues, Part, Path, joined, push_any, push_found, push_instead, push_write};
use super::json::{Node, Number, Value};
use super::keys::{self, Form, Key, Place};
use super::leaves::{Leaf, Leaves};
use super::url::{self, all};
use super::{Reading, SERIES};
use alloc::string::String;
use alloc::vec::Vec;

/// Warnings kept of one lenient reading.
const MOST_WARNINGS: usize = 1_024;
/// Issues told of one policy.
const MOST_ISSUES: usize = 20;

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An object's value of a name, if it is not `null`.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Node::Object(members) = &self.node else { return None };
        let member = members.iter().find(|member| member.key == name)?;
        (!matches!(member.node, Node::Null)).then_some(member)
    }

    /// Whether an object has a name, with another value than `null`.
    #[inline(never)]
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// The reading of one policy.
pub(super) struct Reader<'t> {
    pub(super) lenient: bool,
    pub(super) issues: Issues<'t>,
    pub(super) warnings: Issues<'t>,
    /// Keys left out so far.
    pub(super) left_out: usize,
    /// Inside a route.
    pub(super) route: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, reading: Reading) -> Self {
        let (issues, warnings) = (Issues::new(text, MOST_ISSUES), Issues::new(text, MOST_WARNINGS));
        Self { lenient: reading == Reading::Lenient, issues, warnings, left_out: 0, route: false }
    }

    /// Reports nothing from here on: what is read was reported before.
    pub(super) fn mute(&mut self) {
        self.issues.quiet = true;
        self.warnings.quiet = true;
    }

    /// Reports again.
    pub(super) fn unmute(&mut self) {
        self.issues.quiet = false;
        self.warnings.quiet = false;
    }

    /// Something that this version does not know: an error, or left out.
    #[inline(never)]
    pub(super) fn unknown(&mut self, at: u32, path: &Path, found: Option<&Value>, words: &str) -> &mut String {
        self.left_out = self.left_out.saturating_add(1);
        let list = if self.lenient { &mut self.warnings } else { &mut self.issues };
        list.note(at, path, found, words)
    }

    /// Just these words; more may be appended.
    #[inline(never)]
    pub(super) fn report(&mut self, at: u32, path: &Path, words: &str) -> &mut String {
        self.issues.note(at, path, None, words)
    }

    /// What was found and then these words.
    #[inline(never)]
    pub(super) fn wrong(&mut self, value: &Value, path: &Path, words: &str) -> &mut String {
        self.issues.note(value.at, path, Some(value), words)
    }

    /// As [`Self::wrong`], and nothing was read.
    #[inline(never)]
    pub(super) fn refuse(&mut self, value: &Value, path: &Path, words: &str) -> Option<u64> {
        self.wrong(value, path, words);
        None
    }

    /// A key given twice, anywhere.
    pub(super) fn twice(&mut self, value: &Value, path: &Path) {
        let part = |key| if let Part::Key("routes") = path.part { Part::Pattern(key) } else { Part::Key(key) };
        match &value.node {
            Node::Object(members) => {
                // Places of the members, by name.
                let mut order: Vec<&Value> = Vec::with_capacity(members.len());
                for member in members {
                    let (mut low, mut high) = (0, order.len());
                    while low < high {
                        let middle = low.midpoint(high);
                        match order.get(middle) {
                            Some(other) if other.key < member.key => low = middle.saturating_add(1),
                            _ => high = middle,
                        }
                    }
                    if order.get(low).is_some_and(|other| other.key == member.key) {
                        self.report(member.key_at, &path.with(part(&member.key)), "given twice; keep one");
                    } else {
                        order.insert(low, member);
                    }
                    self.twice(member, &path.with(part(&member.key)));
                }
            }
            Node::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.twice(value, &path.index(index));
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
        }
    }

    /// An object's keys into `leaves`; in a route `null` takes a key back to `base`.
    pub(super) fn object(
        &mut self,
        keys: &'static [Key],
        value: &'t Value,
        path: &Path,
        leaves: &mut Leaves<'t>,
        base: &Leaves<'t>,
    ) {
        let Node::Object(members) = &value.node else {
            self.wrong(value, path, " is not an object");
            return;
        };
        for member in members {
            let key = keys.iter().find(|key| key.name == member.key);
            let Some(key) = key.filter(|key| self.allowed(key)) else {
                self.foreign(keys, key, &member.key, member.key_at, path);
                continue;
            };
            let path = path.known(key.name);
            if let Node::Null = member.node {
                if self.route {
                    leaves.reset(key, base);
                }
            } else {
                self.member(key, member, &path, leaves, base);
            }
        }
    }

    fn allowed(&self, key: &Key) -> bool {
        let place = if self.route { key.place != Place::Policy } else { key.place != Place::Route };
        place && !matches!(key.form, Form::Later)
    }

    /// A key that is not for here: of a later version, of another place, or of none.
    #[inline(never)]
    fn foreign(&mut self, keys: &'static [Key], key: Option<&Key>, name: &str, at: u32, path: &Path) {
        match key {
            Some(Key { form: Form::Later, name, .. }) => {
                let out = self.unknown(at, &path.known(name), None, "not supported yet by unruffled ");
                out.push_str(SERIES);
                out.push_str("; leave it out");
            }
            Some(key) => {
                let words = if self.route {
                    "not allowed in a route; move it out of routes"
                } else {
                    "allowed in a route only"
                };
                self.unknown(at, &path.known(key.name), None, words);
            }
            // All that can be told is told: no lists are made in vain.
            None if !self.lenient && self.issues.full(at) => {}
            None => {
                if let Some(key) = meant_by(name) {
                    let out = self.unknown(at, &path.key(name), None, "unknown key; did you mean \"");
                    out.push_str(key);
                    out.push_str("\"?");
                    return;
                }
                let mut known: Vec<&str> = Vec::new();
                for key in keys {
                    if self.allowed(key) && !matches!(key.form, Form::Note) {
                        known.push(key.name);
                    }
                }
                push_instead(self.unknown(at, &path.key(name), None, "unknown key; "), name, &known);
            }
        }
    }

    fn member(&mut self, key: &'static Key, value: &'t Value, path: &Path, leaves: &mut Leaves<'t>, base: &Leaves<'t>) {
        let number = match (&key.form, &value.node) {
            (Form::ObjectOrFalse(_), Node::Bool(false)) => {
                leaves.reset(key, base);
                Some(0)
            }
            (Form::ObjectOrFalse(keys) | Form::Object(keys), Node::Object(_)) => {
                if leaves.number(key.slot) == 0 {
                    leaves.reset(key, base);
                }
                self.object(keys, value, path, leaves, base);
                Some(1)
            }
            (Form::ObjectOrFalse(_), _) => self.refuse(value, path, " is not an object or false"),
            (Form::Object(_), _) => self.refuse(value, path, " is not an object"),
            _ => self.leaf(&key.form, value, path),
        };
        if let Some(number) = number {
            leaves.put(key.slot, Leaf { number, from: Some(value) });
        }
    }

    /// A value that holds no keys of ours: its number, or 1 where the value itself says it; `None` where it is wrong or
    /// left out.
    #[inline(never)]
    fn leaf(&mut self, form: &Form, value: &Value, path: &Path) -> Option<u64> {
        match form {
            Form::Rules | Form::Limits | Form::Costs | Form::Routes | Form::Headers | Form::Query => Some(1),
            Form::Time(..) | Form::Size(..) | Form::Whole(..) | Form::Ratio(..) => self.amount(form, value, path),
            Form::Word(words) => self.word(value, path, words),
            Form::Bool => match value.node {
                Node::Bool(flag) => Some(flag.into()),
                _ => self.refuse(value, path, " is not true or false"),
            },
            Form::Major => match value.node {
                Node::Number(Number::Integer(1)) => Some(1),
                Node::Number(Number::Integer(2..)) => {
                    self.refuse(value, path, " is newer than this library; it reads 1")
                }
                _ => self.refuse(value, path, " is not a major version of the format; 1"),
            },
            Form::Methods => self.methods(value, path),
            Form::Statuses => self.statuses(value, path),
            Form::Values => self.values(value, path),
            Form::Base => self.base(value, path),
            Form::Family => match &value.node {
                Node::Text(_) => self.word(value, path, keys::FAMILIES),
                Node::Object(_) => Some(1),
                _ => self.refuse(value, path, " is not a family or an object of header names"),
            },
            Form::HeaderOrFalse if matches!(value.node, Node::Bool(false)) => Some(0),
            _ => self.plain(form, value, path),
        }
    }

    /// A text by its letters.
    fn plain(&mut self, form: &Form, value: &Value, path: &Path) -> Option<u64> {
        let text = value.text().unwrap_or_default();
        let fits = match form {
            Form::Note => clean(text),
            Form::Text => clean(text) && !text.is_empty(),
            Form::Line => line(text) && !text.is_empty(),
            Form::Pointer => pointer(text),
            Form::Id => id(text),
            _ => token(text),
        };
        let typed = value.text().is_some();
        if fits && typed {
            return Some(1);
        }
        let words = match form {
            Form::HeaderOrFalse if !typed => " is not a header name or false",
            Form::Header if !typed => " is not a header name",
            Form::Id if !typed => " is not a name",
            Form::Pointer if !typed => " is not a JSON pointer",
            _ if !typed => " is not text",
            Form::Header | Form::HeaderOrFalse => " is not a header name; letters, digits and \"-\"",
            Form::Id => " is not a name; a-z, 0-9, \".\", \"_\" and \"-\", at most 64, first a letter or digit",
            Form::Pointer if !text.starts_with('/') => {
                push_write(self.wrong(value, path, " is not a JSON pointer"), &joined("/", text));
                return None;
            }
            Form::Pointer => " is not a JSON pointer; \"~\" is written \"~0\", \"/\" inside a name \"~1\"",
            _ if text.is_empty() => " is empty; write some text",
            Form::Line => " does not fit a header; printable ASCII, no space at the ends",
            _ => " has control characters; leave them out",
        };
        self.refuse(value, path, words)
    }

    #[inline(never)]
    fn word(&mut self, value: &Value, path: &Path, words: &'static [&'static str]) -> Option<u64> {
        let Some(text) = value.text() else {
            push_any(self.wrong(value, path, " is not a word; "), words);
            return None;
        };
        let mut place = 0_u64;
        for word in words {
            if *word == text {
                return Some(place);
            }
            place = place.saturating_add(1);
        }
        push_any(self.unknown(value.at, path, Some(value), " is not known; "), words);
        None
    }

    /// A list that is not empty.
    #[inline(never)]
    fn list<'v>(&mut self, value: &'v Value, path: &Path) -> &'v [Value] {
        match &value.node {
            Node::List(list) => {
                if list.is_empty() {
                    self.wrong(value, path, " is empty; leave it out or name something");
                }
                return list;
            }
            Node::Object(_) => {
                self.wrong(value, path, " is not a list");
            }
            _ => {
                let text = self.issues.text;
                let out = self.wrong(value, path, " is not a list; write [");
                push_found(out, text, value);
                out.push(']');
            }
        }
        &[]
    }

    fn methods(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let mut bits = 0_u64;
        for (index, value) in self.list(value, path).iter().enumerate() {
            // Left out as a whole: fewer keys than the author meant would be a lie.
            let place = self.word(value, &path.index(index), keys::KEYED)?;
            // The codes at the boundary, in the order of KEYED.
            bits |= match place {
                0 => 1 << 7,
                1 => 1 << 8,
                2 => 1 << 4,
                _ => 1 << 5,
            };
        }
        (bits != 0).then_some(bits)
    }

    fn statuses(&mut self, value: &Value, path: &Path) -> Option<u64> {
        const STATUS: Form = Form::Whole(200, 599);
        let list = match &value.node {
            Node::Number(_) => return self.amount(&STATUS, value, path),
            Node::List(_) => self.list(value, path),
            _ => return self.refuse(value, path, " is not a status; 200 to 599 or a list of them"),
        };
        let mut fine = None;
        for (index, status) in list.iter().enumerate() {
            fine = self.amount(&STATUS, status, &path.index(index));
        }
        fine
    }

    fn values(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let list = self.list(value, path);
        for (index, value) in list.iter().enumerate() {
            if !matches!(value.node, Node::Text(_) | Node::Bool(_) | Node::Number(Number::Integer(_))) {
                self.wrong(value, &path.index(index), " is not text, an integer, true or false");
            }
        }
        Some(1)
    }

    fn base(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let members = match &value.node {
            Node::Text(text) => {
                if let Err(wrong) = url::read(text) {
                    wrong.push(self.report(value.at, path, ""));
                }
                return Some(1);
            }
            Node::Object(members) => members,
            _ => return self.refuse(value, path, " is not a URL; write \"https://…\" or {\"env\": NAME}"),
        };
        for member in members {
            match &*member.key {
                "env" => {}
                "note" => {
                    self.plain(&Form::Note, member, &path.known("note"));
                }
                other => {
                    let out = self.unknown(member.key_at, &path.key(other), None, "unknown key; ");
                    push_instead(out, other, &["env"]);
                }
            }
        }
        let path = path.known("env");
        match value.get("env") {
            None => {
                self.report(value.at, &path, "missing; the name of an environment variable");
            }
            Some(name) if name.text().is_some_and(variable) => {}
            // It may be a URL with a user.
            Some(name) => {
                let words = "not the name of an environment variable; letters, digits and \"_\"";
                self.report(name.at, &path, words);
            }
        }
        Some(1)
    }
}

#[inline(never)]
pub(super) fn clean(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// What may stand in a header's value.
pub(super) fn line(text: &str) -> bool {
    all(text, |byte| matches!(byte, b' '..=b'~')) && text.trim_ascii().len() == text.len()
}

/// A token (RFC 9110, section 5.6.2).
pub(super) fn token(text: &str) -> bool {
    !text.is_empty() && all(text, |byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn id(text: &str) -> bool {
    text.len() <= 64
        && all(text, |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// A JSON pointer (RFC 6901) that is not the whole document.
fn pointer(text: &str) -> bool {
    let mut before = 0;
    let mut fine = text.starts_with('/');
    for byte in text.bytes() {
        fine &= before != b'~' || matches!(byte, b'0' | b'1');
        before = byte;
    }
    fine && before != b'~'
}

fn variable(text: &str) -> bool {
    all(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
