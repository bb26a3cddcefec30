//! The two lists of a policy: rate limits with their costs, and `classify` rules.

use super::issues::{Path, push_instead};
use super::json::write::digits;
use super::json::{Node, Number, Value};
use super::keys::{self, Form, Slot};
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
    #[inline(never)]
    pub(super) fn too_many(&mut self, value: &Value, path: &Path, count: usize, most: usize) {
        let out = self.report(value.at, path, "");
        digits(out, count as u64);
        out.push_str(" entries; at most ");
        digits(out, most as u64);
    }

    /// The elements of a list of objects.
    fn entries(&mut self, value: &'t Value, path: &Path, most: usize) -> &'t [Value] {
        let Node::List(list) = &value.node else {
            self.wrong(value, path, " is not a list");
            return &[];
        };
        if list.len() > most {
            self.too_many(value, path, list.len(), most);
            return &[];
        }
        list
    }

    pub(super) fn limits(&mut self, value: &'t Value) -> Vec<Limit> {
        let path = Path::ROOT.known("limits");
        let list = self.entries(value, &path, MOST_LIMITS);
        let mut limits: Vec<Limit> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = path.index(index);
            let base = Leaves::new();
            let mut leaves = base.clone();
            self.object(keys::LIMIT, value, &path, &mut leaves, &base);
            self.required(keys::LIMIT, &[Slot::LimitName], value, &path);
            let name = owned(leaves.text(Slot::LimitName));
            if let Some(value) = leaves.from(Slot::LimitName)
                && limits.iter().any(|other| other.name == name)
            {
                self.wrong(value, &path.known("name"), " is given twice; name each limit once");
            }
            let (rate, per) = (leaves.option(Slot::Rate), leaves.option(Slot::Per));
            for &(missing, other, words) in
                &[("per", "rate", "missing; rate needs it"), ("rate", "per", "missing; per needs it")]
            {
                if value.has(other) && !value.has(missing) {
                    self.report(value.at, &path.known(missing), words);
                }
            }
            let unwritten = if list.len() == 1 { Gauge::Auto } else { Gauge::None };
            let gauge = self.gauge(leaves.get(Slot::Gauge), &path.known("headers"), unwritten);
            let limit = Limit {
                name,
                rate: rate.zip(per).map(|(rate, per)| (rate as u32, per)),
                burst: leaves.option(Slot::Burst).map(|burst| burst as u32),
                headroom: leaves.number(Slot::Headroom) as u32,
                cost: leaves.number(Slot::Cost) as u32,
                gauge,
            };
            if let Some(value) = leaves.from(Slot::Cost) {
                self.affordable(&limit, leaves.number(Slot::Cost), value, &path.known("cost"));
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
            let out = self.wrong(value, path, " is above the burst of \"");
            out.push_str(&limit.name);
            out.push_str("\" (");
            digits(out, burst);
            out.push_str("); raise burst");
        }
    }

    /// What a call draws from each limit.
    pub(super) fn costs(&mut self, value: Option<&'t Value>, path: &Path, limits: &[Limit]) -> Vec<(u8, u32)> {
        let mut costs: Vec<(u8, u32)> = Vec::new();
        for limit in limits {
            costs.push((costs.len() as u8, limit.cost));
        }
        let members = match value.map(|value| (value, &value.node)) {
            None => &[],
            Some((_, Node::Object(members))) => members.as_slice(),
            Some((value, _)) => {
                self.wrong(value, path, " is not an object");
                &[]
            }
        };
        for member in members {
            let path = path.key(&member.key);
            let place = limits.iter().position(|limit| limit.name == member.key);
            let Some((place, limit)) = place.and_then(|place| Some((place, limits.get(place)?))) else {
                let mut names: Vec<&str> = Vec::new();
                for limit in limits {
                    names.push(&limit.name);
                }
                let out = self.report(member.key_at, &path, "no such limit; ");
                if names.is_empty() {
                    out.push_str("the policy has no limits");
                } else {
                    push_instead(out, &member.key, &names);
                }
                continue;
            };
            if let Node::Null = member.node {
                continue;
            }
            let cost = self.amount(&Form::Whole(0, 1_000_000), member, &path);
            if let (Some(cost), Some((_, to))) = (cost, costs.get_mut(place)) {
                *to = cost as u32;
                self.affordable(limit, cost, member, &path);
            }
        }
        costs.retain(|(_, cost)| *cost > 0);
        costs
    }

    pub(super) fn rules(&mut self, value: &'t Value, path: &Path) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (index, value) in self.entries(value, path, MOST_RULES).iter().enumerate() {
            let path = path.index(index);
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
            if let Some(is) = leaves.from(Slot::Is)
                && !value.has("header")
                && !value.has("json")
            {
                self.report(is.at, &path.known("is"), "nothing to compare; name a header or json");
            }
            rules.push(Rule {
                status: statuses(leaves.from(Slot::Status)),
                header: leaves.text(Slot::RuleHeader).map(str::to_ascii_lowercase),
                json: leaves.text(Slot::Json).map(tokens),
                is: scalars(leaves.from(Slot::Is)),
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

/// Each once, in order.
fn statuses(value: Option<&Value>) -> Vec<u16> {
    let list = match value {
        Some(Value { node: Node::List(list), .. }) => list,
        Some(single) => core::slice::from_ref(single),
        None => &[],
    };
    let mut statuses = Vec::new();
    for value in list {
        if let Node::Number(Number::Integer(status)) = value.node {
            insert(&mut statuses, status as u16);
        }
    }
    statuses
}

/// Puts a status in its place of an ordered list, once.
pub(super) fn insert(statuses: &mut Vec<u16>, status: u16) {
    let place = statuses.iter().take_while(|other| **other < status).count();
    if statuses.get(place) != Some(&status) {
        statuses.insert(place, status);
    }
}

fn scalars(value: Option<&Value>) -> Vec<Scalar> {
    let mut scalars = Vec::new();
    if let Some(Value { node: Node::List(list), .. }) = value {
        for value in list {
            scalars.push(match &value.node {
                Node::Text(text) => Scalar::Text(text.clone()),
                Node::Number(Number::Integer(number)) => Scalar::Integer(*number),
                Node::Bool(flag) => Scalar::Bool(*flag),
                _ => continue,
            });
        }
    }
    scalars
}

/// The tokens of a JSON pointer (RFC 6901, section 4), unescaped.
fn tokens(pointer: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut before = '\0';
    for letter in pointer.chars() {
        let plain = match (before, letter) {
            ('~', '0') => '~',
            ('~', _) => '/',
            (_, '/') => {
                tokens.push(String::new());
                before = letter;
                continue;
            }
            _ => letter,
        };
        // A tilde waits for what follows; `~0` ends in one that is done.
        before = if before == '~' { '\0' } else { letter };
        if before != '~'
            && let Some(token) = tokens.last_mut()
        {
            token.push(plain);
        }
    }
    tokens
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
