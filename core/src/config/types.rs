//! The policy, checked: what the reader produces and the engine runs on. Every [`Settings`] is complete: defaults,
//! preset, policy and route are merged already.

use crate::defaults;
use alloc::string::String;
use alloc::vec::Vec;

/// A whole policy file, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Label in events and metrics; empty = the base URL's host.
    pub name: String,
    pub base: Base,
    /// For calls that no route names, and for other origins.
    pub settings: Settings,
    /// At most 4,096; the route's number at the boundary is its place here plus 1, 0 is `settings`.
    pub routes: Vec<Route>,
    /// Attempts in flight.
    pub concurrency: u32,
    /// Calls in all queues together.
    pub max_waiting: u32,
    pub budget: Budget,
    pub breaker_scope: BreakerScope,
    /// At most 16. Empty = one implicit bucket that learns.
    pub limits: Vec<Limit>,
    /// What lenient reading left out: one issue each.
    pub warnings: Vec<super::Issue>,
}

impl Config {
    /// The settings of a route by its number; 0 and unknown numbers are the API's own.
    #[must_use]
    pub fn route(&self, number: u16) -> &Settings {
        let place = usize::from(number).checked_sub(1);
        place.and_then(|place| self.routes.get(place)).map_or(&self.settings, |route| &route.settings)
    }
}

/// Where relative URLs begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Base {
    #[default]
    None,
    /// A URL without user, query, fragment and last slash: `origin` as `https://host[:port]` in lower case without a
    /// default port, `path` empty or with a leading slash.
    Url { origin: String, path: String },
    /// The host puts it in from this environment variable.
    Env(String),
}

/// A route's pattern and its complete settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As written: `GET /orders/{id}`.
    pub pattern: String,
    pub settings: Settings,
}

/// Everything that a route may override, merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub retry: Retry,
    pub timeouts: Timeouts,
    /// `None` = by method.
    pub repeatable: Option<bool>,
    pub idempotency: Option<Idempotency>,
    pub classify: Vec<Rule>,
    /// `None` = `breaker: false`.
    pub breaker: Option<Breaker>,
    /// What a call draws: place in [`Config::limits`] and cost, only costs above 0. Empty where there are no limits
    /// (the implicit bucket then costs 1).
    pub costs: Vec<(u8, u32)>,
    /// What only the host uses: its object in `settings()`, as JSON. Empty in the defaults, which no policy made.
    pub host: String,
}

/// Retries and backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// 1 to 20, the first included.
    pub attempts: u8,
    pub base: u64,
    pub cap: u64,
    pub jitter: Jitter,
    /// `None` = unbounded.
    pub max_retry_after: Option<u64>,
    /// `None` = max(5 s, 10 mean latencies).
    pub patience: Option<u64>,
}

/// Where in the interval a wait is drawn. To a time that the server names up to d is added, with [`Jitter::None`] nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jitter {
    /// From [d, 2d].
    #[default]
    Added,
    /// From [0, 2d].
    Full,
    /// d itself.
    None,
}

/// The core's time limits; `*_written` tells drop-ins whether the policy's own text says so (a preset that is written
/// writes `total`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub attempt: u64,
    pub attempt_written: bool,
    pub total: u64,
    pub total_written: bool,
    /// Of a call that holds a slot of its host, from one attempt to the next. Binds drop-ins whether written or not: it is
    /// there for them.
    pub wait: u64,
}

/// Automatic idempotency keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub header: String,
    /// Bit set of method codes (`tests/codes.json`): GET is bit 0, POST 7, PATCH 8.
    pub methods: u16,
    /// Quoted as a structured-field string.
    pub sf_string: bool,
}

/// A `classify` rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// 200 to 599, at least one.
    pub status: Vec<u16>,
    /// Lower case.
    pub header: Option<String>,
    /// JSON pointer, split and unescaped.
    pub json: Option<Vec<String>>,
    /// Empty = present and not null.
    pub is: Vec<Scalar>,
    pub class: RuleClass,
}

/// What a rule compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    Text(String),
    Integer(i64),
    Bool(bool),
}

/// What a matching rule makes of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleClass {
    Fail,
    Retry,
    RateLimited,
}

/// A circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    pub window: u64,
    /// Millionths.
    pub failure_rate: u32,
    pub minimum_calls: u32,
    pub run: u32,
    pub cool_down: u64,
    pub latest_probe: u64,
    pub probes: u32,
    /// How long a new call waits while it is open, in milliseconds: 0 = it fails at once, `None` = as long as its own retries would take.
    pub wait: Option<u64>,
    pub slow_after: Option<u64>,
}

/// What one breaker watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerScope {
    /// One for the API.
    Api,
    /// One for each endpoint: the declared route, else the verb's template or the path without its values.
    Route,
    #[default]
    Both,
}

/// The retry budget, in millionths of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub capacity: u64,
    pub per_call: u64,
    pub per_second: u64,
}

/// One rate limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub name: String,
    /// Documented: this many per that many milliseconds. `None` = learned.
    pub rate: Option<(u32, u64)>,
    /// `None` = max(1, (1 − headroom) · rate).
    pub burst: Option<u32>,
    /// Millionths.
    pub headroom: u32,
    /// Of every call, unless its route says otherwise.
    pub cost: u32,
    pub gauge: Gauge,
}

/// Which headers tell what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gauge {
    Auto,
    None,
    RateLimit,
    RateLimitFields,
    XRateLimit,
    XRateHyphen,
    GitHub,
    OpenAi,
    Anthropic,
    Shopify,
    Stripe,
    /// Names in lower case.
    Named {
        remaining: String,
        limit: Option<String>,
        reset: Option<String>,
        milliseconds: bool,
    },
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: defaults::ATTEMPTS,
            base: defaults::BASE,
            cap: defaults::CAP,
            jitter: Jitter::Added,
            max_retry_after: None,
            patience: None,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            attempt: defaults::ATTEMPT,
            attempt_written: false,
            total: defaults::TOTAL,
            total_written: false,
            wait: defaults::WAIT,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            window: defaults::WINDOW,
            failure_rate: defaults::FAILURE_RATE as u32,
            minimum_calls: defaults::MINIMUM_CALLS,
            run: defaults::RUN,
            cool_down: defaults::COOL_DOWN,
            latest_probe: defaults::LATEST_PROBE,
            probes: defaults::PROBES,
            wait: None,
            slow_after: None,
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            capacity: defaults::BUDGET_CAPACITY * defaults::ONE,
            per_call: defaults::BUDGET_PER_CALL,
            per_second: defaults::BUDGET_PER_SECOND,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: Retry::default(),
            timeouts: Timeouts::default(),
            repeatable: None,
            idempotency: None,
            classify: Vec::new(),
            breaker: Some(Breaker::default()),
            costs: Vec::new(),
            host: String::new(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            base: Base::None,
            settings: Settings::default(),
            routes: Vec::new(),
            concurrency: defaults::CONCURRENCY,
            max_waiting: defaults::MAX_WAITING,
            budget: Budget::default(),
            breaker_scope: BreakerScope::Both,
            limits: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
