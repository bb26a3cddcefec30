//! Every key of a policy, once: its name, form, range, who may write it, what it means. The reader, the lists in error
//! texts, the JSON Schema and the manual's `policy-reference.md` come from this table.

use crate::defaults::{self, ONE};

const DAY: u32 = defaults::DAY as u32;

/// One key of an object.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) place: Place,
    /// Where the reader puts what it reads.
    pub(super) slot: Slot,
    /// For the schema.
    #[cfg(any(feature = "schema", test))]
    pub(super) meaning: &'static str,
}

/// Where a key may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the policy only (or in an object that no route overrides).
    Policy,
    /// In the policy and in routes.
    Both,
    /// In routes only.
    Route,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Text that is checked and dropped.
    Note,
    /// Of a later version.
    Later,
    /// The format's major.
    Major,
    /// `"200ms"` or milliseconds, from and to.
    Time(u32, u32),
    /// `"64KiB"` or bytes, from and to.
    Size(u32, u32),
    /// An integer, from and to.
    Whole(u32, u32),
    /// A decimal, from in millionths and to in whole.
    Ratio(u32, u32),
    Bool,
    /// One of these, by place.
    Word(&'static [&'static str]),
    /// `[a-z0-9][a-z0-9._-]{0,63}`.
    Id,
    /// Text without control characters, not empty.
    Text,
    /// Text that fits a header line.
    Line,
    /// A header's name; as a [`Slot`], lower case is the reader's business.
    Header,
    /// A header's name or `false`.
    HeaderOrFalse,
    /// A JSON pointer.
    Pointer,
    /// A base URL or `{"env": NAME}`.
    Base,
    /// Names and texts; headers or query.
    Headers,
    Query,
    /// A list of methods.
    Methods,
    /// A status or a list.
    Statuses,
    /// A list of texts, integers and bools.
    Values,
    /// A family's name or an object of header names.
    Family,
    Object(&'static [Key]),
    ObjectOrFalse(&'static [Key]),
    /// A list of [`RULE`].
    Rules,
    /// A list of [`LIMIT`].
    Limits,
    /// Costs by the names of limits.
    Costs,
    /// Patterns and their overrides.
    Routes,
}

impl Form {
    /// Least and most of a number.
    pub(super) const fn range(&self) -> (u64, u64) {
        match *self {
            Self::Time(least, most) | Self::Size(least, most) | Self::Whole(least, most) => (least as u64, most as u64),
            Self::Ratio(least, most) => (least as u64, (most as u64).saturating_mul(ONE)),
            _ => (0, u64::MAX),
        }
    }
}

/// Where a value goes: one place for each key that a value can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Slot {
    /// Nothing is kept.
    None,
    Name,
    Base,
    Headers,
    Query,
    UserAgent,
    RequestId,
    CorrelationId,
    Version,
    Pin,
    PinHeader,
    PinQuery,
    Preset,
    Connect,
    Idle,
    Attempt,
    Total,
    LongestWait,
    MaxBody,
    BufferUpTo,
    Concurrency,
    MaxWaiting,
    Attempts,
    RetryBase,
    Cap,
    Jitter,
    MaxRetryAfter,
    Patience,
    Capacity,
    PerCall,
    PerSecond,
    Repeatable,
    Idempotency,
    KeyHeader,
    Methods,
    Format,
    Classify,
    Breaker,
    Scope,
    Window,
    FailureRate,
    MinimumCalls,
    Run,
    CoolDown,
    LatestProbe,
    Probes,
    Wait,
    SlowAfter,
    Limits,
    Costs,
    Routes,
    Status,
    RuleHeader,
    Json,
    Is,
    As,
    LimitName,
    Rate,
    Per,
    Burst,
    Headroom,
    Cost,
    Gauge,
    Remaining,
    LimitHeader,
    Reset,
    Unit,
    /// How many there are.
    Count,
}

const fn key(name: &'static str, form: Form, place: Place, slot: Slot, meaning: &'static str) -> Key {
    #[cfg(not(any(feature = "schema", test)))]
    let _ = meaning;
    Key {
        name,
        form,
        place,
        slot,
        #[cfg(any(feature = "schema", test))]
        meaning,
    }
}

