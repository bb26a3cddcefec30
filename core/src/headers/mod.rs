//! What an answer's headers say about time and quota. One standard or family a file; each turns the host's raw header
//! lines into plain numbers and knows nothing of calls, buckets or retries. A value that is not exactly what its
//! standard allows is no value: the next source is asked.

mod amount;
pub mod date;
mod key;
mod quota;
pub mod rate_limit;
mod reset;
pub mod retry_after;
pub mod structured;

pub(crate) use amount::decimal;
pub use key::header_key;
pub use rate_limit::{Limits, Reading, pauses, read, watch_error, watch_success};
pub use reset::alone as reset_alone;
pub use retry_after::{server_time, should_retry};

use crate::defaults;

/// Lines looked at; a host sends a dozen.
const LINES: usize = 64;

/// The watched headers of one answer: lines `name: value\n`. Borrowed, nothing is allocated.
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a>(&'a [u8]);

/// What the lines of one name say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    Absent,
    /// The value without the white space around it; may be empty.
    One(&'a str),
    /// More than one line: for a header that may stand only once, as good as unreadable.
    Doubled,
}

impl<'a> Hints<'a> {
    /// Only the first 8 KiB and 64 lines count; a line that the bound cuts does not count at all, nor does one that is
    /// not UTF-8 or has no colon.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        // One more than counts: a line that ends right at the bound is whole.
        let Some(kept) = bytes.get(..=defaults::HINTS) else { return Self(bytes) };
        let end = kept.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        Self(kept.get(..end).unwrap_or_default())
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only value of a header (`name` in lower case).
    #[must_use]
    pub fn one(&self, name: &str) -> Field<'a> {
        self.only(&[name])
    }

    /// The only value of the header whose name these pieces make, in lower case.
    #[inline(never)]
    fn only(&self, name: &[&str]) -> Field<'a> {
        let mut found = Field::Absent;
        for line in self.lines() {
            if let Some(value) = value_of(line, name) {
                if found != Field::Absent {
                    return Field::Doubled;
                }
                found = Field::One(value);
            }
        }
        found
    }

    fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0.split(|byte| *byte == b'\n').take(LINES)
    }

    /// Returns when the answer was made, in Unix milliseconds: its own `Date`, else `wall_ms`.
    #[must_use]
    pub fn answered_at(&self, wall_ms: u64) -> u64 {
        self.date(wall_ms).unwrap_or(wall_ms)
    }

    /// Returns the answer's own `Date` in Unix milliseconds, if it is readable.
    fn date(&self, wall_ms: u64) -> Option<u64> {
        match self.one("date") {
            Field::One(text) => date::http_date(text, wall_ms),
            Field::Absent | Field::Doubled => None,
        }
    }

    /// Every line of a header (`name` in lower case), in order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.lines().filter_map(move |line| value_of(line, &[name]))
    }
}

/// The value of a line if it is of that name.
#[inline(never)]
fn value_of<'a>(line: &'a [u8], name: &[&str]) -> Option<&'a str> {
    // Most lines are of another name, and most names of another length.
    let length = name.iter().fold(0_usize, |sum, piece| sum.wrapping_add(piece.len()));
    if line.get(length) != Some(&b':') {
        return None;
    }
    let mut rest = line;
    for piece in name {
        let (found, after) = rest.split_at_checked(piece.len())?;
        let piece = piece.as_bytes();
        if found != piece && !found.eq_ignore_ascii_case(piece) {
            return None;
        }
        rest = after;
    }
    core::str::from_utf8(rest.strip_prefix(b":")?.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::vec::Vec;

    #[test]
    fn a_field_is_absent_one_or_doubled() {
        let hints = Hints::new(b"a: 1\nb:2\na: 3\nabc: 4\nD : 5\ne: x: y\n\n:\nf:\nG: 7");
        let rows = [
            ("a", Field::Doubled),
            ("b", Field::One("2")),
            ("ab", Field::Absent),
            ("abc", Field::One("4")),
            ("d", Field::Absent),
            ("e", Field::One("x: y")),
            ("f", Field::One("")),
            ("g", Field::One("7")),
        ];
        for (name, expected) in rows {
            assert_eq!(hints.one(name), expected, "{name}");
        }
        assert_eq!(hints.all("a").collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_skipped() {
        let hints = Hints::new(b"a: \xff\na: 1\n\xff: 2\nb: \xc3\xa4\n");
        assert_eq!(hints.one("a"), Field::One("1"));
        assert_eq!(hints.one("b"), Field::One("\u{e4}"));
    }

    #[test]
    fn only_8_kib_and_64_lines_count() {
        let at_the_bound = format!("a: {}\nretry-after: 12", "x".repeat(defaults::HINTS - 4 - 15));
        assert_eq!(at_the_bound.len(), defaults::HINTS);
        assert_eq!(Hints::new(at_the_bound.as_bytes()).one("retry-after"), Field::One("12"));
        let ended = format!("{at_the_bound}\nb: 1\n");
        assert_eq!(Hints::new(ended.as_bytes()).one("retry-after"), Field::One("12"));
        assert_eq!(Hints::new(ended.as_bytes()).one("b"), Field::Absent);
        // One byte more: the bound would cut 120 to 12.
        let beyond = format!("{at_the_bound}0");
        assert_eq!(Hints::new(beyond.as_bytes()).one("retry-after"), Field::Absent);
        assert_eq!(Hints::new(&[b'x'; 9_000]).one("x"), Field::Absent);
        let lines = format!("{}b: 2\n", "a: 1\n".repeat(64));
        assert_eq!(Hints::new(lines.as_bytes()).all("a").count(), 64);
        assert_eq!(Hints::new(lines.as_bytes()).one("b"), Field::Absent);
    }

    #[test]
    fn an_answer_is_dated_by_itself_or_by_the_wall() {
        let at = |lines: &str| Hints::new(lines.as_bytes()).answered_at(5);
        assert_eq!(at("date: Thu, 01 Jan 1970 00:00:09 GMT\n"), 9_000);
        assert_eq!(at("date: yesterday\n"), 5);
        assert_eq!(at(""), 5);
    }
}
