//! From what was read to what runs: layers (defaults < preset < policy < route), what keys mean together, and the
//! typed [`Config`]. A written value that does not fit another is an error; a default that does not fit a written
//! value gives way to it.

use super::issues::{Part, Path, push_amount, push_any, push_quoted};
use super::json::{Node, Value};
use super::keys::{self, Form, Key, Slot};
use super::leaves::{Leaf, Leaves};
use super::limits;
use super::read::Reader;
use super::settings::host_json;
use super::text::names::{SECRET, Sent, secret};
use super::types::*;
use super::{route, url};
use crate::defaults;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of headers, query and rules, as written, that all routes may repeat: each carries its own copy.
const MOST_REPEATED: u32 = 8 << 20;

/// `low` must not be above `high`: the object that both are in (with its dot), their slots and names, the words for more
/// and less.
struct Pair {
    object: &'static str,
    slots: (Slot, Slot),
    names: (&'static str, &'static str),
    words: (&'static str, &'static str),
    form: Form,
}

const TIME: Form = Form::Time(0, 0);
const LENGTH: (&str, &str) = (" is longer than ", " is shorter than ");
const PAIRS: &[Pair] = &[
    Pair {
        object: "timeouts",
        slots: (Slot::Attempt, Slot::Total),
        names: ("attempt", "total"),
        words: LENGTH,
        form: TIME,
    },
    Pair { object: "retry", slots: (Slot::RetryBase, Slot::Cap), names: ("base", "cap"), words: LENGTH, form: TIME },
    Pair {
        object: "breaker",
        slots: (Slot::CoolDown, Slot::LatestProbe),
        names: ("coolDown", "latestProbe"),
        words: LENGTH,
        form: TIME,
    },
    Pair {
        object: "",
        slots: (Slot::BufferUpTo, Slot::MaxBody),
        names: ("bufferUpTo", "maxBody"),
        words: (" is larger than ", " is smaller than "),
        form: Form::Size(0, 0),
    },
];

impl<'t> Reader<'t> {
    /// The whole policy.
    pub(super) fn policy(&mut self, root: &'t Value) -> Config {
        self.twice(root, &Path::ROOT);
        let mut base = Leaves::new();
        let mut leaves = base.clone();
        self.object(keys::POLICY, root, &Path::ROOT, &mut leaves, &base);
        if let Some((total, attempts)) = preset(leaves.number(Slot::Preset)) {
            for (slot, number) in [(Slot::Total, total), (Slot::Attempts, attempts)] {
                base.put(slot, Leaf { number, from: None });
                if !leaves.written(slot) {
                    leaves.put(slot, Leaf { number, from: None });
                }
            }
        }
        let limits = match leaves.from(Slot::Limits) {
            Some(value) => self.limits(value),
            None => Vec::new(),
        };
        self.version(&leaves);
        let settings = self.settings(&leaves, None, (0, ""), &Path::ROOT, &limits);
        let mut config = Config {
            name: owned(leaves.text(Slot::Name)),
            base: base_of(&leaves),
            concurrency: leaves.number(Slot::Concurrency) as u32,
            max_waiting: leaves.number(Slot::MaxWaiting) as u32,
            budget: Budget {
                capacity: leaves.number(Slot::Capacity),
                per_call: leaves.number(Slot::PerCall),
                per_second: leaves.number(Slot::PerSecond),
            },
            breaker_scope: match leaves.number(Slot::Scope) {
                0 => BreakerScope::Api,
                1 => BreakerScope::Route,
                _ => BreakerScope::Both,
            },
            settings,
            limits,
            routes: Vec::new(),
            warnings: Vec::new(),
        };
        if let Some(value) = leaves.from(Slot::Routes) {
            config.routes = self.routes(value, &leaves, &base, &config);
        }
        config
    }

