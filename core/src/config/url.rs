//! URLs as far as a policy needs them: a base, and whether another URL lies below it. Paths stay as they are written.

use super::issues::{self, Issue};
use super::types::Base;
use alloc::string::String;

/// Reads a base URL.
///
/// # Errors
/// No URL, not http(s), or with a user, query or fragment. The text never repeats these.
pub fn base(text: &str) -> Result<Base, Issue> {
    read(text).map_err(|words| issues::alone("baseUrl", &[&words]))
}

/// Origin (`https://host[:port]`, lower case, no default port) and path (raw, empty or with a leading slash) of an
/// absolute URL; query, fragment and user are left out. `None` for anything else.
#[must_use]
pub fn origin_and_path(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = if scheme.eq_ignore_ascii_case("https") {
        true
    } else {
        scheme.eq_ignore_ascii_case("http").then_some(false)?
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    Some((origin(secure, host)?, path))
}

/// The part of an absolute URL's path that routes are about: below the base's own. `None` if it is elsewhere.
#[must_use]
pub fn below<'a>(base: &Base, url: &'a str) -> Option<&'a str> {
    let Base::Url { origin, path } = base else { return None };
    let (other, rest) = origin_and_path(url)?;
    let rest = rest.strip_prefix(path.as_str()).filter(|_| other == *origin)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// As [`base`]; the error is what stands behind the path.
#[inline(never)]
pub(super) fn read(text: &str) -> Result<Base, String> {
    let shown = || issues::quoted(text, 40);
    let (authority, tail) = match text.split_once("://") {
        Some((_, rest)) => {
            rest.split_at_checked(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())).unwrap_or((rest, ""))
        }
        None => ("", text),
    };
    if authority.contains('@') || authority.is_empty() && tail.contains('@') {
        return Err(String::from("a user in the URL; use credentials"));
    }
    if tail.contains('#') {
        return Err(String::from("a fragment in the URL; leave it out"));
    }
    if tail.contains('?') {
        return Err(String::from("a query in the URL; write it under query"));
    }
    let Some((origin, path)) = origin_and_path(text) else {
        let host = text.split('/').next().unwrap_or_default();
        if !text.contains("://") && origin(true, host).is_some() && host.contains(['.', ':']) {
            let fixed = ["https://", text].concat();
            return Err([&*shown(), " is not a URL; write ", &issues::quoted(&fixed, 40)].concat());
        }
        let words = if text.contains("://") && !text.is_ascii() {
            " is not a URL; write the host in ASCII (xn--…)"
        } else {
            " is not a URL; write \"https://HOST\" or \"http://HOST\""
        };
        return Err([&*shown(), words].concat());
    };
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
        return Err([&*shown(), " has characters that a URL has not; percent-encode them"].concat());
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err([&*shown(), " has \".\" segments; write the path itself"].concat());
    }
    Ok(Base::Url { origin, path: String::from(path.trim_end_matches('/')) })
}

/// `https://host[:port]` from a scheme, host and port.
fn origin(secure: bool, host: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        // Colons inside an IPv6 address are no port.
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, ""),
    };
    let fine = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => {
            address.contains(':') && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.')
        }
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    let port = if port.is_empty() {
        None
    } else {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        Some(port.parse::<u16>().ok().filter(|port| digits && *port > 0)?)
    };
    if !fine {
        return None;
    }
    let mut origin = String::from(if secure { "https://" } else { "http://" });
    origin.push_str(&name.to_ascii_lowercase());
    if let Some(port) = port.filter(|port| *port != if secure { 443 } else { 80 }) {
        origin.push(':');
        super::write::digits(&mut origin, port.into());
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
    fn what_is_no_base_is_told_without_its_secrets() {
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
            assert_eq!(read(text), Err(String::from(expected)), "{text}");
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
