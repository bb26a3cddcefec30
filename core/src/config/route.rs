//! Routes by pattern: `[METHOD ]/literal/{template}/*`. Paths are compared as they are written, segment by segment.

use super::issues;
use super::types::{Route, Segment};
use alloc::string::String;
use alloc::vec::Vec;

/// Reads a pattern: its method (`None` = any) and segments.
///
/// # Errors
/// What is wrong, for an issue.
pub(super) fn pattern(text: &str) -> Result<(Option<String>, Vec<Segment>), String> {
    let (method, path) = match text.split_once(' ') {
        Some((method, path)) => (Some(method), path),
        None => (None, text),
    };
    let write = |wrong: &str, path: &str| {
        let fixed =
            method.map_or_else(|| String::from(path), |method| [&*method.to_ascii_uppercase(), " ", path].concat());
        Err([wrong, "; write ", &issues::quoted(&fixed, 120)].concat())
    };
    if let Some(method) = method
        && (method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    {
        return Err(String::from("no method before the space; write \"GET /path\" or \"/path\""));
    }
    if path.contains("://") {
        return Err(String::from("a URL; write the path below baseUrl"));
    }
    if path.contains(['?', '#']) {
        return write("path with a query", path.split(['?', '#']).next().unwrap_or_default());
    }
    if path.chars().any(|letter| letter.is_control() || letter == ' ') {
        return Err(String::from("path with a space or control character; percent-encode it"));
    }
    if !path.starts_with('/') {
        if method.is_none() && !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(["path missing; write \"", path, " /*\""].concat());
        }
        return write("path without \"/\"", &["/", path].concat());
    }
    if path.len() > 1 && path.ends_with('/') {
        return write("path with a last \"/\"", path.trim_end_matches('/'));
    }
    if method.is_some_and(|method| method.bytes().any(|byte| byte.is_ascii_lowercase())) {
        return write("method not in upper case", path);
    }
    let mut segments = Vec::new();
    let mut rest = Some(path).filter(|path| *path != "/").and_then(|path| path.get(1..));
    while let Some(text) = rest {
        let (segment, tail) = split(text);
        let inner = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
        segments.push(match inner {
            _ if segment == "*" && tail.is_none() => Segment::Rest,
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => Segment::Template,
            _ if segment.contains('*') => {
                return Err(String::from("\"*\" is the whole last segment only; use {template} elsewhere"));
            }
            _ if segment.contains(['{', '}']) => {
                return Err(String::from("{template} is one whole segment, with a name"));
            }
            _ => Segment::Literal(String::from(segment)),
        });
        rest = tail;
    }
    Ok((method.map(String::from), segments))
}

/// The first segment, and what is behind its slash.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
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
    method: Option<String>,
    route: usize,
}

impl Routes {
    /// The tree of these routes.
    #[must_use]
    pub fn build(routes: &[Route]) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.nodes.push(Node::default());
        for (place, route) in routes.iter().enumerate() {
            let mut at = 0;
            let mut rest = false;
            for segment in &route.segments {
                match segment {
                    Segment::Literal(text) => at = tree.literal(at, text),
                    Segment::Template => at = tree.template(at),
                    Segment::Rest => rest = true,
                }
            }
            let end = End { method: route.method.clone(), route: place.saturating_add(1) };
            if let Some(node) = tree.nodes.get_mut(at) {
                if rest { node.rest.push(end) } else { node.here.push(end) }
            }
        }
        tree
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

    fn add(&mut self) -> u32 {
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
        let next = self.add();
        if let Some(node) = self.nodes.get_mut(at) {
            node.literals.insert(place, (String::from(text), next));
        }
        next as usize
    }

    fn template(&mut self, at: usize) -> usize {
        if let Some(next) = self.nodes.get(at).and_then(|node| node.template) {
            return next as usize;
        }
        let next = self.add();
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
        let place = self.literals.binary_search_by(|(text, _)| text.as_str().cmp(segment))?;
        self.literals.get(place).map(|(_, next)| *next).ok_or(place)
    }

    fn child(&self, segment: &str) -> Option<u32> {
        self.place(segment).ok()
    }
}

/// The route of this method, else that of any.
fn fitting(ends: &[End], method: &str) -> Option<usize> {
    let own = ends.iter().find(|end| end.method.as_deref() == Some(method));
    own.or_else(|| ends.iter().find(|end| end.method.is_none())).map(|end| end.route)
}
