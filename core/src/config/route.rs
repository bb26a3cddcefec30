//! Routes by pattern: `[METHOD ]/literal/{template}/*`. Paths are compared as they are written, segment by segment.

use super::issues::Wrong;
use super::read::clean;
use super::types::Route;
use super::url::{all, cut};
use alloc::string::String;
use alloc::vec::Vec;

/// A pattern's method (empty = any) and path.
fn parts(text: &str) -> (&str, &str) {
    match cut(text, b" ") {
        (_, "") => ("", text),
        (method, path) => (method, path.get(1..).unwrap_or_default()),
    }
}

/// Checks a pattern.
///
/// # Errors
/// What is wrong, for an issue.
pub(super) fn pattern(text: &str) -> Result<(), Wrong<'static>> {
    let (method, path) = parts(text);
    // What is wrong, and the path to write instead, if any, in two.
    let (why, begin, end) = 'wrong: {
        if path.len() < text.len()
            && (method.is_empty() || !all(method, |byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        {
            break 'wrong ("no method before the space; write \"GET /path\" or \"/path\"", "", None);
        }
        let bare = cut(path, b"?#").0;
        if bare.len() < path.len() {
            break 'wrong ("path with a query", "", Some(bare));
        }
        if !clean(path) || !all(path, |byte| byte != b' ') {
            break 'wrong ("path with a space or control character; percent-encode it", "", None);
        }
        if !path.starts_with('/') {
            if cut(path, b":").1.starts_with("://") {
                break 'wrong ("a URL; write the path below baseUrl", "", None);
            }
            if method.is_empty() && !path.is_empty() && all(path, |byte| byte.is_ascii_uppercase()) {
                break 'wrong ("path missing", path, Some(" /*"));
            }
            break 'wrong ("path without \"/\"", "/", Some(path));
        }
        if path.len() > 1
            && let Some(shorter) = path.strip_suffix('/')
        {
            break 'wrong ("path with a last \"/\"", "", Some(shorter));
        }
        if !all(method, |byte| !byte.is_ascii_lowercase()) {
            break 'wrong ("method not in upper case", "", Some(path));
        }
        let mut rest = if path == "/" { "" } else { path };
        while let Some(inner) = rest.get(1..) {
            let (segment, tail) = cut(inner, b"/");
            let literal = all(segment, |byte| !matches!(byte, b'{' | b'}'));
            let star = cut(segment, b"*").1;
            if literal && !star.is_empty() && (segment != "*" || !tail.is_empty()) {
                break 'wrong ("\"*\" is the whole last segment only; use {template} elsewhere", "", None);
            }
            if segment.len() > 1 && segment.starts_with(':') {
                break 'wrong ("\":name\" is no template; write {name}", "", None);
            }
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or_default();
            if !literal && (name.is_empty() || !all(name, |byte| !matches!(byte, b'{' | b'}'))) {
                break 'wrong ("{template} is one whole segment, with a name", "", None);
            }
            rest = tail;
        }
        return Ok(());
    };
    let write = end.map(|end| {
        let mut write = method.to_ascii_uppercase();
        write.push_str(if method.is_empty() { "" } else { " " });
        write.push_str(begin);
        write.push_str(end);
        write
    });
    Err(Wrong { found: None, why, write })
}

/// The first segment, and what is behind its slash.
fn split(path: &str) -> (&str, Option<&str>) {
    let (segment, tail) = cut(path, b"/");
    (segment, tail.get(1..))
}

/// All routes of a policy, as a tree over segments.
#[derive(Debug, Default)]
pub struct Routes {
    /// The first is the root.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by segment.
    literals: Vec<(String, u32)>,
    template: Option<u32>,
    /// Routes that end here.
    here: Vec<End>,
    /// Routes that end in `*` below here.
    rest: Vec<End>,
}

/// A route's method and number, from 1.
#[derive(Debug)]
struct End {
    /// Empty = any.
    method: String,
    route: usize,
}

