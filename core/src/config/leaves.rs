//! What was read, before it becomes typed: one place per key, so that a layer over another is a copy.

use super::json::Value;
use super::keys::{Form, Key, Slot};
use crate::defaults;

/// No value: an option that is off, or no number.
pub(super) const NOTHING: u64 = u64::MAX;

/// What one key holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf<'t> {
    /// Milliseconds, bytes, millionths, a word's place, 0 for `false`; 1 where the value itself says the rest.
    pub(super) number: u64,
    /// Where it is written; `None` for a default.
    pub(super) from: Option<&'t Value>,
}

/// What all keys hold.
#[derive(Debug, Clone)]
pub(super) struct Leaves<'t>([Leaf<'t>; Slot::Count as usize]);

impl<'t> Leaves<'t> {
    /// The defaults, with preset `service`.
    pub(super) fn new() -> Self {
        let mut leaves = Self([Leaf { number: NOTHING, from: None }; Slot::Count as usize]);
        for (slot, number) in DEFAULTS {
            leaves.put(*slot, Leaf { number: (*number).into(), from: None });
        }
        leaves
    }

    #[inline(never)]
    pub(super) fn get(&self, slot: Slot) -> Leaf<'t> {
        self.0.get(slot as usize).copied().unwrap_or(Leaf { number: NOTHING, from: None })
    }

    /// Where it is written.
    #[inline(never)]
    pub(super) fn from(&self, slot: Slot) -> Option<&'t Value> {
        self.get(slot).from
    }

    #[inline(never)]
    pub(super) fn number(&self, slot: Slot) -> u64 {
        self.get(slot).number
    }

    /// As an option: nothing where it is off.
    #[inline(never)]
    pub(super) fn option(&self, slot: Slot) -> Option<u64> {
        Some(self.number(slot)).filter(|number| *number != NOTHING)
    }

    #[inline(never)]
    pub(super) fn text(&self, slot: Slot) -> Option<&'t str> {
        self.get(slot).from?.text()
    }

    #[inline(never)]
    pub(super) fn written(&self, slot: Slot) -> bool {
        self.get(slot).from.is_some()
    }

    #[inline(never)]
    pub(super) fn put(&mut self, slot: Slot, leaf: Leaf<'t>) {
        if let Some(place) = self.0.get_mut(slot as usize) {
            *place = leaf;
        }
    }

    /// Takes back a key, and all below it, to what `base` holds.
    pub(super) fn reset(&mut self, key: &Key, base: &Self) {
        self.put(key.slot, base.get(key.slot));
        if let Form::Object(keys) | Form::ObjectOrFalse(keys) = key.form {
            for key in keys {
                self.reset(key, base);
            }
        }
    }
}

const DEFAULTS: &[(Slot, u32)] = &[
    (Slot::Connect, defaults::CONNECT as u32),
    (Slot::Idle, defaults::IDLE as u32),
    (Slot::Attempt, defaults::ATTEMPT as u32),
    (Slot::Total, defaults::TOTAL as u32),
    (Slot::LongestWait, defaults::WAIT as u32),
    (Slot::MaxBody, defaults::MAX_BODY as u32),
    (Slot::BufferUpTo, defaults::BUFFER_UP_TO as u32),
    (Slot::Concurrency, defaults::CONCURRENCY),
    (Slot::MaxWaiting, defaults::MAX_WAITING),
    (Slot::Attempts, defaults::ATTEMPTS as u32),
    (Slot::RetryBase, defaults::BASE as u32),
    (Slot::Cap, defaults::CAP as u32),
    (Slot::Jitter, 0),
    (Slot::Capacity, (defaults::BUDGET_CAPACITY * defaults::ONE) as u32),
    (Slot::PerCall, defaults::BUDGET_PER_CALL as u32),
    (Slot::PerSecond, defaults::BUDGET_PER_SECOND as u32),
    (Slot::Idempotency, 0),
    // POST and PATCH: the bits of their codes at the boundary.
    (Slot::Methods, 1 << 7 | 1 << 8),
    (Slot::Format, 0),
    (Slot::Breaker, 1),
    (Slot::Scope, 2),
    (Slot::Window, defaults::WINDOW as u32),
    (Slot::FailureRate, defaults::FAILURE_RATE as u32),
    (Slot::MinimumCalls, defaults::MINIMUM_CALLS),
    (Slot::Run, defaults::RUN),
    (Slot::CoolDown, defaults::COOL_DOWN as u32),
    (Slot::LatestProbe, defaults::LATEST_PROBE as u32),
    (Slot::Probes, defaults::PROBES),
    (Slot::Headroom, defaults::HEADROOM as u32),
    (Slot::Cost, 1),
    (Slot::Unit, 0),
];
