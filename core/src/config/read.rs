//! Walks a policy's tree along the table of keys: every value's type and range, unknown and later keys. Puts what it
//! read into [`Leaves`]; what keys mean together is the business of `merge`.

use super::issues::{self, Issues, Part, Path, any_of, found, instead};
use super::json::{Node, Number, Value};
use super::keys::{self, Form, Key, Place};
use super::leaves::{Leaf, Leaves};
use super::{SERIES, url};
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

    /// Whether an object has a name, with another value than `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.node {
            Node::Object(members) => {
                members.iter().any(|member| member.key == name && !matches!(member.value.node, Node::Null))
            }
            _ => false,
        }
    }
}

/// The reading of one policy.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) lenient: bool,
    pub(super) issues: Issues,
    pub(super) warnings: Issues,
    /// Keys left out so far.
    pub(super) left_out: usize,
    /// Inside a route.
    pub(super) route: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, lenient: bool) -> Self {
        let (issues, warnings) = (Issues::new(MOST_ISSUES), Issues::new(MOST_WARNINGS));
        Self { text, lenient, issues, warnings, left_out: 0, route: false }
    }

    /// Something that this version does not know: an error, or left out.
    #[inline(never)]
    pub(super) fn unknown(&mut self, at: u32, path: &Path, words: &[&str]) {
        self.left_out = self.left_out.saturating_add(1);
        let list = if self.lenient { &mut self.warnings } else { &mut self.issues };
        list.add(at, path, words);
    }

    /// `found` and then these words.
    #[inline(never)]
    pub(super) fn wrong(&mut self, value: &Value, path: &Path, words: &[&str]) {
        let shown = found(self.text, value);
        let words = words.concat();
        self.issues.add(value.at, path, &[&shown, &words]);
    }

    /// A key given twice, anywhere.
    pub(super) fn twice(&mut self, value: &Value, path: &Path) {
        let part = |key| if let Part::Key("routes") = path.part { Part::Pattern(key) } else { Part::Key(key) };
        match &value.node {
            Node::Object(members) => {
                let mut names: Vec<(&str, u32)> = members.iter().map(|member| (&*member.key, member.at)).collect();
                names.sort_unstable();
                for pair in names.windows(2) {
                    if let [(first, _), (second, at)] = pair
                        && first == second
                    {
                        self.issues.add(*at, &path.with(part(second)), &["given twice; keep one"]);
                    }
                }
                for member in members {
                    self.twice(&member.value, &path.with(part(&member.key)));
                }
            }
            Node::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.twice(value, &path.with(Part::Index(index)));
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
            return self.wrong(value, path, &[" is not an object"]);
        };
        for member in members {
            let key = keys.iter().find(|key| key.name == member.key);
            let Some(key) = key.filter(|key| self.allowed(key)) else {
                self.foreign(keys, key, &member.key, member.at, path);
                continue;
            };
            let path = path.with(Part::Known(key.name));
            if let Node::Null = member.value.node {
                if self.route {
                    leaves.reset(key, base);
                }
            } else {
                self.member(key, &member.value, &path, leaves, base);
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
                let words = ["not supported yet by unruffled ", SERIES, "; leave it out"];
                self.unknown(at, &path.with(Part::Known(name)), &words);
            }
            Some(key) => {
                let words = if self.route {
                    "not allowed in a route; move it out of routes"
                } else {
                    "allowed in a route only"
                };
                self.unknown(at, &path.with(Part::Known(key.name)), &[words]);
            }
            // All that can be told is told: no lists are made in vain.
            None if !self.lenient && self.issues.full(at) => {}
            None => {
                let known = keys.iter().filter(|key| self.allowed(key) && !matches!(key.form, Form::Note));
                let mut known: Vec<&str> = known.map(|key| key.name).collect();
                let instead = instead(name, &mut known);
                self.unknown(at, &path.with(Part::Key(name)), &["unknown key; ", &instead]);
            }
        }
    }

    fn member(&mut self, key: &'static Key, value: &'t Value, path: &Path, leaves: &mut Leaves<'t>, base: &Leaves<'t>) {
        let number = match key.form {
            Form::Object(keys) => {
                self.object(keys, value, path, leaves, base);
                matches!(value.node, Node::Object(_)).then_some(1)
            }
            Form::ObjectOrFalse(keys) => match &value.node {
                Node::Bool(false) => {
                    leaves.reset(key, base);
                    Some(0)
                }
                Node::Object(_) => {
                    if leaves.number(key.slot) == 0 {
                        leaves.reset(key, base);
                    }
                    self.object(keys, value, path, leaves, base);
                    Some(1)
                }
                _ => return self.wrong(value, path, &[" is not an object or false"]),
            },
            Form::Rules | Form::Limits | Form::Costs | Form::Routes | Form::Headers | Form::Query => Some(1),
            _ => self.leaf(key.form, value, path),
        };
        if let Some(number) = number {
            leaves.put(key.slot, Leaf { number, from: Some(value) });
        }
    }

    /// A value that holds no keys of ours: its number, or 1 where the value itself says it; `None` where it is wrong or
    /// left out.
    #[inline(never)]
    fn leaf(&mut self, form: Form, value: &Value, path: &Path) -> Option<u64> {
        match form {
            Form::Time(least, most) => self.time(value, path, least, most),
            Form::Size(least, most) => self.size(value, path, least, most),
            Form::Whole(least, most) => self.whole(value, path, least, most),
            Form::Ratio(least, most) => self.ratio(value, path, least, most),
            Form::Word(words) => self.word(value, path, words),
            Form::Bool => match value.node {
                Node::Bool(flag) => Some(flag.into()),
                _ => self.refuse(value, path, " is not true or false"),
            },
            Form::Major => match value.node {
                Node::Number(Number::Integer(1)) => Some(1),
                Node::Number(Number::Integer(newer)) if newer > 1 => {
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

    /// An issue and nothing.
    pub(super) fn refuse<T>(&mut self, value: &Value, path: &Path, words: &str) -> Option<T> {
        self.wrong(value, path, &[words]);
        None
    }

    /// A text by its letters.
    fn plain(&mut self, form: Form, value: &Value, path: &Path) -> Option<u64> {
        let Some(text) = value.text() else {
            let what = match form {
                Form::HeaderOrFalse => " is not a header name or false",
                Form::Header => " is not a header name",
                Form::Id => " is not a name",
                Form::Pointer => " is not a JSON pointer",
                _ => " is not text",
            };
            return self.refuse(value, path, what);
        };
        let bytes = text.as_bytes();
        let wanted = match form {
            Form::Note if clean(text) => return Some(1),
            Form::Text if clean(text) && !text.is_empty() => return Some(1),
            Form::Line if line(text) && !text.is_empty() => return Some(1),
            Form::Header | Form::HeaderOrFalse if token(text) => return Some(1),
            Form::Pointer if pointer(text) => return Some(1),
            Form::Id
                if bytes.len() <= 64
                    && bytes.iter().all(|b| id(*b))
                    && bytes.first().is_some_and(|b| b.is_ascii_alphanumeric()) =>
            {
                return Some(1);
            }
            Form::Note | Form::Text if !clean(text) => " has control characters; leave them out",
            Form::Line if !text.is_empty() => " does not fit a header; printable ASCII, no space at the ends",
            Form::Header | Form::HeaderOrFalse => " is not a header name; letters, digits and \"-\"",
            Form::Pointer => {
                let start = if text.starts_with('/') {
                    String::from("\"~\" is written \"~0\", \"/\" inside a name \"~1\"")
                } else {
                    let fixed = ["/", text].concat();
                    ["write ", &issues::quoted(&fixed, 40)].concat()
                };
                self.wrong(value, path, &[" is not a JSON pointer; ", &start]);
                return None;
            }
            Form::Id => " is not a name; a-z, 0-9, \".\", \"_\" and \"-\", at most 64, first a letter or digit",
            _ => " is empty; write some text",
        };
        self.refuse(value, path, wanted)
    }

    fn word(&mut self, value: &Value, path: &Path, words: &'static [&'static str]) -> Option<u64> {
        let Some(text) = value.text() else {
            self.wrong(value, path, &[" is not a word; ", &any_of(words)]);
            return None;
        };
        let place = words.iter().position(|word| *word == text);
        if place.is_none() {
            let shown = found(self.text, value);
            self.unknown(value.at, path, &[&shown, " is not known; ", &any_of(words)]);
        }
        place.map(|place| place as u64)
    }

    /// A number in its range, or what the range is.
    #[inline(never)]
    fn ranged(&mut self, value: &Value, path: &Path, number: u64, bounds: (u64, u64), words: &str) -> Option<u64> {
        if number < bounds.0 || number > bounds.1 {
            self.wrong(value, path, &[" is out of range; ", words]);
            return None;
        }
        Some(number)
    }

    pub(super) fn whole(&mut self, value: &Value, path: &Path, least: u64, most: u64) -> Option<u64> {
        let words = [&*issues::plain(least), " to ", &issues::plain(most)].concat();
        match integer(value) {
            Some(number) => self.ranged(value, path, number, (least, most), &words),
            None => {
                self.wrong(value, path, &[" is not an integer; ", &words]);
                None
            }
        }
    }

    fn ratio(&mut self, value: &Value, path: &Path, least: u64, most: u64) -> Option<u64> {
        let words = match least {
            1 => ["above 0, at most ", &issues::decimal(most)].concat(),
            _ => [&*issues::decimal(least), " to ", &issues::decimal(most)].concat(),
        };
        let number = match value.node {
            Node::Number(Number::Millionths(number)) => u64::try_from(number).unwrap_or(u64::MAX),
            Node::Number(Number::Fine) => {
                self.wrong(value, path, &[" has more than six decimals; ", &words]);
                return None;
            }
            Node::Number(_) => integer(value).and_then(|number| number.checked_mul(1_000_000)).unwrap_or(u64::MAX),
            _ => {
                self.wrong(value, path, &[" is not a number; ", &words]);
                return None;
            }
        };
        self.ranged(value, path, number, (least, most), &words)
    }

    fn time(&mut self, value: &Value, path: &Path, least: u64, most: u64) -> Option<u64> {
        let mut words = [&*issues::duration(least), " to ", &issues::duration(most)].concat();
        let number = match &value.node {
            Node::Text(text) => measured(text, TIMES),
            _ => {
                words.push_str(" (numbers are ms)");
                integer(value)
            }
        };
        match number {
            Some(number) => self.ranged(value, path, number, (least, most), &words),
            None => {
                let hint = value.text().and_then(meant);
                let write = match &hint {
                    Some(hint) => ["write \"", hint, "\""].concat(),
                    None => String::from("write \"200ms\", \"3s\", \"5m\" or \"1h\""),
                };
                self.wrong(value, path, &[" is not a duration; ", &write]);
                None
            }
        }
    }

    fn size(&mut self, value: &Value, path: &Path, least: u64, most: u64) -> Option<u64> {
        let mut words = [&*issues::size(least), " to ", &issues::size(most)].concat();
        let number = match &value.node {
            Node::Text(text) => measured(text, SIZES),
            _ => {
                words.push_str(" (numbers are bytes)");
                integer(value)
            }
        };
        match number {
            Some(number) => self.ranged(value, path, number, (least, most), &words),
            None => self.refuse(value, path, " is not a size; write bytes, \"64KiB\" or \"8MiB\""),
        }
    }

    /// A list that is not empty.
    fn list<'v>(&mut self, value: &'v Value, path: &Path) -> Option<&'v [Value]> {
        match &value.node {
            Node::List(list) if list.is_empty() => {
                self.refuse(value, path, " is empty; leave it out or name something")
            }
            Node::List(list) => Some(list),
            Node::Object(_) => self.refuse(value, path, " is not a list"),
            _ => {
                let shown = found(self.text, value);
                self.wrong(value, path, &[" is not a list; write [", &shown, "]"]);
                None
            }
        }
    }

    fn methods(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let mut bits = Some(0_u64);
        for (index, value) in self.list(value, path)?.iter().enumerate() {
            let place = self.word(value, &path.with(Part::Index(index)), keys::KEYED);
            // The codes at the boundary, in the order of KEYED.
            let bit = place.and_then(|place| [1 << 7, 1 << 8, 1 << 4, 1 << 5].get(place as usize).copied());
            bits = bits.zip(bit).map(|(bits, bit): (u64, u64)| bits | bit);
        }
        bits
    }

    fn statuses(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let single = matches!(value.node, Node::Number(_));
        let list = match &value.node {
            Node::Number(_) => core::slice::from_ref(value),
            Node::List(_) => self.list(value, path)?,
            _ => return self.refuse(value, path, " is not a status; 200 to 599 or a list of them"),
        };
        let mut fine = Some(1);
        for (index, status) in list.iter().enumerate() {
            let inner = path.with(Part::Index(index));
            fine = self.whole(status, if single { path } else { &inner }, 200, 599).and(fine);
        }
        fine
    }

    fn values(&mut self, value: &Value, path: &Path) -> Option<u64> {
        let mut fine = Some(1);
        for (index, value) in self.list(value, path)?.iter().enumerate() {
            if !matches!(value.node, Node::Text(_) | Node::Bool(_) | Node::Number(Number::Integer(_))) {
                fine = self.refuse(value, &path.with(Part::Index(index)), " is not text, an integer, true or false");
            }
        }
        fine
    }

    fn base(&mut self, value: &Value, path: &Path) -> Option<u64> {
        match &value.node {
            Node::Text(text) => match url::read(text) {
                Ok(_) => Some(1),
                Err(words) => {
                    self.issues.add(value.at, path, &[&words]);
                    None
                }
            },
            Node::Object(members) => {
                let mut name = None;
                for member in members {
                    match &*member.key {
                        "env" => name = Some(&member.value),
                        "note" => {
                            self.plain(Form::Note, &member.value, &path.with(Part::Known("note")));
                        }
                        other => {
                            let instead = instead(other, &mut ["env"]);
                            self.unknown(member.at, &path.with(Part::Key(other)), &["unknown key; ", &instead]);
                        }
                    }
                }
                let Some(name) = name else {
                    self.issues.add(
                        value.at,
                        &path.with(Part::Known("env")),
                        &["missing; the name of an environment variable"],
                    );
                    return None;
                };
                if name.text().is_some_and(variable) {
                    return Some(1);
                }
                // It may be a URL with a user.
                let words = "not the name of an environment variable; letters, digits and \"_\"";
                self.issues.add(name.at, &path.with(Part::Known("env")), &[words]);
                None
            }
            _ => self.refuse(value, path, " is not a URL; write \"https://…\" or {\"env\": NAME}"),
        }
    }
}

