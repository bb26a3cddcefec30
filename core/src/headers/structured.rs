//! Structured field values (RFC 9651 section 4.2): strict, because the standard says that a field with any error is
//! ignored whole. Several lines of a list or dictionary are joined with `, ` by the caller. What is read becomes one
//! flat row of entries in the order of the text, duplicate keys included (the last one counts): one allocation and
//! little code, where a tree would take many.

use super::amount::decimal;
use alloc::string::String;
use alloc::vec::Vec;

/// A bare item (section 3.3), or the mark of an inner list. Texts are borrowed as they stand between their marks and
/// known to be well-formed: [`string`], [`bytes`] and [`display`] decode them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare<'a> {
    Integer(i64),
    /// In thousandths.
    Decimal(i64),
    String(&'a str),
    Token(&'a str),
    Bytes(&'a str),
    Boolean(bool),
    /// Unix seconds.
    Date(i64),
    Display(&'a str),
    /// A member that is an inner list; its items follow.
    Inner,
}

/// Where an entry belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The item, or a member of the list or dictionary.
    Member,
    /// An item of the inner list before it.
    Inner,
    /// A parameter of the item of an inner list before it.
    InnerParam,
    /// A parameter of the member before it.
    Param,
}

/// One bare item of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub level: Level,
    /// Of a parameter or a dictionary's member, else empty.
    pub key: &'a str,
    pub bare: Bare<'a>,
}

/// What a field is defined to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Item,
    List,
    Dictionary,
}

/// Reads a whole field. An empty list or dictionary has no entries.
#[must_use]
#[inline(never)]
pub fn read(text: &str, form: Form) -> Option<Vec<Entry<'_>>> {
    let mut reader = Reader { rest: text, entries: Vec::new() };
    reader.skip(is_space);
    if form == Form::Item {
        reader.item(Level::Member, "", Level::Param)?;
        reader.skip(is_space);
        return reader.rest.is_empty().then_some(reader.entries);
    }
    while !reader.rest.is_empty() {
        let key = if form == Form::Dictionary { reader.key()? } else { "" };
        if form == Form::Dictionary && !reader.takes(b'=') {
            reader.push(Level::Member, key, Bare::Boolean(true));
            reader.params(Level::Param)?;
        } else {
            reader.member(key)?;
        }
        reader.skip(is_white);
        if reader.rest.is_empty() {
            break;
        }
        reader.must(b',')?;
        reader.skip(is_white);
        // A comma promises a member.
        if reader.rest.is_empty() {
            return None;
        }
    }
    Some(reader.entries)
}

/// The members, each with all that belongs to it.
pub fn members<'e, 'a>(entries: &'e [Entry<'a>]) -> impl Iterator<Item = &'e [Entry<'a>]> {
    entries.chunk_by(|_, next| next.level != Level::Member)
}

/// The value of a key among the entries of one level: of several the last.
#[must_use]
#[inline(never)]
pub fn last<'a>(entries: &[Entry<'a>], level: Level, key: &str) -> Option<Bare<'a>> {
    entries.iter().rev().find(|entry| entry.level == level && entry.key == key).map(|entry| entry.bare)
}

/// The text of a [`Bare::String`].
#[must_use]
pub fn string(inside: &str) -> String {
    let mut is_escaped = false;
    let unescaped = |char: char| {
        is_escaped = char == '\\' && !is_escaped;
        (!is_escaped).then_some(char)
    };
    inside.chars().filter_map(unescaped).collect()
}

/// The bytes of a [`Bare::Bytes`]; missing padding and pad bits that are not zero are let pass, as section 4.2.7
/// recommends.
#[must_use]
pub fn bytes(inside: &str) -> Vec<u8> {
    let mut value = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in inside.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = ((bits << 6) & 0xFFFF) | u32::from(six);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            value.push((bits.wrapping_shr(count) & 0xFF) as u8);
        }
    }
    value
}