    fn routes(&mut self, value: &'t Value, policy: &Leaves<'t>, base: &Leaves<'t>, config: &Config) -> Vec<Route> {
        let path = Path::ROOT.known("routes");
        let mut routes: Vec<Route> = Vec::new();
        let Node::Object(members) = &value.node else {
            self.wrong(value, &path, " is not an object");
            return routes;
        };
        let mut tree = route::Routes::build(&[]);
        let mut repeated = 0_u32;
        for member in members {
            if member.key == "note" || matches!(member.node, Node::Null) {
                continue;
            }
            if routes.len() >= defaults::MAX_ROUTES {
                self.report(member.key_at, &path, "more than 4096 routes; leave some out");
                break;
            }
            let here = path.with(Part::Pattern(&member.key));
            if let Err(wrong) = route::pattern(&member.key) {
                wrong.push(self.report(member.key_at, &here, ""));
                continue;
            }
            let mut leaves = policy.clone();
            self.route = true;
            self.object(keys::POLICY, member, &here, &mut leaves, base);
            self.route = false;
            let (breaker, outer) = (leaves.get(Slot::Breaker), policy.get(Slot::Breaker));
            if let Some(value) = breaker.from
                && breaker.number == 1
                && config.breaker_scope == BreakerScope::Api
                && !same(breaker.from, outer.from)
            {
                let words = " while breaker.scope is api; write false, or leave breaker.scope out";
                self.wrong(value, &here.known("breaker"), words);
            }
            let mut settings =
                self.settings(&leaves, Some(policy), (member.key_at, &member.key), &here, &config.limits);
            if config.breaker_scope == BreakerScope::Api && settings.breaker.is_some() {
                settings.breaker = config.settings.breaker;
            }
            for slot in &[Slot::Headers, Slot::Query, Slot::Classify] {
                let bytes = leaves.from(*slot).map_or(0, |value| value.end.saturating_sub(value.at));
                repeated = repeated.saturating_add(bytes);
            }
            if repeated > MOST_REPEATED {
                let words = "all routes together repeat more than 8 MiB of headers, query and rules; write fewer";
                self.report(member.key_at, &path, words);
                break;
            }
            let number = routes.len().saturating_add(1);
            let route = Route { pattern: member.key.clone(), settings };
            // A pattern given twice is told already.
            if let Some(other) = tree.add(&route.pattern, number).and_then(|other| routes.get(other.saturating_sub(1)))
                && other.pattern != route.pattern
            {
                let out = self.report(member.key_at, &here, "the same as ");
                push_quoted(out, &other.pattern, 120);
                out.push_str("; keep one");
            }
            routes.push(route);
        }
        routes
    }

    /// One layer's settings, complete; `at` is where a route stands, with its pattern.
    fn settings(
        &mut self,
        leaves: &Leaves<'t>,
        policy: Option<&Leaves<'t>>,
        (at, pattern): (u32, &str),
        path: &Path,
        limits: &[Limit],
    ) -> Settings {
        let mut leaves = leaves.clone();
        for pair in PAIRS {
            self.pair(pair, &mut leaves, policy, at, path);
        }
        let n = |slot| leaves.number(slot);
        let headers = self.sent(&leaves, policy, Slot::Headers, &path.known("headers"));
        let query = self.sent(&leaves, policy, Slot::Query, &path.known("query"));
        let mut classify = Vec::new();
        if let Some(value) = leaves.from(Slot::Classify) {
            if policy.is_some_and(|policy| same(policy.from(Slot::Classify), Some(value))) {
                self.mute();
            }
            classify = self.rules(value, &path.known("classify"));
            self.unmute();
        }
        let mut settings = Settings {
            retry: Retry {
                attempts: n(Slot::Attempts) as u8,
                base: n(Slot::RetryBase),
                cap: n(Slot::Cap),
                jitter: match n(Slot::Jitter) {
                    1 => Jitter::Full,
                    2 => Jitter::None,
                    _ => Jitter::Added,
                },
                max_retry_after: leaves.option(Slot::MaxRetryAfter),
                patience: leaves.option(Slot::Patience),
            },
            timeouts: Timeouts {
                attempt: n(Slot::Attempt),
                attempt_written: leaves.written(Slot::Attempt),
                total: n(Slot::Total),
                total_written: leaves.written(Slot::Total) || leaves.written(Slot::Preset),
                wait: n(Slot::LongestWait),
            },
            repeatable: leaves.option(Slot::Repeatable).map(|number| number == 1),
            idempotency: self.idempotency(&leaves, policy, path),
            classify,
            breaker: (n(Slot::Breaker) != 0).then(|| Breaker {
                window: n(Slot::Window),
                failure_rate: n(Slot::FailureRate) as u32,
                minimum_calls: n(Slot::MinimumCalls) as u32,
                run: n(Slot::Run) as u32,
                cool_down: n(Slot::CoolDown),
                latest_probe: n(Slot::LatestProbe),
                probes: n(Slot::Probes) as u32,
                wait: leaves.option(Slot::Wait),
                slow_after: leaves.option(Slot::SlowAfter),
            }),
            costs: self.costs(leaves.from(Slot::Costs), &path.known("cost"), limits),
            host: String::new(),
        };
        settings.host = host_json(pattern, &leaves, &headers, &query, &settings);
        settings
    }

