//! A world: the calls, the policy, and what goes wrong at the server and on the way to it. A case file describes one as
//! JSON; a seed draws one.

use super::arrivals::Arrivals;
use super::effect::{Does, Effect};
use super::how::How;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Milliseconds that no world reaches.
pub const NEVER: u64 = 1 << 40;

/// Everything that a run depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct World {
    /// Seeds the server's draws, the arrivals and the clients.
    pub seed: u64,
    /// Milliseconds of a healthy answer; each attempt takes 0.7 to 1.3 of it.
    pub latency: u64,
    /// How many calls there are.
    pub calls: u32,
    pub arrivals: Arrivals,
    /// Kinds of calls by weight.
    pub mix: Vec<Kind>,
    /// Share of the calls that belong to part 1; the others belong to part 0.
    pub share: f64,
    /// Clients that call one server; calls go to them in turn.
    pub clients: u32,
    /// Endpoints of the API.
    pub endpoints: u32,
    /// Further endpoints, which only part 1 calls. 0 = part 1 is a tenant that calls the same endpoints.
    pub part_endpoints: u32,
    /// The calls come from somebody else's HTTP client.
    pub drop_in: bool,
    /// The policy file.
    pub policy: Value,
    /// What goes wrong at the server. The first effect that answers a request wins.
    pub server: Vec<Effect>,
    /// What goes wrong at the host of the clients.
    pub network: Vec<Disturbance>,
}

/// A kind of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kind {
    #[serde(default = "one")]
    pub weight: u32,
    pub method: Method,
    /// Milliseconds that the caller gives; 0 = the policy's total.
    #[serde(default)]
    pub deadline: u64,
    /// Size of the body in units of 64 KiB.
    #[serde(default)]
    pub upload: u32,
    /// The caller reads the body as a stream: the answer is delivered at its headers.
    #[serde(default)]
    pub streamed: bool,
}

/// A method, and whether the call has an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    Get,
    Put,
    Post,
    /// POST with an idempotency key.
    KeyedPost,
}

/// What happens to the host of the clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Disturbance {
    /// No request leaves; the platform says so.
    Offline { from: u64, until: u64 },
    /// The process does nothing; whatever is due happens at the end.
    Stall { from: u64, until: u64 },
    /// The same; the attempts in flight are lost as well.
    Sleep { from: u64, until: u64 },
    /// The wall clock jumps by so many milliseconds.
    Jump { at: u64, by: i64 },
}

fn one() -> u32 {
    1
}

impl Default for World {
    fn default() -> Self {
        Self {
            seed: 1,
            latency: 20,
            calls: 100,
            arrivals: Arrivals::Every { gap: 50 },
            mix: vec![Kind::default()],
            share: 0.0,
            clients: 1,
            endpoints: 1,
            part_endpoints: 0,
            drop_in: false,
            policy: Value::Object(serde_json::Map::new()),
            server: Vec::new(),
            network: Vec::new(),
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self { weight: 1, method: Method::Get, deadline: 0, upload: 0, streamed: false }
    }
}

impl Method {
    /// Names it as a request line does.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post | Self::KeyedPost => "POST",
        }
    }
}

impl Disturbance {
    /// Returns when it is over; `None` for a jump of the clock.
    #[must_use]
    pub fn until(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Offline { from, until } | Self::Stall { from, until } | Self::Sleep { from, until } => {
                Some((from, until))
            }
            Self::Jump { .. } => None,
        }
    }
}

impl World {
    /// Writes it as JSON, without what is as usual.
    #[must_use]
    pub fn text(&self) -> String {
        let usual = serde_json::to_value(Self::default()).unwrap_or_default();
        let mut world = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(fields) = &mut world {
            fields.retain(|name, value| name == "seed" || usual.get(name) != Some(value));
        }
        world.to_string()
    }

    /// Returns whether rate limits play a part: a limit of the server or of the policy, or an answer 429.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        let limits = |effect: &Effect| matches!(effect.does, Does::Limit(_)) || effect.how() == Some(How::Status(429));
        self.policy.get("limits").is_some() || self.server.iter().any(limits)
    }

    /// Returns when the last trouble with an end is over.
    #[must_use]
    pub fn last_trouble(&self) -> Option<u64> {
        let server = self.server.iter().map(|effect| effect.until).filter(|until| *until < NEVER);
        let network = self.network.iter().filter_map(|disturbance| disturbance.until().map(|(_, until)| until));
        server.chain(network).max()
    }

    /// Returns how far the wall clock is off at a time.
    #[must_use]
    pub fn wall_offset(&self, now: u64) -> i64 {
        let jump = |disturbance: &Disturbance| match *disturbance {
            Disturbance::Jump { at, by } if at <= now => by,
            _ => 0,
        };
        self.network.iter().map(jump).sum()
    }
}
