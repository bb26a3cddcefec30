//! The Kotlin files that a Kotlin file uses. Files of one package need no import, so names of classes are read instead.

use crate::tool::places::at;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Each file below `folder` with the files whose classes it uses.
pub fn uses(files: &[String], folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let own = files.iter().filter_map(|file| file.strip_prefix(folder)).filter(|file| file.ends_with(".kt"));
    let texts: Vec<(String, String)> = own
        .map(|file| (file.to_owned(), code(&fs::read_to_string(at(folder).join(file)).unwrap_or_default())))
        .collect();
    among(&texts)
}

fn among(texts: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut places: BTreeMap<String, &String> = BTreeMap::new();
    for (file, text) in texts {
        for class in text.lines().filter_map(declared) {
            places.insert(format!("{}.{class}", package(text)), file);
        }
    }
    let found = |(file, text): &(String, String)| {
        let imported = text.lines().filter_map(|line| line.strip_prefix("import ")).map(str::to_owned);
        let body = text.lines().filter(|line| !line.starts_with("import ") && !line.starts_with("package "));
        let near = body.flat_map(words).map(|word| format!("{}.{word}", package(text)));
        let used = imported.chain(near).filter_map(|name| places.get(&name).copied());
        (file.clone(), used.filter(|other| *other != file).cloned().collect())
    };
    texts.iter().map(found).collect()
}

fn package(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("package ")).unwrap_or_default()
}

/// The name of a class that begins in this line, at the left margin. A private one is of its own file only.
fn declared(line: &str) -> Option<&str> {
    const KINDS: [&str; 3] = ["class", "interface", "object"];
    const BEFORE: [&str; 11] =
        ["public", "internal", "open", "abstract", "sealed", "data", "enum", "annotation", "inline", "value", "fun"];
    if line.starts_with(' ') {
        return None;
    }
    let mut rest = line.split_whitespace().skip_while(|word| word.starts_with('@'));
    let kind = rest.find(|word| !BEFORE.contains(word))?;
    let name = rest.next().filter(|_| KINDS.contains(&kind))?;
    words(name).next()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// A text without its comments and without what stands in quotes.
fn code(text: &str) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            after(rest, 2, "*/")
        } else if rest.starts_with("\"\"\"") {
            after(rest, 3, "\"\"\"")
        } else if first == '"' || first == '\'' {
            quoted(rest, first)
        } else {
            found.push(first);
            first.len_utf8()
        };
        rest = rest.get(end..).unwrap_or_default();
    }
    found
}

fn after(text: &str, start: usize, end: &str) -> usize {
    text.get(start..).and_then(|rest| rest.find(end)).map_or(text.len(), |at| start + at + end.len())
}

/// The length of a text in quotes, whose backslashes hide the letter behind them.
fn quoted(text: &str, quote: char) -> usize {
    let mut hidden = true;
    for (at, letter) in text.char_indices() {
        if !hidden && letter == quote {
            return at + 1;
        }
        hidden = at > 0 && !hidden && letter == '\\';
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{among, code, declared};
    use std::collections::BTreeSet;

    #[test]
    fn classes_of_the_same_package_and_imported_ones_are_found() {
        let texts = [
            ("a/A.kt", "package x.a\n\nimport x.b.B\n\ninternal class A(private val own: C)\n"),
            ("a/C.kt", "package x.a\n\npublic sealed interface C\n\nprivate class B\n"),
            ("b/B.kt", "package x.b\n\n@Marked public data class B(val number: Int)\n\nfun A(): Int = 1\n"),
        ];
        let found = among(&texts.map(|(file, text)| (file.to_owned(), code(text))));
        assert_eq!(found["a/A.kt"], BTreeSet::from(["a/C.kt".to_owned(), "b/B.kt".to_owned()]));
        assert_eq!(found["a/C.kt"], BTreeSet::new());
        assert_eq!(found["b/B.kt"], BTreeSet::new());
    }

    #[test]
    fn comments_and_quotes_are_no_code() {
        assert_eq!(code("a /* B */ \"C \\\" D\" '\"' e // F\n\"\"\"G \" H\"\"\" i"), "a    e \n i");
        assert_eq!(declared("internal class Calls("), Some("Calls"));
        assert_eq!(declared("private object Inner {"), None);
        assert_eq!(declared("    class Inner"), None);
    }
}
