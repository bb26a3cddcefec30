//! What the oracle knows of one origin: its breakers, buckets and budget.

use super::breaker::{Breaker, Guards};
use super::budget::Budget;
use super::gates::{Gate, Whose};
use super::lane::Lane;
use crate::world::rules::{BreakerScope, Rules};
use std::collections::BTreeMap;

/// What calls to one origin share.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) origin: u8,
    /// Routes and limits of the policy bind it.
    pub(super) own: bool,
    pub(super) gates: Vec<Gate>,
    /// Lanes of endpoints, by their gates: where no limits are written, from an endpoint's first 429 on.
    pub(super) endpoint_lanes: BTreeMap<u16, Lane>,
    /// The gates of endpoints that were refused, and when.
    pub(super) refusals: Vec<(u16, u64)>,
    /// Calls that began.
    pub(super) begun: u64,
    pub(super) lanes: Vec<Lane>,
    pub(super) in_flight: u64,
    pub(super) budget: Budget,
    /// When anything was last sent or ended.
    pub(super) moved: u64,
    /// An answer came from here.
    pub(super) answered: bool,
}

impl Upstream {
    pub(super) fn new(rules: &Rules, origin: u8, own: bool) -> Self {
        let lanes = if own && !rules.limits.is_empty() {
            rules.limits.iter().map(|limit| Lane::new(Some(limit))).collect()
        } else {
            vec![Lane::new(None)]
        };
        let guards = if rules.scope == BreakerScope::Both { Guards::All } else { Guards::One };
        let api = rules.routes[0].breaker.map(|rules| Breaker::new(rules, guards));
        Self {
            origin,
            own,
            gates: vec![Gate::new(Whose::Nobody, None), Gate::new(Whose::Api, api)],
            endpoint_lanes: BTreeMap::new(),
            refusals: Vec::new(),
            begun: 0,
            lanes,
            in_flight: 0,
            budget: Budget::new(rules),
            moved: 0,
            answered: false,
        }
    }

    /// The lane at a place: of a limit or the API, else of the gate with this number.
    pub(super) fn lane(&self, place: u16) -> &Lane {
        self.endpoint_lanes.get(&place).unwrap_or_else(|| &self.lanes[usize::from(place)])
    }

    pub(super) fn lane_mut(&mut self, place: u16) -> &mut Lane {
        match self.endpoint_lanes.get_mut(&place) {
            Some(lane) => lane,
            None => &mut self.lanes[usize::from(place)],
        }
    }

    /// The place of a lane among the limits of a snapshot: those of endpoints come after the others.
    pub(super) fn place_in_snapshot(&self, place: u16) -> usize {
        match self.endpoint_lanes.keys().position(|gate| *gate == place) {
            Some(at) => self.lanes.len() + at,
            None => usize::from(place),
        }
    }

    pub(super) fn open(&self) -> bool {
        self.gates.iter().filter_map(|gate| gate.breaker.as_ref()).any(Breaker::is_open)
    }
}
