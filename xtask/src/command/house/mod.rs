//! Checks the rules of CONTRIBUTING.md, and prints the sizes of the parts.

pub mod formats;
mod functions;
mod kotlin;
pub mod manual;
mod rooms;
mod rules;
mod sizes;
mod words;

use crate::tool::run::Run;

/// The time from which on subjects of commits are checked.
const RULE_BEGAN: &str = "2026-11-29T06:00:00Z";

/// Prints the table of sizes, then checks the rules.
///
/// # Errors
/// The rules that are broken.
pub fn main() -> Result<(), String> {
    println!("{}", sizes::table()?);
    println!("{}", check()?);
    Ok(())
}

/// Checks every rule.
///
/// # Errors
/// The rules that are broken, a line each.
pub fn check() -> Result<String, String> {
    let files = tracked()?;
    let mut broken = rules::broken(&files)?;
    manual::check(&files, &mut broken);
    rooms::check(&files, &mut broken);
    words::check(&files, &mut broken);
    functions::check(&files, &mut broken);
    broken.extend(subjects()?);
    if broken.is_empty() { Ok("the house is in order".into()) } else { Err(broken.join("\n")) }
}

/// Finds the commits whose subjects are too long, since the rule began.
fn subjects() -> Result<Vec<String>, String> {
    let list = Run::new("git").args(["log", "--no-merges", "--since", RULE_BEGAN, "--format=%h %s"]).output()?;
    let long = list.lines().filter_map(|line| line.split_once(' ')).filter(|(_, subject)| subject.chars().count() > 72);
    Ok(long
        .map(|(commit, subject)| format!("commit {commit}: its subject has more than 72 characters: {subject}"))
        .collect())
}

/// Lists every file under version control or about to be, as paths from the root with `/`.
fn tracked() -> Result<Vec<String>, String> {
    let list = Run::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    let here = |path: &&str| crate::tool::places::at(path).is_file();
    Ok(list.lines().filter(here).map(str::to_owned).collect())
}
