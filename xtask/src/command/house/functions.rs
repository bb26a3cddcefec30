//! The rules for functions: how long one may be, and that a parameter of the core is no `bool`.

use crate::tool::places::at;
use std::fs;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{FnArg, ImplItemFn, ItemFn, Pat, Signature, TraitItemFn, Type};

/// The most lines of a function, from its signature to its closing brace.
const LONGEST: usize = 70;

/// Longer functions, with the reason.
const LONG: [(&str, &str, &str); 4] = [
    ("core/src/config/schema.rs", "form", "one table: an arm for each form of a value"),
    (
        "core/src/headers/rate_limit.rs",
        "families_with_a_header_for_each_number",
        "one table: each row is an answer and what is read of it",
    ),
    ("core/src/headers/quota.rs", "the_fields_of_today", "one table: each row is an answer and what is read of it"),
    ("tests/sim/src/figures/bars.rs", "bars", "one table: the bars of each case"),
];

/// Where a parameter is no `bool`.
const CORE: &str = "core/src/";

/// Parameters of the core that are a `bool`, with the reason.
const BOOLS: [(&str, &str, &str); 4] = [
    ("core/src/config/json/write.rs", "flag", "it is the JSON value that is written"),
    ("core/src/config/json/write.rs", "field_flag", "it is the JSON value that is written"),
    ("core/src/headers/key.rs", "header_key", "hosts pass the setting of the same name through the boundary"),
    ("core/src/state/call.rs", "set", "it is the value that the bits get, mostly a condition"),
];

/// Adds each function that breaks a rule, and each exception that no function needs.
pub fn check(files: &[String], broken: &mut Vec<String>) {
    let mut functions = Functions::default();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = fs::read_to_string(at(file)).unwrap_or_default();
        match syn::parse_file(&text) {
            Ok(syntax) => functions.read(file, &syntax),
            Err(error) => broken.push(format!("{file}: {error}")),
        }
    }
    for Long { file, name, lines } in &functions.long {
        if !LONG.iter().any(|(excepted, function, _)| excepted == file && function == name) {
            broken.push(format!("{file}: fn {name} has {lines} lines, {LONGEST} are the most; split it by subject"));
        }
    }
    for Bool { file, name, parameter } in &functions.bools {
        if !BOOLS.iter().any(|(excepted, function, _)| excepted == file && function == name) {
            broken.push(format!(
                "{file}: fn {name}: the bool {parameter} does not say what it means; use an enum, or two functions"
            ));
        }
    }
    for (file, name, _) in LONG.iter().filter(|(file, name, _)| !functions.long.iter().any(|one| one.is(file, name))) {
        broken.push(format!("{file}: fn {name} is excepted as long, and is not"));
    }
    for (file, name, _) in BOOLS.iter().filter(|(file, name, _)| !functions.bools.iter().any(|one| one.is(file, name)))
    {
        broken.push(format!("{file}: fn {name} may have a bool parameter, and has none"));
    }
}

/// A function with too many lines.
#[derive(Debug, PartialEq, Eq)]
struct Long {
    file: String,
    name: String,
    lines: usize,
}

/// A parameter that is a `bool`.
#[derive(Debug, PartialEq, Eq)]
struct Bool {
    file: String,
    name: String,
    parameter: String,
}

impl Long {
    fn is(&self, file: &str, name: &str) -> bool {
        self.file == file && self.name == name
    }
}

impl Bool {
    fn is(&self, file: &str, name: &str) -> bool {
        self.file == file && self.name == name
    }
}

/// The functions of some files that break a rule.
#[derive(Debug, Default)]
struct Functions {
    file: String,
    long: Vec<Long>,
    bools: Vec<Bool>,
}

impl Functions {
    /// Reads the functions of a file.
    fn read(&mut self, file: &str, syntax: &syn::File) {
        file.clone_into(&mut self.file);
        self.visit_file(syntax);
    }

    fn add(&mut self, signature: &Signature, last_line: usize) {
        let (file, name) = (self.file.clone(), signature.ident.to_string());
        let lines = last_line - signature.span().start().line + 1;
        if lines > LONGEST {
            self.long.push(Long { file: file.clone(), name: name.clone(), lines });
        }
        if file.starts_with(CORE) {
            let bools = signature.inputs.iter().filter_map(bool_parameter);
            self.bools.extend(bools.map(|parameter| Bool { file: file.clone(), name: name.clone(), parameter }));
        }
    }
}

/// Returns the name of a parameter that is a `bool`.
fn bool_parameter(input: &FnArg) -> Option<String> {
    let FnArg::Typed(parameter) = input else { return None };
    let is_bool = matches!(&*parameter.ty, Type::Path(path) if path.path.is_ident("bool"));
    is_bool.then(|| match &*parameter.pat {
        Pat::Ident(name) => name.ident.to_string(),
        _ => "parameter".to_owned(),
    })
}

impl<'s> Visit<'s> for Functions {
    fn visit_item_fn(&mut self, function: &'s ItemFn) {
        self.add(&function.sig, function.block.span().end().line);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'s ImplItemFn) {
        self.add(&function.sig, function.block.span().end().line);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'s TraitItemFn) {
        self.add(&function.sig, function.span().end().line);
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::{Bool, Functions, LONGEST, Long};

    fn read(file: &str, text: &str) -> Functions {
        let mut functions = Functions::default();
        functions.read(file, &syn::parse_str(text).unwrap());
        functions
    }

    #[test]
    fn a_function_with_more_lines_is_found_wherever_it_stands() {
        let body = "\n".repeat(LONGEST);
        let text = format!("impl A {{ /// Does it.\n\n fn a() {{{body}}} }} mod m {{ fn b() {{}} }} fn c() {{{body}}}");
        let long = |name: &str| Long { file: "a.rs".into(), name: name.into(), lines: LONGEST + 1 };
        assert_eq!(read("a.rs", &text).long, [long("a"), long("c")]);
    }

    #[test]
    fn a_bool_parameter_of_the_core_is_found_and_another_is_not() {
        let text = "trait T { fn a(&self, on: bool); } fn b(list: &[bool], maybe: Option<bool>) -> bool { true }";
        let found = Bool { file: "core/src/a.rs".into(), name: "a".into(), parameter: "on".into() };
        assert_eq!(read("core/src/a.rs", text).bools, [found]);
        assert_eq!(read("xtask/src/a.rs", text).bools, []);
    }
}