impl Routes {
    /// The tree of these routes.
    #[must_use]
    pub fn build(routes: &[Route]) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.nodes.push(Node::default());
        for (place, route) in routes.iter().enumerate() {
            tree.add(&route.pattern, place.saturating_add(1));
        }
        tree
    }

    /// Adds a route; the number of one that is equal but for its templates' names.
    pub(super) fn add(&mut self, pattern: &str, number: usize) -> Option<usize> {
        let (method, path) = parts(pattern);
        let mut left = if path == "/" { "" } else { path };
        let mut at = 0;
        let mut rest = false;
        while let Some(inner) = left.get(1..) {
            let (segment, tail) = cut(inner, b"/");
            match segment.as_bytes() {
                b"*" => rest = true,
                [b'{', ..] => at = self.template(at),
                _ => at = self.literal(at, segment),
            }
            left = tail;
        }
        let node = self.nodes.get_mut(at)?;
        let ends = if rest { &mut node.rest } else { &mut node.here };
        let other = ends.iter().find(|end| end.method == method).map(|end| end.route);
        ends.push(End { method: String::from(method), route: number });
        other
    }

    /// The best route's number, 0 for none: from the left literal > `{template}` > `*`, then a method's own route before
    /// any method's. `path` as the caller wrote it, without query; templates in it are plain text. Looks at each node of
    /// the tree at most once.
    #[must_use]
    pub fn resolve(&self, method: &str, path: &str) -> usize {
        self.search(method, path).0
    }

    /// The route and how many nodes were looked at.
    fn search(&self, method: &str, path: &str) -> (usize, usize) {
        let start = match path {
            "" | "/" => None,
            _ => Some(path.strip_prefix('/').unwrap_or(path)),
        };
        // What is still to be tried, the best last: a node with the path left, or a node's `*`.
        let mut open: Vec<(usize, Try)> = Vec::new();
        open.push((0, Try::Node(start)));
        let mut looked = 0_usize;
        while let Some((at, what)) = open.pop() {
            let Some(node) = self.nodes.get(at) else { break };
            let found = match what {
                Try::Rest => fitting(&node.rest, method),
                Try::Node(None) => {
                    looked = looked.saturating_add(1);
                    fitting(&node.here, method)
                }
                Try::Node(Some(path)) => {
                    looked = looked.saturating_add(1);
                    let (segment, tail) = split(path);
                    if !node.rest.is_empty() {
                        open.push((at, Try::Rest));
                    }
                    if let Some(next) = node.template {
                        open.push((next as usize, Try::Node(tail)));
                    }
                    if let Some(next) = node.child(segment) {
                        open.push((next as usize, Try::Node(tail)));
                    }
                    None
                }
            };
            if let Some(route) = found {
                return (route, looked);
            }
        }
        (0, looked)
    }

    fn node(&mut self) -> u32 {
        let at = self.nodes.len();
        self.nodes.push(Node::default());
        at as u32
    }

    fn literal(&mut self, at: usize, text: &str) -> usize {
        let place = match self.nodes.get(at).map(|node| node.place(text)) {
            Some(Ok(next)) => return next as usize,
            Some(Err(place)) => place,
            None => return at,
        };
        let next = self.node();
        if let Some(node) = self.nodes.get_mut(at) {
            node.literals.insert(place, (String::from(text), next));
        }
        next as usize
    }

    fn template(&mut self, at: usize) -> usize {
        if let Some(next) = self.nodes.get(at).and_then(|node| node.template) {
            return next as usize;
        }
        let next = self.node();
        if let Some(node) = self.nodes.get_mut(at) {
            node.template = Some(next);
        }
        next as usize
    }
}

enum Try<'a> {
    Node(Option<&'a str>),
    Rest,
}

impl Node {
    /// The child of a segment, or where it belongs.
    fn place(&self, segment: &str) -> Result<u32, usize> {
        let (mut low, mut high) = (0, self.literals.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.literals.get(middle) {
                Some((text, _)) if text.as_str() < segment => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        match self.literals.get(low) {
            Some((text, next)) if text == segment => Ok(*next),
            _ => Err(low),
        }
    }

    fn child(&self, segment: &str) -> Option<u32> {
        self.place(segment).ok()
    }
}

/// The route of this method, else that of any.
fn fitting(ends: &[End], method: &str) -> Option<usize> {
    let own = ends.iter().find(|end| end.method == method);
    own.or_else(|| ends.iter().find(|end| end.method.is_empty())).map(|end| end.route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::types::Settings;
    use std::format;
    use std::vec;

    fn routes(patterns: &[&str]) -> Vec<Route> {
        let route = |text: &&str| {
            pattern(text).unwrap();
            Route { pattern: String::from(*text), settings: Settings::default() }
        };
        patterns.iter().map(route).collect()
    }

    fn best<'a>(patterns: &[&'a str], method: &str, path: &str) -> &'a str {
        let place = Routes::build(&routes(patterns)).resolve(method, path);
        place.checked_sub(1).map_or("", |place| patterns[place])
    }

