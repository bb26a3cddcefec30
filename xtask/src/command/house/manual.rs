//! What must hold for the documents: links lead somewhere, and each vector stands beside a sentence of the semantics.

use crate::tool::places::at;
use crate::tool::run::Run;
use std::collections::BTreeSet;
use std::fs;

const MANUAL: &str = "core/manual/";

/// Adds what is broken in the Markdown files among these.
pub fn check(files: &[String], broken: &mut Vec<String>) {
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        let text = fs::read_to_string(at(file)).unwrap_or_default();
        for link in links(&text) {
            let place = resolve(file, &link);
            if !at(&place).exists() {
                broken.push(format!("{file}: the link {link} leads nowhere"));
            }
        }
    }
    let semantics = fs::read_to_string(at("core/manual/semantics.md")).unwrap_or_default();
    let shown: BTreeSet<String> = links(&semantics).map(|link| resolve("core/manual/semantics.md", &link)).collect();
    let vectors = files.iter().filter(|file| file.starts_with("tests/vectors/") && file.ends_with(".json"));
    for vector in vectors.filter(|vector| !shown.contains(*vector)) {
        broken.push(format!("{vector}: no sentence of core/manual/semantics.md names it"));
    }
    let summary = fs::read_to_string(at("core/manual/SUMMARY.md")).unwrap_or_default();
    let listed: BTreeSet<String> = links(&summary).map(|link| resolve("core/manual/SUMMARY.md", &link)).collect();
    let pages = files.iter().filter(|file| file.starts_with(MANUAL) && file.ends_with(".md"));
    for page in pages.filter(|page| !page.ends_with("SUMMARY.md") && !listed.contains(*page)) {
        broken.push(format!("{page}: core/manual/SUMMARY.md does not list it"));
    }
}

/// Lists the files outside the manual that its pages link to.
///
/// # Errors
/// The list of files cannot be read.
pub fn links_outside() -> Result<BTreeSet<String>, String> {
    let list = Run::new("git").args(["ls-files", "core/manual"]).output()?;
    let mut all = BTreeSet::new();
    for file in list.lines().filter(|file| file.ends_with(".md")) {
        let text = fs::read_to_string(at(file)).map_err(|error| format!("{file}: {error}"))?;
        all.extend(links(&text).map(|link| resolve(file, &link)).filter(|link| !link.starts_with(MANUAL)));
    }
    Ok(all)
}

/// Lists the relative links of a page, without what follows a `#`.
fn links(text: &str) -> impl Iterator<Item = String> + '_ {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let labelled = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    let all = inline.chain(labelled.map(|(_, link)| link.trim()));
    all.map(|link| link.split('#').next().unwrap_or_default().trim_matches(['<', '>']).to_owned())
        .filter(|link| !link.is_empty() && !link.contains(':') && !link.contains(' ') && !link.starts_with('/'))
}

/// Returns a link as a path from the root.
pub fn resolve(file: &str, link: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{links, resolve};

    #[test]
    fn links_are_found_in_both_forms_and_read_from_their_page() {
        let text = "a [b](../c.md#d), [web](https://x.example)\n[breaker 1]: ../../tests/x.json\n";
        let found: Vec<String> = links(text).collect();
        assert_eq!(found, ["../c.md", "../../tests/x.json"]);
        assert_eq!(resolve("core/manual/a.md", &found[0]), "core/c.md");
        assert_eq!(resolve("core/manual/a.md", &found[1]), "tests/x.json");
    }
}
