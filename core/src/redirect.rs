//! An answer that came by a redirect which the platform followed by itself. It is counted for the origin that gave it. The
//! call is sent again only if its first request changes nothing at the server: what answered is another request.

use crate::call::{Call, Last, Slot, Traits, What};
use crate::engine::Engine;
use crate::failure::Reason;
use crate::headers::{self, Hints};
use crate::policy::breaker::{Count, From};
use crate::policy::classify::{self, Class};
use crate::policy::limiter::Refused;
use crate::rng::{self, Purpose};
use crate::settle::{Retry, Told};
use crate::step::Answer;
use crate::upstream::API;

impl Engine {
    /// An attempt was answered by this upstream, after a redirect.
    #[cold]
    pub(crate) fn answered_after_redirect(
        &mut self,
        slot: Slot,
        status: u16,
        by: u32,
        hints: &Hints<'_>,
        body: &[u8],
        wall: u64,
    ) -> Answer {
        let Call { route, upstream, traits, .. } = *self.calls.at(slot);
        let should = if status >= 400 { headers::should_retry(hints) } else { None };
        let verdict = classify::classify(status, &self.config.route(route).classify, hints, body, should);
        let elapsed = self.landed(slot, Last::Status(status), What::Status, status);
        let refused = status >= 400 || verdict.class != Class::Deliver;
        let limited = verdict.class == Class::RateLimited;
        let told = if by == upstream {
            self.count(slot, verdict.count);
            self.told(slot, hints, wall, refused, limited)
        } else {
            // A redirect is an answer like any other.
            self.count(slot, Count::Success);
            let wait = if refused { headers::server_time(hints, wall) } else { None };
            self.count_elsewhere(slot, by, verdict.count, limited.then_some(wait));
            Told { wait, binds: wait.is_some(), empty: None, pauses: false }
        };
        if refused {
            // The first request may have done its work before it was answered by a redirect.
            self.blame(slot, true);
        }
        match verdict.class {
            Class::Final => self.fail(slot, Reason::Status, told.wait),
            Class::Retry | Class::Afresh | Class::RateLimited if traits.has(Traits::SAFE) => {
                let allowed = traits.has(Traits::REPEATABLE);
                self.retry(slot, Retry { server: told.wait, limited, allowed }, told)
            }
            Class::Deliver | Class::Unauthorized | Class::Retry | Class::Afresh | Class::RateLimited => {
                self.deliver(slot, status, elapsed)
            }
        }
    }

    /// Counts an outcome for an origin that the call was not begun at. `limited`: it was a 429, with the time that it asks for.
    fn count_elsewhere(&mut self, slot: Slot, by: u32, count: Count, limited: Option<Option<u64>>) {
        let (now, seed, begun) = (self.now, self.seed, self.begun);
        let sequence = self.calls.at(slot).sequence;
        let (config, upstream) = self.config_and_upstream(by);
        if let Some(Some(wait)) = limited
            && let Some(lane) = upstream.lanes.first_mut()
        {
            lane.bucket.limited(now, Refused { seq: sequence, until: now.saturating_add(wait), named: true });
        }
        let (gate, both) = upstream.gate_for(config, 0, 0, begun);
        upstream.leave(gate);
        let draw = |opening, most| rng::draw(seed, opening, u32::from(gate), Purpose::CoolDown, most);
        for place in core::iter::once(gate).chain(both.then_some(API)) {
            let Some(counted) = self.gate(by, place) else { continue };
            // What an open breaker let through is told by a permit, which this attempt has not.
            let Some(breaker) = counted.breaker.as_mut().filter(|breaker| breaker.is_closed()) else { continue };
            breaker.settle(breaker.permit(), count, From { endpoint: gate, waiting: 0 }, now, &draw);
            if breaker.phase() != counted.told {
                self.tell_phase(by, place);
            }
        }
    }
}
