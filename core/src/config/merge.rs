//! From what was read to what runs: layers (defaults < preset < policy < route), what keys mean together, and the
//! typed [`Config`]. A written value that does not fit another is an error; a default that does not fit a written
//! value gives way to it.

use super::issues::{self, Part, Path, found};
use super::json::{Node, Value};
use super::keys::{self, Form, Key, Slot};
use super::leaves::{Leaf, Leaves};
use super::limits;
use super::read::Reader;
use super::types::*;
use super::{route, url};
use crate::defaults;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of headers, query and rules that all routes may repeat: each carries its own copy.
const MOST_REPEATED: usize = 16 << 20;

/// A route's or the policy's place in the merge.
struct Layer<'a, 't> {
    leaves: &'a Leaves<'t>,
    settings: &'a Settings,
}

/// `low` must not be above `high`: slots, names, how a value is written, the words for more and less.
struct Pair {
    low: (Slot, &'static str),
    high: (Slot, &'static str),
    write: fn(u64) -> String,
    words: [&'static str; 2],
}

const TIME: [&str; 2] = ["longer", "shorter"];
const PAIRS: &[Pair] = &[
    Pair {
        low: (Slot::Attempt, "timeouts.attempt"),
        high: (Slot::Total, "timeouts.total"),
        write: issues::duration,
        words: TIME,
    },
    Pair { low: (Slot::RetryBase, "retry.base"), high: (Slot::Cap, "retry.cap"), write: issues::duration, words: TIME },
    Pair {
        low: (Slot::CoolDown, "breaker.coolDown"),
        high: (Slot::LatestProbe, "breaker.latestProbe"),
        write: issues::duration,
        words: TIME,
    },
    Pair {
        low: (Slot::BufferUpTo, "bufferUpTo"),
        high: (Slot::MaxBody, "maxBody"),
        write: issues::size,
        words: ["larger", "smaller"],
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
        let limits = match leaves.get(Slot::Limits).from {
            Some(value) => self.limits(value),
            None => Vec::new(),
        };
        self.version(&leaves);
        let settings = self.settings(&leaves, None, 0, &Path::ROOT, &limits);
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
                1 => BreakerScope::Route,
                2 => BreakerScope::Both,
                _ => BreakerScope::Api,
            },
            settings,
            limits,
            routes: Vec::new(),
            warnings: Vec::new(),
        };
        if let Some(value) = leaves.get(Slot::Routes).from {
            config.routes = self.routes(value, &leaves, &base, &config);
        }
        config
    }

    fn routes(&mut self, value: &'t Value, policy: &Leaves<'t>, base: &Leaves<'t>, config: &Config) -> Vec<Route> {
        let path = Path::ROOT.with(Part::Known("routes"));
        let Node::Object(members) = &value.node else {
            self.wrong(value, &path, &[" is not an object"]);
            return Vec::new();
        };
        let mut routes = Vec::new();
        let mut places = Vec::new();
        let mut repeated = 0_usize;
        for member in members {
            if member.key == "note" || matches!(member.value.node, Node::Null) {
                continue;
            }
            if routes.len() >= defaults::MAX_ROUTES {
                self.issues.add(member.at, &path, &["more than 4096 routes; leave some out"]);
                break;
            }
            let here = path.with(Part::Pattern(&member.key));
            let (method, segments) = match route::pattern(&member.key) {
                Ok(pattern) => pattern,
                Err(words) => {
                    self.issues.add(member.at, &here, &[&words]);
                    continue;
                }
            };
            let mut leaves = policy.clone();
            self.route = true;
            self.object(keys::POLICY, &member.value, &here, &mut leaves, base);
            self.route = false;
            let breaker = leaves.get(Slot::Breaker);
            if let Some(value) = breaker.from
                && breaker.number == 1
                && config.breaker_scope == BreakerScope::Api
                && !same(breaker.from, policy.get(Slot::Breaker).from)
            {
                let words = " while breaker.scope is api; write false, or set breaker.scope to route or both";
                self.wrong(value, &here.with(Part::Known("breaker")), &[words]);
            }
            let layer = Layer { leaves: policy, settings: &config.settings };
            let mut settings = self.settings(&leaves, Some(layer), member.at, &here, &config.limits);
            if config.breaker_scope == BreakerScope::Api && settings.breaker.is_some() {
                settings.breaker = config.settings.breaker;
            }
            repeated = repeated.saturating_add(weight(&settings));
            if repeated > MOST_REPEATED {
                let words = "all routes together repeat more than 16 MiB of headers, query and rules; write fewer";
                self.issues.add(member.at, &path, &[words]);
                break;
            }
            places.push(member.at);
            routes.push(Route { pattern: member.key.clone(), method, segments, settings });
        }
        self.equal(&routes, &places, &path);
        routes
    }

    /// Patterns that differ in their templates' names only.
    fn equal(&mut self, routes: &[Route], places: &[u32], path: &Path) {
        let mut order: Vec<(&Route, u32)> = routes.iter().zip(places.iter().copied()).collect();
        let shape = |route: &Route, other: &Route| {
            route.segments.cmp(&other.segments).then_with(|| route.method.cmp(&other.method))
        };
        order.sort_by(|(a, place), (b, other)| shape(a, b).then(place.cmp(other)));
        for pair in order.windows(2) {
            if let [(first, _), (second, at)] = pair
                && shape(first, second).is_eq()
                // A pattern given twice is told already.
                && first.pattern != second.pattern
            {
                let other = issues::quoted(&first.pattern, 120);
                self.issues.add(
                    *at,
                    &path.with(Part::Pattern(&second.pattern)),
                    &["the same as ", &other, "; keep one"],
                );
            }
        }
    }

    /// One layer's settings, complete; `at` is where a route stands.
    fn settings(
        &mut self,
        leaves: &Leaves<'t>,
        policy: Option<Layer<'_, 't>>,
        at: u32,
        path: &Path,
        limits: &[Limit],
    ) -> Settings {
        let mut leaves = leaves.clone();
        for pair in PAIRS {
            self.pair(pair, &mut leaves, policy.as_ref().map(|layer| layer.leaves), at, path);
        }
        let n = |slot| leaves.number(slot);
        let outer = policy.as_ref().map(|layer| &layer.settings.host);
        let unchanged =
            |slot| policy.as_ref().is_some_and(|layer| same(layer.leaves.get(slot).from, leaves.get(slot).from));
        let mut pairs = |slot, name, before: Option<&Vec<(String, String)>>| match leaves.get(slot).from {
            None => Vec::new(),
            Some(_) if unchanged(slot) => before.cloned().unwrap_or_default(),
            Some(value) => self.names(
                value,
                &path.with(Part::Known(name)),
                slot == Slot::Headers,
                before.cloned().unwrap_or_default(),
            ),
        };
        let headers = pairs(Slot::Headers, "headers", outer.map(|host| &host.headers));
        let query = pairs(Slot::Query, "query", outer.map(|host| &host.query));
        let classify = match (leaves.get(Slot::Classify).from, &policy) {
            (None, _) => Vec::new(),
            (Some(_), Some(layer)) if unchanged(Slot::Classify) => layer.settings.classify.clone(),
            (Some(value), _) => self.rules(value, &path.with(Part::Known("classify"))),
        };
        let choice = |slot| match (n(slot), leaves.text(slot)) {
            (0, _) => HeaderChoice::Off,
            (_, Some(name)) => HeaderChoice::Named(String::from(name)),
            (_, None) => HeaderChoice::Default,
        };
        Settings {
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
            },
            repeatable: leaves.option(Slot::Repeatable).map(|number| number == 1),
            idempotency: self.idempotency(&leaves, policy.as_ref().map(|layer| layer.leaves), path),
            classify,
            breaker: (n(Slot::Breaker) != 0).then(|| Breaker {
                window: n(Slot::Window),
                failure_rate: n(Slot::FailureRate) as u32,
                minimum_calls: n(Slot::MinimumCalls) as u32,
                run: n(Slot::Run) as u32,
                cool_down: n(Slot::CoolDown),
                latest_probe: n(Slot::LatestProbe),
                probes: n(Slot::Probes) as u32,
                wait: n(Slot::Wait),
                slow_after: leaves.option(Slot::SlowAfter),
            }),
            costs: self.costs(leaves.get(Slot::Costs).from, &path.with(Part::Known("cost")), limits),
            host: Host {
                connect: n(Slot::Connect),
                connect_written: leaves.written(Slot::Connect),
                idle: n(Slot::Idle),
                idle_written: leaves.written(Slot::Idle),
                max_body: n(Slot::MaxBody),
                buffer_up_to: n(Slot::BufferUpTo),
                headers,
                query,
                user_agent: leaves.text(Slot::UserAgent).map(String::from),
                request_id: choice(Slot::RequestId),
                correlation_id: choice(Slot::CorrelationId),
                version: leaves.text(Slot::Pin).map(|pin| Version {
                    pin: String::from(pin),
                    header: leaves.text(Slot::PinHeader).map(String::from),
                    query: leaves.text(Slot::PinQuery).map(String::from),
                }),
            },
        }
    }