const fn later(name: &'static str) -> Key {
    key(name, Form::Later, Place::Both, Slot::None, "")
}

const NOTE: Key = key("note", Form::Note, Place::Both, Slot::None, "Ignored; a place for sources.");

pub(super) const PRESETS: &[&str] = &["interactive", "service", "batch"];
pub(super) const JITTERS: &[&str] = &["added", "full", "none"];
pub(super) const FORMATS: &[&str] = &["uuid", "sf-string"];
pub(super) const CLASSES: &[&str] = &["fail", "retry", "rate-limited"];
pub(super) const SCOPES: &[&str] = &["api", "route", "both"];
pub(super) const UNITS: &[&str] = &["auto", "ms"];
pub(super) const KEYED: &[&str] = &["POST", "PATCH", "PUT", "DELETE"];
/// In the order of [`super::types::Gauge`].
pub(super) const FAMILIES: &[&str] = &[
    "auto",
    "none",
    "ratelimit",
    "ratelimit-fields",
    "x-ratelimit",
    "x-rate-limit",
    "github",
    "openai",
    "anthropic",
    "shopify",
    "stripe",
];

// In alphabetical order, as error texts list them.

/// The policy itself, and (what is not [`Place::Policy`]) each route.
#[rustfmt::skip]
pub(super) static POLICY: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        key("$schema", Note, Policy, Slot::None, "Ignored; tells editors of the schema."),
        later("auth"),
        key("baseUrl", Base, Policy, Slot::Base, "Where relative URLs begin; routes and limits bind its origin only."),
        key("breaker", ObjectOrFalse(BREAKER), Both, Slot::Breaker, "The circuit breaker; false: it neither refuses nor counts."),
        key("bufferUpTo", Size(0, 1 << 30), Both, Slot::BufferUpTo, "Python and OkHttp drop-ins buffer declared lengths up to this. Default: 256KiB."),
        key("classify", Rules, Both, Slot::Classify, "What answers mean where the status alone misleads; the first match wins."),
        key("concurrency", Whole(1, 100_000), Policy, Slot::Concurrency, "Attempts in flight. Default: 100."),
        key("correlationId", HeaderOrFalse, Policy, Slot::CorrelationId, "What the caller's function gives. Default: X-Correlation-Id."),
        key("cost", Costs, Route, Slot::Costs, "What a call draws from each limit, by its name."),
        later("extends"),
        later("fallback"),
        later("fleet"),
        key("headers", Headers, Both, Slot::Headers, "Sent always; the call's own win."),
        key("idempotency", ObjectOrFalse(IDEMPOTENCY), Both, Slot::Idempotency, "Automatic idempotency keys; false: none."),
        later("jwt"),
        key("limits", Limits, Policy, Slot::Limits, "Rate limits of the API; without any, one is learned."),
        key("maxBody", Size(1 << 10, 1 << 30), Both, Slot::MaxBody, "Largest buffered answer. Default: 8MiB."),
        key("maxWaiting", Whole(0, 100_000), Policy, Slot::MaxWaiting, "Calls that wait, in all queues together. Default: 10000."),
        key("name", Id, Policy, Slot::Name, "Label in events and metrics. Default: the base URL's host."),
        NOTE,
        later("observe"),
        later("pages"),
        later("poll"),
        key("preset", Word(PRESETS), Policy, Slot::Preset, "timeouts.total and retry.attempts: 10s 3, 60s 4 (default) or 10m 8."),
        key("query", Query, Both, Slot::Query, "Sent always; the call's own win."),
        later("redirects"),
        key("repeatable", Bool, Route, Slot::Repeatable, "true: a POST may be repeated; false: a GET must not be. Default: by method."),
        key("requestId", HeaderOrFalse, Policy, Slot::RequestId, "One a call, the same on all attempts. Default: X-Request-Id."),
        key("retry", Object(RETRY), Both, Slot::None, "Retries and backoff."),
        key("routes", Routes, Policy, Slot::Routes, "Overrides by [METHOD ]/literal/{template}/*."),
        key("timeouts", Object(TIMEOUTS), Both, Slot::None, "Time limits."),
        key("unruffled", Major, Policy, Slot::None, "The format's major version."),
        key("userAgent", Line, Policy, Slot::UserAgent, "Default: unruffled/VERSION; in browsers only if written."),
        key("version", Object(VERSION), Policy, Slot::Version, "The API version to ask for, in a header or query."),
        later("webhooks"),
    ]
};