/// The text of a [`Bare::Display`]: percent-encoded UTF-8 with small hex digits.
#[must_use]
pub fn display(inside: &str) -> Option<String> {
    let mut value = Vec::new();
    let mut bytes = inside.bytes();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    };
    while let Some(byte) = bytes.next() {
        value.push(if byte == b'%' { (digit(bytes.next()?)? << 4) | digit(bytes.next()?)? } else { byte });
    }
    String::from_utf8(value).ok()
}

struct Reader<'a> {
    rest: &'a str,
    entries: Vec<Entry<'a>>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Takes the next character if it is this one.
    #[inline(never)]
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
    fn skip(&mut self, fits: fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !fits(byte)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        run
    }

    #[inline(never)]
    fn push(&mut self, level: Level, key: &'a str, bare: Bare<'a>) {
        self.entries.push(Entry { level, key, bare });
    }

    fn member(&mut self, key: &'a str) -> Option<()> {
        if !self.takes(b'(') {
            return self.item(Level::Member, key, Level::Param);
        }
        self.push(Level::Member, key, Bare::Inner);
        loop {
            self.skip(is_space);
            if self.takes(b')') {
                return self.params(Level::Param);
            }
            self.item(Level::Inner, "", Level::InnerParam)?;
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    #[inline(never)]
    fn item(&mut self, level: Level, key: &'a str, of_params: Level) -> Option<()> {
        let bare = self.bare()?;
        self.push(level, key, bare);
        self.params(of_params)
    }

    #[inline(never)]
    fn params(&mut self, level: Level) -> Option<()> {
        while self.takes(b';') {
            self.skip(is_space);
            let key = self.key()?;
            let bare = if self.takes(b'=') { self.bare()? } else { Bare::Boolean(true) };
            self.push(level, key, bare);
        }
        Some(())
    }

    #[inline(never)]
    fn key(&mut self) -> Option<&'a str> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return None;
        }
        Some(self.skip(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    #[inline(never)]
    fn bare(&mut self) -> Option<Bare<'a>> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => Some(Bare::Token(self.skip(is_token))),
            b'"' => self.string().map(Bare::String),
            b':' => self.bytes().map(Bare::Bytes),
            b'?' => {
                self.takes(b'?');
                let yes = self.takes(b'1');
                (yes || self.takes(b'0')).then_some(Bare::Boolean(yes))
            }
            b'@' => {
                self.takes(b'@');
                match self.number()? {
                    Bare::Integer(seconds) => Some(Bare::Date(seconds)),
                    _ => None,
                }
            }
            b'%' => {
                self.takes(b'%');
                self.must(b'"')?;
                let inside = self.skip(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
                self.must(b'"')?;
                display(inside).map(|_| Bare::Display(inside))
            }
            _ => None,
        }
    }

    /// Up to 15 digits, or 12 and a dot and 1 to 3 more.
    #[inline(never)]
    fn number(&mut self) -> Option<Bare<'a>> {
        let is_negative = self.takes(b'-');
        let text = self.skip(|byte| byte.is_ascii_digit() || byte == b'.');
        let whole = text.bytes().position(|byte| byte == b'.');
        let (most, places) = if whole.is_some() { (12, 3) } else { (15, 0) };
        let whole = whole.unwrap_or(text.len());
        // With the dot at most four more characters; that there is a digit after it is `decimal`'s to say.
        if whole > most || text.len().saturating_sub(whole) > 4 {
            return None;
        }
        let value = i64::try_from(decimal(text, places)?).ok()?;
        let value = if is_negative { value.saturating_neg() } else { value };
        Some(if places == 3 { Bare::Decimal(value) } else { Bare::Integer(value) })
    }

    #[inline(never)]
    fn string(&mut self) -> Option<&'a str> {
        self.must(b'"')?;
        let from = self.rest;
        loop {
            self.skip(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
            let end = from.len().saturating_sub(self.rest.len());
            if self.takes(b'"') {
                return from.get(..end);
            }
            self.must(b'\\')?;
            if !self.takes(b'"') {
                self.must(b'\\')?;
            }
        }
    }

    #[inline(never)]
    fn bytes(&mut self) -> Option<&'a str> {
        self.must(b':')?;
        let text = self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
        let padding = self.skip(|byte| byte == b'=').len();
        self.must(b':')?;
        // One character over carries no byte; padding, if any, fills the last four.
        let over = text.len() % 4;
        (over != 1 && (padding == 0 || over > 0 && over.saturating_add(padding) == 4)).then_some(text)
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' '
}

