//! The modules of a crate, read from its files, and the names that they bring in.

use super::items::defines;
use std::collections::BTreeMap;
use std::fs;
use syn::{Attribute, Item, ItemImpl, Meta, Type, UseTree};

/// The names from the crate root to a module or an item.
pub type Path = Vec<String>;

/// The items of each module, without those of tests and features.
#[derive(Default)]
pub struct Modules(BTreeMap<Path, Vec<Item>>);

impl Modules {
    /// Reads a crate from its root file.
    ///
    /// # Errors
    /// A file that is missing or no Rust.
    pub fn read(root: &std::path::Path) -> Result<Self, String> {
        let mut modules = Self::default();
        let folder = root.parent().unwrap_or(root);
        modules.file(root, folder, Vec::new())?;
        Ok(modules)
    }

    /// Reads a file; the files of its modules stand in `folder`.
    fn file(&mut self, file: &std::path::Path, folder: &std::path::Path, path: Path) -> Result<(), String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
        let syntax = syn::parse_file(&text).map_err(|error| wrong(&error))?;
        self.add(syntax.items, folder, path)
    }

    fn add(&mut self, items: Vec<Item>, folder: &std::path::Path, path: Path) -> Result<(), String> {
        let mut own = Vec::new();
        for mut item in items {
            if attributes(&item).iter().any(is_left_out) {
                continue;
            }
            if let Item::Mod(module) = &mut item {
                let name = module.ident.to_string();
                let inner: Path = path.iter().cloned().chain([name.clone()]).collect();
                let below = folder.join(&name);
                match module.content.take() {
                    Some((_, items)) => self.add(items, &below, inner)?,
                    None => {
                        let file = folder.join(format!("{name}.rs"));
                        let file = if file.is_file() { file } else { below.join("mod.rs") };
                        self.file(&file, &below, inner)?;
                    }
                }
            }
            own.push(item);
        }
        self.0.entry(path).or_default().extend(own);
        Ok(())
    }

    /// Whether there is such a module.
    pub fn has(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// Returns the items of a module.
    pub fn items(&self, path: &Path) -> &[Item] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    /// Lists all implementations: the module, the name of the type there, and the item.
    pub fn implementations(&self) -> impl Iterator<Item = (&Path, String, &ItemImpl)> {
        self.0.iter().flat_map(|(path, items)| {
            items.iter().filter_map(move |item| {
                let Item::Impl(item) = item else { return None };
                let Type::Path(of) = &*item.self_ty else { return None };
                Some((path, of.path.get_ident().or(of.path.segments.last().map(|last| &last.ident))?.to_string(), item))
            })
        })
    }

    /// Returns where a name of a module is defined.
    pub fn resolve(&self, module: &Path, name: &str) -> Path {
        let here: Path = module.iter().cloned().chain([name.to_owned()]).collect();
        if self.items(module).iter().any(|item| defines(item, name)) {
            return here;
        }
        for item in self.items(module) {
            let Item::Use(item) = item else { continue };
            for (known, mut path) in self.targets(module, &item.tree) {
                if known == name {
                    path.pop().map_or(here.clone(), |last| self.resolve(&path, &last)).clone_into(&mut path);
                    return path;
                }
                let glob = path.last().is_some_and(|last| last == "*");
                path.pop();
                if glob && path != *module && self.items(&path).iter().any(|item| defines(item, name)) {
                    path.push(name.to_owned());
                    return path;
                }
            }
        }
        here
    }

    /// Lists the names that a `use` brings in, with their paths from the root.
    pub fn targets(&self, module: &Path, tree: &UseTree) -> Vec<(String, Path)> {
        let mut found = Vec::new();
        collect(tree, &Vec::new(), &mut found);
        found.into_iter().map(|(name, path)| (name, self.absolute(module, path))).collect()
    }

    /// Makes a path of a module one from the root.
    fn absolute(&self, module: &Path, path: Path) -> Path {
        let mut from = module.clone();
        let mut rest = path.into_iter().peekable();
        if rest.next_if(|first| first == "crate").is_some() {
            from.clear();
        }
        while let Some(word) = rest.next_if(|word| word == "super" || word == "self") {
            if word == "super" {
                from.pop();
            }
        }
        from.extend(rest);
        from
    }
}

fn collect(tree: &UseTree, before: &Path, found: &mut Vec<(String, Path)>) {
    let with = |name: String| before.iter().cloned().chain([name]).collect::<Path>();
    match tree {
        UseTree::Path(path) => collect(&path.tree, &with(path.ident.to_string()), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before, found)),
        UseTree::Name(name) => found.push((name.ident.to_string(), with(name.ident.to_string()))),
        UseTree::Rename(name) => found.push((name.rename.to_string(), with(name.ident.to_string()))),
        UseTree::Glob(_) => found.push(("*".to_owned(), with("*".to_owned()))),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it is for tests or a feature: `#[cfg(test)]`, `#[cfg(feature = …)]`.
fn is_left_out(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("feature"))
}