    /// Headers or query of a layer: the policy's, and its own over them.
    #[inline(never)]
    fn sent(&mut self, leaves: &Leaves<'t>, policy: Option<&Leaves<'t>>, slot: Slot, path: &Path) -> Sent {
        let mut merged = Sent::new();
        let Some(own) = leaves.from(slot) else { return merged };
        if let Some(outer) = policy.and_then(|policy| policy.from(slot)) {
            self.mute();
            self.names(outer, path, slot, &mut merged);
            if !core::ptr::eq(outer, own) {
                self.unmute();
            }
        }
        self.names(own, path, slot, &mut merged);
        self.unmute();
        merged
    }

    /// `low <= high`: a default gives way, two written values are an error.
    #[inline(never)]
    fn pair(&mut self, pair: &Pair, leaves: &mut Leaves<'t>, policy: Option<&Leaves<'t>>, at: u32, path: &Path) {
        let (low, high) = (leaves.get(pair.slots.0), leaves.get(pair.slots.1));
        if low.number <= high.number {
            return;
        }
        let Some(value) = low.from else {
            leaves.put(pair.slots.0, Leaf { number: high.number, from: None });
            return;
        };
        let (low_here, high_here) = match policy {
            None => (true, true),
            Some(policy) => {
                (!same(low.from, policy.get(pair.slots.0).from), !same(high.from, policy.get(pair.slots.1).from))
            }
        };
        // What the route wrote is wrong, else what it took back; what the policy wrote is told there.
        let (at, value, own, other, bound, words, advice) = match high.from {
            _ if low_here => (value.at, value, pair.names.0, pair.names.1, high.number, pair.words.0, "); raise "),
            Some(upper) if high_here => {
                (upper.at, upper, pair.names.1, pair.names.0, low.number, pair.words.1, "); lower ")
            }
            None if high_here => (at, value, pair.names.0, pair.names.1, high.number, pair.words.0, "); raise "),
            _ => return,
        };
        let object = path.known(pair.object);
        let path = if pair.object.is_empty() { path } else { &object };
        let out = self.issues.note(at, &path.known(own), Some(value), words);
        out.push_str(pair.object);
        out.push_str(if pair.object.is_empty() { "" } else { "." });
        out.push_str(other);
        out.push_str(" (");
        push_amount(out, &pair.form, bound);
        out.push_str(advice);
        out.push_str(other);
    }

    /// Keys need a header.
    fn idempotency(&mut self, leaves: &Leaves<'t>, policy: Option<&Leaves<'t>>, path: &Path) -> Option<Idempotency> {
        let leaf = leaves.get(Slot::Idempotency);
        if leaf.number == 0 {
            return None;
        }
        if let Some(value) = leaf.from
            && !leaves.written(Slot::KeyHeader)
            // Wrong there, or missing in the policy already: told once.
            && !value.has("header")
            && !policy.is_some_and(|policy| same(leaf.from, policy.from(Slot::Idempotency)))
        {
            let path = path.known("idempotency.header");
            self.report(value.at, &path, "missing; write \"Idempotency-Key\"");
        }
        Some(Idempotency {
            header: owned(leaves.text(Slot::KeyHeader)),
            methods: leaves.number(Slot::Methods) as u16,
            sf_string: leaves.number(Slot::Format) == 1,
        })
    }

