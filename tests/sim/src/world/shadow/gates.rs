//! Which breakers a call asks, and what an outcome does to them.

use super::breaker::{Breaker, Count, Moved, Permit};
use super::call::{Call, Paying};
use super::{Core, Shadow, Upstream};
use crate::world::marks::Mark;
use crate::world::rules::{BreakerScope, Rules};
use unruffled_core::{Node, Standing};

/// Place of the API's gate; 0 = no breaker.
const API: u16 = 1;

impl Upstream {
    /// The gate whose line the call stands in, and the API's beside it where both count.
    pub(super) fn gates_for(&mut self, rules: &Rules, route: usize) -> [Option<u16>; 2] {
        let Some(breaker) = rules.routes[route].breaker else { return [Some(0), None] };
        if rules.scope == BreakerScope::Api {
            return [Some(API), None];
        }
        let made = self.gates.len() as u16;
        let gate = *self.gate_of[route].get_or_insert(made);
        if gate == made {
            self.gates.push(Some(Breaker::new(breaker)));
        }
        [Some(gate), (rules.scope == BreakerScope::Both).then_some(API)]
    }

    pub(super) fn gate(&mut self, place: u16) -> Option<&mut Breaker> {
        self.gates.get_mut(usize::from(place)).and_then(Option::as_mut)
    }

    /// All breakers of a call let it pass.
    pub(super) fn passes(&self, call: &Call, now: u64) -> bool {
        call.permits
            .iter()
            .flatten()
            .all(|(place, _)| self.gates[usize::from(*place)].as_ref().is_none_or(|breaker| breaker.passes(now)))
    }

    /// Whether one of its breakers is open.
    pub(super) fn blocks(&self, call: &Call) -> bool {
        call.permits
            .iter()
            .flatten()
            .any(|(place, _)| self.gates[usize::from(*place)].as_ref().is_some_and(Breaker::is_open))
    }

    /// `breaker.wait` of the call's own gate.
    pub(super) fn wait(&self, call: &Call) -> u64 {
        call.permits[0].and_then(|(place, _)| self.gates[usize::from(place)].as_ref()).map_or(0, Breaker::wait)
    }

    pub(super) fn turn_away(&mut self, call: &Call) {
        for (place, _) in call.permits.into_iter().flatten() {
            if let Some(breaker) = self.gate(place) {
                breaker.turn_away();
            }
        }
    }

    pub(super) fn commit(&mut self, call: &mut Call, now: u64) {
        for (place, permit) in call.permits.iter_mut().flatten() {
            *permit = match self.gates[usize::from(*place)].as_mut() {
                Some(breaker) => breaker.commit(now),
                None => Permit::default(),
            };
        }
    }
}

impl Shadow {
    /// The breakers of a call hear of its attempt's end.
    pub(super) fn count(&mut self, call: &Call, count: Count, core: Core<'_>) -> Result<(), String> {
        let now = self.now;
        let mut opened = 0;
        for (place, permit) in call.permits.into_iter().flatten() {
            let Some(breaker) = self.upstreams[call.upstream].gate(place) else { continue };
            let moved = breaker.settle(permit, count, now);
            let mark = match moved {
                Moved::No if permit.probe > 0 && count == Count::Nothing => Mark::ProbeNothing,
                Moved::No => continue,
                Moved::Opened { by_run_alone } => {
                    breaker.cools_until(core.cool_until(call.upstream as u32, place))?;
                    opened += 1;
                    if opened == 2 {
                        self.marks.hit(Mark::OpenedTwice);
                    }
                    if !by_run_alone {
                        continue;
                    }
                    Mark::OpenedByRun
                }
                Moved::Reopened => {
                    breaker.cools_until(core.cool_until(call.upstream as u32, place))?;
                    Mark::Reopened
                }
                Moved::Closed { late } => {
                    self.pay_for_head(call.upstream, place);
                    if !late {
                        continue;
                    }
                    Mark::ProbeLate
                }
                Moved::NextDue => Mark::ProbeShort,
                Moved::Old { open: true } if count == Count::Success => Mark::OldSuccessWhileOpen,
                Moved::Old { .. } => Mark::OldGeneration,
                Moved::LateFailure => Mark::ProbeLateFailure,
            };
            self.marks.hit(mark);
        }
        Ok(())
    }

    /// The success that closes a breaker pays for the first of those who waited for it.
    fn pay_for_head(&mut self, upstream: usize, place: u16) {
        let line = Standing { node: Node::Retry, upstream: upstream as u32, place };
        let first = self.lines.head(line).is_some_and(|head| self.calls[&head].paying == Paying::First);
        if first {
            let budget = &mut self.upstreams[upstream].budget;
            let price = budget.price(0);
            budget.give_back(price);
        }
    }
}
