//! The script of a run, as it stands in a file: plain data, read strictly.
//!
//! What a node does is in `node.rs`, what an answer becomes on the wire in `answer.rs`; tests/README.md is the reference.

mod bucket;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use bucket::{
    BucketKind, BucketScript, Family, LimitSays, Moment, Quota, ResetForm, ResetOf, RetryAfter, RetryWord, Round, Shown,
};

/// A whole script: the root node and what only the root may say.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Script {
    /// A port of the run's own that does not listen (yet).
    pub refuse: Option<Refuse>,
    /// `false` keeps no request in the log, only totals.
    pub log: Option<bool>,
    #[serde(flatten)]
    pub root: NodeScript,
}

/// How the run's own port refuses: `true`, milliseconds, or `"silently"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Refuse {
    Always(bool),
    For(u64),
    Silently(Silently),
}

/// The word `silently`: a connection attempt gets no answer at all.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Silently {
    Silently,
}

/// One node: who answers, in the order of the fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeScript {
    pub paths: BTreeMap<String, NodeScript>,
    pub phases: Vec<PhaseScript>,
    pub tokens: Vec<String>,
    pub bucket: Option<BucketScript>,
    pub pool: Option<PoolScript>,
    pub answers: Vec<Answer>,
    pub then: Option<Answer>,
    pub cycle: bool,
    pub per: Option<Per>,
    /// What no field took: reading refuses it afterwards (serde cannot, beside `flatten`).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A node for a time.
#[derive(Clone, Debug, Deserialize)]
pub struct PhaseScript {
    /// Milliseconds; none: for ever.
    #[serde(rename = "for")]
    pub lasts: Option<u64>,
    #[serde(flatten)]
    pub node: NodeScript,
}

/// Whose sequence of answers a request continues; none: the node's.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    Path,
    Op,
}

/// A worker pool; times in ms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolScript {
    /// Requests served at the same time.
    pub workers: usize,
    /// What one takes.
    pub service: u64,
    #[serde(default = "unbounded")]
    /// Requests that may wait for a worker.
    pub queue: usize,
    #[serde(default)]
    /// What a rejection costs a worker.
    pub reject: u64,
}

fn unbounded() -> usize {
    usize::MAX
}

/// What one request gets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderText>,
    #[serde(default, deserialize_with = "even_null")]
    pub json: Option<Value>,
    pub body: Option<String>,
    pub bytes: Option<usize>,
    #[serde(default)]
    pub echo: bool,
    pub sdk: Option<Sdk>,
    /// Milliseconds before anything of the answer is sent.
    #[serde(default)]
    pub delay: u64,
    /// Overrides what [`Answer::commits`] concludes from status and fault.
    pub commit: Option<bool>,
    pub fault: Option<Fault>,
    /// `dribble`: bytes at a time.
    #[serde(default = "one")]
    pub piece: usize,
    /// `dribble`: ms between pieces.
    #[serde(default = "hundred")]
    pub every: u64,
    /// How many requests in a row get this answer.
    #[serde(default = "once")]
    pub times: u64,
}

/// `"json": null` is a body; a missing key is none.
fn even_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

fn ok() -> u16 {
    200
}

fn one() -> usize {
    1
}

fn once() -> u64 {
    1
}

fn hundred() -> u64 {
    100
}

impl Answer {
    /// An answer of nothing but a status.
    pub fn of(status: u16) -> Answer {
        Answer {
            status,
            headers: BTreeMap::new(),
            json: None,
            body: None,
            bytes: None,
            echo: false,
            sdk: None,
            delay: 0,
            commit: None,
            fault: None,
            piece: 1,
            every: 100,
            times: 1,
        }
    }

    /// Does a write that gets this answer take effect?
    pub fn commits(&self) -> bool {
        let processed = !matches!(self.fault, Some(Fault::ResetBefore | Fault::ResetAfter | Fault::Close));
        self.commit.unwrap_or(processed && self.status < 400)
    }
}

/// A body that vendors' SDKs take for a good answer (`sdk.rs`): JSON, or a stream of server-sent events.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Sdk {
    Json,
    Events,
}

/// A header's value: text, or something made when it is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum HeaderText {
    Text(String),
    Number(i64),
    List(Vec<HeaderText>),
    Date(DateText),
    Epoch(EpochText),
}

/// The time `date` ms from now, in whole seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateText {
    pub date: i64,
    #[serde(default)]
    pub form: DateForm,
}

/// The three forms of an HTTP date (RFC 9110 section 5.6.7).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum DateForm {
    #[default]
    Imf,
    Rfc850,
    Asctime,
}

/// The time `epoch` ms from now, as a Unix time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochText {
    pub epoch: i64,
    #[serde(default)]
    pub unit: EpochUnit,
}

/// Of a Unix time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum EpochUnit {
    #[default]
    S,
    Ms,
}

/// What goes wrong with an answer; the table is in tests/README.md.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    ResetBefore,
    ResetAfter,
    Close,
    CloseAfter,
    ResetIdle,
    Truncate,
    CutChunk,
    StallHeaders,
    StallBody,
    Dribble,
    Endless,
    Garbage,
    HugeHeader,
    ManyHeaders,
    Informational,
}

impl Fault {
    /// The word of the script.
    pub fn name(self) -> &'static str {
        match self {
            Fault::ResetBefore => "reset-before",
            Fault::ResetAfter => "reset-after",
            Fault::Close => "close",
            Fault::CloseAfter => "close-after",
            Fault::ResetIdle => "reset-idle",
            Fault::Truncate => "truncate",
            Fault::CutChunk => "cut-chunk",
            Fault::StallHeaders => "stall-headers",
            Fault::StallBody => "stall-body",
            Fault::Dribble => "dribble",
            Fault::Endless => "endless",
            Fault::Garbage => "garbage",
            Fault::HugeHeader => "huge-header",
            Fault::ManyHeaders => "many-headers",
            Fault::Informational => "informational",
        }
    }
}

impl Script {
    /// Reads a script. The error is one sentence for its author.
    pub fn read(value: Value) -> Result<Script, String> {
        let script: Script = serde_json::from_value(value).map_err(|error| error.to_string())?;
        script.check()?;
        Ok(script)
    }

    fn check(&self) -> Result<(), String> {
        self.root.check("server")
    }
}

impl NodeScript {
    fn check(&self, place: &str) -> Result<(), String> {
        if let Some(key) = self.unknown.keys().next() {
            return Err(format!("{place}.{key}: unknown key"));
        }
        for (pattern, node) in &self.paths {
            node.check(&format!("{place}.paths[{pattern:?}]"))?;
        }
        for (index, phase) in self.phases.iter().enumerate() {
            phase.node.check(&format!("{place}.phases[{index}]"))?;
        }
        match self.bucket.as_ref().and_then(BucketScript::problem) {
            Some(problem) => Err(format!("{place}.bucket: {problem}")),
            None => Ok(()),
        }
    }
}
