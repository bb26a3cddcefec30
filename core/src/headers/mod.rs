//! What an answer's headers say about time and quota. One standard or family a file; each turns the host's raw header
//! lines into plain numbers and knows nothing of calls, buckets or retries. A value that is not exactly what its
//! standard allows is no value: the next source is asked.

pub mod date;
pub mod rate_limit;
pub mod retry_after;
pub mod structured;

pub use rate_limit::{Reading, pauses, read, watch_error, watch_success};
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
        let Some(kept) = bytes.get(..defaults::HINTS) else { return Self(bytes) };
        let end = kept.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        Self(kept.get(..end).unwrap_or_default())
    }

    /// The only value of a header (`name` in lower case).
    #[must_use]
    #[inline(never)]
    pub fn one(&self, name: &str) -> Field<'a> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => Field::One(value),
            (Some(_), Some(_)) => Field::Doubled,
        }
    }

    /// Every line of a header (`name` in lower case), in order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.split(|byte| *byte == b'\n').take(LINES).filter_map(move |line| value_of(line, name))
    }
}

/// The value of a line if it is of that name.
#[inline(never)]
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    if !found.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    core::str::from_utf8(value).ok().map(|text| text.trim_matches([' ', '\t', '\r']))
}
