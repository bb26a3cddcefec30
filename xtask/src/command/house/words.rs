//! The words of the glossary: a name in the code has none of those that the project gave up.

use crate::tool::places::at;
use std::collections::BTreeSet;
use std::fs;

/// Where names are read, and how a comment to a line's end begins there.
const ROOTS: [(&str, &str, &str); 5] = [
    ("core/src/", ".rs", "//"),
    ("bindings-js/src/", ".ts", "//"),
    ("bindings-python/unruffled/", ".py", "#"),
    ("bindings-kotlin/client/src/main/", ".kt", "//"),
    ("bindings-kotlin/ktor/src/main/", ".kt", "//"),
];

/// The words that are no longer used, and those in their place.
const GIVEN_UP: [(&str, &str); 22] = [
    ("beneath", "drop-in"),
    ("blame", "outcome"),
    ("gate", "breaker or admission"),
    ("gates", "breakers"),
    ("holder", "credential state"),
    ("holders", "credentials"),
    ("hurry", "wake"),
    ("lane", "queue"),
    ("lanes", "queues"),
    ("leg", "attempt"),
    ("lined", "queued"),
    ("payer", "token"),
    ("paying", "retry token"),
    ("purse", "budget"),
    ("retell", "report"),
    ("seat", "queue place"),
    ("stir", "wake"),
    ("tell", "report"),
    ("told", "hints, record or reported"),
    ("unkeep", "release"),
    ("unkept", "released"),
    ("worst", "outcome"),
];

/// Names of other libraries that have such a word.
const OTHERS: [(&str, &str); 1] = [("bindings-python/unruffled/_http/variant.py", "tell")];

/// Adds each name of the shipped code that has a word of the list.
pub fn check(files: &[String], broken: &mut Vec<String>) {
    for (folder, ending, comment) in ROOTS {
        let own = |file: &&String| file.starts_with(folder) && file.ends_with(ending) && !file.contains("/test/");
        for file in files.iter().filter(own) {
            let text = fs::read_to_string(at(file)).unwrap_or_default();
            for name in names(&text, comment) {
                let found = parts(&name).into_iter().find_map(|part| GIVEN_UP.iter().find(|(word, _)| *word == part));
                if let Some((word, instead)) = found.filter(|_| !OTHERS.contains(&(file.as_str(), name.as_str()))) {
                    broken.push(format!("{file}: the name {name} has \"{word}\"; the glossary says {instead}"));
                }
            }
        }
    }
}

/// Finds the names of a source, without its comments and texts.
fn names(text: &str, comment: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut block = "";
    for line in text.lines() {
        let trimmed = line.trim_start();
        if !block.is_empty() {
            if trimmed.contains(block) {
                block = "";
            }
            continue;
        }
        if trimmed.starts_with("/*") {
            block = if trimmed.contains("*/") { "" } else { "*/" };
            continue;
        }
        if comment == "#" && (trimmed.starts_with("\"\"\"") || trimmed.starts_with("r\"\"\"")) {
            block = if trimmed.matches("\"\"\"").count() > 1 { "" } else { "\"\"\"" };
            continue;
        }
        let code = line.split(comment).next().unwrap_or(line);
        // Every second part is within quotes.
        for part in code.split(['"', '`']).step_by(2) {
            let words = part.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            found.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    found
}

/// Splits a name into words in lower case: `reportPhase`, `report_phase` and `ReportPhase` give the same two.
fn parts(name: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for piece in name.split('_') {
        let mut before = false;
        let mut word = String::new();
        for letter in piece.chars() {
            if letter.is_uppercase() && before {
                all.push(std::mem::take(&mut word));
            }
            before = letter.is_lowercase() || letter.is_numeric();
            word.extend(letter.to_lowercase());
        }
        all.push(word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{names, parts};

    #[test]
    fn a_name_is_split_at_its_humps_and_underscores() {
        assert_eq!(parts("reportPhase_X"), ["report", "phase", "x"]);
        assert_eq!(parts("MAX_GATES"), ["max", "gates"]);
    }

    #[test]
    fn comments_and_texts_have_no_names() {
        let found = names("let a = \"gate\"; // lane\n/* told\n hub */\nfn b() {}", "//");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b", "fn", "let"]);
    }
}
