//! Structured field values (RFC 9651 section 4.2): strict, because the standard says that a field with any error is
//! ignored whole. Several lines of a list or dictionary are joined with `, ` by the caller. Everything is kept in the
//! order of the text, duplicates included: [`last`] makes the last one win.

use alloc::string::String;
use alloc::vec::Vec;

/// A bare item (section 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bare<'a> {
    Integer(i64),
    /// In thousandths.
    Decimal(i64),
    String(String),
    Token(&'a str),
    Bytes(Vec<u8>),
    Boolean(bool),
    /// Unix seconds.
    Date(i64),
    Display(String),
}

/// Parameters in order (section 3.1.2).
pub type Params<'a> = Vec<(&'a str, Bare<'a>)>;

/// A bare item and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    pub bare: Bare<'a>,
    pub params: Params<'a>,
}

/// What a list or dictionary holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member<'a> {
    Item(Item<'a>),
    Inner(Vec<Item<'a>>, Params<'a>),
}

/// A field that is one item.
#[must_use]
pub fn item(text: &str) -> Option<Item<'_>> {
    let mut reader = Reader::new(text);
    let item = reader.item()?;
    reader.end()?;
    Some(item)
}

/// A field that is a list; an empty one is the empty list.
#[must_use]
pub fn list(text: &str) -> Option<Vec<Member<'_>>> {
    let mut reader = Reader::new(text);
    let mut members = Vec::new();
    while !reader.rest.is_empty() {
        members.push(reader.member()?);
        reader.comma()?;
    }
    Some(members)
}

/// A field that is a dictionary; an empty one is the empty dictionary.
#[must_use]
pub fn dictionary(text: &str) -> Option<Vec<(&str, Member<'_>)>> {
    let mut reader = Reader::new(text);
    let mut members = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        let member = if reader.takes(b'=') {
            reader.member()?
        } else {
            Member::Item(Item { bare: Bare::Boolean(true), params: reader.params()? })
        };
        members.push((key, member));
        reader.comma()?;
    }
    Some(members)
}

