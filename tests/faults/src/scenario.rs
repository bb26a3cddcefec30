//! A scenario as it stands in a file, read strictly. Runners see the same JSON; only the server reads the expectations.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::script::Script;

/// The runtimes that play scenarios.
pub const RUNTIMES: [&str; 6] = ["node", "chromium", "python-sync", "python-async", "jvm", "jvm-blocking"];

/// Those who play `tests/adapters`, for other people's clients, by one name.
pub const ADAPTERS: &str = "adapters";

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub note: String,
    pub policy: BTreeMap<String, Value>,
    #[serde(default)]
    pub client: Client,
    #[serde(default)]
    pub credentials: Vec<Credential>,
    pub correlation: Option<String>,
    #[serde(default)]
    pub alone: bool,
    /// A drop-in that may buffer or not is told to.
    #[serde(default)]
    pub buffer: bool,
    server: Value,
    #[serde(rename = "do")]
    actions: Vec<RawAction>,
    #[serde(default)]
    pub expect: Expect,
    #[serde(default)]
    pub not: BTreeMap<String, String>,
    pub only: Option<BTreeMap<String, String>>,
    #[serde(skip)]
    pub script: Script,
    #[serde(skip)]
    pub plays: Vec<Play>,
}

/// Which face of the package is under test.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    #[default]
    Verbs,
    Dropin,
}

/// What a call of the credentials function gives.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Credential {
    Plain(String),
    Made(Made),
}

/// A token with its life in ms, given after `delay` ms; or a failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Made {
    pub token: Option<String>,
    pub expires_in: Option<u64>,
    #[serde(default)]
    pub fail: bool,
    #[serde(default)]
    pub delay: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RawAction {
    call: Option<String>,
    together: Option<usize>,
    every: Option<u64>,
    width: Option<usize>,
    pause: Option<u64>,
    close: Option<bool>,
    path: BTreeMap<String, Value>,
    query: BTreeMap<String, Value>,
    json: Option<Value>,
    body: Option<String>,
    upload: Option<u64>,
    headers: BTreeMap<String, String>,
    key: Option<Key>,
    deadline: Option<u64>,
    raise: Option<bool>,
    stream: Option<bool>,
    cancel_after: Option<u64>,
    close_after: Option<u64>,
    #[serde(rename = "as")]
    read: Option<Reading>,
    is: Option<Value>,
    ms: Option<Range>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Wanted(bool),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reading {
    Json,
    Text,
    Bytes,
}

/// An action with what is expected of it.
#[derive(Debug)]
pub enum Play {
    Call(Box<Is>, Range),
    Together(usize, Box<Crowd>, Range),
    Pause,
    Close,
}

/// A number (exactly) or `[min, max]`, `null` for open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Range {
    pub const ANY: Range = Range { min: None, max: None };

    pub fn holds(self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => write!(out, "{min}"),
            (Some(min), Some(max)) => write!(out, "{min} to {max}"),
            (Some(min), None) => write!(out, "at least {min}"),
            (None, Some(max)) => write!(out, "at most {max}"),
            (None, None) => out.write_str("anything"),
        }
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Range, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Exact(f64),
            Pair([Option<f64>; 2]),
        }
        match Form::deserialize(from)? {
            Form::Exact(value) => Ok(Range { min: Some(value), max: Some(value) }),
            Form::Pair([Some(min), Some(max)]) if min > max => Err(serde::de::Error::custom("min is above max")),
            Form::Pair([min, max]) => Ok(Range { min, max }),
        }
    }
}

/// What a call must give.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Is {
    pub status: Option<u16>,
    #[serde(deserialize_with = "even_null")]
    pub json: Option<Value>,
    pub text: Option<String>,
    pub bytes: Option<Range>,
    pub error: Option<ErrorKind>,
    pub reason: Option<OneOf>,
    pub outcome: Option<String>,
    pub attempts: Option<Range>,
    pub retry_after_ms: Option<Range>,
    pub name: Option<String>,
    pub family: Option<Family>,
    pub broke: Option<Range>,
    pub read_ms: Option<Range>,
    pub hides: Vec<String>,
    pub tells: Vec<String>,
}

/// What kind of exception a call ended with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    Call,
    Status,
    Parse,
    Cancelled,
    Native,
    Misuse,
}

/// Which of its own exceptions a platform's client raised, as a user would tell them apart.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Timeout,
    Connection,
    Other,
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Timeout => "timeout",
            Family::Connection => "connection",
            Family::Other => "other",
        }
    }
}

/// A word, or any of several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOf {
    One(String),
    Any(Vec<String>),
}

impl OneOf {
    pub fn has(&self, text: &str) -> bool {
        match self {
            OneOf::One(one) => one == text,
            OneOf::Any(list) => list.iter().any(|one| one == text),
        }
    }
}

/// What many calls must give.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Crowd {
    pub succeeded: Option<Range>,
    pub failed: Option<Range>,
    pub reasons: BTreeMap<String, Range>,
    pub outcomes: BTreeMap<String, Range>,
    pub attempts: Option<Range>,
    pub each: Option<Is>,
    pub ms: Option<Range>,
    pub from: Option<From>,
}

