//! A policy as numbers, drawn from a seed, and the policy file that says the same. The oracles read the numbers, the
//! core reads the file.

use super::dice::Dice;

/// Milliseconds of "none": longer than any run.
pub const NEVER: u64 = 1 << 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerScope {
    Api,
    Route,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    Added,
    Full,
    None,
}

/// What a status means beside the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Fail,
    Retry,
    RateLimited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    pub window: u64,
    /// Millionths.
    pub failure_rate: u64,
    pub minimum_calls: u64,
    pub run: u64,
    pub cool_down: u64,
    pub latest_probe: u64,
    pub probes: u64,
    /// `None` = not written: as long as a call's own retries would go on.
    pub wait: Option<u64>,
    pub slow_after: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Count and milliseconds.
    pub rate: Option<(u64, u64)>,
    pub burst: Option<u64>,
    /// Millionths.
    pub headroom: u64,
    pub cost: u64,
    /// Reads the server's gauge.
    pub gauge: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub attempts: u64,
    pub base: u64,
    pub cap: u64,
    pub jitter: Jitter,
    pub max_retry_after: Option<u64>,
    pub patience: Option<u64>,
    pub repeatable: Option<bool>,
    pub breaker: Option<BreakerRules>,
    pub attempt: u64,
    pub total: u64,
    /// How long a call that holds a slot of its host may wait between attempts.
    pub longest_wait: u64,
    /// Bucket and tokens, without those that cost nothing.
    pub costs: Vec<(u8, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub concurrency: u64,
    pub max_waiting: u64,
    pub scope: BreakerScope,
    /// Whether the text names `breaker.scope`; `both` need not be.
    pub scope_written: bool,
    /// Millionths of a token.
    pub capacity: u64,
    pub per_call: u64,
    pub per_second: u64,
    pub limits: Vec<Limit>,
    pub classify: Vec<(u16, Meaning)>,
    pub keys: bool,
    /// Whether the text names `timeouts.attempt`, `timeouts.total` and `timeouts.wait`.
    pub written: bool,
    /// 0 = the API's own.
    pub routes: Vec<Route>,
    /// How many endpoints callers tell apart where no route is declared.
    pub endpoints: u64,
}