#[rustfmt::skip]
pub(super) static VERSION: &[Key] = &[
    later("echo"),
    key("header", Form::Header, Place::Policy, Slot::PinHeader, "The header that names it."),
    NOTE,
    key("pin", Form::Line, Place::Policy, Slot::Pin, "The version, as the API writes it."),
    key("query", Form::Text, Place::Policy, Slot::PinQuery, "The query parameter that names it."),
];

#[rustfmt::skip]
pub(super) static TIMEOUTS: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        key("attempt", Time(10, DAY), Both, Slot::Attempt, "One attempt, its buffered body included; at most total. Default: 10s."),
        key("connect", Time(10, DAY), Both, Slot::Connect, "To connect. Default: 3s."),
        key("idle", Time(10, DAY), Both, Slot::Idle, "Between two pieces of a body. Default: 10s."),
        NOTE,
        key("total", Time(50, DAY), Both, Slot::Total, "The whole call, waits included. Default: 60s."),
        key("wait", Time(0, DAY), Both, Slot::LongestWait, "How long a call that holds a slot of its host waits between attempts (OkHttp interceptor). Default: 2s."),
    ]
};

#[rustfmt::skip]
pub(super) static RETRY: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        key("attempts", Whole(1, 20), Both, Slot::Attempts, "The first included; 1: no retries. Default: 4."),
        key("base", Time(1, DAY), Both, Slot::RetryBase, "The first interval. Default: 200ms."),
        key("budget", Object(BUDGET), Policy, Slot::None, "How many retries there may be, beside 2 % of the calls."),
        key("cap", Time(1, DAY), Both, Slot::Cap, "The longest wait. Default: 30s."),
        key("jitter", Word(JITTERS), Both, Slot::Jitter, "A wait is drawn from [d, 2d] (added, default), [0, 2d] (full) or is d (none). To a time that the server names [0, d] is added, with none nothing."),
        key("maxRetryAfter", Time(0, DAY), Both, Slot::MaxRetryAfter, "Longer demands of the server fail at once. Default: unbounded."),
        NOTE,
        key("patience", Time(0, DAY), Both, Slot::Patience, "Time in the retry queue. Default: the longest of 5s, 10 mean latencies and the time that the call's own retries would take."),
    ]
};

#[rustfmt::skip]
pub(super) static BUDGET: &[Key] = &[
    key("capacity", Form::Ratio(0, 10_000), Place::Policy, Slot::Capacity, "Tokens at most. Default: 10."),
    NOTE,
    key("perCall", Form::Ratio(0, 1), Place::Policy, Slot::PerCall, "What each call puts in. Default: 0.1."),
    key("perSecond", Form::Ratio(0, 1_000), Place::Policy, Slot::PerSecond, "What each second puts in. Default: 0.02."),
];

#[rustfmt::skip]
pub(super) static IDEMPOTENCY: &[Key] = &[
    key("format", Form::Word(FORMATS), Place::Both, Slot::Format, "A bare UUID (default) or a quoted string of RFC 9651."),
    key("header", Form::Header, Place::Both, Slot::KeyHeader, "The header that carries the key. Required."),
    key("methods", Form::Methods, Place::Both, Slot::Methods, "Which methods get a key. Default: POST and PATCH."),
    NOTE,
];

#[rustfmt::skip]
pub(super) static RULE: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        later("after"),
        key("as", Word(CLASSES), Both, Slot::As, "fail: final; retry: as 503; rate-limited: as 429. Required."),
        key("header", Header, Both, Slot::RuleHeader, "A response header to look at."),
        key("is", Values, Both, Slot::Is, "Equals one of these. Default: is present and not null."),
        key("json", Pointer, Both, Slot::Json, "A JSON pointer into the first 4 KiB of the body."),
        NOTE,
        key("status", Statuses, Both, Slot::Status, "The statuses it is for. Required."),
    ]
};