/// How soon all is well again; ms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct From {
    pub at: f64,
    pub first_success: f64,
    pub last_failure: f64,
}

/// What the server must have seen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Expect {
    pub requests: Option<Range>,
    pub commits: Option<Range>,
    pub duplicates: Option<Range>,
    pub replays: Option<Range>,
    pub connections: Option<Range>,
    pub in_flight: Option<Range>,
    pub gone: Option<Range>,
    pub credentials: Option<Range>,
    /// Ms from the first request to the last.
    pub span: Option<Range>,
    pub statuses: BTreeMap<u16, Range>,
    pub phases: Vec<Range>,
    pub pace: Option<Pace>,
    pub seen: Vec<Seen>,
    pub every: Option<Seen>,
}

/// In no `window` ms more than `most` requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    pub window: f64,
    pub most: usize,
}

/// One request; what is not named may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    pub method: Option<String>,
    pub path: Option<String>,
    pub query: Option<String>,
    pub body: Option<String>,
    #[serde(deserialize_with = "even_null")]
    pub json: Option<Value>,
    pub bytes: Option<Range>,
    pub after: Option<Range>,
    pub headers: BTreeMap<String, HeaderIs>,
}

fn even_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Equal, there or absent, or compared with another request's or a form.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum HeaderIs {
    Text(String),
    There(bool),
    Compared(Compared),
}

/// `Same` and `Differs` name a request by its number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compared {
    Same(usize),
    Differs(usize),
    Starts(String),
    Like(Like),
}

/// A random UUID (RFC 9562 version 4), bare or as a structured-field string.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Like {
    Uuid,
    QuotedUuid,
}

impl Scenario {
    /// Reads a scenario. The error is one sentence for its author.
    pub fn read(value: Value) -> Result<Scenario, String> {
        let mut scenario: Scenario = serde_json::from_value(value).map_err(|error| error.to_string())?;
        scenario.script = Script::read(scenario.server.take())?;
        let actions = std::mem::take(&mut scenario.actions);
        for (index, action) in actions.into_iter().enumerate() {
            scenario.plays.push(action.read().map_err(|error| format!("do[{index}]: {error}"))?);
        }
        let listed = scenario.not.iter().chain(scenario.only.iter().flatten());
        for (runtime, reason) in listed {
            if !RUNTIMES.contains(&runtime.as_str()) || reason.is_empty() {
                return Err(format!("not/only: {runtime:?} is no runtime, or has no reason"));
            }
        }
        match () {
            () if scenario.plays.is_empty() => Err("do: nothing to do".into()),
            () if scenario.policy.contains_key("baseUrl") => Err("policy.baseUrl: the runner adds it".into()),
            () => Ok(scenario),
        }
    }

    /// By its `only` and `not`.
    pub fn plays_in(&self, runtime: &str) -> bool {
        !self.not.contains_key(runtime) && self.only.as_ref().is_none_or(|only| only.contains_key(runtime))
    }
}

impl RawAction {
    fn read(self) -> Result<Play, String> {
        let ms = self.ms.unwrap_or(Range::ANY);
        match (&self.call, self.pause, self.close) {
            (Some(call), None, None) => self.check_call(call)?,
            (None, Some(_), None) => return Ok(Play::Pause),
            (None, None, Some(true)) => return Ok(Play::Close),
            _ => return Err("one of call, pause and close".into()),
        }
        let is = self.is.unwrap_or_else(|| Value::Object(Default::default()));
        match self.together {
            Some(count) => {
                let crowd = serde_json::from_value(is).map_err(|error| error.to_string())?;
                Ok(Play::Together(count, Box::new(crowd), ms))
            }
            None if self.every.is_some() || self.width.is_some() => Err("every and width go with together".into()),
            None => Ok(Play::Call(Box::new(serde_json::from_value(is).map_err(|error| error.to_string())?), ms)),
        }
    }

    fn check_call(&self, call: &str) -> Result<(), String> {
        let (method, path) = call.split_once(' ').ok_or("call: METHOD /path")?;
        if method.chars().any(|c| !c.is_ascii_uppercase()) || !path.starts_with('/') {
            return Err("call: METHOD /path".into());
        }
        let bodies = [self.json.is_some(), self.body.is_some(), self.upload.is_some()];
        if bodies.into_iter().filter(|given| *given).count() > 1 {
            return Err("one of json, body and upload".into());
        }
        for name in self.path.keys() {
            if !path.contains(&format!("{{{name}}}")) {
                return Err(format!("path.{name}: not in {call:?}"));
            }
        }
        if path.matches('{').count() != self.path.len() {
            return Err("path: one value for each {template}".into());
        }
        if self.every.is_some() && self.width.is_some() {
            return Err("one of every and width".into());
        }
        if matches!(&self.key, Some(Key::Text(text)) if text.is_empty()) {
            return Err("key: empty".into());
        }
        if self.raise == Some(true) || self.stream == Some(false) || matches!(self.key, Some(Key::Wanted(false))) {
            return Err("raise: false, stream: true, key: true; else leave it out".into());
        }
        if self.stream == Some(true) && self.read.is_some() {
            return Err("as: a stream is read as bytes".into());
        }
        Ok(())
    }
}
