//! Writes JSON: settings, issues, events, reports, snapshots. The same bytes in every language, so no floats and no
//! spaces. [`Json`] puts the commas; the caller closes what it opens.
//!
//! ```text
//! let mut json = Json::new();
//! json.object().field_text("name", "core").field_number("at", 12).key("tokens").maybe_number(None);
//! json.key("list").array().number(1).text("two").flag(true).end_array();
//! json.end_object();
//! json.finish()            // {"name":"core","at":12,"tokens":null,"list":[1,"two",true]}
//! ```

use alloc::string::String;

/// JSON text that grows from left to right.
#[derive(Debug, Default)]
pub(crate) struct Json(String);

// The engine's reports use what the settings do not.
#[allow(dead_code)]
impl Json {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    /// The text written so far.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// A comma, if a value stands before this one.
    #[inline(never)]
    fn next(&mut self) -> &mut String {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':' | b',')) {
            self.0.push(',');
        }
        &mut self.0
    }

    /// Begins an object.
    pub(crate) fn object(&mut self) -> &mut Self {
        self.raw("{")
    }

    /// Ends an object.
    pub(crate) fn end_object(&mut self) -> &mut Self {
        self.0.push('}');
        self
    }

    /// Begins a list.
    pub(crate) fn array(&mut self) -> &mut Self {
        self.raw("[")
    }

    /// Ends a list.
    pub(crate) fn end_array(&mut self) -> &mut Self {
        self.0.push(']');
        self
    }

    /// A member's name; its value follows.
    #[inline(never)]
    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        quote(self.next(), key);
        self.0.push(':');
        self
    }

    /// JSON text that is already written: a literal or a whole value.
    #[inline(never)]
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.next().push_str(json);
        self
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        quote(self.next(), text);
        self
    }

    /// A number.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        digits(self.next(), number);
        self
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.raw(if flag { "true" } else { "false" })
    }

    /// `null`.
    pub(crate) fn null(&mut self) -> &mut Self {
        self.raw("null")
    }

    /// A string or `null`.
    pub(crate) fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A number or `null`.
    pub(crate) fn maybe_number(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    /// A member that is a string.
    pub(crate) fn field_text(&mut self, key: &str, text: &str) -> &mut Self {
        self.key(key).text(text)
    }

    /// A member that is a number.
    pub(crate) fn field_number(&mut self, key: &str, number: u64) -> &mut Self {
        self.key(key).number(number)
    }

    /// A member that is `true` or `false`.
    pub(crate) fn field_flag(&mut self, key: &str, flag: bool) -> &mut Self {
        self.key(key).flag(flag)
    }
}

/// Appends `text` as a JSON string: `"`, `\` and what would change or hide in a terminal (control characters, invisible
/// ones, changes of direction) escaped, all else as it is.
#[inline(never)]
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        let short = match letter {
            '"' => '"',
            '\\' => '\\',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                out.push_str("\\u");
                let code = u32::from(letter);
                for shift in &[12, 8, 4, 0] {
                    let digit = (code >> *shift & 15) as u8;
                    out.push(char::from(if digit > 9 { digit.saturating_add(b'a' - 10) } else { digit | b'0' }));
                }
                continue;
            }
            _ => {
                out.push(letter);
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
}

/// Appends a number in decimal.
#[inline(never)]
pub(crate) fn digits(out: &mut String, number: u64) {
    if number > 9 {
        digits(out, number / 10);
    }
    out.push(char::from(b'0' | (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_values_only() {
        let mut json = Json::new();
        json.object().field_text("name", "core").field_number("at", 12).key("tokens").maybe_number(None);
        json.key("list").array().number(1).text("two").flag(true).null().end_array();
        json.key("inner").object().end_object().key("none").array().end_array();
        json.key("all").array().object().end_object().object().field_flag("x", false).end_object().end_array();
        json.end_object();
        assert_eq!(
            json.finish(),
            r#"{"name":"core","at":12,"tokens":null,"list":[1,"two",true,null],"inner":{},"none":[],"all":[{},{"x":false}]}"#
        );
    }

    #[test]
    fn text_that_ends_like_an_opening_gets_its_comma() {
        let mut json = Json::new();
        json.array().text("{").text("[").text(":").text(",").text("").end_array();
        assert_eq!(json.finish(), r#"["{","[",":",",",""]"#);
    }

    #[test]
    fn control_characters_quotes_and_backslashes_are_escaped() {
        let mut out = String::new();
        quote(&mut out, "a\"b\\c\n\r\t\u{1}\u{1f}\u{7f}é\u{2028}😀");
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007fé\\u2028😀\"");
    }

    #[test]
    fn numbers_are_plain_decimals() {
        for number in [0, 7, 10, 4096, u64::MAX] {
            let mut out = String::from("n");
            digits(&mut out, number);
            assert_eq!(out, std::format!("n{number}"));
        }
    }
}