    /// `low <= high`: a default gives way, two written values are an error.
    fn pair(&mut self, pair: &Pair, leaves: &mut Leaves<'t>, policy: Option<&Leaves<'t>>, at: u32, path: &Path) {
        let (low, high) = (leaves.get(pair.low.0), leaves.get(pair.high.0));
        if low.number <= high.number {
            return;
        }
        let Some(value) = low.from else {
            leaves.put(pair.low.0, Leaf { number: high.number, from: None });
            return;
        };
        let [more, less] = pair.words;
        let (low_name, high_name) = (pair.low.1, pair.high.1);
        let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
        let here = |leaf: Leaf<'t>, slot| policy.is_none_or(|policy| !same(leaf.from, policy.get(slot).from));
        match high.from {
            Some(upper) if policy.is_some() && here(high, pair.high.0) && !here(low, pair.low.0) => {
                let shown = (pair.write)(low.number);
                let words = [" is ", less, " than ", low_name, " (", &shown, "); lower ", last(low_name)];
                self.wrong(upper, &path.with(Part::Known(high_name)), &words);
            }
            // Both as in the policy: told there.
            _ if !here(low, pair.low.0) && !here(high, pair.high.0) => {}
            _ => {
                let (shown, bound) = (found(self.text, value), (pair.write)(high.number));
                let words = [&*shown, " is ", more, " than ", high_name, " (", &bound, "); raise ", last(high_name)];
                let place = if here(low, pair.low.0) { value.at } else { at };
                self.issues.add(place, &path.with(Part::Known(low_name)), &words);
            }
        }
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
            && !policy.is_some_and(|policy| same(leaf.from, policy.get(Slot::Idempotency).from))
        {
            let path = path.with(Part::Known("idempotency.header"));
            self.issues.add(value.at, &path, &["missing; write \"Idempotency-Key\""]);
        }
        Some(Idempotency {
            header: owned(leaves.text(Slot::KeyHeader)),
            methods: leaves.number(Slot::Methods) as u16,
            sf_string: leaves.number(Slot::Format) == 1,
        })
    }

