//! What goes wrong at a server, one effect at a time.

use super::call::Call;
use super::how::{How, RetryAfter};
use super::world::NEVER;
use serde::{Deserialize, Serialize};

/// One thing that goes wrong at the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Effect {
    #[serde(default)]
    pub from: u64,
    #[serde(default = "never", skip_serializing_if = "is_never")]
    pub until: u64,
    /// It touches the calls of this part only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// It touches only the calls whose number is a multiple of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<u32>,
    pub does: Does,
}

/// What an effect does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Does {
    Fail(Fail),
    /// The share that fails falls evenly from all to none.
    WarmUp {
        how: How,
    },
    Slow(Slow),
    Limit(Limit),
    InFlight(InFlight),
    Queue(Queue),
}

/// Requests fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fail {
    pub how: How,
    /// Share of the requests that fail.
    #[serde(default = "whole")]
    pub share: f64,
    /// Only the first so many attempts of a call fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<Flap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
}

/// Failing and answering in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flap {
    /// Milliseconds of failing.
    pub on: u64,
    /// Milliseconds of answering.
    pub off: u64,
}

/// Answers take longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// Milliseconds more.
    pub by: u64,
    /// Share of the requests that are slow.
    #[serde(default = "whole")]
    pub share: f64,
    /// It grows evenly from nothing to all of it.
    #[serde(default)]
    pub drift: bool,
}

/// A rate limit of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    pub kind: LimitKind,
    /// Requests …
    pub allows: u64,
    /// … in so many milliseconds.
    pub per: u64,
    /// Tokens that the bucket holds.
    #[serde(default = "one")]
    pub burst: u64,
    #[serde(default = "too_many")]
    pub how: How,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gauge: Option<GaugeForm>,
    /// Each part has a limit of its own.
    #[serde(default)]
    pub each: bool,
    /// Answers have a `Date`.
    #[serde(default)]
    pub date: bool,
}

/// How a rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitKind {
    /// Fixed windows.
    Window,
    /// A token bucket.
    Bucket,
}

/// The headers in which a server reports its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GaugeForm {
    /// `X-RateLimit-*` with the reset as Unix seconds.
    X,
    /// `RateLimit` and `RateLimit-Policy` of the IETF draft.
    Ietf,
}

/// A server that handles so many requests at a time and refuses the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InFlight {
    pub most: usize,
    pub how: How,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
}

/// A server with workers and a bounded queue before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Queue {
    pub workers: usize,
    /// Requests that may wait; more are refused.
    pub places: usize,
    pub how: How,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
}

fn never() -> u64 {
    NEVER
}

fn is_never(until: &u64) -> bool {
    *until >= NEVER
}

fn whole() -> f64 {
    1.0
}

fn one() -> u64 {
    1
}

fn too_many() -> How {
    How::Status(429)
}

impl From<Fail> for Effect {
    fn from(fail: Fail) -> Self {
        Self::from(Does::Fail(fail))
    }
}

impl From<Does> for Effect {
    fn from(does: Does) -> Self {
        Self { from: 0, until: NEVER, part: None, ids: None, does }
    }
}

impl Fail {
    /// Fails every request.
    #[must_use]
    pub fn all(how: How) -> Self {
        Self { how, share: 1.0, first: None, flap: None, retry_after: None }
    }
}

impl Effect {
    /// Limits it to a span of time.
    #[must_use]
    pub fn during(mut self, from: u64, until: u64) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// Limits it to the calls of a part.
    #[must_use]
    pub fn of_part(mut self, part: u32) -> Self {
        self.part = Some(part);
        self
    }

    /// Returns whether it touches a call at all.
    #[must_use]
    pub fn touches(&self, call: &Call) -> bool {
        self.part.is_none_or(|part| part == call.part) && self.ids.is_none_or(|ids| call.id.is_multiple_of(ids))
    }

    /// Returns whether it acts at a time.
    #[must_use]
    pub fn acts(&self, now: u64) -> bool {
        if !(self.from..self.until).contains(&now) {
            return false;
        }
        match &self.does {
            Does::Fail(Fail { flap: Some(Flap { on, off }), .. }) => (now - self.from) % (on + off) < *on,
            _ => true,
        }
    }

    /// Returns how its requests fail, if any does.
    #[must_use]
    pub fn how(&self) -> Option<How> {
        match &self.does {
            Does::Fail(Fail { how, .. })
            | Does::WarmUp { how }
            | Does::Limit(Limit { how, .. })
            | Does::InFlight(InFlight { how, .. })
            | Does::Queue(Queue { how, .. }) => Some(*how),
            Does::Slow(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_acts_within_its_span_and_its_flaps() {
        let effect = Effect::from(Fail { flap: Some(Flap { on: 10, off: 20 }), ..Fail::all(How::Reset) });
        let effect = effect.during(100, 200);
        let acts: Vec<u64> = (90..210).filter(|now| effect.acts(*now)).collect();
        let expected: Vec<u64> = (100..110).chain(130..140).chain(160..170).chain(190..200).collect();
        assert_eq!(acts, expected);
    }
}