impl Rules {
    /// Draws a policy.
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        let breaker = dice.chance(900_000).then(|| breaker(dice));
        let limits: Vec<Limit> = match dice.range(0, 9) {
            0..=3 => Vec::new(),
            4..=7 => vec![limit(dice, true)],
            8 => vec![limit(dice, true), limit(dice, false)],
            _ => vec![limit(dice, false), limit(dice, false), limit(dice, false)],
        };
        let (scope, scope_written) = dice.pick(&[
            (BreakerScope::Api, true),
            (BreakerScope::Route, true),
            (BreakerScope::Both, true),
            (BreakerScope::Both, false),
            (BreakerScope::Both, false),
        ]);
        // `breaker: false` has no room for a scope.
        let (scope, scope_written) =
            if breaker.is_some() { (scope, scope_written) } else { (BreakerScope::Both, false) };
        let own = route(dice, breaker, &limits);
        let mut routes = vec![own.clone()];
        for _ in 0..dice.range(0, 3) {
            routes.push(other_route(dice, &own, scope, &limits));
        }
        let mut classify = Vec::new();
        for (status, meaning) in [
            (404, Meaning::Retry),
            (403, Meaning::RateLimited),
            (409, Meaning::Fail),
            (503, Meaning::RateLimited),
            (500, Meaning::Fail),
        ] {
            if dice.chance(120_000) {
                classify.push((status, meaning));
            }
        }
        let written = dice.chance(700_000);
        if !written {
            for route in &mut routes {
                (route.attempt, route.total, route.longest_wait) = (10_000, 60_000, 2_000);
            }
        }
        Self {
            concurrency: dice.pick(&[1, 2, 4, 10, 100, 100]),
            max_waiting: dice.pick(&[0, 2, 10, 1_000, 1_000, 1_000]),
            scope,
            scope_written,
            capacity: dice.pick(&[10_000_000, 10_000_000, 10_000_000, 0, 1_000_000, 2_500_000]),
            per_call: dice.pick(&[100_000, 100_000, 0, 333_333, 1_000_000]),
            per_second: dice.pick(&[20_000, 20_000, 0, 700_001]),
            limits,
            classify,
            keys: dice.chance(300_000),
            written,
            routes,
            endpoints: dice.pick(&[0, 0, 1, 2, 5, 20, 63, 65, 70]),
        }
    }

    /// The policy file.
    #[must_use]
    pub fn text(&self) -> String {
        let own = &self.routes[0];
        let mut parts = vec![
            "\"baseUrl\":\"https://api.example\"".to_owned(),
            format!("\"concurrency\":{},\"maxWaiting\":{}", self.concurrency, self.max_waiting),
        ];
        let budget = format!(
            "\"budget\":{{\"capacity\":{},\"perCall\":{},\"perSecond\":{}}}",
            decimal(self.capacity),
            decimal(self.per_call),
            decimal(self.per_second)
        );
        parts.push(format!("\"retry\":{{{},{budget}}}", retry(own)));
        if self.written {
            parts.push(timeouts(own));
        }
        let scope = match self.scope {
            BreakerScope::Api => "api",
            BreakerScope::Route => "route",
            BreakerScope::Both => "both",
        };
        let scope = if self.scope_written { format!("\"scope\":\"{scope}\",") } else { String::new() };
        parts.push(own.breaker.map_or_else(|| "\"breaker\":false".to_owned(), |rules| rules.text(&scope, "")));
        if self.keys {
            parts.push("\"idempotency\":{\"header\":\"Idempotency-Key\"}".to_owned());
        }
        if !self.limits.is_empty() {
            let limits: Vec<String> = self.limits.iter().enumerate().map(|(i, limit)| limit.text(i)).collect();
            parts.push(format!("\"limits\":[{}]", limits.join(",")));
        }
        if !self.classify.is_empty() {
            let word = |meaning| match meaning {
                Meaning::Fail => "fail",
                Meaning::Retry => "retry",
                Meaning::RateLimited => "rate-limited",
            };
            let rules = self
                .classify
                .iter()
                .map(|(status, meaning)| format!("{{\"status\":{status},\"as\":\"{}\"}}", word(*meaning)));
            parts.push(format!("\"classify\":[{}]", rules.collect::<Vec<_>>().join(",")));
        }
        let routes = self.routes.iter().enumerate().skip(1).map(|(i, route)| self.route_text(i, route));
        parts.push(format!("\"routes\":{{{}}}", routes.collect::<Vec<_>>().join(",")));
        format!("{{{}}}", parts.join(","))
    }

    fn route_text(&self, number: usize, route: &Route) -> String {
        let mut parts = vec![format!("\"retry\":{{{}}}", retry(route))];
        if self.written {
            parts.push(timeouts(route));
        }
        if let Some(may) = route.repeatable {
            parts.push(format!("\"repeatable\":{may}"));
        }
        if route.breaker.is_none() && self.routes[0].breaker.is_some() {
            parts.push("\"breaker\":false".to_owned());
        } else if let Some(rules) = route.breaker.filter(|_| route.breaker != self.routes[0].breaker) {
            // What is not written would be the API's.
            parts.push(rules.text("", "null"));
        }
        let costs = (0..self.limits.len()).map(|i| {
            let cost = route.costs.iter().find(|(bucket, _)| usize::from(*bucket) == i).map_or(0, |(_, cost)| *cost);
            format!("\"l{i}\":{cost}")
        });
        if !self.limits.is_empty() {
            parts.push(format!("\"cost\":{{{}}}", costs.collect::<Vec<_>>().join(",")));
        }
        format!("\"/r{number}\":{{{}}}", parts.join(","))
    }
}

impl BreakerRules {
    /// `scope` with its comma; `none`: how what is not written is written, if it must be.
    fn text(&self, scope: &str, none: &str) -> String {
        let key = |name: &str, ms: Option<u64>| match (ms, none) {
            (Some(ms), _) => format!(",\"{name}\":{ms}"),
            (None, "") => String::new(),
            (None, none) => format!(",\"{name}\":{none}"),
        };
        let (wait, slow) = (key("wait", self.wait), key("slowAfter", self.slow_after));
        format!(
            "\"breaker\":{{{scope}\"window\":{},\"failureRate\":{},\"minimumCalls\":{},\"run\":{},\
             \"coolDown\":{},\"latestProbe\":{},\"probes\":{}{wait}{slow}}}",
            self.window,
            decimal(self.failure_rate),
            self.minimum_calls,
            self.run,
            self.cool_down,
            self.latest_probe,
            self.probes
        )
    }
}

impl Limit {
    fn text(&self, number: usize) -> String {
        let rate = self.rate.map_or_else(String::new, |(rate, per)| format!(",\"rate\":{rate},\"per\":{per}"));
        let burst = self.burst.map_or_else(String::new, |burst| format!(",\"burst\":{burst}"));
        let gauge = if self.gauge { "auto" } else { "none" };
        let headroom = decimal(self.headroom);
        format!(
            "{{\"name\":\"l{number}\"{rate}{burst},\"headroom\":{headroom},\"cost\":{},\"headers\":\"{gauge}\"}}",
            self.cost
        )
    }
}