    #[test]
    fn literal_beats_template_beats_rest_from_the_left() {
        let all = ["/a/*", "/a/{x}", "/a/b", "/{x}/b/*", "/a/{x}/c", "/*"];
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/a/z", "/a/{x}"),
            ("/a/b/c", "/a/{x}/c"),
            ("/a/b/d", "/a/*"),
            ("/z/b/d", "/{x}/b/*"),
            ("/z/b", "/*"),
            ("/a", "/*"),
            ("/a/", "/a/{x}"),
            ("", ""),
            ("/", ""),
        ] {
            assert_eq!(best(&all, "GET", path), expected, "{path}");
        }
    }

    #[test]
    fn a_method_beats_any_and_a_misfit_falls_through() {
        let all = ["/a/b", "POST /a/b", "GET /a/{x}", "DELETE /*"];
        assert_eq!(best(&all, "POST", "/a/b"), "POST /a/b");
        assert_eq!(best(&all, "GET", "/a/b"), "/a/b");
        assert_eq!(best(&all[1..], "GET", "/a/b"), "GET /a/{x}");
        assert_eq!(best(&all[1..], "DELETE", "/a/b"), "DELETE /*");
        assert_eq!(best(&all[1..], "PUT", "/a/b"), "");
        assert_eq!(best(&all[1..], "get", "/a/b"), "");
    }

    #[test]
    fn templates_of_the_caller_are_plain_text() {
        assert_eq!(best(&["/orders/{id}"], "GET", "/orders/{order}"), "/orders/{id}");
        assert_eq!(best(&["/orders/{id}", "/orders/*"], "GET", "/orders/{a}/{b}"), "/orders/*");
        assert_eq!(best(&["/Orders"], "GET", "/orders"), "");
        assert_eq!(best(&["/a%20b"], "GET", "/a b"), "");
        assert_eq!(best(&["/"], "GET", ""), "/");
        assert_eq!(best(&["/"], "GET", "/"), "/");
        assert_eq!(best(&["/a//b"], "GET", "/a//b"), "/a//b");
        assert_eq!(best(&["/a/b"], "GET", "a/b"), "/a/b");
    }

    #[test]
    fn a_wrong_pattern_is_shown_right() {
        for (text, expected) in [
            ("GET /orders/:id", "\":name\" is no template; write {name}"),
            ("GET orders", r#"path without "/"; write "GET /orders""#),
            ("orders", r#"path without "/"; write "/orders""#),
            ("", r#"path without "/"; write "/""#),
            ("GET", r#"path missing; write "GET /*""#),
            ("get /orders", r#"method not in upper case; write "GET /orders""#),
            ("GET /orders?x=1", r#"path with a query; write "GET /orders""#),
            ("/orders/", r#"path with a last "/"; write "/orders""#),
            ("GET  /orders", "path with a space or control character; percent-encode it"),
            (" /orders", r#"no method before the space; write "GET /path" or "/path""#),
            ("?x", r#"path with a query; write """#),
            ("get ?x", r#"path with a query; write "GET ""#),
            ("/*/a", r#""*" is the whole last segment only; use {template} elsewhere"#),
            ("/a*", r#""*" is the whole last segment only; use {template} elsewhere"#),
            ("/a/{id", "{template} is one whole segment, with a name"),
            ("/a/{}", "{template} is one whole segment, with a name"),
            ("/a/x{id}", "{template} is one whole segment, with a name"),
            ("GET https://a.com/x", "a URL; write the path below baseUrl"),
        ] {
            let wrong = pattern(text).unwrap_err();
            let issue = wrong.alone("route");
            assert_eq!(issue.text, ["route: ", expected].concat(), "{text}");
        }
    }

    /// What the tree finds, found the slow way.
    fn slowly(routes: &[Route], method: &str, path: &str) -> usize {
        fn own(route: &Route) -> (&str, Vec<&str>) {
            let (method, path) = parts(&route.pattern);
            (method, path[1..].split('/').filter(|_| path != "/").collect())
        }
        let path: Vec<&str> = if path == "/" { vec![] } else { path[1..].split('/').collect() };
        let fits = |route: &&(usize, &Route)| {
            let (own, segments) = own(route.1);
            let rest = segments.last() == Some(&"*");
            let length = if rest { path.len() >= segments.len() } else { path.len() == segments.len() };
            length
                && (own.is_empty() || own == method)
                && segments.iter().zip(&path).all(|(segment, text)| segment.starts_with(['{', '*']) || segment == text)
        };
        let all: Vec<(usize, &Route)> = routes.iter().enumerate().collect();
        let found = all.iter().filter(fits).min_by_key(|(_, route)| {
            let kinds: Vec<u8> = (0..path.len())
                .map(|at| match own(route).1.get(at) {
                    Some(segment) if segment.starts_with('{') => 1,
                    None | Some(&"*") => 2,
                    Some(_) => 0,
                })
                .collect();
            (kinds, own(route).0.is_empty())
        });
        found.map_or(0, |(place, _)| place + 1)
    }

    #[test]
    fn the_tree_finds_what_a_search_through_all_finds() {
        let words = ["a", "b", "{x}"];
        let mut patterns = vec![];
        let mut state = 7_u64;
        let mut roll = |sides: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % sides
        };
        for _ in 0..60 {
            let mut path = String::new();
            for _ in 0..=roll(4) {
                path.push('/');
                path.push_str(words[roll(3) as usize]);
            }
            if roll(3) == 0 {
                path.push_str("/*");
            }
            patterns.push(format!("{}{path}", ["", "GET ", "POST "][roll(3) as usize]));
        }
        patterns.sort();
        patterns.dedup();
        let patterns: Vec<&str> = patterns.iter().map(|text| &**text).collect();
        let routes = routes(&patterns);
        let tree = Routes::build(&routes);
        for _ in 0..5_000 {
            let mut path = String::new();
            for _ in 0..=roll(5) {
                path.push('/');
                path.push_str(["a", "b", "c"][roll(3) as usize]);
            }
            let method = ["GET", "POST", "PUT"][roll(3) as usize];
            assert_eq!(tree.resolve(method, &path), slowly(&routes, method, &path), "{method} {path}");
        }
    }

    #[test]
    fn four_thousand_routes_cost_a_few_nodes_and_a_hostile_set_never_more_than_there_are() {
        let patterns: Vec<String> = (0..4_096)
            .map(|n| format!("{} /v{}/r{}/{{id}}/s{}", ["GET", "POST"][n % 2], n % 4, n / 64, n % 64 / 2))
            .collect();
        let patterns: Vec<&str> = patterns.iter().map(|text| &**text).collect();
        let routes = routes(&patterns);
        let tree = Routes::build(&routes);
        for (place, pattern) in patterns.iter().enumerate() {
            let (method, path) = pattern.split_once(' ').unwrap();
            let (route, looked) = tree.search(method, &path.replace("{id}", "77"));
            assert_eq!(routes[route - 1].pattern, routes[place].pattern);
            assert!(looked <= 5, "{looked}");
        }
        // Every mixture of a literal and a template, and a path that fits all but the last segment.
        let hostile: Vec<String> = (0..2_048_u32)
            .map(|bits| (0..11).map(|at| if bits >> at & 1 == 1 { "/a" } else { "/{x}" }).collect::<String>() + "/end")
            .collect();
        let hostile: Vec<&str> = hostile.iter().map(|text| &**text).collect();
        let tree = Routes::build(&self::routes(&hostile));
        let (route, looked) = tree.search("GET", &["/a".repeat(11).as_str(), "/other"].concat());
        assert_eq!(route, 0);
        assert!(looked <= tree.nodes.len(), "{looked}");
    }
}
