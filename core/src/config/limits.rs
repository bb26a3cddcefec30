//! The two lists of a policy: rate limits with their costs, and `classify` rules.

use super::issues::{self, Part, Path, instead};
use super::json::{Node, Number, Value};
use super::keys::{self, Slot};
use super::leaves::Leaves;
use super::merge::owned;
use super::read::Reader;
use super::types::*;
use crate::defaults::ONE;
use alloc::string::String;
use alloc::vec::Vec;

/// Limits of one policy.
const MOST_LIMITS: usize = 16;
/// Rules of one list.
const MOST_RULES: usize = 64;

impl<'t> Reader<'t> {
    /// The elements of a list of objects.
    fn entries(&mut self, value: &'t Value, path: &Path, most: usize) -> &'t [Value] {
        let Node::List(list) = &value.node else {
            self.wrong(value, path, &[" is not a list"]);
            return &[];
        };
        if list.len() > most {
            let words = [&*issues::plain(list.len() as u64), " entries; at most ", &issues::plain(most as u64)];
            self.issues.add(value.at, path, &words);
            return &[];
        }
        list
    }

    pub(super) fn limits(&mut self, value: &'t Value) -> Vec<Limit> {
        let path = Path::ROOT.with(Part::Known("limits"));
        let list = self.entries(value, &path, MOST_LIMITS);
        let mut limits: Vec<Limit> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = path.with(Part::Index(index));
            let base = Leaves::new();
            let mut leaves = base.clone();
            self.object(keys::LIMIT, value, &path, &mut leaves, &base);
            self.required(keys::LIMIT, &[Slot::LimitName], value, &path);
            let name = owned(leaves.text(Slot::LimitName));
            if let Some(value) = leaves.get(Slot::LimitName).from
                && limits.iter().any(|other| other.name == name)
            {
                self.wrong(value, &path.with(Part::Known("name")), &[" is given twice; name each limit once"]);
            }
            let (rate, per) = (leaves.option(Slot::Rate), leaves.option(Slot::Per));
            if let (Some(_), None) | (None, Some(_)) = (rate, per) {
                let (missing, other) = if per.is_none() { ("per", "rate") } else { ("rate", "per") };
                // Not if it is there, but wrong.
                if !value.has(missing) {
                    self.issues.add(value.at, &path.with(Part::Known(missing)), &["missing; ", other, " needs it"]);
                }
            }
            let gauge = self.gauge(leaves.get(Slot::Gauge), &path.with(Part::Known("headers")), list.len() == 1);
            let limit = Limit {
                name,
                rate: rate.zip(per).map(|(rate, per)| (rate as u32, per)),
                burst: leaves.option(Slot::Burst).map(|burst| burst as u32),
                headroom: leaves.number(Slot::Headroom) as u32,
                cost: leaves.number(Slot::Cost) as u32,
                gauge,
            };
            if let Some(value) = leaves.get(Slot::Cost).from {
                self.affordable(&limit, leaves.number(Slot::Cost), value, &path.with(Part::Known("cost")));
            }
            limits.push(limit);
        }
        limits
    }

    /// A cost above a known burst could never be paid.
    fn affordable(&mut self, limit: &Limit, cost: u64, value: &Value, path: &Path) {
        let known = match limit.rate {
            Some((rate, _)) => {
                let rest = ONE.saturating_sub(limit.headroom.into());
                let burst = rest.saturating_mul(rate.into()).checked_div(ONE).unwrap_or(0).max(1);
                Some(limit.burst.map_or(burst, u64::from))
            }
            None => limit.burst.map(u64::from),
        };
        if let Some(burst) = known.filter(|burst| cost > *burst) {
            let words = [" is above the burst of \"", &limit.name, "\" (", &issues::plain(burst), "); raise burst"];
            self.wrong(value, path, &words);
        }
    }

