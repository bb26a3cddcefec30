//! URLs as far as a policy needs them: a base, and whether another URL lies below it. Paths stay as they are written.

use crate::config::issues::{Issue, Wrong, joined};
use crate::config::json::write::digits;
use crate::config::types::Base;
use alloc::string::String;

/// Reads a base URL.
///
/// # Errors
/// No URL, not http(s), or with a user, query or fragment. The text never repeats these.
pub fn base(text: &str) -> Result<Base, Issue> {
    read(text).map_err(|wrong| wrong.alone("baseUrl"))
}

/// Origin (`https://host[:port]`, lower case, no default port) and path (raw, empty or with a leading slash) of an
/// absolute URL; query, fragment and user are left out. `None` for anything else.
#[must_use]
pub fn origin_and_path(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = cut_scheme(url)?;
    let (authority, path) = cut(cut(rest, b"?#").0, b"/\\");
    let mut host = authority;
    while let (_, rest) = cut(host, b"@")
        && !rest.is_empty()
    {
        host = rest.get(1..)?;
    }
    Some((origin(scheme, host)?, path))
}

/// The part of an absolute URL's path that routes are about: below the base's own. `None` if it is elsewhere.
#[must_use]
pub fn below<'a>(base: &Base, url: &'a str) -> Option<&'a str> {
    let Base::Url { origin, path } = base else { return None };
    let (other, rest) = origin_and_path(url)?;
    let rest = rest.strip_prefix(path.as_str()).filter(|_| other == *origin)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// A text before and from the first of some ASCII bytes.
#[inline(never)]
pub(in crate::config) fn cut<'a>(text: &'a str, stops: &[u8]) -> (&'a str, &'a str) {
    let end = text.bytes().take_while(|byte| !stops.contains(byte)).count();
    (text.get(..end).unwrap_or(text), text.get(end..).unwrap_or_default())
}

fn has(text: &str, byte: u8) -> bool {
    text.as_bytes().contains(&byte)
}

/// The scheme of a URL.
#[derive(Clone, Copy)]
enum Scheme {
    Http,
    Https,
}

/// Whether it is https, and what follows `://`.
fn cut_scheme(url: &str) -> Option<(Scheme, &str)> {
    let after = |scheme: &str| {
        let begin = url.get(..scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then(|| url.get(scheme.len()..))?
    };
    match after("https://") {
        Some(rest) => Some((Scheme::Https, rest)),
        None => Some((Scheme::Http, after("http://")?)),
    }
}

/// As [`base`].
#[inline(never)]
pub(in crate::config) fn read(text: &str) -> Result<Base, Wrong<'_>> {
    // Of these, what begins with a space follows what was found; the others may stand beside a secret.
    let why = 'wrong: {
        let rest = cut_scheme(text).map_or(text, |(_, rest)| rest);
        if has(cut(rest, b"/\\?#").0, b'@') {
            break 'wrong "a user in the URL; use credentials";
        }
        if has(text, b'#') {
            break 'wrong "a fragment in the URL; leave it out";
        }
        if has(text, b'?') {
            break 'wrong "a query in the URL; write it under query";
        }
        let Some((origin, path)) = origin_and_path(text) else {
            let host = cut(text, b"/").0;
            if (has(host, b'.') || has(host, b':'))
                && !host.ends_with(':')
                && self::origin(Scheme::Https, host).is_some()
            {
                break 'wrong NO_URL;
            }
            if !text.is_ascii() {
                break 'wrong " is not a URL; write the host in ASCII (xn--…)";
            }
            break 'wrong " is not a URL; write \"https://HOST\" or \"http://HOST\"";
        };
        if !all(path, |byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
            break 'wrong " has characters that a URL has not; percent-encode them";
        }
        let mut rest = path;
        while let Some(inner) = rest.get(1..) {
            let (segment, tail) = cut(inner, b"/");
            if segment == "." || segment == ".." {
                break 'wrong " has \".\" segments; write the path itself";
            }
            rest = tail;
        }
        let mut path = path;
        while let Some(shorter) = path.strip_suffix('/') {
            path = shorter;
        }
        return Ok(Base::Url { origin, path: String::from(path) });
    };
    let write = (why == NO_URL).then(|| joined("https://", text));
    Err(Wrong { found: why.starts_with(' ').then_some(text), why, write })
}

/// Of a host without a scheme.
const NO_URL: &str = " is not a URL";

/// Whether all bytes are fine.
#[inline(never)]
pub(in crate::config) fn all(text: &str, fine: fn(u8) -> bool) -> bool {
    text.bytes().all(fine)
}

