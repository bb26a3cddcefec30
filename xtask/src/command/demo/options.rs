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

/// The words of the command.
#[derive(Debug, Default, clap::Args)]
pub struct Words {
    /// The same day for what people use in Node
    #[arg(long, conflicts_with = "url")]
    peers: bool,
    /// GETs of an API of yours instead: https://HOST[/PATH]
    #[arg(long)]
    url: Option<String>,
    /// The path to get, where the URL is the base
    #[arg(long, requires = "url")]
    get: Option<String>,
    /// The policy file
    #[arg(long, requires = "url")]
    policy: Option<String>,
    /// Calls a second, from 0.01 to 50
    #[arg(long, requires = "url")]
    rate: Option<f64>,
    /// Seconds, from 1 to 3600
    #[arg(long, requires = "url")]
    seconds: Option<f64>,
}

/// The demo is no load generator for other people's servers.
const MOST_CALLS_PER_SECOND: f64 = 50.0;

impl Options {
    /// Checks the words; without others 2 calls a second for 20 s.
    ///
    /// # Errors
    /// The value that does not fit, and what could stand there.
    pub fn of(words: Words) -> Result<Self, String> {
        if words.peers {
            return Ok(Self::Peers);
        }
        let Some(url) = words.url else { return Ok(Self::Day) };
        let (base, path) = checked_url(&url)?;
        let get = words.get.as_deref().map(checked_path).transpose()?;
        let policy = words.policy.as_deref().map(checked_file).transpose()?;
        let rate = within("--rate", words.rate.unwrap_or(2.0), 0.01, MOST_CALLS_PER_SECOND)?;
        let seconds = within("--seconds", words.seconds.unwrap_or(20.0), 1.0, 3600.0)?.round() as u64;
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

fn within(name: &str, number: f64, least: f64, most: f64) -> Result<f64, String> {
    let fits = (least..=most).contains(&number);
    if fits { Ok(number) } else { Err(format!("{name} {number}: write a number from {least} to {most}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn read(text: &str) -> Result<Options, String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            words: Words,
        }
        let line = Line::try_parse_from(["demo"].into_iter().chain(text.split_whitespace()));
        Options::of(line.map_err(|error| error.to_string())?.words)
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
            ("--fast", "--fast"),
            ("--url", "a value is required"),
            ("--url ftp://a", "not an address"),
            ("--url https://a/?x=1", "leave out"),
            ("--url https://a --policy no-such-file.json", "no such file"),
            ("--url https://a --rate many", "invalid"),
            ("--url https://a --rate 5000", "a number from"),
            ("--rate 5", "--url"),
            ("--url https://a --get x", "not a path"),
        ] {
            assert!(read(text).is_err_and(|why| why.contains(part)), "{text}");
        }
    }
}
