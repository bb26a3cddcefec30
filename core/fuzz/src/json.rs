//! The reader of policies beside `serde_json`: the same texts are JSON, within the documented bounds, with the same values.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;
use unruffled_core::config::print;

const MOST_LEVELS: usize = 32;
const MOST_TEXT: usize = 4_096;

pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ours = print(text);
    let theirs = tree(text.strip_prefix('\u{feff}').unwrap_or(text));
    match (&ours, &theirs) {
        (Ok(ours), Some(theirs)) => assert_eq!(*ours, theirs.told(), "{text:?}"),
        (Err("too deep"), Some(theirs)) => assert!(theirs.levels() > MOST_LEVELS, "{text:?}"),
        (Err("text too long"), Some(theirs)) => assert!(theirs.longest() > MOST_TEXT, "{text:?}"),
        (Ok(_), None) | (Err(_), Some(_)) => panic!("{ours:?} {theirs:?} {text:?}"),
        (Err(_), None) => {}
    }
}

/// What `serde_json` reads, with names that stand twice and numbers as they are written.
#[derive(Debug, Clone)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// The tree of a text; `None` if `serde_json` refuses it.
pub fn tree(text: &str) -> Option<Tree> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    of(raw)
}

fn of(raw: &RawValue) -> Option<Tree> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'n' => Tree::Null,
        b't' | b'f' => Tree::Bool(text.starts_with('t')),
        b'"' => Tree::Text(serde_json::from_str(text).ok()?),
        b'[' => {
            let parts: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Tree::List(parts.into_iter().map(of).collect::<Option<_>>()?)
        }
        b'{' => {
            let Members(parts) = serde_json::from_str(text).ok()?;
            Tree::Object(parts.into_iter().map(|(key, raw)| Some((key, of(&raw)?))).collect::<Option<_>>()?)
        }
        _ => Tree::Number(text.to_owned()),
    })
}

/// All members of an object, in order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(Members(all))
            }
        }
        from.deserialize_map(All)
    }
}

impl Tree {
    fn parts(&self) -> Vec<&Tree> {
        match self {
            Tree::List(parts) => parts.iter().collect(),
            Tree::Object(parts) => parts.iter().map(|(_, part)| part).collect(),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) => Vec::new(),
        }
    }

    fn levels(&self) -> usize {
        let nested = usize::from(matches!(self, Tree::List(_) | Tree::Object(_)));
        nested + self.parts().into_iter().map(Tree::levels).max().unwrap_or(0)
    }

    fn longest(&self) -> usize {
        let own = match self {
            Tree::Text(text) => text.len(),
            Tree::Object(parts) => parts.iter().map(|(key, _)| key.len()).max().unwrap_or(0),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::List(_) => 0,
        };
        self.parts().into_iter().map(Tree::longest).fold(own, usize::max)
    }

    /// As `print` tells it.
    fn told(&self) -> String {
        match self {
            Tree::Null => "null".into(),
            Tree::Bool(flag) => flag.to_string(),
            Tree::Number(text) => number(text),
            Tree::Text(text) => format!("{text:?}"),
            Tree::List(parts) => {
                let parts: String = parts.iter().map(|part| part.told() + ",").collect();
                format!("[{parts}]")
            }
            Tree::Object(parts) => {
                let parts: String = parts.iter().map(|(key, part)| format!("{key:?}:{},", part.told())).collect();
                format!("{{{parts}}}")
            }
        }
    }
}

/// A number by moving its digits about as text.
pub fn number(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let all = digits.trim_start_matches('0');
    let short = all.trim_end_matches('0');
    if short.is_empty() {
        return "0".into();
    }
    // A power that does not fit is beyond every number.
    let far = if power.starts_with('-') { -1_000_000_000_i64 } else { 1_000_000_000 };
    let power: i64 = power.parse().unwrap_or(far).clamp(-1_000_000_000, 1_000_000_000);
    let power = power - fraction.len() as i64 + (all.len() - short.len()) as i64;
    let fits =
        |zeros: i64| (short.len() as i64 + zeros <= 19).then(|| format!("{short}{}", "0".repeat(zeros as usize)));
    let fits = |zeros| fits(zeros).and_then(|digits| digits.parse::<i64>().ok());
    match power {
        0.. => fits(power).map_or("huge".into(), |number| format!("{sign}{number}")),
        -6..0 if fits(0).is_some() => fits(power + 6).map_or("huge".into(), |number| format!("{sign}{number}m")),
        _ => "fine".into(),
    }
}
