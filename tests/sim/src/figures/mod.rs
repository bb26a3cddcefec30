//! How well the policy decides: modelled servers, other people's policies beside ours, the table that compares, and
//! the sweep of the constants.

/// What each policy makes of each server, as Markdown.
///
/// # Errors
/// An argument that it does not know.
pub fn table(_words: &[String]) -> Result<String, String> {
    Ok(String::new())
}

/// The figures over values of the constants.
///
/// # Errors
/// An argument that it does not know.
pub fn sweep(_words: &[String]) -> Result<String, String> {
    Ok(String::new())
}
