//! Bytes to JSON values, one at a time: what [`super::json`] is made of. A method that finds no JSON gives `None` and
//! leaves the reason in [`Scanner::why`].

use super::{Broken, Found, MOST_LEVELS, MOST_TEXT, NOT_JSON, Node, Number, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes and the place in them.
pub(crate) struct Scanner<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    /// Longest string.
    pub(crate) most: usize,
    /// What is wrong, once something is.
    pub(crate) why: Broken,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Self { bytes, at, most: MOST_TEXT, why: Broken { at, what: NOT_JSON, wanted: "" } }
    }

    pub(crate) fn ended(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The byte at the place, 0 at the end.
    #[inline(never)]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    /// Steps over a byte if it is this one.
    #[inline(never)]
    fn takes(&mut self, byte: u8) -> bool {
        let there = self.byte() == byte;
        if there {
            self.step();
        }
        there
    }

    /// The next byte that is no white space, 0 at the end.
    #[inline(never)]
    pub(crate) fn peek(&mut self) -> u8 {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.byte() {
            self.step();
        }
        self.byte()
    }

    #[inline(never)]
    pub(crate) fn broken<T>(&mut self, wanted: &'static str) -> Option<T> {
        self.why = Broken { at: self.at, what: NOT_JSON, wanted };
        None
    }

    /// Why a pointer found nothing: the bytes ended, or they are no JSON.
    pub(crate) fn lost(&self) -> Found {
        if self.ended() { Found::Undecided } else { Found::Missing }
    }

    /// A value behind its key, if it has one.
    pub(crate) fn value(&mut self, level: usize, key_at: u32, key: String) -> Option<Value> {
        let first = self.peek();
        let at = self.at as u32;
        let node = match first {
            b'{' => Node::Object(self.parts(level, b'}')?),
            b'[' => Node::List(self.parts(level, b']')?),
            b'"' => Node::Text(self.string()?),
            b'-' | b'0'..=b'9' => Node::Number(self.number()?),
            b'n' => self.word("null", Node::Null)?,
            b't' => self.word("true", Node::Bool(true))?,
            b'f' => self.word("false", Node::Bool(false))?,
            _ => return self.broken("a value"),
        };
        Some(Value { at, end: self.at as u32, key_at, key, node })
    }

    fn word(&mut self, word: &str, node: Node) -> Option<Node> {
        for letter in word.bytes() {
            if !self.takes(letter) {
                return self.broken("null, true or false");
            }
        }
        Some(node)
    }

    /// What a list or an object holds.
    fn parts(&mut self, level: usize, close: u8) -> Option<Vec<Value>> {
        if level > MOST_LEVELS {
            self.why = Broken { at: self.at, what: "too deep", wanted: "at most 32 levels" };
            return None;
        }
        let mut parts = Vec::new();
        self.step();
        if self.peek() != close {
            loop {
                let (at, key) = if close == b'}' { self.key()? } else { (0, String::new()) };
                parts.push(self.value(level.wrapping_add(1), at, key)?);
                let next = self.peek();
                if next == close {
                    break;
                }
                if next != b',' {
                    return self.broken(if close == b'}' { "\",\" or \"}\"" } else { "\",\" or \"]\"" });
                }
                self.step();
            }
        }
        self.step();
        Some(parts)
    }

    /// A member's name and the colon behind it.
    fn key(&mut self) -> Option<(u32, String)> {
        if self.peek() != b'"' {
            return self.broken("a key in double quotes");
        }
        let at = self.at as u32;
        let key = self.string()?;
        if self.peek() != b':' {
            return self.broken("\":\"");
        }
        self.step();
        Some((at, key))
    }

    /// A string; the place is at its opening quote.
    #[inline(never)]
    pub(crate) fn string(&mut self) -> Option<String> {
        let begin = self.at;
        let mut text = Vec::new();
        self.step();
        while !self.takes(b'"') {
            match self.byte() {
                0 if self.ended() => return self.broken("a closing quote"),
                b'\\' => self.escape(&mut text)?,
                0..=0x1f => return self.broken("an escape for the control character"),
                byte => {
                    text.push(byte);
                    self.step();
                }
            }
            if text.len() > self.most {
                self.why = Broken { at: begin, what: "text too long", wanted: "at most 4 KiB" };
                return None;
            }
        }
        let text = String::from_utf8(text).ok();
        if text.is_none() {
            self.why = Broken { at: begin, what: NOT_JSON, wanted: "UTF-8" };
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        self.step();
        let plain = match self.byte() {
            letter @ (b'"' | b'\\' | b'/') => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.unit()?;
                if let 0xd800..=0xdbff = code
                    && self.takes(b'\\')
                {
                    // A backslash at the end is cut off: not broken, but undecided.
                    if self.byte() == b'u' {
                        let low = self.unit()?;
                        let high = (code & 0x3ff) << 10;
                        if let 0xdc00..=0xdfff = low {
                            code = (high | low & 0x3ff).wrapping_add(0x1_0000);
                        }
                    } else if !self.ended() {
                        self.at = self.at.wrapping_sub(1);
                    }
                }
                let Some(letter) = char::from_u32(code) else { return self.broken("both halves of a surrogate pair") };
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return self.broken("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u"),
        };
        text.push(plain);
        self.step();
        Some(())
    }

    /// Four hexadecimal digits behind the `u` at the place.
    #[inline(never)]
    fn unit(&mut self) -> Option<u32> {
        let mut code = 0_u32;
        for _ in 0..4 {
            self.step();
            match char::from(self.byte()).to_digit(16) {
                Some(digit) => code = code << 4 | digit,
                None => return self.broken("four hexadecimal digits"),
            }
        }
        self.step();
        Some(code)
    }

    /// A number: `significand · 10^exponent` with a significand that ends in no 0.
    fn number(&mut self) -> Option<Number> {
        let negative = self.takes(b'-');
        let mut sum = Sum::default();
        if !self.takes(b'0') {
            self.digits(&mut sum)?;
        }
        if self.takes(b'.') {
            let begin = self.at as i64;
            self.digits(&mut sum)?;
            sum.exponent = begin.wrapping_sub(self.at as i64);
        }
        if self.takes(b'e') || self.takes(b'E') {
            let minus = self.takes(b'-');
            if !minus {
                self.takes(b'+');
            }
            let mut power = Sum::default();
            self.digits(&mut power)?;
            let power = match power.number() {
                Number::Integer(power) => power,
                Number::Millionths(_) | Number::Fine | Number::Huge => i64::MAX,
            };
            let power = if minus { power.wrapping_neg() } else { power };
            sum.exponent = sum.exponent.saturating_add(power);
        }
        Some(match sum.number() {
            Number::Integer(number) if negative => Number::Integer(number.wrapping_neg()),
            Number::Millionths(number) if negative => Number::Millionths(number.wrapping_neg()),
            other => other,
        })
    }

    fn digits(&mut self, sum: &mut Sum) -> Option<()> {
        if !self.byte().is_ascii_digit() {
            return self.broken("a digit");
        }
        while let digit @ b'0'..=b'9' = self.byte() {
            sum.digit(digit & 15);
            self.step();
        }
        Some(())
    }

    /// Moves to the value that one token of a pointer names; `false`: there is none.
    pub(crate) fn enter(&mut self, token: &str) -> Option<bool> {
        let close = match self.peek() {
            b'{' => b'}',
            b'[' => b']',
            0 if self.ended() => return None,
            _ => return Some(false),
        };
        self.step();
        let mut left = match token.parse::<usize>() {
            _ if close == b'}' => 0,
            Ok(index) if token == "0" || !matches!(token.as_bytes(), [b'0' | b'+', ..]) => index,
            _ => return Some(false),
        };
        if self.peek() == close {
            return Some(false);
        }
        loop {
            let here = if close == b'}' { self.key()?.1 == token } else { left == 0 };
            if here {
                return Some(true);
            }
            if !self.skip(close)? {
                return Some(false);
            }
            left = left.wrapping_sub(1);
        }
    }

    /// Passes over a value and the comma behind it; `false` when the list or object ends there.
    fn skip(&mut self, close: u8) -> Option<bool> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                0 if self.ended() => return None,
                b'"' => {
                    self.string()?;
                    continue;
                }
                b',' if open == 0 => {
                    self.step();
                    return Some(true);
                }
                byte @ (b'}' | b']') => {
                    if open == 0 {
                        return (byte == close).then_some(false);
                    }
                    open = open.wrapping_sub(1);
                }
                b'{' | b'[' => open = open.wrapping_add(1),
                _ => {}
            }
            self.step();
        }
    }
}

