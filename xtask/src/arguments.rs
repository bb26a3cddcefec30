//! Reading the words of a command line.

/// The values of `--only`, which may be repeated or hold several with commas between; nothing else is allowed.
///
/// # Errors
/// The word that is not understood and the ones that are.
pub fn only(words: &[String], allowed: &[&str]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--only") {
            Some("") => words.next().ok_or("--only needs a name")?.as_str(),
            Some(rest) if rest.starts_with('=') => &rest[1..],
            _ => return Err(format!("`{word}` is not understood; write --only NAME")),
        };
        for name in value.split(',') {
            if !allowed.contains(&name) {
                return Err(format!("--only {name}: no such name; write one of {}", allowed.join(", ")));
            }
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::only;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn only_may_be_repeated_or_listed() {
        let allowed = ["js", "rust"];
        assert_eq!(only(&words("--only js --only=rust"), &allowed), Ok(words("js rust")));
        assert_eq!(only(&words("--only js,rust"), &allowed), Ok(words("js rust")));
        assert_eq!(only(&[], &allowed), Ok(Vec::new()));
    }

    #[test]
    fn unknown_words_are_named() {
        assert!(only(&words("--olny js"), &["js"]).is_err_and(|why| why.contains("--olny")));
        assert!(only(&words("--only jss"), &["js"]).is_err_and(|why| why.contains("write one of js")));
        assert!(only(&words("--only"), &["js"]).is_err());
    }
}