#[rustfmt::skip]
pub(super) static BREAKER: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        key("coolDown", Time(10, DAY), Both, Slot::CoolDown, "The next probe at the earliest. Default: 500ms."),
        key("failureRate", Ratio(1, 1), Both, Slot::FailureRate, "Opens at this share. Default: 0.5."),
        key("latestProbe", Time(10, DAY), Both, Slot::LatestProbe, "The longest time until the next probe. Default: 5s."),
        key("minimumCalls", Whole(1, 10_000), Both, Slot::MinimumCalls, "Least outcomes for a rate. Default: 20."),
        NOTE,
        key("probes", Whole(1, 100), Both, Slot::Probes, "Successes in a row that close. Default: 1."),
        key("run", Whole(1, 10_000), Both, Slot::Run, "Failures in a row that open. Default: 20."),
        key("scope", Word(SCOPES), Policy, Slot::Scope, "One for the API, one for each endpoint (route), or both (default)."),
        key("slowAfter", Time(10, DAY), Both, Slot::SlowAfter, "Slower successes count as failures. Default: off."),
        key("wait", Time(0, DAY), Both, Slot::Wait, "When open: how long a new call waits. 0: it fails at once. Default: as long as its own retries would take."),
        key("window", Time(1_000, 3_600_000), Both, Slot::Window, "Over which the failure rate is taken. Default: 30s."),
    ]
};

#[rustfmt::skip]
pub(super) static LIMIT: &[Key] = {
    use Form::*;
    use Place::*;
    &[
        key("burst", Whole(1, 1_000_000_000), Policy, Slot::Burst, "At once. Default: (1 - headroom) of rate, at least 1."),
        later("concurrency"),
        key("cost", Whole(0, 1_000_000), Policy, Slot::Cost, "Of every call; 0: only where routes say. Default: 1."),
        later("each"),
        key("headers", Family, Policy, Slot::Gauge, "Which headers tell what is left. Default: auto if it is the only limit, else none."),
        key("headroom", Ratio(50_000, 1), Policy, Slot::Headroom, "The share of the limit that is used. Default: 0.8."),
        key("name", Id, Policy, Slot::LimitName, "The bucket's name. Required."),
        NOTE,
        key("per", Time(1, 744 * 3_600_000), Policy, Slot::Per, "The time that rate is for."),
        key("rate", Whole(1, 1_000_000_000), Policy, Slot::Rate, "The documented limit, with per. Default: learned."),
    ]
};

/// A gauge of one's own.
#[rustfmt::skip]
pub(super) static NAMED: &[Key] = &[
    key("limit", Form::Header, Place::Policy, Slot::LimitHeader, "The limit."),
    NOTE,
    key("remaining", Form::Header, Place::Policy, Slot::Remaining, "What is left. Required."),
    key("reset", Form::Header, Place::Policy, Slot::Reset, "When it is whole again."),
    key("unit", Form::Word(UNITS), Place::Policy, Slot::Unit, "auto (default) tells forms by shape; ms: milliseconds from now."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn walk(keys: &'static [Key], seen: &mut BTreeSet<u8>) {
        let mut names = BTreeSet::new();
        for key in keys {
            assert!(names.last().is_none_or(|last| *last < key.name), "{} is out of order", key.name);
            names.insert(key.name);
            if key.slot != Slot::None {
                assert!(seen.insert(key.slot as u8), "{} shares a slot", key.name);
            }
            if let Form::Object(keys) | Form::ObjectOrFalse(keys) = key.form {
                walk(keys, seen);
            }
        }
    }

    #[test]
    fn each_slot_belongs_to_one_key() {
        let mut seen = BTreeSet::new();
        walk(POLICY, &mut seen);
        for keys in [NAMED, RULE, LIMIT] {
            walk(keys, &mut seen);
        }
        assert_eq!(seen.len() + 1, Slot::Count as usize);
    }
}