    /// A version needs a pin, and a place for it.
    fn version(&mut self, leaves: &Leaves<'t>) {
        let Some(value) = leaves.from(Slot::Version) else { return };
        let path = Path::ROOT.known("version");
        if !value.has("pin") {
            self.report(value.at, &path.known("pin"), "missing; write the version to ask for");
        } else if !value.has("header") && !value.has("query") {
            self.report(value.at, &path, "pin without header or query; name one");
        }
        for slot in &[Slot::PinHeader, Slot::PinQuery] {
            if let Some(name) = leaves.text(*slot)
                && secret(name, leaves.text(Slot::Pin).unwrap_or_default())
            {
                self.report(value.at, &path, SECRET);
            }
        }
    }

    /// Reads a gauge of one's own, or a family; `unwritten` where there is neither.
    pub(super) fn gauge(&mut self, leaf: Leaf<'t>, path: &Path, unwritten: Gauge) -> Gauge {
        let Some(value) = leaf.from else { return unwritten };
        if let Node::Object(_) = value.node {
            let base = Leaves::new();
            let mut leaves = base.clone();
            self.object(keys::NAMED, value, path, &mut leaves, &base);
            self.required(keys::NAMED, &[Slot::Remaining], value, path);
            let lower = |slot| leaves.text(slot).map(str::to_ascii_lowercase);
            return Gauge::Named {
                remaining: lower(Slot::Remaining).unwrap_or_default(),
                limit: lower(Slot::LimitHeader),
                reset: lower(Slot::Reset),
                milliseconds: leaves.number(Slot::Unit) == 1,
            };
        }
        limits::family(leaf.number)
    }

    /// Keys that an object must have.
    pub(super) fn required(&mut self, keys: &'static [Key], slots: &[Slot], value: &Value, path: &Path) {
        if !matches!(value.node, Node::Object(_)) {
            return;
        }
        for slot in slots {
            if let Some(key) = keys.iter().find(|key| key.slot == *slot)
                && !value.has(key.name)
            {
                let out = self.report(value.at, &path.known(key.name), "missing; ");
                match key.form {
                    Form::Word(words) => push_any(out, words),
                    Form::Statuses => out.push_str("200 to 599 or a list of them"),
                    Form::Id => out.push_str("name the bucket"),
                    _ => out.push_str("a header's name"),
                }
            }
        }
    }
}

/// Whether both are written at the same place, or nowhere.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => core::ptr::eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

pub(super) fn owned(text: Option<&str>) -> String {
    String::from(text.unwrap_or_default())
}

/// `timeouts.total` and `retry.attempts` of a preset that is written.
fn preset(word: u64) -> Option<(u64, u64)> {
    match word {
        0 => Some((10_000, 3)),
        1 => Some((60_000, 4)),
        2 => Some((600_000, 8)),
        _ => None,
    }
}