/// The integer of a value; a negative one or one that does not fit is above every range.
fn integer(value: &Value) -> Option<u64> {
    match value.node {
        Node::Number(Number::Integer(number)) => Some(u64::try_from(number).unwrap_or(u64::MAX)),
        Node::Number(Number::Huge) => Some(u64::MAX),
        _ => None,
    }
}

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// `3s`: digits and one unit. Too large is above every range.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (name, unit) = units.iter().find(|(name, _)| text.strip_suffix(name).is_some_and(digits))?;
    let number = text.strip_suffix(name)?.parse().unwrap_or(u64::MAX);
    Some(unit.saturating_mul(number))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The duration that a text such as `1 hour` most likely means.
fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, name) = text.split_at_checked(end)?;
    let number = number.parse::<u64>().ok()?;
    let name = name.trim_start().to_ascii_lowercase();
    let (times, unit) = match &*name {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => (1, "ms"),
        "s" | "sec" | "secs" | "second" | "seconds" => (1, "s"),
        "m" | "min" | "mins" | "minute" | "minutes" => (1, "m"),
        "h" | "hr" | "hrs" | "hour" | "hours" => (1, "h"),
        "d" | "day" | "days" => (24, "h"),
        _ => return None,
    };
    Some([&*issues::plain(number.checked_mul(times)?), unit].concat())
}

fn clean(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// What may stand in a header's value.
pub(super) fn line(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim_ascii() == text
}

/// A token (RFC 9110, section 5.6.2).
pub(super) fn token(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(letter)
}

fn id(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

/// A JSON pointer (RFC 6901) that is not the whole document.
fn pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn variable(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(letter) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
