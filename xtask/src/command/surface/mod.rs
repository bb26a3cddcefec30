//! The public surface of `unruffled-core`: what a crate that depends on it can name, as a listing in the repository.

mod items;
mod modules;

use crate::tool::places::{at, write};
use items::{clean, codes, name_of, of_codes};
use modules::{Modules, Path};
use std::fs;
use syn::{Item, Visibility};

/// The crate root, and the listing.
const ROOT: &str = "core/src/lib.rs";
const LISTING: &str = "core/api.txt";

/// Compares the public items of the core with the listing.
///
/// # Errors
/// The first line that differs, and how the listing is written anew; or a file that is no Rust.
pub fn check() -> Result<String, String> {
    let (found, known) = (listing()?, fs::read_to_string(at(LISTING)).unwrap_or_default());
    if found == known {
        return Ok(format!("{} public items of the core", found.lines().filter(|line| line.contains("pub ")).count()));
    }
    let mut lines = found.lines().map(Some).chain([None]).zip(known.lines().map(Some).chain([None]));
    let (new, old) = lines.find(|(new, old)| new != old).unwrap_or_default();
    Err(format!(
        "the public surface of the core differs from {LISTING}:\n- {}\n+ {}\n`cargo xtask test --write-api` writes it anew",
        old.unwrap_or_default(),
        new.unwrap_or_default()
    ))
}

/// Writes the listing.
///
/// # Errors
/// A file that is no Rust, or cannot be written.
pub fn rewrite() -> Result<(), String> {
    write(&at(LISTING), &listing()?)
}

/// Lists the public items that can be reached from the crate root, without bodies and docs.
fn listing() -> Result<String, String> {
    let modules = Modules::read(&at(ROOT))?;
    Ok(items::print(surface(&modules, &Vec::new())))
}

/// Lists the public items of a module, sorted.
fn surface(modules: &Modules, module: &Path) -> Vec<Item> {
    let mut found = Vec::new();
    for item in modules.items(module) {
        match item {
            Item::Use(item) if is_public(&item.vis) => {
                for (name, path) in modules.targets(module, &item.tree) {
                    found.extend(named(modules, &path, &name));
                }
            }
            item => found.extend(own(modules, module, item)),
        }
    }
    found.sort_by_cached_key(name_of);
    found
}

/// Lists what a re-export makes public.
fn named(modules: &Modules, path: &Path, name: &str) -> Vec<Item> {
    let Some((defined, module)) = path.split_last() else { return Vec::new() };
    let module = module.to_vec();
    if defined == "*" {
        return surface(modules, &module);
    }
    let is_it = |item: &&Item| items::defines(item, defined);
    let mut items: Vec<Item> =
        modules.items(&module).iter().filter(is_it).flat_map(|item| own(modules, &module, item)).collect();
    if items.is_empty() && modules.has(path) {
        items = vec![items::module(name, surface(modules, path))];
    }
    items.iter_mut().for_each(|item| items::rename(item, defined, name));
    items
}

/// Lists an item that is written in this module, with its inherent methods and the traits that it implements.
fn own(modules: &Modules, module: &Path, item: &Item) -> Vec<Item> {
    if let Item::Mod(inner) = item {
        let mut path = module.clone();
        path.push(inner.ident.to_string());
        let is_listed = is_public(&inner.vis) && modules.has(&path);
        return if is_listed {
            vec![items::module(&inner.ident.to_string(), surface(modules, &path))]
        } else {
            Vec::new()
        };
    }
    if let Some(codes) = codes(item) {
        let mut items = of_codes(&codes);
        items.extend(implemented(modules, module, &codes.name));
        return items;
    }
    let Some(item) = clean(item) else { return Vec::new() };
    let mut items = Vec::new();
    if matches!(item, Item::Struct(_) | Item::Enum(_)) {
        items.extend(implemented(modules, module, &name_of(&item).1));
    }
    items.insert(0, item);
    items
}

/// Lists the implementations of a type, wherever they stand.
fn implemented(modules: &Modules, module: &Path, name: &str) -> Vec<Item> {
    let mut path = module.clone();
    path.push(name.to_owned());
    let own = modules.implementations().filter(|(place, name, _)| modules.resolve(place, name) == path);
    own.filter_map(|(_, _, item)| items::implementation(item)).collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(files: &[(&str, &str)]) -> String {
        let folder = std::env::temp_dir().join(format!("unruffled-surface-{}", std::process::id()));
        for (file, text) in files {
            write(&folder.join(file), text).unwrap();
        }
        let modules = Modules::read(&folder.join("lib.rs")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        items::print(surface(&modules, &Vec::new()))
    }

    #[test]
    fn what_the_root_can_name_is_listed_and_nothing_else() {
        let text = list(&[
            (
                "lib.rs",
                "mod a; pub mod b; pub use a::{Shown as Seen, inner::*}; fn no() {} #[cfg(test)] pub fn test() {}",
            ),
            ("a/mod.rs", "pub mod inner; mod more; /// Doc.\npub struct Shown { pub x: u8, y: u8 } pub struct Hidden;"),
            ("a/inner.rs", "pub const N: u8 = 3; pub struct Hidden;"),
            ("a/more.rs", "use super::Shown; impl Shown { pub fn f(&self) -> u8 { self.y } fn g() {} }"),
            ("b.rs", "codes! { /// Kind.\n Kind { A = 0 \"a\", B = 4 \"b\" } } impl From<u8> for Kind { }"),
        ]);
        for shown in [
            "pub struct Seen",
            "pub x: u8",
            "pub fn f(&self) -> u8;",
            "pub const N: u8",
            "B = 4",
            "impl From<u8> for Kind;",
        ] {
            assert!(text.contains(shown), "{shown} is not in\n{text}");
        }
        for hidden in ["fn g", "y: u8", "no()", "test()", "Doc."] {
            assert!(!text.contains(hidden), "{hidden} is in\n{text}");
        }
        assert_eq!(text.matches("pub struct Hidden").count(), 1, "{text}");
    }
}
