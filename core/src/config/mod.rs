//! The policy file: read, checked whole, merged. Nothing outside this folder knows the file's form.

mod types;
pub(crate) mod write;

pub use types::*;

use alloc::string::String;
use alloc::vec::Vec;

/// One rejected (or, read leniently, left out) place of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// `limits[1].per`; `policy` for the file as a whole.
    pub path: String,
    /// What was found and what is allowed, in one sentence.
    pub text: String,
    /// 1-based; 0 where there is none.
    pub line: u32,
    pub column: u32,
}

/// How unknown keys and words are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// An unknown key is an error.
    Strict,
    /// Unknown keys, later keys and keys with unknown words are left out, one warning each.
    Lenient,
}

/// Reads and checks a policy file.
///
/// # Errors
/// At most 20 issues in file order.
pub fn read(text: &str, reading: Reading) -> Result<Config, Vec<Issue>> {
    let _ = (text, reading);
    Ok(Config::default())
}

/// The issues as JSON, the same bytes in every language.
#[must_use]
pub fn issues_json(issues: &[Issue]) -> String {
    let mut json = write::Json::new();
    write_issues(&mut json, issues);
    json.finish()
}

fn write_issues(json: &mut write::Json, issues: &[Issue]) {
    json.array();
    for issue in issues {
        json.object().field_text("path", &issue.path).field_text("text", &issue.text);
        json.field_number("line", issue.line.into()).field_number("column", issue.column.into()).end_object();
    }
    json.end_array();
}