    /// What a call draws from each limit.
    pub(super) fn costs(&mut self, value: Option<&'t Value>, path: &Path, limits: &[Limit]) -> Vec<(u8, u32)> {
        let mut costs: Vec<u32> = limits.iter().map(|limit| limit.cost).collect();
        match value.map(|value| (value, &value.node)) {
            None => {}
            Some((_, Node::Object(members))) => {
                for member in members {
                    let path = path.with(Part::Key(&member.key));
                    let Some(place) = limits.iter().position(|limit| limit.name == member.key) else {
                        let mut names: Vec<&str> = limits.iter().map(|limit| &*limit.name).collect();
                        let instead = if names.is_empty() {
                            String::from("the policy has no limits")
                        } else {
                            instead(&member.key, &mut names)
                        };
                        self.issues.add(member.at, &path, &["no such limit; ", &instead]);
                        continue;
                    };
                    if let Node::Null = member.value.node {
                        continue;
                    }
                    let cost = self.whole(&member.value, &path, 0, 1_000_000);
                    if let (Some(cost), Some(limit), Some(to)) = (cost, limits.get(place), costs.get_mut(place)) {
                        *to = cost as u32;
                        self.affordable(limit, cost, &member.value, &path);
                    }
                }
            }
            Some((value, _)) => self.wrong(value, path, &[" is not an object"]),
        }
        let places = 0_u8..;
        places.zip(costs).filter(|(_, cost)| *cost > 0).collect()
    }

    pub(super) fn rules(&mut self, value: &'t Value, path: &Path) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (index, value) in self.entries(value, path, MOST_RULES).iter().enumerate() {
            let path = path.with(Part::Index(index));
            let base = Leaves::new();
            let mut leaves = base.clone();
            let before = self.left_out;
            let inside = core::mem::replace(&mut self.route, false);
            self.object(keys::RULE, value, &path, &mut leaves, &base);
            self.route = inside;
            if self.left_out != before {
                // Without a part of it the rule would match too much.
                continue;
            }
            self.required(keys::RULE, &[Slot::Status, Slot::As], value, &path);
            if let Some(is) = leaves.get(Slot::Is).from
                && !value.has("header")
                && !value.has("json")
            {
                self.issues.add(is.at, &path.with(Part::Known("is")), &["nothing to compare; name a header or json"]);
            }
            rules.push(Rule {
                status: statuses(leaves.get(Slot::Status).from),
                header: leaves.text(Slot::RuleHeader).map(str::to_ascii_lowercase),
                json: leaves.text(Slot::Json).map(tokens),
                is: scalars(leaves.get(Slot::Is).from),
                class: match leaves.number(Slot::As) {
                    0 => RuleClass::Fail,
                    1 => RuleClass::Retry,
                    _ => RuleClass::RateLimited,
                },
            });
        }
        rules
    }
}

fn statuses(value: Option<&Value>) -> Vec<u16> {
    let list = match value {
        Some(Value { node: Node::List(list), .. }) => list,
        Some(single) => core::slice::from_ref(single),
        None => &[],
    };
    let mut statuses: Vec<u16> = list
        .iter()
        .filter_map(|value| match value.node {
            Node::Number(Number::Integer(status)) => u16::try_from(status).ok(),
            _ => None,
        })
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn scalars(value: Option<&Value>) -> Vec<Scalar> {
    let Some(Value { node: Node::List(list), .. }) = value else { return Vec::new() };
    let scalar = |value: &Value| match &value.node {
        Node::Text(text) => Some(Scalar::Text(text.clone())),
        Node::Number(Number::Integer(number)) => Some(Scalar::Integer(*number)),
        Node::Bool(flag) => Some(Scalar::Bool(*flag)),
        _ => None,
    };
    list.iter().filter_map(scalar).collect()
}

/// The tokens of a JSON pointer (RFC 6901, section 4: first `~1`, then `~0`).
fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// The family at a place of [`keys::FAMILIES`].
pub(super) fn family(place: u64) -> Gauge {
    match place {
        0 => Gauge::Auto,
        2 => Gauge::RateLimit,
        3 => Gauge::RateLimitFields,
        4 => Gauge::XRateLimit,
        5 => Gauge::XRateHyphen,
        6 => Gauge::GitHub,
        7 => Gauge::OpenAi,
        8 => Gauge::Anthropic,
        9 => Gauge::Shopify,
        10 => Gauge::Stripe,
        _ => Gauge::None,
    }
}
