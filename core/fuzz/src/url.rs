//! URLs beside the crate `http`, and bases beside the sentence that says what lies below them.

use crate::feed::Feed;
use http::Uri;
use unruffled_core::config::Base;
use unruffled_core::config::url::{base, below, origin_and_path};

const SECRET: &str = "S3CR3TM4RK";

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let shape = feed.byte();
    let Ok(text) = std::str::from_utf8(feed.rest()) else { return };
    match shape % 4 {
        0 => reads(text),
        1 => {
            let (first, second) = text.split_once('\n').unwrap_or((text, ""));
            lies_below(first, second);
        }
        _ => hides(shape, text),
    }
}

fn port_of(scheme: &str, port: Option<u16>) -> u16 {
    port.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

/// The origin that we see is the one that a client of the field connects to.
fn reads(text: &str) {
    let ours = origin_and_path(text);
    let theirs = text.split('#').next().unwrap_or_default().parse::<Uri>().ok();
    let theirs = theirs.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && !text.contains('\\'));
    // It takes a port that is none, and merely does not tell it, and brackets anywhere.
    let theirs = theirs.filter(|uri| {
        let host = uri.host().unwrap_or_default();
        let whole = uri.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        uri.authority().is_some_and(|authority| authority.as_str().rsplit('@').next() == Some(&whole))
    });
    let host_of = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    if let (Some((origin, path)), Some(uri)) = (&ours, &theirs) {
        let scheme = uri.scheme_str().unwrap_or_default();
        let standard = if scheme == "https" { 443 } else { 80 };
        let port = port_of(scheme, uri.port_u16());
        let shown = if port == standard { String::new() } else { format!(":{port}") };
        assert_eq!(*origin, format!("{scheme}://{}{shown}", host_of(uri)), "{text:?}");
        let slash = if path.is_empty() { "/" } else { path };
        assert_eq!(slash, uri.path(), "{text:?}");
    }
    if let (None, Some(uri)) = (&ours, &theirs) {
        let host = host_of(uri);
        let plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        let port = uri.port_u16().is_none_or(|port| port > 0);
        let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        assert!(!plain || !port || user, "{text:?}");
    }
    if let Ok(Base::Url { origin, path }) = base(text) {
        let (same, rest) = ours.unwrap_or_else(|| panic!("{text:?}"));
        assert_eq!((&same, rest.trim_end_matches('/')), (&origin, path.as_str()));
        assert!(!origin.contains(['@', '?', '#', '\\']) && !path.contains(['?', '#', '\\']), "{text:?}");
        let again = format!("{origin}{path}");
        assert_eq!(base(&again).ok(), Some(Base::Url { origin, path }), "{text:?}");
    }
}

fn lies_below(text: &str, url: &str) {
    let Ok(root) = base(text) else { return };
    let Base::Url { origin, path } = &root else { panic!("{root:?}") };
    // With the same origin before it, a path of any kind is reached more often.
    for url in [url.to_owned(), format!("{origin}{url}"), format!("{origin}{path}{url}")] {
        let found = below(&root, &url);
        let expected = origin_and_path(&url).and_then(|(other, rest)| {
            let whole = rest == path || rest.starts_with(&format!("{path}/"));
            (other == *origin && whole).then(|| rest[path.len()..].to_owned())
        });
        assert_eq!(found.map(str::to_owned), expected, "{text:?} {url:?}");
    }
}

/// No complaint repeats what stands where secrets stand.
fn hides(shape: u8, text: &str) {
    let (before, after) = text.split_once('\n').unwrap_or((text, ""));
    let url = match shape >> 2 & 3 {
        0 if !before.contains(['/', '\\', '?', '#']) => format!("https://{before}{SECRET}@{after}"),
        1 if !before.contains(['/', '\\', '?', '#', ':']) => format!("{before}:{SECRET}@{after}"),
        2 => format!("{before}?{SECRET}{after}"),
        _ => format!("{before}#{SECRET}{after}"),
    };
    if let Err(issue) = base(&url) {
        assert!(!issue.text.contains(SECRET), "{url:?}: {}", issue.text);
    }
}
