//! Reading what test programs print: how many tests passed, how many vectors and scenarios.

/// The numbers in one stage's output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed, in whatever form the tool counts them, vectors and scenarios included.
    pub tests: u64,
    /// Tests that failed.
    pub failures: u64,
    /// Tests that were passed over.
    pub skipped: u64,
    /// N of `vectors: N passed`.
    pub vectors: Option<u64>,
    /// N of `traces: N passed`.
    pub traces: Option<u64>,
    /// N and the runtime of each `scenarios: N passed (runtime)`.
    pub scenarios: Vec<(String, u64)>,
}

impl Counts {
    /// Reads the summary lines of our own runners, cargo, node, pytest and Maven.
    pub fn read(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines() {
            counts.read_line(plain(line).trim());
        }
        counts
    }

    fn read_line(&mut self, line: &str) {
        let line = line.strip_prefix("[INFO] ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("vectors: ") {
            if let Some(number) = before(rest, "passed") {
                self.vectors = Some(number);
                self.tests += number;
            }
        } else if let Some(rest) = line.strip_prefix("traces: ") {
            if let Some(number) = before(rest, "passed") {
                self.traces = Some(number);
                self.tests += number;
            }
        } else if let Some(rest) = line.strip_prefix("torture: ") {
            self.tests += before(rest, "points").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("scenarios: ") {
            if let Some(number) = before(rest, "passed") {
                let runtime = rest.split(['(', ')']).nth(1).unwrap_or("?");
                self.scenarios.push((runtime.to_owned(), number));
                self.tests += number;
            }
        } else if let Some(rest) =
            ["adapters: ", "limiters: ", "bundlers: ", "url: "].iter().find_map(|name| line.strip_prefix(name))
        {
            self.tests += before(rest, "passed").unwrap_or(0);
        } else if line.starts_with("test result: ") || is_pytest(line) {
            self.tests += before(line, "passed").unwrap_or(0);
            self.failures += before(line, "failed").unwrap_or(0) + before(line, "error").unwrap_or(0);
            self.skipped += before(line, "skipped").unwrap_or(0) + before(line, "ignored").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("Tests run: ").filter(|_| !line.contains("Time elapsed")) {
            self.read_maven(rest);
        } else if let Some((name, number)) = node_line(line) {
            match name {
                "pass" => self.tests += number,
                "fail" | "cancelled" => self.failures += number,
                "skipped" | "todo" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// `12, Failures: 0, Errors: 1, Skipped: 2`.
    fn read_maven(&mut self, rest: &str) {
        let mut numbers = rest.split(", ").map(|part| part.rsplit(' ').next().and_then(|number| number.parse().ok()));
        let mut next = || numbers.next().flatten().unwrap_or(0);
        let (run, failures, errors, skipped): (u64, u64, u64, u64) = (next(), next(), next(), next());
        self.tests += run.saturating_sub(failures + errors + skipped);
        self.failures += failures + errors;
        self.skipped += skipped;
    }
}

/// The number that stands before a word: `before("3 passed; 1 failed", "failed")` is 1.
fn before(text: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|found| found.starts_with(word))?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// `3 passed, 1 skipped in 0.12s`, with or without `=` around.
fn is_pytest(line: &str) -> bool {
    let line = line.trim_matches('=').trim();
    let starts = line.split(' ').next().is_some_and(|word| word.parse::<u64>().is_ok());
    starts && line.contains(" in ") && (line.contains(" passed") || line.contains(" failed") || line.contains(" error"))
}

/// `# pass 12` or `ℹ pass 12`, as `node --test` ends.
fn node_line(line: &str) -> Option<(&str, u64)> {
    let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
    let (name, number) = rest.split_once(' ')?;
    Some((name, number.parse().ok()?))
}

/// A line without terminal colours.
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn each_tool_is_read_in_its_own_words() {
        for (text, tests, failures, skipped) in [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured", 12, 0, 1),
            ("test result: FAILED. 2 passed; 3 failed; 0 ignored", 2, 3, 0),
            ("==== 9 passed, 1 skipped in 0.31s ====", 9, 0, 1),
            ("1 failed, 9 passed in 0.31s", 9, 1, 0),
            ("# tests 5\n# pass 4\n# fail 1\n# skipped 0", 4, 1, 0),
            ("\u{1b}[34mℹ pass 7\u{1b}[39m", 7, 0, 0),
            ("[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s -- in A", 0, 0, 0),
            ("[INFO] Tests run: 9, Failures: 1, Errors: 1, Skipped: 1", 6, 2, 1),
            ("url: 31 passed", 31, 0, 0),
            ("torture: 900 points passed (node)", 900, 0, 0),
            ("nothing here passed in silence", 0, 0, 0),
        ] {
            let counts = Counts::read(text);
            assert_eq!((counts.tests, counts.failures, counts.skipped), (tests, failures, skipped), "{text}");
        }
    }

    #[test]
    fn vectors_traces_and_scenarios_are_told_apart() {
        let counts =
            Counts::read("vectors: 212 passed\nurl: 4 passed\ntraces: 9 passed\nscenarios: 41 passed (python-sync)\n");
        assert_eq!(counts.traces, Some(9));
        assert_eq!(counts.vectors, Some(212));
        assert_eq!(counts.scenarios, [("python-sync".to_owned(), 41)]);
        assert_eq!(counts.tests, 266);
    }
}
