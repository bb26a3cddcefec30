//! What a host says to the core, as a value: it is played on an engine, judged by the oracles, written into a trace and
//! dropped one by one when a failure is made short.

use unruffled_core::{Answer, Engine};

/// Unix milliseconds at `now` 0: 2026-01-01.
pub const WALL: u64 = 1_767_225_600_000;

/// The origins and credentials that worlds know; the first are the client's own.
pub const ORIGINS: [&str; 3] = ["", "https://a.example", "https://b.example"];
pub const CREDENTIALS: [&str; 3] = ["", "alice", "bob"];

/// What the headers of an answer say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers {
    /// `retry-after-ms`, or `Retry-After` when it is whole seconds, or `x-ratelimit-retry-after` when these are tens.
    pub retry_after: Option<u64>,
    /// Seconds to a reset that is told without a gauge; a gauge beside it takes its place.
    pub reset: Option<u64>,
    pub should_retry: Option<bool>,
    pub gauge: Option<Gauge>,
}

/// A rate limit as a server tells it: whole tokens and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    pub remaining: u64,
    pub limit: u64,
    pub reset: u64,
    /// Told with `RateLimit-Policy`, else in the `x-ratelimit-*` form without.
    pub window: Option<u64>,
}

impl Headers {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The lines as a host hands them over.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut text = String::new();
        if let Some(ms) = self.retry_after {
            text += &if ms % 10_000 == 0 {
                format!("x-ratelimit-retry-after: {}\n", ms / 1_000)
            } else if ms % 1_000 == 0 {
                format!("retry-after: {}\n", ms / 1_000)
            } else {
                format!("retry-after-ms: {ms}\n")
            };
        }
        if let Some(should) = self.should_retry {
            text += &format!("x-should-retry: {should}\n");
        }
        if let Some(seconds) = self.reset.filter(|_| self.gauge.is_none()) {
            // One after the other: seconds to wait, and a point in time beside the server's own date, which is not the host's.
            text += &match seconds % 3 {
                0 => format!("x-ratelimit-reset: {seconds}\n"),
                1 => format!("ratelimit-reset: {seconds}\n"),
                _ => format!("date: Thu, 01 Jan 2026 00:00:00 GMT\nx-rate-limit-reset: {}\n", WALL / 1_000 + seconds),
            };
        }
        if let Some(Gauge { remaining, limit, reset, window }) = self.gauge {
            text += &match window {
                Some(window) => {
                    format!("ratelimit: \"d\";r={remaining};t={reset}\nratelimit-policy: \"d\";q={limit};w={window}\n")
                }
                None => format!(
                    "x-ratelimit-limit: {limit}\nx-ratelimit-remaining: {remaining}\nx-ratelimit-reset: {reset}\n"
                ),
            };
        }
        text
    }
}

/// One input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Begin {
        call: u32,
        now: u64,
        route: u32,
        scope: u32,
        what: u32,
        deadline: u64,
    },
    Respond {
        call: u32,
        now: u64,
        status: u32,
        headers: Headers,
    },
    Fault {
        call: u32,
        now: u64,
        fault: u32,
    },
    Resume {
        call: u32,
        now: u64,
    },
    Token {
        now: u64,
        generation: u64,
        expires_in: u64,
    },
    TokenFailed {
        now: u64,
        generation: u64,
        fault: u32,
        retry_after: u64,
    },
    Renew {
        now: u64,
        scope: u32,
    },
    Reset {
        now: u64,
        scope: u32,
    },
    Online {
        now: u64,
    },
    Abandon {
        call: u32,
        now: u64,
    },
    Report {
        call: u32,
    },
    Wake,
    /// Places in [`ORIGINS`] and [`CREDENTIALS`].
    Scope {
        origin: u8,
        credential: u8,
    },
    Events,
    Snapshot {
        now: u64,
    },
    Close {
        now: u64,
    },
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    Word(Answer),
    Number(u32),
    Text(String),
}

impl Input {
    /// The time that it gives.
    #[must_use]
    pub fn now(&self) -> Option<u64> {
        match *self {
            Self::Begin { now, .. }
            | Self::Respond { now, .. }
            | Self::Fault { now, .. }
            | Self::Resume { now, .. }
            | Self::Token { now, .. }
            | Self::TokenFailed { now, .. }
            | Self::Renew { now, .. }
            | Self::Reset { now, .. }
            | Self::Online { now }
            | Self::Abandon { now, .. }
            | Self::Close { now } => Some(now),
            Self::Snapshot { .. } | Self::Report { .. } | Self::Wake | Self::Scope { .. } | Self::Events => None,
        }
    }

    /// The call that it is about.
    #[must_use]
    pub fn call(&self) -> Option<u32> {
        match *self {
            Self::Begin { call, .. }
            | Self::Respond { call, .. }
            | Self::Fault { call, .. }
            | Self::Resume { call, .. }
            | Self::Abandon { call, .. }
            | Self::Report { call } => Some(call),
            _ => None,
        }
    }

    /// Gives it to an engine.
    pub fn play(&self, engine: &mut Engine) -> Output {
        Output::Word(match *self {
            Self::Begin { call, now, route, scope, what, deadline } => {
                engine.begin(call, now, route, scope, what, deadline)
            }
            Self::Respond { call, now, status, headers } if headers.is_empty() => engine.respond(call, now, status),
            Self::Respond { call, now, status, headers } => {
                engine.respond_with(call, now, WALL + now, status, headers.lines().as_bytes(), b"")
            }
            Self::Fault { call, now, fault } => engine.fault(call, now, fault),
            Self::Resume { call, now } => engine.resume(call, now),
            Self::Token { now, generation, expires_in } => engine.token(now, generation, expires_in),
            Self::TokenFailed { now, generation, fault, retry_after } => {
                engine.token_failed(now, generation, fault, retry_after)
            }
            Self::Renew { now, scope } => engine.renew(now, scope),
            Self::Reset { now, scope } => engine.reset(now, scope),
            Self::Online { now } => engine.online(now),
            Self::Abandon { call, now } => engine.abandon(call, now),
            Self::Wake => engine.wake(),
            Self::Close { now } => engine.close(now),
            Self::Report { call } => return Output::Text(engine.report(call)),
            Self::Events => return Output::Text(engine.events()),
            Self::Snapshot { now } => return Output::Text(engine.snapshot(now)),
            Self::Scope { origin, credential } => {
                return Output::Number(
                    engine.scope(ORIGINS[usize::from(origin)], CREDENTIALS[usize::from(credential)]),
                );
            }
        })
    }
}
