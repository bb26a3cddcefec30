//! How a request fails, and when the server wants it again.

use serde::{Deserialize, Serialize};

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum How {
    Status(u16),
    Reset,
    /// No connection: nothing was sent.
    Refused,
    /// No connection within 3 s: nothing was sent.
    Connect,
    /// No answer ever.
    Timeout,
    /// The headers come, the body breaks off.
    Cut,
}

/// What `Retry-After` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryAfter {
    Seconds(u64),
    /// What the limit needs, rounded up to seconds.
    Left,
    /// A date 5 s ago.
    Past,
    /// A date so many seconds ahead, beside a `Date`.
    Date(u64),
}

const WORDS: [(&str, How); 5] = [
    ("reset", How::Reset),
    ("refused", How::Refused),
    ("connect", How::Connect),
    ("timeout", How::Timeout),
    ("cut", How::Cut),
];

impl TryFrom<String> for How {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, how)| *how);
        word.or_else(|| text.parse().ok().map(Self::Status)).ok_or_else(|| {
            format!("{text:?} is no way to fail; write a status, reset, refused, connect, timeout or cut")
        })
    }
}

impl From<How> for String {
    fn from(how: How) -> Self {
        match how {
            How::Status(status) => status.to_string(),
            other => WORDS.iter().find(|(_, how)| *how == other).map_or("", |(word, _)| word).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_to_fail_comes_back_from_its_text() {
        for how in WORDS.iter().map(|(_, how)| *how).chain([How::Status(503)]) {
            assert_eq!(How::try_from(String::from(how)), Ok(how));
        }
        assert!(How::try_from("no".to_string()).is_err());
    }
}
