//! `cargo xtask demo`: a bad day of about 40 s for three clients with one policy file, and for a naive retry loop.
//! With `--url`, the three clients against an API of the user's.

mod answers;
mod arrivals;
mod clients;
mod day;
mod figures;
mod live;
mod options;
mod plot;
mod report;
mod rows;
#[cfg(test)]
mod sample;
mod table;
mod times;
mod verdict;

use crate::tool::places::{self, at, target};
use crate::tool::run::Run;
use crate::tool::server::Server;
use clients::{Client, Language};
use figures::Figures;
use options::Options;
pub use options::Words;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After the last call has begun, a call may still live as long as its policy lets it; then the programs are ended.
const AFTERWARDS: Duration = Duration::from_secs(90);

/// A client that was to run, with its program or the reason why it cannot.
type Prepared = (Language, Result<Run, String>);

/// Plays the day, or calls the URL that the words name.
///
/// # Errors
/// Arguments that are not understood, a server that does not start, or no client that can run.
pub fn main(words: Words) -> Result<(), String> {
    match Options::of(words)? {
        Options::Day => play(&Language::DAY),
        Options::Peers => play(&Language::PEERS),
        Options::Url { url, get, policy, rate, seconds } => call(&url, &get, policy, rate, seconds),
    }
}

/// GETs of one path of somebody's API.
fn call(url: &str, get: &str, policy: Option<PathBuf>, rate: f64, seconds: u64) -> Result<(), String> {
    let defaults = target("demo/defaults.policy.json");
    places::write(&defaults, "{}\n")?;
    let policy = policy.unwrap_or(defaults);
    let (prepared, missing) = prepare(&Language::OURS)?;
    println!("GET {get} of {url}, {rate} calls a second for {seconds} s from each client");
    let arguments = |_| {
        let mut words = arguments(url, &policy, rate, seconds, 0.0);
        words.extend(["--get".to_owned(), get.to_owned()]);
        words
    };
    let ended = watch(prepared, arguments, seconds, |_| "running".to_owned())?;
    let clients: Vec<(Language, Figures)> =
        ended.iter().filter_map(|(language, done)| Some((*language, Figures::of(done.as_ref()?, None)))).collect();
    print_end(&clients, &missing);
    complete(&ended)
}

/// What every demo program is told.
fn arguments(url: &str, policy: &Path, rate: f64, seconds: u64, writes: f64) -> Vec<String> {
    let (rate, seconds, writes) = (rate.to_string(), seconds.to_string(), writes.to_string());
    let policy = policy.display().to_string();
    let words = ["--url", url, "--policy", &policy, "--rate", &rate, "--seconds", &seconds, "--writes", &writes];
    words.map(str::to_owned).to_vec()
}

fn play(languages: &[Language]) -> Result<(), String> {
    let policy = at("examples/demo.policy.json");
    let policy_text = std::fs::read_to_string(&policy).map_err(|error| format!("{}: {error}", policy.display()))?;
    println!("building in release");
    let server = Server::start()?;
    let (prepared, missing) = prepare(languages)?;
    let mut bases = BTreeMap::new();
    for (language, _) in &prepared {
        bases.insert(language.run(), server.begin(language.run(), &day::script())?);
    }
    let arguments = |language: Language| {
        let base = bases.get(language.run()).map_or("", String::as_str);
        arguments(base, &policy, day::RATE as f64, day::seconds(), day::WRITES)
    };
    println!("{} calls a second from each client, {} s", day::RATE, day::seconds());
    let state = |second| day::phase_at(second).name.to_owned();
    let ended = watch(prepared, arguments, day::seconds(), state)?;
    let mut clients = Vec::new();
    for (language, done) in ended.iter().filter_map(|(language, done)| Some((language, done.as_ref()?))) {
        let log = server.log(language.run())?;
        clients.push((*language, Figures::of(done, Some(&log))));
    }
    print_end(&clients, &missing);
    if let Some(verdict) = verdict::table(&clients) {
        print!("\n{}", verdict.text());
    }
    let page = report::Report { clients: &clients, missing: &missing, policy: &policy_text }.html();
    let path = target("demo/report.html");
    places::write(&path, &page)?;
    println!("\nthe report: {}", path.display());
    complete(&ended)
}

/// Programs that can run, and the names and reasons of those that cannot.
type Split = (Vec<(Language, Run)>, Vec<(&'static str, String)>);

fn prepare(languages: &[Language]) -> Result<Split, String> {
    let prepared: Vec<Prepared> = languages.iter().map(|language| (*language, language.prepare())).collect();
    let mut runs = Vec::new();
    let mut missing = Vec::new();
    for (language, run) in prepared {
        match run {
            Ok(run) => runs.push((language, run)),
            Err(why) => {
                println!("{} is left out: {}", language.name(), why.trim_end());
                missing.push((language.name(), why.lines().next().unwrap_or_default().to_owned()));
            }
        }
    }
    if runs.is_empty() { Err("no client can run here".into()) } else { Ok((runs, missing)) }
}

/// A client and the last line of its program, if it came that far.
type Ended = (Language, Option<Value>);

/// Starts all programs together and shows them until the last has ended; what they said at the end.
fn watch(
    prepared: Vec<(Language, Run)>,
    arguments: impl Fn(Language) -> Vec<String>,
    seconds: u64,
    state: impl Fn(u64) -> String,
) -> Result<Vec<Ended>, String> {
    let mut clients = Vec::new();
    for (language, run) in prepared {
        clients.push(Client::start(language, run.args(arguments(language)))?);
    }
    let started = Instant::now();
    let mut live = live::Live::new();
    loop {
        let all_ended = clients.iter_mut().all(Client::ended);
        let second = started.elapsed().as_secs();
        let state = if second < seconds { state(second) } else { "waiting for the last calls".to_owned() };
        live.show(&format!("second {second:>2} of {seconds}: {state}"), &clients);
        if all_ended || started.elapsed() > Duration::from_secs(seconds) + AFTERWARDS {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    let mut ended = Vec::new();
    for client in &clients {
        let said = client.said();
        if said.done.is_none() {
            println!("{} did not reach the end:\n{}", client.language.name(), said.other.trim_end());
        }
        ended.push((client.language, said.done));
    }
    Ok(ended)
}

/// A client that broke off is an error, but only after the others have been shown.
fn complete(ended: &[Ended]) -> Result<(), String> {
    let broken: Vec<&str> =
        ended.iter().filter(|(_, done)| done.is_none()).map(|(language, _)| language.name()).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("did not reach the end: {}", broken.join(", "))) }
}

fn print_end(clients: &[(Language, Figures)], missing: &[(&str, String)]) {
    println!("\n{}", rows::table(clients).text());
    for (language, of) in clients.iter().filter(|(_, of)| !of.failures.is_empty()) {
        let list: Vec<String> = of.failures.iter().map(|(reason, number)| format!("{reason} {number}")).collect();
        println!("failed calls of {}: {}", language.name(), list.join(", "));
    }
    for (name, why) in missing {
        println!("{name} was left out: {why}");
    }
}
