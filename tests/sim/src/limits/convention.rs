//! What servers differ in. Each dimension is drawn on its own; a weight of 0 stands for "does not apply".

use crate::figures::chance::Chance;

macro_rules! dimensions {
    ($(
        $(#[doc = $about:literal])* $field:ident: $name:ident = $title:literal {
            $($variant:ident $weight:literal $text:literal),+ $(,)?
        }
    )+) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $name { $($variant),+ }

            impl $name {
                const WEIGHTED: &[(Self, u64)] = &[$((Self::$variant, $weight)),+];

                /// Names it.
                #[must_use]
                pub const fn text(self) -> &'static str {
                    match self { $(Self::$variant => $text),+ }
                }
            }
        )+

        /// How a server limits, what it says of it, and who calls it: one value of each dimension.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Convention { $(pub $field: $name),+ }

        impl Convention {
            /// Draws each dimension on its own.
            #[must_use]
            pub fn draw(chance: &mut Chance) -> Self {
                Self { $($field: weighted(chance, $name::WEIGHTED)),+ }
            }

            /// Lists the dimensions and their values.
            #[must_use]
            pub fn values(&self) -> Vec<(&'static str, &'static str)> {
                vec![$(($title, self.$field.text())),+]
            }

            /// Lists the conventions that differ from this one in one dimension.
            #[must_use]
            pub fn changes(&self) -> Vec<Self> {
                let mut changes = Vec::new();
                $(
                    for (value, weight) in $name::WEIGHTED {
                        if *weight > 0 && *value != self.$field {
                            changes.push(Self { $field: *value, ..*self });
                        }
                    }
                )+
                changes
            }
        }
    };
}

/// Picks by weight.
fn weighted<T: Copy>(chance: &mut Chance, of: &[(T, u64)]) -> T {
    let mut place = chance.between(1, of.iter().map(|(_, weight)| weight).sum());
    for (value, weight) in of {
        if place <= *weight {
            return *value;
        }
        place -= weight;
    }
    of[0].0
}

dimensions! {
    /// How it counts.
    algorithm: Algorithm = "algorithm" {
        FixedWindow 4 "fixed window",
        SlidingLog 3 "sliding log",
        SlidingCounter 3 "sliding counter",
        TokenBucket 5 "token bucket",
        LeakyQueue 2 "leaky bucket with queue",
        Gcra 3 "GCRA",
        Concurrency 2 "concurrency cap",
    }
    /// The time that its limit is for.
    window: Window = "window" {
        Second 6 "1 s",
        Seconds10 3 "10 s",
        Minute 6 "60 s",
        Minutes5 1 "5 min",
        Minutes15 2 "15 min",
        Hour 3 "1 h",
        Day 2 "24 h",
        None 0 "—",
    }
    /// The size of a bucket, in seconds of its rate.
    burst: Burst = "burst" {
        One 3 "1 × the second's share",
        Two 2 "2 ×",
        Five 2 "5 ×",
        Ten 2 "10 ×",
        Fifth 0 "a fifth of it",
        None 0 "—",
    }
    /// When windows begin.
    alignment: Alignment = "windows" {
        Aligned 2 "aligned",
        FirstUse 1 "from first use",
        None 0 "—",
    }
    /// The family of headers.
    family: Family = "headers" {
        Structured 4 "RateLimit with policy",
        Bare 2 "RateLimit without policy",
        Draft07 2 "draft 07",
        Fields 2 "ratelimit-*",
        X 5 "x-ratelimit-*",
        XHyphen 2 "x-rate-limit-*",
        GitHub 2 "github",
        OpenAi 2 "openai",
        Anthropic 2 "anthropic",
        Shopify 1 "shopify",
        Stripe 1 "stripe",
        Own 1 "own names, ms",
        Nothing 4 "none",
    }
    /// On which answers they stand.
    shown: Shown = "shown" {
        Always 6 "always",
        OnErrors 1 "on errors only",
        OnSome 1 "on some endpoints only",
        None 0 "—",
    }
    /// Which quota they tell of.
    quota: Quota = "quota told" {
        Binding 8 "the one that binds",
        Other 1 "another, roomy one",
        Several 1 "the one that binds and a roomy one",
        Exhausted 1 "the one that binds and an exhausted one",
        None 0 "—",
    }
    /// What `limit` says.
    limit: LimitSays = "limit" {
        Window 6 "per window",
        Burst 2 "the burst",
        OtherUnit 2 "per other unit",
        Absent 1 "absent",
        None 0 "—",
    }
    /// What `remaining` counts.
    of: Of = "remaining of" {
        Own 4 "its own count",
        Clock 1 "a clock's window",
        None 0 "—",
    }
    /// When `remaining` is counted.
    moment: Moment = "remaining" {
        After 3 "after this request",
        Before 1 "before this request",
        None 0 "—",
    }
    /// The time that `reset` names.
    reset: ResetOf = "reset" {
        Full 3 "time to full",
        Next 3 "to the next token or oldest entry",
        End 4 "end of the window",
        Always 2 "the window for ever",
        Absent 2 "absent",
        None 0 "—",
    }
    /// How `reset` is written.
    form: Form = "reset as" {
        Delta 4 "delta seconds",
        Epoch 3 "epoch seconds",
        EpochMs 1 "epoch milliseconds",
        Exact 0 "a duration or date",
        None 0 "—",
    }
    /// Which way seconds are rounded.
    rounding: Rounding = "rounded" {
        Up 3 "up",
        Down 1 "down",
        None 0 "—",
    }
    /// How old the numbers may be.
    cache: Cache = "cache" {
        Fresh 8 "fresh",
        Two 1 "2 s old",
        Five 1 "5 s old",
        None 0 "—",
    }
    /// How many nodes count on their own.
    nodes: Nodes = "nodes" {
        One 8 "one",
        Shares 1 "three, each tells its share",
        Whole 1 "two, each tells the whole",
    }
    /// How the server's clock differs.
    clock: Clock = "clock" {
        Dated 7 "right, with Date",
        Undated 2 "right, no Date",
        AheadDated 1 "40 s ahead, with Date",
        Ahead 1 "3 s ahead, no Date",
        Behind 1 "3 s behind, no Date",
    }
    /// What a 429 says.
    retry_after: RetryAfter = "Retry-After" {
        Exact 5 "rounded up",
        Absent 3 "absent",
        Shorter 1 "half",
        Longer 1 "twice and 1 s",
        Date 1 "a date",
    }
    /// What a call costs.
    cost: Cost = "cost" {
        One 8 "1",
        Three 1 "3",
        Mixed 1 "1, every fifth 5",
    }
    /// How calls come.
    load: Load = "load" {
        Callers16 8 "16 callers",
        Callers4 3 "4 callers",
        Callers64 2 "64 callers",
        AtOnce 2 "20 s of calls at once",
        Open 4 "open loop at 60 %",
    }
    /// How long an answer takes.
    latency: Latency = "latency" {
        Short 1 "5 ms",
        Usual 4 "20 ms",
        Long 2 "80 ms",
        Longest 1 "300 ms",
    }
    /// What the client's policy says of the limit.
    policy: Policy = "policy" {
        None 3 "no rate",
        Documented 1 "the documented rate",
    }
    /// How many calls there are for a long window.
    demand: Demand = "demand" {
        Fits 5 "below a long window's quota",
        More 1 "above a long window's quota",
        None 0 "—",
    }
}
