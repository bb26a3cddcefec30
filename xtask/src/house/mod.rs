//! The rules of the house, checked; and the table of its sizes.

pub mod manual;
mod rules;
mod sizes;

use crate::run::Run;

/// `cargo xtask house`: the table of sizes, then the rules.
///
/// # Errors
/// The rules that are broken.
pub fn main() -> Result<(), String> {
    println!("{}", sizes::table()?);
    println!("{}", check()?);
    Ok(())
}

/// Every rule.
///
/// # Errors
/// The rules that are broken, a line each.
pub fn check() -> Result<String, String> {
    let files = tracked()?;
    let mut broken = rules::broken(&files)?;
    manual::check(&files, &mut broken);
    if broken.is_empty() { Ok("the house is in order".into()) } else { Err(broken.join("\n")) }
}

/// Every file under version control or about to be, as paths from the root with `/`.
fn tracked() -> Result<Vec<String>, String> {
    let list = Run::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    let here = |path: &&str| crate::places::at(path).is_file();
    Ok(list.lines().filter(here).map(str::to_owned).collect())
}