fn base_of(leaves: &Leaves) -> Base {
    let Some(value) = leaves.from(Slot::Base) else { return Base::None };
    match value.text() {
        Some(text) => url::read(text).unwrap_or_default(),
        None => Base::Env(owned(value.get("env").and_then(Value::text))),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::*;
    use std::vec;

    fn config(text: &str) -> Config {
        read(text, Reading::Strict).unwrap()
    }

    #[test]
    fn a_preset_sets_total_and_attempts_and_counts_as_written() {
        for (preset, total, attempts) in [("interactive", 10_000, 3), ("service", 60_000, 4), ("batch", 600_000, 8)] {
            let settings = config(&std::format!(r#"{{"preset":"{preset}"}}"#)).settings;
            let timeouts = settings.timeouts;
            assert_eq!((timeouts.total, settings.retry.attempts, timeouts.total_written), (total, attempts, true));
            assert!(!timeouts.attempt_written);
        }
        assert!(!config("{}").settings.timeouts.total_written);
        let own = config(r#"{"preset":"batch","retry":{"attempts":2},"timeouts":{"total":"5s"}}"#).settings;
        assert_eq!((own.timeouts.total, own.timeouts.attempt, own.retry.attempts), (5_000, 5_000, 2));
    }

    #[test]
    fn null_in_a_route_goes_back_to_the_preset_not_to_the_policy() {
        let config = config(
            r#"{"preset":"batch","retry":{"attempts":2,"base":"1s"},"timeouts":{"total":"5m"},"breaker":{"scope":"both","run":5,"wait":"1s"},
            "routes":{"/a":{"retry":{"attempts":null},"timeouts":{"total":null}},"/b":{"retry":null},"/c":{"breaker":null},
            "/d":{"breaker":{"run":7,"wait":null}},"/e":{"breaker":false}}}"#,
        );
        let [a, b, c, d, e] = &config.routes[..] else { panic!() };
        assert_eq!((a.settings.retry.attempts, a.settings.retry.base, a.settings.timeouts.total), (8, 1_000, 600_000));
        assert!(a.settings.timeouts.total_written);
        assert_eq!((b.settings.retry.attempts, b.settings.retry.base), (8, 200));
        assert_eq!(c.settings.breaker, Some(Breaker::default()));
        assert_eq!(d.settings.breaker, Some(Breaker { run: 7, ..Breaker::default() }));
        assert_eq!(e.settings.breaker, None);
        assert_eq!(config.settings.breaker, Some(Breaker { run: 5, wait: Some(1_000), ..Breaker::default() }));
    }

    #[test]
    fn an_object_over_false_begins_at_the_defaults() {
        let config = config(
            r#"{"breaker":false,"idempotency":{"header":"K","methods":["PUT"]},
            "routes":{"/a":{"breaker":false,"idempotency":false},"/b":{"idempotency":{"header":"L"}}}}"#,
        );
        assert_eq!(config.settings.breaker, None);
        assert_eq!(config.routes[0].settings.idempotency, None);
        let keys = |header: &str, methods| Some(Idempotency { header: header.into(), methods, sf_string: false });
        assert_eq!(config.settings.idempotency, keys("K", 1 << 4));
        assert_eq!(config.routes[1].settings.idempotency, keys("L", 1 << 4));
        let text =
            r#"{"idempotency":{"header":"K"},"routes":{"/a":{"breaker":null}},"breaker":{"run":3,"scope":"api"}}"#;
        // One breaker for the API: a route has that one or none.
        assert_eq!(self::config(text).routes[0].settings.breaker, Some(Breaker { run: 3, ..Breaker::default() }));
        assert_eq!(self::config(text).settings.idempotency, keys("K", 1 << 7 | 1 << 8));
    }

    #[test]
    fn a_default_gives_way_to_what_is_written() {
        let config = config(
            r#"{"timeouts":{"total":"5s"},"retry":{"cap":"100ms"},"breaker":{"latestProbe":"50ms"},"maxBody":"2KiB",
            "routes":{"/a":{"timeouts":{"total":"30s"}}}}"#,
        );
        let settings = &config.settings;
        assert_eq!(settings.timeouts.attempt, 5_000);
        assert!(!settings.timeouts.attempt_written);
        assert_eq!(settings.retry.base, 100);
        assert_eq!(settings.breaker.map(|breaker| breaker.cool_down), Some(50));
        assert!(settings.host.contains(r#""bufferUpTo":2048,"#), "{}", settings.host);
        // The cut is the policy's own, no layer for its routes.
        assert_eq!(config.routes[0].settings.timeouts.attempt, 10_000);
    }

    #[test]
    fn options_are_off_until_written() {
        let settings = config("{}").settings;
        assert_eq!((settings.retry.max_retry_after, settings.retry.patience, settings.repeatable), (None, None, None));
        let text = r#"{"retry":{"maxRetryAfter":0,"patience":"1m","jitter":"full","budget":{"perCall":0.25,"capacity":5}},
            "breaker":{"slowAfter":"2s","failureRate":0.25},"routes":{"POST /a":{"repeatable":true},"GET /b":{"repeatable":false}}}"#;
        let config = config(text);
        let retry = config.settings.retry;
        assert_eq!((retry.max_retry_after, retry.patience, retry.jitter), (Some(0), Some(60_000), Jitter::Full));
        assert_eq!(config.budget, Budget { capacity: 5_000_000, per_call: 250_000, per_second: 20_000 });
        assert_eq!(config.settings.breaker.map(|b| (b.slow_after, b.failure_rate)), Some((Some(2_000), 250_000)));
        let repeatable: Vec<_> = config.routes.iter().map(|route| route.settings.repeatable).collect();
        assert_eq!(repeatable, [Some(true), Some(false)]);
    }

    #[test]
    fn limits_rules_and_costs_are_typed() {
        let config = config(
            r#"{"limits":[{"name":"core","rate":100,"per":"1m","headroom":0.5,"headers":{"remaining":"X-Left","unit":"ms"}},{"name":"search","cost":0}],
            "classify":[{"status":[503,429,429],"header":"X-Kind","json":"/a~1b/~01/","is":["q",-7,true],"as":"rate-limited"}],
            "routes":{"GET /s/{q}/*":{"cost":{"search":3,"core":0}},"/n":{"cost":{"core":null}}}}"#,
        );
        let gauge = Gauge::Named { remaining: "x-left".into(), limit: None, reset: None, milliseconds: true };
        let core =
            Limit { name: "core".into(), rate: Some((100, 60_000)), burst: None, headroom: 500_000, cost: 1, gauge };
        let search =
            Limit { name: "search".into(), rate: None, burst: None, headroom: 800_000, cost: 0, gauge: Gauge::None };
        assert_eq!(config.limits, [core, search]);
        assert_eq!(config.settings.costs, [(0, 1)]);
        assert_eq!(config.routes[0].settings.costs, [(1, 3)]);
        assert_eq!(config.routes[1].settings.costs, [(0, 1)]);
        let rule = Rule {
            status: vec![429, 503],
            header: Some("x-kind".into()),
            json: Some(vec!["a/b".into(), "~1".into(), "".into()]),
            is: vec![Scalar::Text("q".into()), Scalar::Integer(-7), Scalar::Bool(true)],
            class: RuleClass::RateLimited,
        };
        assert_eq!(config.settings.classify, std::slice::from_ref(&rule));
        assert_eq!(config.routes[0].settings.classify, [rule]);
    }

    #[test]
    fn a_limit_that_stands_alone_reads_any_family() {
        let gauges = |text: &str| config(text).limits.into_iter().map(|limit| limit.gauge).collect::<Vec<_>>();
        assert_eq!(gauges(r#"{"limits":[{"name":"a"}]}"#), [Gauge::Auto]);
        assert_eq!(
            gauges(r#"{"limits":[{"name":"a"},{"name":"b","headers":"github"}]}"#),
            [Gauge::None, Gauge::GitHub]
        );
        let families = [
            Gauge::Auto,
            Gauge::None,
            Gauge::RateLimit,
            Gauge::RateLimitFields,
            Gauge::XRateLimit,
            Gauge::XRateHyphen,
            Gauge::GitHub,
            Gauge::OpenAi,
            Gauge::Anthropic,
            Gauge::Shopify,
            Gauge::Stripe,
        ];
        for (name, gauge) in keys::FAMILIES.iter().zip(families) {
            assert_eq!(gauges(&std::format!(r#"{{"limits":[{{"name":"a","headers":"{name}"}}]}}"#)), [gauge]);
        }
    }

    #[test]
    fn what_all_routes_repeat_is_bounded() {
        let header = std::format!(r#""X-Long":"{}""#, "a".repeat(4_000));
        let headers: Vec<String> = (0..50).map(|n| header.replace("Long", &std::format!("{n}"))).collect();
        let routes: Vec<String> = (0..4_000).map(|n| std::format!(r#""/{n}":{{}}"#)).collect();
        let text = std::format!(r#"{{"headers":{{{}}},"routes":{{{}}}}}"#, headers.join(","), routes.join(","));
        assert!(text.len() < crate::defaults::MAX_POLICY);
        let issues = read(&text, Reading::Strict).unwrap_err();
        assert!(issues[0].text.starts_with("routes: all routes together repeat more than 8 MiB"), "{issues:?}");
    }

    #[test]
    fn four_thousand_and_ninety_six_routes_are_the_most() {
        let text = |count: usize| {
            let routes: Vec<String> = (0..count).map(|n| std::format!(r#""/{n}":{{}}"#)).collect();
            std::format!(r#"{{"routes":{{{}}}}}"#, routes.join(","))
        };
        assert_eq!(config(&text(4_096)).routes.len(), 4_096);
        let issues = read(&text(4_097), Reading::Strict).unwrap_err();
        assert_eq!(issues[0].text, "routes: more than 4096 routes; leave some out");
    }
}