fn is_white(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// `tchar`, colon and slash.
fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-'..=b':' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn item(text: &str) -> Option<Bare<'_>> {
        read(text, Form::Item).map(|entries| entries[0].bare)
    }

    #[test]
    fn bare_items() {
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
            ("\"a \\\"b\\\\ \"", Some(Bare::String("a \\\"b\\\\ "))),
            ("\"\"", Some(Bare::String(""))),
            ("\"a", None),
            ("\"\\a\"", None),
            ("\"\u{e9}\"", None),
            ("\"\t\"", None),
            ("a/b:c*", Some(Bare::Token("a/b:c*"))),
            ("*", Some(Bare::Token("*"))),
            (":aGk=:", Some(Bare::Bytes("aGk"))),
            (":aGk:", Some(Bare::Bytes("aGk"))),
            ("::", Some(Bare::Bytes(""))),
            (":a:", None),
            (":aGk==:", None),
            (":aGk", None),
            (":a=Gk:", None),
            (":=:", None),
            (":====:", None),
            (":aGkh====:", None),
            ("?1", Some(Bare::Boolean(true))),
            ("?0", Some(Bare::Boolean(false))),
            ("?2", None),
            ("?", None),
            ("@1659578233", Some(Bare::Date(1_659_578_233))),
            ("@1.5", None),
            ("@", None),
            ("%\"f%c3%bc\"", Some(Bare::Display("f%c3%bc"))),
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
            assert_eq!(item(field), expected, "{field}");
        }
    }

    #[test]
    fn texts_are_decoded_when_asked() {
        assert_eq!(string("a \\\"b\\\\ \\\\"), "a \"b\\ \\");
        assert_eq!(bytes("aGk"), b"hi");
        assert_eq!(display("f%c3%bc").as_deref(), Some("f\u{fc}"));
        assert_eq!(display("%ff"), None);
    }

    #[test]
    fn lists_dictionaries_and_parameters() {
        let list = |text| read(text, Form::List);
        let dictionary = |text| read(text, Form::Dictionary);
        let policies = list("\"burst\";q=100;w=60 ,\t\"daily\"; q=1000;w=86400;w=1").unwrap();
        let members: Vec<_> = members(&policies).collect();
        assert_eq!((members.len(), members[1][0].bare), (2, Bare::String("daily")));
        assert_eq!(last(members[1], Level::Param, "w"), Some(Bare::Integer(1)), "the last of two counts");
        assert_eq!(last(members[1], Level::Param, "x"), None);
        let fields = dictionary("limit=100, remaining=50;a, reset, limit=(1;x=2 2);b").unwrap();
        assert_eq!(last(&fields, Level::Member, "remaining"), Some(Bare::Integer(50)));
        assert_eq!(last(&fields, Level::Member, "reset"), Some(Bare::Boolean(true)));
        assert_eq!(last(&fields, Level::Member, "limit"), Some(Bare::Inner));
        assert_eq!(last(&fields, Level::InnerParam, "x"), Some(Bare::Integer(2)));
        assert_eq!(last(&fields, Level::Param, "b"), Some(Bare::Boolean(true)));
        assert_eq!((list(""), dictionary("  "), read("", Form::Item)), (Some(vec![]), Some(vec![]), None));
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
            let _ = [Form::Item, Form::List, Form::Dictionary].map(|form| read(&field, form));
        }
    }
}
