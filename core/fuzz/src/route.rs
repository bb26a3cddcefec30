//! Which route a request takes, beside a matcher that tries every route and compares all that fit.

use crate::feed::Feed;
use unruffled_core::config::Settings;
use unruffled_core::config::route::Routes;
use unruffled_core::config::{self, Reading, Route};

const METHODS: [&str; 4] = ["", "GET ", "POST ", "X-A "];
const SEGMENTS: [&str; 8] = ["a", "b", "ab", "{id}", "{x}", "%7Bid%7D", "A", "é"];

/// A pattern that the reader accepts.
fn pattern(feed: &mut Feed<'_>) -> String {
    let mut pattern = METHODS[feed.below(4)].to_owned();
    let shape = feed.byte();
    for _ in 0..shape & 3 {
        pattern.push('/');
        pattern.push_str(SEGMENTS[feed.below(8)]);
    }
    if shape >> 2 & 3 == 0 || shape & 3 == 0 {
        pattern.push_str(if shape >> 4 & 1 == 0 { "/*" } else { "/" });
        if pattern.len() > 2 && pattern.ends_with('/') && !pattern.ends_with(" /") {
            pattern.pop();
        }
    }
    pattern
}

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    if feed.byte() & 1 == 1 {
        return reads(feed.rest());
    }
    let mut patterns: Vec<String> = Vec::new();
    for _ in 0..feed.below(12) {
        let pattern = pattern(&mut feed);
        // Two that differ by the names of their templates only are refused.
        let bare = |pattern: &str| pattern.replace("{x}", "{id}");
        if !patterns.iter().any(|known| bare(known) == bare(&pattern)) {
            patterns.push(pattern);
        }
    }
    let members: Vec<String> = patterns.iter().map(|pattern| format!("{pattern:?}:{{}}")).collect();
    let policy = format!("{{\"routes\":{{{}}}}}", members.join(","));
    let config = config::read(&policy, Reading::Strict).unwrap_or_else(|issues| panic!("{policy}: {issues:?}"));
    let routes = Routes::build(&config.routes);
    for _ in 0..8 {
        let method = ["GET", "POST", "X-A", "PUT", ""][feed.below(5)];
        let mut path = String::new();
        let shape = feed.byte();
        for _ in 0..shape & 3 {
            path.push('/');
            path.push_str(["a", "b", "ab", "{id}", "", "A", "é", "*"][feed.below(8)]);
        }
        if shape >> 2 & 3 == 0 {
            path.push('/');
        }
        assert_eq!(routes.resolve(method, &path), plain(&patterns, method, &path), "{patterns:?} {method} {path}");
    }
}

/// Any text as a pattern: what the reader accepts matches itself, and the tree is as deep as the pattern.
fn reads(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let quoted = serde_json::to_string(text).unwrap();
    let Ok(config) = config::read(&format!("{{\"routes\":{{{quoted}:{{}}}}}}"), Reading::Strict) else { return };
    assert_eq!(config.routes.len(), 1);
    let (method, path) = text.split_once(' ').unwrap_or(("", text));
    assert!(path.starts_with('/') && !path.contains(['?', '#', ' ']), "{text:?}");
    let route = Route { pattern: text.to_owned(), settings: Settings::default() };
    assert_eq!(Routes::build(&[route]).resolve(method, path), plain(&[text.to_owned()], method, path), "{text:?}");
    assert_eq!(plain(&[text.to_owned()], method, path), 1, "{text:?}");
}

/// From the left a literal before a template before `*`; then a method's own route before any method's.
fn plain(patterns: &[String], method: &str, path: &str) -> usize {
    let cut = |path: &str| match path {
        "" | "/" => Vec::new(),
        _ => path[1..].split('/').map(str::to_owned).collect::<Vec<_>>(),
    };
    let wanted = cut(path);
    let fits = |(place, pattern): (usize, &String)| {
        let (own, path) = pattern.split_once(' ').unwrap_or(("", pattern));
        if !own.is_empty() && own != method {
            return None;
        }
        let segments = cut(path);
        let mut kinds = Vec::new();
        for (i, segment) in segments.iter().enumerate() {
            let other = wanted.get(i)?;
            if segment == "*" {
                kinds.push(2);
                return Some((kinds, own.is_empty(), place + 1));
            }
            let template = segment.starts_with('{');
            if !template && segment != other {
                return None;
            }
            kinds.push(i32::from(template));
        }
        (segments.len() == wanted.len()).then_some((kinds, own.is_empty(), place + 1))
    };
    patterns.iter().enumerate().filter_map(fits).min().map_or(0, |(_, _, number)| number)
}