/// Digits as they come: `significand · 10^(zeros + exponent)`.
#[derive(Default)]
struct Sum {
    significand: i64,
    /// Zeros behind the significand.
    zeros: u32,
    exponent: i64,
    /// The significand does not fit.
    long: bool,
}

impl Sum {
    fn digit(&mut self, digit: u8) {
        if digit == 0 {
            // Zeros before the first digit are nothing.
            self.zeros = if self.significand == 0 { 0 } else { self.zeros.saturating_add(1) };
            return;
        }
        let shifted = shifted(self.significand, i64::from(self.zeros).saturating_add(1));
        match shifted.and_then(|shifted| shifted.checked_add(digit.into())) {
            Some(sum) if !self.long => self.significand = sum,
            _ => self.long = true,
        }
        self.zeros = 0;
    }

    fn number(&self) -> Number {
        let exponent = self.exponent.saturating_add(self.zeros.into());
        if self.significand == 0 {
            return Number::Integer(0);
        }
        if exponent < -6 || self.long && exponent < 0 {
            return Number::Fine;
        }
        let power = if exponent < 0 { exponent.saturating_add(6) } else { exponent };
        match shifted(self.significand, power) {
            Some(number) if !self.long => {
                if exponent < 0 {
                    Number::Millionths(number)
                } else {
                    Number::Integer(number)
                }
            }
            _ => Number::Huge,
        }
    }
}

/// A number that is not negative, times a power of ten, if it fits.
fn shifted(mut number: i64, power: i64) -> Option<i64> {
    for _ in 0..power {
        if number == 0 {
            break;
        }
        if number > i64::MAX / 10 {
            return None;
        }
        number = number.wrapping_mul(10);
    }
    Some(number)
}
