//! Bytes to JSON values, one at a time: what [`super::json`] is made of.

use super::json::{Broken, Found, MOST_LEVELS, MOST_TEXT, Member, NOT_JSON, Node, Number, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes and the place in them.
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Longest string.
    pub(super) most: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Self { bytes, at, most: MOST_TEXT }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// The next byte that is no white space.
    #[inline(never)]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.step();
        }
        self.byte()
    }

    #[inline(never)]
    pub(super) fn broken<T>(&self, wanted: &'static str) -> Result<T, Broken> {
        Err(Broken { at: self.at, what: NOT_JSON, wanted })
    }

    /// Why a pointer found nothing: the bytes ended, or they are no JSON.
    pub(super) fn lost(&self) -> Found {
        if self.at >= self.bytes.len() { Found::Undecided } else { Found::Missing }
    }

    pub(super) fn value(&mut self, level: usize) -> Result<Value, Broken> {
        let first = self.peek();
        let at = self.at;
        if level > MOST_LEVELS && matches!(first, Some(b'{' | b'[')) {
            return Err(Broken { at, what: "too deep", wanted: "at most 32 levels" });
        }
        let node = match first {
            Some(b'{') => Node::Object(self.members(level)?),
            Some(b'[') => Node::List(self.elements(level)?),
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Node::Number(self.number()?),
            Some(b'n') => self.word("null", Node::Null)?,
            Some(b't') => self.word("true", Node::Bool(true))?,
            Some(b'f') => self.word("false", Node::Bool(false))?,
            _ => return self.broken("a value"),
        };
        Ok(Value { at: at as u32, end: self.at as u32, node })
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, Broken> {
        for letter in word.bytes() {
            if self.byte() != Some(letter) {
                return self.broken("null, true or false");
            }
            self.step();
        }
        Ok(node)
    }

    fn members(&mut self, level: usize) -> Result<Vec<Member>, Broken> {
        let mut members = Vec::new();
        self.step();
        if self.peek() == Some(b'}') {
            self.step();
            return Ok(members);
        }
        loop {
            let (at, key) = self.key()?;
            members.push(Member { at, key, value: self.value(level.saturating_add(1))? });
            match self.peek() {
                Some(b',') => self.step(),
                Some(b'}') => break,
                _ => return self.broken("\",\" or \"}\""),
            }
        }
        self.step();
        Ok(members)
    }

    fn elements(&mut self, level: usize) -> Result<Vec<Value>, Broken> {
        let mut elements = Vec::new();
        self.step();
        if self.peek() == Some(b']') {
            self.step();
            return Ok(elements);
        }
        loop {
            elements.push(self.value(level.saturating_add(1))?);
            match self.peek() {
                Some(b',') => self.step(),
                Some(b']') => break,
                _ => return self.broken("\",\" or \"]\""),
            }
        }
        self.step();
        Ok(elements)
    }

    /// A member's name and the colon behind it.
    fn key(&mut self) -> Result<(u32, String), Broken> {
        if self.peek() != Some(b'"') {
            return self.broken("a key in double quotes");
        }
        let at = self.at as u32;
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return self.broken("\":\"");
        }
        self.step();
        Ok((at, key))
    }

    /// A string; the place is at its opening quote.
    pub(super) fn string(&mut self) -> Result<String, Broken> {
        let begin = self.at;
        let mut text = Vec::new();
        self.step();
        loop {
            let Some(byte) = self.byte() else { return self.broken("a closing quote") };
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut text)?,
                0..=0x1f => return self.broken("an escape for the control character"),
                _ => {
                    text.push(byte);
                    self.step();
                }
            }
            if text.len() > self.most {
                return Err(Broken { at: begin, what: "text too long", wanted: "at most 4 KiB" });
            }
        }
        self.step();
        match String::from_utf8(text) {
            Ok(text) => Ok(text),
            Err(_) => Err(Broken { at: begin, what: NOT_JSON, wanted: "UTF-8" }),
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Broken> {
        self.step();
        let plain = match self.byte() {
            Some(letter @ (b'"' | b'\\' | b'/')) => letter,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let mut code = self.unit()?;
                if let 0xd800..=0xdbff = code {
                    code = match self.bytes.get(self.at..self.at.saturating_add(2)) {
                        Some(b"\\u") => {
                            self.step();
                            let low = self.unit()?;
                            let high = (code & 0x3ff) << 10;
                            if let 0xdc00..=0xdfff = low { (high | low & 0x3ff).wrapping_add(0x1_0000) } else { code }
                        }
                        _ => {
                            if self.bytes.get(self.at..) == Some(b"\\") {
                                // Cut off: not broken, but undecided.
                                self.step();
                            }
                            code
                        }
                    };
                }
                let Some(letter) = char::from_u32(code) else { return self.broken("both halves of a surrogate pair") };
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return self.broken("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u"),
        };
        text.push(plain);
        self.step();
        Ok(())
    }

    /// Four hexadecimal digits behind the `u` at the place.
    fn unit(&mut self) -> Result<u32, Broken> {
        let mut code = 0_u32;
        for _ in 0..4 {
            self.step();
            match self.byte().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return self.broken("four hexadecimal digits"),
            }
        }
        self.step();
        Ok(code)
    }

    /// A number: `significand · 10^exponent` with a significand that ends in no 0.
    fn number(&mut self) -> Result<Number, Broken> {
        let negative = self.byte() == Some(b'-');
        if negative {
            self.step();
        }
        let mut sum = Sum::default();
        if self.byte() == Some(b'0') {
            self.step();
        } else {
            self.digits(&mut sum)?;
        }
        if self.byte() == Some(b'.') {
            self.step();
            let begin = self.at;
            self.digits(&mut sum)?;
            sum.exponent = begin as i64;
            sum.exponent = sum.exponent.saturating_sub(self.at as i64);
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.step();
            let minus = self.byte() == Some(b'-');
            if let Some(b'+' | b'-') = self.byte() {
                self.step();
            }
            let mut power = Sum::default();
            self.digits(&mut power)?;
            let power = match power.number() {
                Number::Integer(power) => power,
                Number::Millionths(_) | Number::Fine | Number::Huge => i64::MAX,
            };
            let power = if minus { power.saturating_neg() } else { power };
            sum.exponent = sum.exponent.saturating_add(power);
        }
        Ok(match sum.number() {
            Number::Integer(number) if negative => Number::Integer(number.saturating_neg()),
            Number::Millionths(number) if negative => Number::Millionths(number.saturating_neg()),
            other => other,
        })
    }

    fn digits(&mut self, sum: &mut Sum) -> Result<(), Broken> {
        if !matches!(self.byte(), Some(b'0'..=b'9')) {
            return self.broken("a digit");
        }
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            sum.digit(digit & 15);
            self.step();
        }
        Ok(())
    }

    /// Moves to the value that one token of a pointer names; `false`: there is none.
    pub(super) fn enter(&mut self, token: &str) -> Result<bool, Broken> {
        match self.peek() {
            Some(b'{') => {
                self.step();
                if self.peek() == Some(b'}') {
                    return Ok(false);
                }
                loop {
                    if self.key()?.1 == token {
                        return Ok(true);
                    }
                    if !self.skip(b'}')? {
                        return Ok(false);
                    }
                }
            }
            Some(b'[') => {
                self.step();
                let index = match token.parse::<usize>() {
                    Ok(index) if token == "0" || !token.starts_with(['0', '+']) => index,
                    _ => return Ok(false),
                };
                if self.peek() == Some(b']') {
                    return Ok(false);
                }
                for _ in 0..index {
                    if !self.skip(b']')? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Some(_) => Ok(false),
            None => self.broken("a value"),
        }
    }

    /// Passes over a value and the comma behind it; `false` when the list or object ends there.
    fn skip(&mut self, close: u8) -> Result<bool, Broken> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                None => return self.broken("a value"),
                Some(b'"') => {
                    self.string()?;
                }
                Some(b',') if open == 0 => {
                    self.step();
                    return Ok(true);
                }
                Some(byte @ (b'}' | b']')) => {
                    if open == 0 {
                        return if byte == close { Ok(false) } else { self.broken("a value") };
                    }
                    open = open.saturating_sub(1);
                    self.step();
                }
                Some(byte) => {
                    if let b'{' | b'[' = byte {
                        open = open.saturating_add(1);
                    }
                    self.step();
                }
            }
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
        number = number.saturating_mul(10);
    }
    Some(number)
}