/// `https://host[:port]` from a scheme, host and port.
fn origin(scheme: Scheme, host: &str) -> Option<String> {
    let (name, port, fine): (_, _, fn(u8) -> bool) = match host.strip_prefix('[') {
        // An IPv6 address: its colons are no port's.
        Some(inner) => {
            let (address, rest) = cut(inner, b"]");
            (address, rest.strip_prefix(']')?, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        None => {
            let (name, port) = cut(host, b":");
            (name, port, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    };
    if name.is_empty() || !all(name, fine) {
        return None;
    }
    let mut number = 0_u32;
    for digit in port.bytes().skip(1) {
        number = number.saturating_mul(10).saturating_add(char::from(digit).to_digit(10)?);
    }
    let written = port.len() > 1;
    if !port.is_empty() && !port.starts_with(':') || written && (number == 0 || number > 65_535) {
        return None;
    }
    let (begin, usual_port) = match scheme {
        Scheme::Https => ("https://", 443),
        Scheme::Http => ("http://", 80),
    };
    let mut origin = String::from(begin);
    let bracketed = host.starts_with('[');
    if bracketed {
        origin.push('[');
    }
    for letter in name.chars() {
        origin.push(letter.to_ascii_lowercase());
    }
    if bracketed {
        origin.push(']');
    }
    if written && number != usual_port {
        origin.push(':');
        digits(&mut origin, number.into());
    }
    Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<String> {
        match read(text) {
            Ok(Base::Url { origin, path }) => Some([origin, path].concat()),
            _ => None,
        }
    }

    #[test]
    fn scheme_host_and_port_are_made_plain_and_the_path_is_kept() {
        for (text, expected) in [
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://API.Example.com:443/", "https://api.example.com"),
            ("http://localhost:80/v1//", "http://localhost/v1"),
            ("http://localhost:08080/V1/x", "http://localhost:8080/V1/x"),
            ("https://a.com:80/%7Bx%7D", "https://a.com:80/%7Bx%7D"),
            ("http://[::1]:3000/a", "http://[::1]:3000/a"),
            ("http://[::1]", "http://[::1]"),
            ("http://my_host-1.x", "http://my_host-1.x"),
        ] {
            assert_eq!(whole(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_base_is_reported_without_its_secrets() {
        for (text, expected) in [
            ("a.com", r#""a.com" is not a URL; write "https://a.com""#),
            ("localhost:8080/v1", r#""localhost:8080/v1" is not a URL; write "https://localhost:8080/v1""#),
            ("", r#""" is not a URL; write "https://HOST" or "http://HOST""#),
            ("a", r#""a" is not a URL; write "https://HOST" or "http://HOST""#),
            ("/v1", r#""/v1" is not a URL; write "https://HOST" or "http://HOST""#),
            ("ftp://a.com", r#""ftp://a.com" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https://", r#""https://" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https:///x", r#""https:///x" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https://a.com:0", r#""https://a.com:0" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https://a.com:99999", r#""https://a.com:99999" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https://a b.com", r#""https://a b.com" is not a URL; write "https://HOST" or "http://HOST""#),
            ("https://münchen.de", r#""https://münchen.de" is not a URL; write the host in ASCII (xn--…)"#),
            ("https://user:pw@a.com", "a user in the URL; use credentials"),
            ("user:pw@a.com", "a user in the URL; use credentials"),
            ("https://a.com/x?key=secret", "a query in the URL; write it under query"),
            ("https://a.com/#x", "a fragment in the URL; leave it out"),
            ("https://a.com/a b", r#""https://a.com/a b" has characters that a URL has not; percent-encode them"#),
            ("https://a.com\\x", r#""https://a.com\\x" has characters that a URL has not; percent-encode them"#),
            ("https://a.com/../x", r#""https://a.com/../x" has "." segments; write the path itself"#),
        ] {
            assert_eq!(base(text).unwrap_err().text, ["baseUrl: ", expected].concat(), "{text}");
        }
        let issue = base("a.com").unwrap_err();
        assert_eq!(issue.text, r#"baseUrl: "a.com" is not a URL; write "https://a.com""#);
        assert_eq!((issue.path.as_str(), issue.line, issue.column), ("baseUrl", 0, 0));
    }

    #[test]
    fn an_absolute_url_gives_its_origin_and_raw_path() {
        let parts = |url| origin_and_path(url).map(|(origin, path)| [&*origin, " ", path].concat());
        assert_eq!(parts("HTTPS://A.com:443/x/%41?q=1#f").as_deref(), Some("https://a.com /x/%41"));
        assert_eq!(parts("http://u:p@a.com:8080").as_deref(), Some("http://a.com:8080 "));
        assert_eq!(parts("http://a.com?x=/y").as_deref(), Some("http://a.com "));
        assert_eq!(parts("http://a.com/x@y").as_deref(), Some("http://a.com /x@y"));
        assert_eq!(parts("//a.com/x"), None);
        assert_eq!(parts("ws://a.com/x"), None);
        assert_eq!(parts("/x"), None);
    }

    #[test]
    fn below_is_the_same_origin_and_whole_segments_of_the_base() {
        let base = read("https://a.com/v1").unwrap();
        assert_eq!(below(&base, "https://A.com:443/v1/orders?x"), Some("/orders"));
        assert_eq!(below(&base, "https://a.com/v1"), Some(""));
        assert_eq!(below(&base, "https://a.com/v12/orders"), None);
        assert_eq!(below(&base, "https://b.com/v1/orders"), None);
        assert_eq!(below(&base, "http://a.com/v1/orders"), None);
        assert_eq!(below(&Base::None, "https://a.com/v1"), None);
        assert_eq!(below(&read("https://a.com").unwrap(), "https://a.com/x"), Some("/x"));
    }
}
