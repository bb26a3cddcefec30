//! How a limited server counts and speaks, as it stands in a script. The defaults are those of a plain token bucket.

use serde::Deserialize;

/// `rate` points per `per` ms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BucketScript {
    pub rate: u32,
    #[serde(default = "thousand")]
    pub per: u64,
    /// Points at once, of the kinds that refill evenly; none: `rate`.
    pub burst: Option<u32>,
    #[serde(default)]
    pub kind: BucketKind,
    /// Fixed windows begin at multiples of `per` on the server's clock; else with the first request.
    #[serde(default)]
    pub aligned: bool,
    /// Points of a request.
    #[serde(default = "one")]
    pub cost: u32,
    #[serde(default = "too_many")]
    pub status: u16,

    #[serde(default)]
    pub headers: Family,
    #[serde(default)]
    pub shown: Shown,
    #[serde(default)]
    pub quota: Quota,
    #[serde(default)]
    pub limit: LimitSays,
    #[serde(default)]
    pub remaining: Moment,
    #[serde(default)]
    pub reset: ResetOf,
    /// None: as the family writes it.
    pub reset_as: Option<ResetForm>,
    /// Which way the seconds of `reset` are rounded.
    #[serde(default)]
    pub round: Round,
    #[serde(default)]
    pub retry_after: RetryAfter,
    /// Whether answers carry `Date`.
    #[serde(default = "yes")]
    pub date: bool,
    /// Milliseconds that the server's clock is ahead; below 0 behind.
    #[serde(default)]
    pub clock: i64,
}

fn thousand() -> u64 {
    1000
}

fn one() -> u32 {
    1
}

fn too_many() -> u16 {
    429
}

fn yes() -> bool {
    true
}

macro_rules! words {
    ($($(#[doc = $about:literal])* $name:ident { $($(#[$attribute:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$attribute])* $variant),+ }
    )+};
}

words! {
    /// The algorithm. `Token` and `Gcra` let the same requests pass; `Leaky` makes early ones wait for their turn.
    BucketKind {
        #[default]
        Token,
        Gcra,
        Leaky,
        Window,
        Log,
        Counter,
        /// `rate` requests at work at a time, each for as long as the script delays its answer.
        Concurrency,
    }

    /// The header names in which a bucket tells its state.
    Family {
        #[default]
        Ratelimit,
        /// Without `RateLimit-Policy`.
        RatelimitBare,
        #[serde(rename = "draft-07")]
        Draft07,
        RatelimitFields,
        #[serde(rename = "x-ratelimit")]
        XRatelimit,
        XRateLimit,
        Github,
        #[serde(rename = "openai")]
        OpenAi,
        Anthropic,
        Shopify,
        /// Only the reason of a refusal.
        Stripe,
        None,
    }

    /// Which answers carry the headers.
    Shown {
        #[default]
        All,
        Errors,
    }

    /// Which quota the headers tell of: the one that binds, a roomy one of an hour instead, both, or the one that
    /// binds and an hour's with nothing left (though requests pass).
    Quota {
        #[default]
        Binding,
        Other,
        Several,
        Exhausted,
    }

    /// What `limit` says: the most at once, the points per `per`, or those of a minute (of an hour if `per` is a
    /// minute or more).
    LimitSays {
        #[default]
        Burst,
        Window,
        OtherUnit,
        Absent,
    }

    /// When `remaining` is counted: after this request or before it.
    Moment {
        #[default]
        After,
        Before,
    }

    /// The time that `reset` names: all is there again, one more passes, the end of the window (of a sliding log's
    /// oldest entry), or always `per` from now.
    ResetOf {
        #[default]
        Full,
        Next,
        End,
        Window,
        Absent,
    }

    /// How `reset` is written.
    ResetForm {
        #[default]
        Delta,
        DeltaMs,
        Epoch,
        EpochMs,
    }

    /// Which way seconds are rounded.
    Round {
        #[default]
        Up,
        Down,
    }

    /// What `Retry-After` says: half the time, or more than twice the time, or its date; `Ms`: exact, in both units.
    RetryWord {
        #[default]
        Ms,
        Half,
        Longer,
        Date,
    }
}

/// What `Retry-After` of a refusal says: whole seconds rounded up, nothing, or a word.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "retryAfter: true, false, ms, half, longer or date")]
pub enum RetryAfter {
    Exact(bool),
    As(RetryWord),
}

impl Default for RetryAfter {
    fn default() -> Self {
        RetryAfter::Exact(true)
    }
}

impl BucketScript {
    /// Returns whether points come back one by one.
    fn refills(&self) -> bool {
        matches!(self.kind, BucketKind::Token | BucketKind::Gcra | BucketKind::Leaky)
    }

    /// Returns the most points at once.
    pub fn capacity(&self) -> u64 {
        u64::from(self.burst.unwrap_or(self.rate))
    }

    /// Returns the microseconds that one point takes to refill.
    pub fn interval(&self) -> u64 {
        (self.per * 1_000 / u64::from(self.rate)).max(1)
    }

    /// Returns what is wrong with it, if anything is.
    pub fn problem(&self) -> Option<String> {
        let lists = matches!(self.headers, Family::Ratelimit | Family::RatelimitBare);
        let capped = self.kind == BucketKind::Concurrency;
        let text = match () {
            () if self.rate == 0 || self.per == 0 || self.burst == Some(0) || self.cost == 0 => {
                "rate, per, burst and cost are at least 1"
            }
            () if self.burst.is_some() && !self.refills() => "burst goes with the kinds token, gcra and leaky",
            () if self.aligned && self.kind != BucketKind::Window => "aligned goes with the kind window",
            () if capped && self.cost > 1 => "cost: a request at work has one place, whatever it costs",
            () if u64::from(self.cost) > self.capacity() => "cost is more than ever passes at once",
            () if matches!(self.quota, Quota::Several | Quota::Exhausted) && !lists => {
                "quota several and exhausted go with the headers ratelimit and ratelimit-bare"
            }
            () if self.limit == LimitSays::Absent && matches!(self.headers, Family::Ratelimit | Family::Shopify) => {
                "limit cannot be absent from these headers; ratelimit-bare has none"
            }
            () if self.reset_as.is_some_and(|form| form != ResetForm::Delta)
                && (lists || self.headers == Family::Draft07) =>
            {
                "resetAs: RateLimit has delta seconds only"
            }
            () => return None,
        };
        Some(text.into())
    }
}