/// Millionths as a JSON number.
fn decimal(millionths: u64) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn retry(route: &Route) -> String {
    let word = match route.jitter {
        Jitter::Added => "added",
        Jitter::Full => "full",
        Jitter::None => "none",
    };
    let longest = route.max_retry_after.map_or_else(String::new, |ms| format!(",\"maxRetryAfter\":{ms}"));
    let patience = route.patience.map_or_else(String::new, |ms| format!(",\"patience\":{ms}"));
    format!(
        "\"attempts\":{},\"base\":{},\"cap\":{},\"jitter\":\"{word}\"{longest}{patience}",
        route.attempts, route.base, route.cap
    )
}

fn timeouts(route: &Route) -> String {
    let Route { attempt, total, longest_wait, .. } = route;
    format!("\"timeouts\":{{\"attempt\":{attempt},\"total\":{total},\"wait\":{longest_wait}}}")
}

fn breaker(dice: &mut Dice) -> BreakerRules {
    let cool_down = dice.pick(&[500, 500, 10, 50, 2_000]);
    BreakerRules {
        window: dice.pick(&[30_000, 30_000, 1_000, 5_003]),
        failure_rate: dice.pick(&[500_000, 500_000, 1, 250_000, 1_000_000]),
        minimum_calls: dice.pick(&[20, 20, 1, 5]),
        run: dice.pick(&[20, 20, 1, 3]),
        cool_down,
        latest_probe: cool_down.max(dice.pick(&[5_000, 5_000, 300, 60_000])),
        probes: dice.pick(&[1, 1, 2, 5]),
        wait: dice.pick(&[None, None, None, Some(0), Some(0), Some(1_000), Some(5_000), Some(30_000)]),
        slow_after: dice.chance(150_000).then(|| dice.pick(&[10, 100, 1_000])),
    }
}

/// Draws a route beside the API's own.
fn other_route(dice: &mut Dice, own: &Route, scope: BreakerScope, limits: &[Limit]) -> Route {
    let mut other = Route { repeatable: dice.pick(&[None, None, Some(true), Some(false)]), ..own.clone() };
    if dice.chance(200_000) {
        other.breaker = None;
    } else if scope != BreakerScope::Api && dice.chance(200_000) {
        other.breaker = Some(breaker(dice));
    }
    if dice.chance(300_000) {
        let drawn = route(dice, None, limits);
        // What a route does not write is the API's.
        other = Route {
            breaker: other.breaker,
            repeatable: other.repeatable,
            patience: drawn.patience.or(own.patience),
            max_retry_after: drawn.max_retry_after.or(own.max_retry_after),
            ..drawn
        };
    }
    other
}

fn limit(dice: &mut Dice, alone: bool) -> Limit {
    let rate = dice.chance(850_000).then(|| (dice.magnitude(1, 1_000), dice.pick(&[1_000, 1_000, 60_000, 100, 7])));
    let headroom = dice.pick(&[800_000, 800_000, 1_000_000, 50_000, 333_333]);
    let burst = dice.chance(400_000).then(|| dice.magnitude(1, 200));
    let gauge = alone && dice.chance(700_000);
    // A cost above a known burst is an error.
    let spare = rate.map_or(5, |(rate, _)| (rate * (1_000_000 - headroom) / 1_000_000).max(1));
    let cost = dice.pick(&[1, 1, 1, 0, 3]).min(burst.unwrap_or(spare));
    Limit { rate, burst, headroom, cost, gauge }
}

fn route(dice: &mut Dice, breaker: Option<BreakerRules>, limits: &[Limit]) -> Route {
    let base = dice.pick(&[200, 200, 1, 10, 1_000]);
    let total = dice.pick(&[60_000, 60_000, 10_000, 2_000, 100, 50]);
    let mut costs = Vec::new();
    for (i, limit) in limits.iter().enumerate() {
        if limit.cost > 0 {
            costs.push((i as u8, limit.cost));
        }
    }
    Route {
        attempts: dice.pick(&[4, 4, 1, 2, 20]),
        base,
        cap: base.max(dice.pick(&[30_000, 30_000, 100, 5])),
        jitter: dice.pick(&[Jitter::Added, Jitter::Added, Jitter::Full, Jitter::None]),
        max_retry_after: dice.chance(200_000).then(|| dice.pick(&[0, 1_000, 30_000])),
        patience: dice.chance(300_000).then(|| dice.pick(&[0, 200, 5_000, 60_000])),
        repeatable: None,
        breaker,
        attempt: total.min(dice.pick(&[10_000, 10_000, 1_000, 200])),
        total,
        longest_wait: dice.pick(&[2_000, 2_000, 0, 100, 1_000, 60_000]),
        costs,
    }
}