/// The value of a key: of several the last.
#[must_use]
pub fn last<'m, T>(pairs: &'m [(&str, T)], key: &str) -> Option<&'m T> {
    pairs.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim_start_matches(' ') }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Takes the next character if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn must(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    /// The characters up to the first that does not fit.
    #[inline(never)]
    fn run(&mut self, fits: fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !fits(byte)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        run
    }

    /// Only spaces may follow.
    fn end(&self) -> Option<()> {
        self.rest.bytes().all(|byte| byte == b' ').then_some(())
    }

    /// The comma between two members, or the end.
    #[inline(never)]
    fn comma(&mut self) -> Option<()> {
        if self.end().is_some() {
            self.rest = "";
            return Some(());
        }
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        if self.rest.is_empty() {
            return Some(());
        }
        self.must(b',')?;
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        // A comma promises a member.
        (!self.rest.is_empty()).then_some(())
    }

    #[inline(never)]
    fn member(&mut self) -> Option<Member<'a>> {
        if !self.takes(b'(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            if self.takes(b')') {
                return Some(Member::Inner(items, self.params()?));
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    #[inline(never)]
    fn item(&mut self) -> Option<Item<'a>> {
        Some(Item { bare: self.bare()?, params: self.params()? })
    }

    #[inline(never)]
    fn params(&mut self) -> Option<Params<'a>> {
        let mut params = Vec::new();
        while self.takes(b';') {
            self.rest = self.rest.trim_start_matches(' ');
            let key = self.key()?;
            let value = if self.takes(b'=') { self.bare()? } else { Bare::Boolean(true) };
            params.push((key, value));
        }
        Some(params)
    }

    #[inline(never)]
    fn key(&mut self) -> Option<&'a str> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return None;
        }
        Some(self.run(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    #[inline(never)]
    fn bare(&mut self) -> Option<Bare<'a>> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string().map(Bare::String),
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => Some(Bare::Token(self.run(is_token))),
            b':' => self.bytes().map(Bare::Bytes),
            b'?' => {
                self.must(b'?')?;
                let yes = self.takes(b'1');
                (yes || self.takes(b'0')).then_some(Bare::Boolean(yes))
            }
            b'@' => {
                self.must(b'@')?;
                match self.number()? {
                    Bare::Integer(seconds) => Some(Bare::Date(seconds)),
                    _ => None,
                }
            }
            b'%' => self.display().map(Bare::Display),
            _ => None,
        }
    }

    /// Up to 15 digits, or 12 and a dot and 1 to 3 more.
    #[inline(never)]
    fn number(&mut self) -> Option<Bare<'a>> {
        let negative = self.takes(b'-');
        let whole = self.run(|byte| byte.is_ascii_digit());
        // No 16 digits: they would have to be counted before they are read, and cannot overflow then.
        let mut value = if whole.len() > 15 { None } else { whole.parse::<i64>().ok() }?;
        let is_decimal = self.takes(b'.');
        if is_decimal {
            let fraction = self.run(|byte| byte.is_ascii_digit());
            if whole.len() > 12 {
                return None;
            }
            let (digits, scale) = match fraction.len() {
                1 => (fraction, 100),
                2 => (fraction, 10),
                3 => (fraction, 1),
                _ => return None,
            };
            value = value.saturating_mul(1_000).saturating_add(digits.parse::<i64>().ok()?.saturating_mul(scale));
        }
        let value = if negative { value.saturating_neg() } else { value };
        Some(if is_decimal { Bare::Decimal(value) } else { Bare::Integer(value) })
    }

    #[inline(never)]
    fn string(&mut self) -> Option<String> {
        self.must(b'"')?;
        let mut value = String::new();
        loop {
            value.push_str(self.run(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'));
            if self.takes(b'"') {
                return Some(value);
            }
            self.must(b'\\')?;
            let escaped = self.peek().filter(|byte| matches!(byte, b'"' | b'\\'))?;
            self.must(escaped)?;
            value.push(char::from(escaped));
        }
    }

    /// Base64; missing padding and pad bits that are not zero are let pass, as section 4.2.7 recommends.
    #[inline(never)]
    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.must(b':')?;
        let text = self.run(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'));
        let padding = self.run(|byte| byte == b'=').len();
        self.must(b':')?;
        // One character over carries no byte; padding, if any, fills the last four.
        let over = text.len() % 4;
        if over == 1 || (padding > 0 && over.checked_add(padding)? != 4) {
            return None;
        }
        let mut value = Vec::with_capacity(text.len());
        let (mut bits, mut count) = (0_u32, 0_u32);
        for byte in text.bytes() {
            let six = match byte {
                b'A'..=b'Z' => byte.wrapping_sub(b'A'),
                b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
                b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
                b'+' => 62,
                _ => 63,
            };
            bits = bits << 6 & 0xFFFF | u32::from(six);
            count = count.saturating_add(6);
            if count >= 8 {
                count = count.saturating_sub(8);
                value.push((bits.wrapping_shr(count) & 0xFF) as u8);
            }
        }
        Some(value)
    }

    /// `%"f%c3%bc"`: percent-encoded UTF-8 with small hex digits.
    #[inline(never)]
    fn display(&mut self) -> Option<String> {
        self.must(b'%')?;
        self.must(b'"')?;
        let mut value = Vec::new();
        loop {
            let run = self.run(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'%');
            value.extend_from_slice(run.as_bytes());
            if self.takes(b'"') {
                return String::from_utf8(value).ok();
            }
            self.must(b'%')?;
            let (hex, rest) = self.rest.split_at_checked(2)?;
            if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return None;
            }
            value.push(u8::from_str_radix(hex, 16).ok()?);
            self.rest = rest;
        }
    }
}

