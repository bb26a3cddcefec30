//! The table of sizes to live in.

use super::rules;
use crate::tool::places::at;
use std::fmt::Write;
use std::fs;
use unruffled_quantile::quantile;

/// A part of the house whose sizes are shown on their own.
const PARTS: [(&str, &str, &[&str]); 10] = [
    ("core", "core/src/", &["rs"]),
    ("core/ffi", "core/ffi/src/", &["rs"]),
    ("js wasm", "bindings-js/wasm/", &["rs"]),
    ("js", "bindings-js/src/", &["ts"]),
    ("python", "bindings-python/unruffled/", &["py"]),
    ("kotlin", "bindings-kotlin/client/src/main/", &["kt"]),
    ("ktor", "bindings-kotlin/ktor/src/main/", &["kt"]),
    ("fault server", "tests/faults/src/", &["rs"]),
    ("host", "tests/host/src/", &["rs"]),
    ("xtask", "xtask/src/", &["rs"]),
];

/// The lines of a file above which it is named.
const LONG: usize = 400;

/// Lines of one file, by kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Lines {
    code: usize,
    comments: usize,
    tests: usize,
}

impl Lines {
    fn all(self) -> usize {
        self.code + self.comments + self.tests
    }
}

/// Writes the lines of each part, the longest files, the share of comments, tests beside code, and dependencies.
///
/// # Errors
/// A tool or file that could not be read.
pub fn table() -> Result<String, String> {
    let tracked = super::tracked()?;
    let mut text = format!("{:<14}{:>6}{:>8}{:>9}{:>8}   longest file\n", "", "files", "lines", "median", "docs");
    let mut code = 0;
    let mut tests = 0;
    for (name, folder, endings) in PARTS {
        let mut sizes = Vec::new();
        let mut sum = Lines::default();
        for path in tracked.iter().filter(|path| path.starts_with(folder) && ends_in(path, endings)) {
            let lines = count(&fs::read_to_string(at(path)).unwrap_or_default(), path.ends_with(".rs"));
            sizes.push((lines.all(), path.clone()));
            sum = Lines {
                code: sum.code + lines.code,
                comments: sum.comments + lines.comments,
                tests: sum.tests + lines.tests,
            };
        }
        sizes.sort();
        let Some((most, path)) = sizes.last() else { continue };
        let lines: Vec<usize> = sizes.iter().map(|(lines, _)| *lines).collect();
        let median = quantile(&lines, 50).unwrap_or(0);
        let share = 100 * sum.comments / (sum.code + sum.comments).max(1);
        let _ = writeln!(text, "{name:<14}{:>6}{:>8}{median:>9}{share:>6} %   {most} {path}", sizes.len(), sum.all());
        code += sum.code;
        tests += sum.tests;
    }
    tests += tracked.iter().filter(|path| is_test(path)).map(|path| lines_of(path)).sum::<usize>();
    let _ = writeln!(text, "\ntests {tests} lines, code {code}: {:.1} x", tests as f64 / code.max(1) as f64);
    for path in tracked.iter().filter(|path| is_source(path) && lines_of(path) > LONG) {
        let _ = writeln!(text, "over {LONG} lines: {path} ({})", lines_of(path));
    }
    let crates = rules::core_crates()?;
    let _ = writeln!(text, "crates in core's tree: {} ({})", crates.len(), crates.join(", "));
    if let Some(names) = rules::npm_dependencies() {
        let _ = writeln!(text, "npm dependencies: {}", names.len());
    }
    Ok(text)
}

fn ends_in(path: &str, endings: &[&str]) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

fn is_source(path: &str) -> bool {
    ends_in(path, &["rs", "ts", "mjs", "js", "py", "kt"])
}

/// Returns whether a file is test code or test data. Vectors and scenarios count: they are tests of all languages.
fn is_test(path: &str) -> bool {
    let data = (path.starts_with("tests/vectors/") || path.starts_with("tests/scenarios/")) && path.ends_with(".json");
    let folder = ["/tests/", "/test/", "/src/test/"].iter().any(|folder| path.contains(folder));
    data || (is_source(path) && folder)
}

fn lines_of(path: &str) -> usize {
    fs::read_to_string(at(path)).map_or(0, |text| text.lines().count())
}

/// Sorts the lines of a file; blank ones are not counted. In Rust everything from `#[cfg(test)]` on is tests.
fn count(text: &str, rust: bool) -> Lines {
    let mut lines = Lines::default();
    let mut in_tests = false;
    let mut in_docstring = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        in_tests |= rust && line == "#[cfg(test)]";
        let quotes = line.matches("\"\"\"").count();
        let comment =
            in_docstring || quotes > 0 || ["//", "/*", "*", "#!", "# "].iter().any(|start| line.starts_with(start));
        in_docstring ^= quotes % 2 == 1;
        match (in_tests, comment) {
            (true, _) => lines.tests += 1,
            (false, true) => lines.comments += 1,
            (false, false) => lines.code += 1,
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Lines, count};

    #[test]
    fn lines_are_sorted_into_code_comments_and_tests() {
        let rust = "//! Doc.\n\nfn a() {}\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(count(rust, true), Lines { code: 1, comments: 1, tests: 2 });
        let python = "\"\"\"One.\n\nTwo.\n\"\"\"\nx = 1\n";
        assert_eq!(count(python, false), Lines { code: 1, comments: 3, tests: 0 });
    }
}