    /// A version needs a pin, and a place for it.
    fn version(&mut self, leaves: &Leaves<'t>) {
        let Some(value) = leaves.get(Slot::Version).from else { return };
        let path = Path::ROOT.with(Part::Known("version"));
        if !value.has("pin") {
            self.issues.add(value.at, &path.with(Part::Known("pin")), &["missing; write the version to ask for"]);
        } else if !value.has("header") && !value.has("query") {
            self.issues.add(value.at, &path, &["pin without header or query; name one"]);
        }
        for slot in [Slot::PinHeader, Slot::PinQuery] {
            if let Some(name) = leaves.text(slot) {
                self.secret(name, leaves.text(Slot::Pin).unwrap_or_default(), value.at, &path);
            }
        }
    }

    /// A gauge of one's own, or a family.
    pub(super) fn gauge(&mut self, leaf: Leaf<'t>, path: &Path, alone: bool) -> Gauge {
        let Some(value) = leaf.from else { return if alone { Gauge::Auto } else { Gauge::None } };
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
        for key in keys.iter().filter(|key| slots.contains(&key.slot)) {
            if !value.has(key.name) {
                let wanted = match key.form {
                    Form::Word(words) => issues::any_of(words),
                    Form::Statuses => String::from("200 to 599 or a list of them"),
                    Form::Id => String::from("name the bucket"),
                    _ => String::from("a header's name"),
                };
                self.issues.add(value.at, &path.with(Part::Known(key.name)), &["missing; ", &wanted]);
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
    match leaves.get(Slot::Base).from.map(|value| &value.node) {
        Some(Node::Text(text)) => url::read(text).unwrap_or_default(),
        Some(Node::Object(members)) => {
            let name = members.iter().find(|member| member.key == "env").and_then(|member| member.value.text());
            Base::Env(owned(name))
        }
        _ => Base::None,
    }
}

/// What a route's copy takes beyond its fixed size.
fn weight(settings: &Settings) -> usize {
    let pairs = settings.host.headers.iter().chain(&settings.host.query);
    let pairs = pairs.map(|(name, text)| name.len().saturating_add(text.len()).saturating_add(48));
    let rules = settings.classify.iter().map(|rule| {
        let words = rule.is.iter().map(|scalar| match scalar {
            Scalar::Text(text) => text.len().saturating_add(32),
            Scalar::Integer(_) | Scalar::Bool(_) => 32,
        });
        words.sum::<usize>().saturating_add(rule.status.len().saturating_mul(2)).saturating_add(1_024)
    });
    pairs.chain(rules).fold(0, usize::saturating_add)
}
