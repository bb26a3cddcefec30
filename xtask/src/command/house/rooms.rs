//! The rooms of each package: what a file imports stands before it, and no import runs back.

use crate::tool::places::at;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The core's modules, each after those that it may import.
const CORE: [&str; 12] = [
    "defaults", "tuning", "failure", "rng", "step", "config", "headers", "policy", "state", "observe", "engine", "lib",
];

/// The rooms of a host, each after those that it may import. The last two do not import each other.
const HOST: [&str; 5] = ["core", "driver", "http", "client", "under"];

/// One file of a package and the files or rooms that it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// Adds each import that runs back and each circle of files.
pub fn check(files: &[String], broken: &mut Vec<String>) {
    let core = imports(files, "core/src/", ".rs", rust);
    backwards("core/src/", &core, &CORE, &[], broken);
    let js = imports(files, "bindings-js/src/", ".ts", javascript);
    backwards("bindings-js/src/", &js, &HOST, &[("client", "under"), ("under", "client")], broken);
    circles("bindings-js/src/", &js, broken);
    let python = imports(files, "bindings-python/unruffled/", ".py", python);
    backwards("bindings-python/unruffled/", &python, &HOST, &[("client", "under"), ("under", "client")], broken);
    circles("bindings-python/unruffled/", &python, broken);
    let folder = "bindings-kotlin/client/src/main/kotlin/dev/unruffled/";
    let kotlin = imports(files, folder, ".kt", kotlin);
    backwards(folder, &kotlin, &HOST, &[("client", "under"), ("under", "client")], broken);
    for folder in [folder, "bindings-kotlin/ktor/src/main/kotlin/dev/unruffled/ktor/"] {
        circles(folder, &super::kotlin::uses(files, folder), broken);
    }
}

fn imports(files: &[String], folder: &str, ending: &str, read: fn(&str, &str) -> BTreeSet<String>) -> Imports {
    let own = files.iter().filter_map(|file| file.strip_prefix(folder)).filter(|file| file.ends_with(ending));
    own.map(|file| (file.to_owned(), read(file, &fs::read_to_string(at(folder).join(file)).unwrap_or_default())))
        .collect()
}

/// The room of a path: its first folder without a leading `_`, or the file itself.
fn room(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.split('.').next().unwrap_or(first).trim_start_matches('_')
}

fn backwards(folder: &str, imports: &Imports, rooms: &[&str], apart: &[(&str, &str)], broken: &mut Vec<String>) {
    let place = |name: &str| rooms.iter().position(|room| *room == name);
    for (file, imported) in imports {
        // Only files in a room are bound: what stands outside, as a public entry, may import all.
        let inside = file.contains('/') || rooms.len() == CORE.len();
        let Some(own) = place(room(file)).filter(|_| inside) else { continue };
        for import in imported {
            let Some(other) = place(room(import)) else { continue };
            if other > own || apart.contains(&(room(file), room(import))) {
                broken.push(format!("{folder}{file} imports {import}: {} stands after {}", rooms[other], rooms[own]));
            }
        }
    }
}

/// Names one circle for each file that reaches itself.
fn circles(folder: &str, imports: &Imports, broken: &mut Vec<String>) {
    let mut named: BTreeSet<&String> = BTreeSet::new();
    for start in imports.keys() {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        'search: while let Some(way) = ways.pop() {
            for next in way.last().and_then(|last| imports.get(*last)).into_iter().flatten() {
                if next == start && way.len() > 1 {
                    if way.iter().all(|file| named.insert(file)) {
                        let way: Vec<&str> = way.iter().map(|file| file.as_str()).collect();
                        broken.push(format!("{folder}: a circle of imports: {}", way.join(" -> ")));
                    }
                    break 'search;
                }
                if imports.contains_key(next) && seen.insert(next) {
                    ways.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
    }
}

fn rust(_: &str, text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            found.insert(rest[..end].to_owned());
        }
    }
    found
}

fn javascript(file: &str, text: &str) -> BTreeSet<String> {
    let quoted = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let links = quoted.filter_map(|line| line.split_once("from \".").or_else(|| line.split_once("import(\".")));
    links
        .filter_map(|(_, rest)| rest.split('"').next())
        .map(|link| super::manual::resolve(file, &format!(".{link}")).replace(".js", ".ts"))
        .collect()
}

fn python(file: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix("from .") else { continue };
        let Some((module, names)) = rest.split_once(" import ") else { continue };
        let ups = module.chars().take_while(|letter| *letter == '.').count();
        let mut folder: Vec<&str> = file.split('/').collect();
        folder.truncate(folder.len().saturating_sub(1 + ups));
        let module = module.trim_start_matches('.').replace('.', "/");
        folder.extend(Some(module.as_str()).filter(|module| !module.is_empty()));
        let base = folder.join("/");
        let names = names.trim_start_matches('(').split(',').filter_map(|name| name.split_whitespace().next());
        // A name may be a module of a package, or something in a module.
        found.extend(names.map(|name| format!("{base}/{name}.py").trim_start_matches('/').to_owned()));
        found.insert(format!("{base}.py"));
    }
    found
}

fn kotlin(_: &str, text: &str) -> BTreeSet<String> {
    let imports = text.lines().filter_map(|line| line.strip_prefix("import dev.unruffled."));
    imports.map(|path| path.split('.').next().unwrap_or(path).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Imports, backwards, circles, javascript, python};
    use std::collections::BTreeSet;

    fn imports(rows: &[(&str, &[&str])]) -> Imports {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        rows.iter().map(|(file, names)| ((*file).to_owned(), set(names))).collect()
    }

    #[test]
    fn an_import_that_runs_back_and_one_between_the_last_two_are_named() {
        let mut broken = Vec::new();
        let rows = imports(&[("core/a.ts", &["driver/b.ts"]), ("under/c.ts", &["client/d.ts", "core/a.ts"])]);
        backwards("src/", &rows, &super::HOST, &[("under", "client")], &mut broken);
        assert_eq!(broken.len(), 2, "{broken:?}");
    }

    #[test]
    fn a_circle_is_named_once() {
        let mut broken = Vec::new();
        circles("src/", &imports(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]), &mut broken);
        assert_eq!(broken, ["src/: a circle of imports: a -> b -> c"]);
    }

    #[test]
    fn relative_imports_are_read() {
        let found =
            javascript("driver/a.ts", "import { b } from \"../core/b.js\";\nimport type { c } from \"./c.js\";");
        assert_eq!(found, BTreeSet::from(["core/b.ts".to_owned(), "driver/c.ts".to_owned()]));
        let found = python("_driver/a.py", "from .._core import codes\nfrom .b import C\n");
        assert!(found.contains("_core/codes.py") && found.contains("_driver/b.py"), "{found:?}");
    }
}
