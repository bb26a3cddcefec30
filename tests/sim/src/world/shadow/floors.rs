//! What each rule may do at worst, held after every input: the floors of `core/manual/waits-and-refusals.md` that show
//! themselves on one engine.

use super::call::Call;
use super::gates::Verdict;
use super::{Shadow, ensure};
use unruffled_core::{Node, Standing};

impl Shadow {
    /// No queue stands still: whoever is the head of a retry queue is told to come when it could go by time alone, or a wake
    /// for it is under way. With nothing under way and no token that is a second away at most.
    pub(super) fn floors(&self) -> Result<(), String> {
        if self.unpulled || self.closed {
            return Ok(());
        }
        self.no_place_is_left()?;
        self.no_bucket_holds_back_for_ever()?;
        for (line, head) in self.lines.heads(Node::Retry) {
            let call = &self.calls[&head];
            if call.woken || call.told <= self.now + 1 {
                continue;
            }
            if let Some(at) = self.goes_at(line, call) {
                ensure!(
                    call.told <= at.max(self.now + 1),
                    "call {head} is the head of {line:?} ({:?}), could go at {at} and was told to come at {}",
                    self.upstreams[call.upstream].verdict(call, self.now),
                    call.told
                );
            }
        }
        Ok(())
    }

    /// A free place under the cap is for the head of its line, or for a head that has its turn at a bucket and only lacks that.
    fn no_place_is_left(&self) -> Result<(), String> {
        let free = |line: Standing| self.upstreams[line.upstream as usize].in_flight < self.rules.concurrency;
        for node in [Node::Cap, Node::Bucket] {
            for (line, head) in self.lines.heads(node).filter(|(line, _)| free(*line)) {
                let cap = Standing { node: Node::Cap, place: 0, ..line };
                let call = &self.calls[&head];
                let told = call.woken || call.told <= self.now + 1;
                let lacks = node == Node::Cap || call.capped && self.lines.head(cap).is_none();
                ensure!(told || !lacks, "a place under the cap is free, and call {head}, the head of {line:?}, sleeps");
            }
        }
        Ok(())
    }

    /// The head of a bucket's line is told to come by the latest time that anything the bucket knows explains.
    fn no_bucket_holds_back_for_ever(&self) -> Result<(), String> {
        for (line, head) in self.lines.heads(Node::Bucket) {
            let call = &self.calls[&head];
            if call.woken || call.capped {
                continue;
            }
            let at = self.upstreams[call.upstream].lane(line.place).latest_turn(self.now);
            ensure!(
                call.told <= at,
                "call {head} is the head of {line:?}, told to come at {}, at {at} at the latest",
                call.told
            );
        }
        Ok(())
    }

    /// When the head of a retry queue could go by time alone; `None` = not before something ends or begins. What the seconds
    /// deposit is left out: each call that begins moves that time, and a head is not told anew for it.
    fn goes_at(&self, line: Standing, head: &Call) -> Option<u64> {
        let now = self.now;
        let upstream = &self.upstreams[head.upstream];
        let verdict = upstream.verdict(head, now);
        if let Verdict::Shut(at) = verdict {
            return Some(at);
        }
        let price = upstream.budget.price(head.attempts);
        if !self.needs_right(head, verdict) || upstream.budget.had(now, price) {
            return Some(now);
        }
        let asks_at = upstream.gates[usize::from(line.place)].asks_at;
        (!self.under_way(head.upstream, line.place)).then_some(asks_at)
    }

    /// An open breaker holds a call back: not when its endpoint did not fail since its latest success, and not after nothing
    /// was sent and nothing ended for a whole window.
    pub(super) fn may_be_held(&self, call: &Call) -> Result<(), String> {
        let upstream = &self.upstreams[call.upstream];
        let gate = &upstream.gates[usize::from(call.gate())];
        ensure!(gate.ill, "held back, and no call of its endpoint failed since the latest success");
        let window = upstream.breakers(call, self.now).map(|breaker| breaker.window()).max().unwrap_or(0);
        let silent = self.now - upstream.moved;
        ensure!(silent < window, "held back, and nothing was sent and nothing ended for {silent} ms");
        Ok(())
    }
}