/// `tchar`, colon and slash.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec;

    #[test]
    fn bare_items() {
        let text = |text: &str| Some(Bare::String(text.to_string()));
        let rows = [
            ("1", Some(Bare::Integer(1))),
            ("  -0042  ", Some(Bare::Integer(-42))),
            ("999999999999999", Some(Bare::Integer(999_999_999_999_999))),
            ("1000000000000000", None),
            ("1.5", Some(Bare::Decimal(1_500))),
            ("-0.001", Some(Bare::Decimal(-1))),
            ("123456789012.1", Some(Bare::Decimal(123_456_789_012_100))),
            ("1234567890123.1", None),
            ("1.", None),
            ("1.1234", None),
            (".5", None),
            ("--1", None),
            ("-", None),
            ("+1", None),
            ("\"a \\\"b\\\\ \"", text("a \"b\\ ")),
            ("\"\"", text("")),
            ("\"a", None),
            ("\"\\a\"", None),
            ("\"\u{e9}\"", None),
            ("\"\t\"", None),
            ("a/b:c*", Some(Bare::Token("a/b:c*"))),
            ("*", Some(Bare::Token("*"))),
            (":aGk=:", Some(Bare::Bytes(vec![b'h', b'i']))),
            (":aGk:", Some(Bare::Bytes(vec![b'h', b'i']))),
            ("::", Some(Bare::Bytes(vec![]))),
            (":a:", None),
            (":aGk==:", None),
            (":aGk", None),
            (":a=Gk:", None),
            (":=:", None),
            ("?1", Some(Bare::Boolean(true))),
            ("?0", Some(Bare::Boolean(false))),
            ("?2", None),
            ("?", None),
            ("@1659578233", Some(Bare::Date(1_659_578_233))),
            ("@1.5", None),
            ("@", None),
            ("%\"f%c3%bc\"", Some(Bare::Display("f\u{fc}".to_string()))),
            ("%\"%C3%BC\"", None),
            ("%\"%ff\"", None),
            ("%\"%c\"", None),
            ("%a", None),
            ("", None),
            ("1 2", None),
            ("1\t", None),
            ("\u{e9}", None),
        ];
        for (field, expected) in rows {
            assert_eq!(item(field).map(|item| item.bare), expected, "{field}");
        }
    }

    #[test]
    fn lists_dictionaries_and_parameters() {
        let policy = list("\"burst\";q=100;w=60 ,\t\"daily\"; q=1000;w=86400;w=1").unwrap();
        let Member::Item(daily) = &policy[1] else { panic!("an item") };
        assert_eq!(last(&daily.params, "w"), Some(&Bare::Integer(1)), "the last of two counts");
        assert_eq!(last(&daily.params, "x"), None);
        let old = dictionary("limit=100, remaining=50;a, reset, limit=(1 2);b").unwrap();
        assert!(
            matches!(last(&old, "limit"), Some(Member::Inner(items, params)) if items.len() == 2 && params.len() == 1)
        );
        assert!(matches!(last(&old, "reset"), Some(Member::Item(item)) if item.bare == Bare::Boolean(true)));
        assert_eq!(list(""), Some(vec![]));
        assert_eq!(dictionary("  "), Some(vec![]));
        for broken in ["1,", ",1", "1,,2", "1;A", "1;", "(1", "(1,2)", "(1\t2)", "1 2", "(1)(2)", "((1))", "a=1"] {
            assert_eq!(list(broken), None, "{broken}");
        }
        for broken in ["a=", "A=1", "a=1,", "a b", "1=a", "a =1", "a= 1"] {
            assert_eq!(dictionary(broken), None, "{broken}");
        }
    }

    #[test]
    fn long_and_odd_fields_end() {
        for piece in ["1,", "a;", "(", "\"", "9", ":", "%\"%c3", "a=(1 ", "\\", "@-", "\u{0}", "a,"] {
            let field = piece.repeat(8_192);
            let _ = (item(&field), list(&field), dictionary(&field));
        }
    }
}
