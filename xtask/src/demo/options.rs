//! The words after `cargo xtask demo`.

use std::path::PathBuf;

/// What to play.
#[derive(Debug, PartialEq)]
pub enum Options {
    /// The bad day against the fault server.
    Day,
    /// The same day for what people use in Node.
    Peers,
    /// GETs of one path of an API of the user's.
    /// Without a policy file the defaults hold.
    Url { url: String, get: String, policy: Option<PathBuf>, rate: f64, seconds: u64 },
}

const USAGE: &str = "write `cargo xtask demo`, or
  cargo xtask demo --peers
  cargo xtask demo --url https://HOST[/PATH] [--policy FILE] [--get /PATH] [--rate CALLS-PER-SECOND] [--seconds N]";

/// The demo is no load generator for other people's servers.
const MOST_CALLS_PER_SECOND: f64 = 50.0;

impl Options {
    /// Reads the words; without others 2 calls a second for 20 s.
    ///
    /// # Errors
    /// The word that is not understood, and what could stand there.
    pub fn read(words: &[String]) -> Result<Self, String> {
        if words == ["--peers"] {
            return Ok(Self::Peers);
        }
        let (mut url, mut get, mut policy) = (None, None, None);
        let (mut rate, mut seconds) = (2.0, 20);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            if !["--url", "--get", "--policy", "--rate", "--seconds"].contains(&name) {
                return Err(format!("`{word}` is not understood; {USAGE}"));
            }
            let value =
                inline.or_else(|| words.next().cloned()).ok_or_else(|| format!("{name} needs a value; {USAGE}"))?;
            match name {
                "--url" => url = Some(checked_url(&value)?),
                "--get" => get = Some(checked_path(&value)?),
                "--policy" => policy = Some(checked_file(&value)?),
                "--rate" => rate = number(name, &value, 0.01, MOST_CALLS_PER_SECOND)?,
                _ => seconds = number(name, &value, 1.0, 3600.0)?.round() as u64,
            }
        }
        let Some((base, path)) = url else {
            let alone = get.is_none() && policy.is_none() && (rate, seconds) == (2.0, 20);
            return if alone { Ok(Self::Day) } else { Err(format!("these options need --url; {USAGE}")) };
        };
        // A whole address names what to get; with --get it is the base that the path is appended to.
        let (url, get) = match get {
            Some(get) => (format!("{base}{}", path.trim_end_matches('/')), get),
            None => (base, if path.is_empty() { "/".into() } else { path }),
        };
        Ok(Self::Url { url, get, policy, rate, seconds })
    }
}

/// `https://host/path` in its two parts.
fn checked_url(text: &str) -> Result<(String, String), String> {
    let problem = || format!("--url {text}: not an address; write --url https://api.example.com/path");
    let (scheme, rest) = text.split_once("://").ok_or_else(problem)?;
    let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if !["http", "https"].contains(&scheme) || host.is_empty() || host.contains(['@', ' ']) {
        return Err(problem());
    }
    if text.contains(['?', '#']) {
        return Err(format!("--url {text}: leave out what follows `?` or `#`; a policy may hold a \"query\""));
    }
    Ok((format!("{scheme}://{host}"), path.to_owned()))
}

fn checked_path(text: &str) -> Result<String, String> {
    let fits = text.starts_with('/') && !text.contains(['?', '#', ' ', '{']);
    if fits { Ok(text.to_owned()) } else { Err(format!("--get {text}: not a path; write --get /status")) }
}

fn checked_file(text: &str) -> Result<PathBuf, String> {
    let path = std::env::current_dir().unwrap_or_default().join(text);
    if path.is_file() { Ok(path) } else { Err(format!("--policy {text}: there is no such file")) }
}

fn number(name: &str, text: &str, least: f64, most: f64) -> Result<f64, String> {
    let found = text.parse::<f64>().ok().filter(|number| (least..=most).contains(number));
    found.ok_or_else(|| format!("{name} {text}: write a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        Options::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_whole_address_names_what_to_get() {
        let Ok(Options::Url { url, get, rate, .. }) = read("--url https://a.example/v1/x --rate=5") else { panic!() };
        assert_eq!((url.as_str(), get.as_str(), rate), ("https://a.example", "/v1/x", 5.0));
        let Ok(Options::Url { url, get, .. }) = read("--url https://a.example/v1/ --get /x") else { panic!() };
        assert_eq!((url.as_str(), get.as_str()), ("https://a.example/v1", "/x"));
    }

    #[test]
    fn bad_words_are_answered_with_what_could_stand_there() {
        assert_eq!(read(""), Ok(Options::Day));
        assert_eq!(read("--peers"), Ok(Options::Peers));
        for (text, part) in [
            ("--fast", "`--fast` is not understood"),
            ("--url", "--url needs a value"),
            ("--url ftp://a", "not an address"),
            ("--url https://a/?x=1", "leave out"),
            ("--url https://a --policy no-such-file.json", "no such file"),
            ("--url https://a --rate many", "a number from"),
            ("--rate 5", "need --url"),
            ("--url https://a --get x", "not a path"),
        ] {
            assert!(read(text).is_err_and(|why| why.contains(part)), "{text}");
        }
    }
}
