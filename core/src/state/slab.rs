//! All live calls by place and by id, and their queues. Queues are linked through the calls themselves, so
//! that joining, leaving from anywhere and finding a call cost the same with 1 or 100,000 of them.

use crate::state::call::{Call, CallIndex, CallState, NOWHERE};
use alloc::vec::Vec;

/// The calls of one engine.
#[derive(Debug)]
pub struct Slab {
    calls: Vec<Call>,
    /// The free slots, linked through their calls' `next`.
    free: CallIndex,
    len: usize,
    index: Index,
    /// Stands in for a place that is not there, which no input can name; writes to it are lost.
    nobody: Call,
}

impl Slab {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { calls: Vec::new(), free: NOWHERE, len: 0, index: Index::new(), nobody: Call::vacant() }
    }

    /// Calls that have a slot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of a call id.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<CallIndex> {
        self.index.find(id)
    }

    /// A slot for a new call whose id is not in use, with what the last one left in it.
    pub fn insert(&mut self, id: u32) -> CallIndex {
        if self.free == NOWHERE {
            self.add_slot();
        }
        let slot = self.free;
        let call = self.at_mut(slot);
        call.id = id;
        let next = call.next;
        self.free = next;
        self.len = self.len.saturating_add(1);
        self.index.insert(id, slot);
        slot
    }

    /// Doubles at first, then adds an eighth: spare room of a whole doubling would count with 100,000 calls.
    #[cold]
    fn add_slot(&mut self) {
        let len = self.calls.len();
        if len == self.calls.capacity() && len >= 1_024 {
            self.calls.reserve_exact(len / 8);
        }
        self.calls.push(Call::vacant());
        self.free = len as CallIndex;
    }

    /// Frees a slot.
    pub fn remove(&mut self, slot: CallIndex) {
        self.index.remove(self.at(slot).id);
        let free = self.free;
        let call = self.at_mut(slot);
        call.state = CallState::Gone;
        call.next = free;
        self.free = slot;
        self.len = self.len.saturating_sub(1);
    }

    /// The call at a place.
    #[must_use]
    pub fn at(&self, slot: CallIndex) -> &Call {
        self.calls.get(slot as usize).unwrap_or(&self.nobody)
    }

    /// The call at a place.
    pub fn at_mut(&mut self, slot: CallIndex) -> &mut Call {
        self.calls.get_mut(slot as usize).unwrap_or(&mut self.nobody)
    }

    /// All places are below this; some are free.
    #[must_use]
    pub fn places(&self) -> CallIndex {
        self.calls.len() as CallIndex
    }
}

/// What comes before a call that joins a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    None,
    Head,
    All,
}

/// A queue: first come, first served; a call may leave from anywhere. A queue that stands gives every second turn to the newest
/// call, so that a backlog does not hold up all that come after it; the others keep their order.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    pub head: CallIndex,
    tail: CallIndex,
    pub len: u32,
    /// Sum of what its calls will draw, in a bucket's queue.
    pub cost: u64,
    /// When the head is due; 0 = it had its turn and only lacks a place under the cap.
    pub due_at: u64,
    /// While the queue stands: the newest call, which goes at every second turn.
    newest: CallIndex,
    /// The latest turn was the newest call's.
    newest_had_turn: bool,
    /// When the call that came first joined; the end of time when there is none.
    since: u64,
}

impl Queue {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: NOWHERE,
            tail: NOWHERE,
            len: 0,
            cost: 0,
            due_at: 0,
            newest: NOWHERE,
            newest_had_turn: false,
            since: u64::MAX,
        }
    }

    /// The head, if only the cap holds it back.
    #[must_use]
    pub fn ready(&self) -> CallIndex {
        if self.due_at == 0 { self.head } else { NOWHERE }
    }

    /// Reads anew when the call that came first joined.
    fn record_first(&mut self, slab: &Slab) {
        let first = if self.head == self.newest && self.head != NOWHERE { slab.at(self.head).next } else { self.head };
        self.since = if first == NOWHERE { u64::MAX } else { slab.at(first).sent_at };
    }

    /// Joins at the tail.
    pub fn push(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64) {
        self.link(slab, slot, cost, (self.tail, NOWHERE));
        self.record_first(slab);
    }

    /// Whether the call that came first has waited too long.
    #[must_use]
    pub fn stands(&self, now: u64) -> bool {
        now.saturating_sub(self.since) > tuned!(STANDS)
    }

    /// The newest call, while the queue stands.
    #[must_use]
    pub const fn newest(&self) -> CallIndex {
        self.newest
    }

    /// What stands before a call that joins now.
    #[must_use]
    pub fn ahead(&self, now: u64) -> Ahead {
        match (self.stands(now), self.newest_had_turn) {
            (false, _) => Ahead::All,
            (true, true) => Ahead::Head,
            (true, false) => Ahead::None,
        }
    }

    /// Joins as the newest call of a queue that stands; the one that was the newest goes to the tail.
    pub fn push_newest(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64, cost_of_newest: u64) {
        let displaced = self.newest;
        if displaced != NOWHERE {
            self.unlink(slab, displaced, cost_of_newest);
            self.push(slab, displaced, cost_of_newest);
        }
        if self.newest_had_turn && self.head != NOWHERE {
            let second = slab.at(self.head).next;
            self.link(slab, slot, cost, (self.head, second));
        } else {
            self.push_front(slab, slot, cost);
        }
        self.newest = slot;
        self.record_first(slab);
    }

    /// Joins at the head.
    pub fn push_front(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64) {
        self.link(slab, slot, cost, (NOWHERE, self.head));
    }

    /// Joins between two neighbours; `NOWHERE` = there is none on that side.
    fn link(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64, (previous, next): (CallIndex, CallIndex)) {
        let call = slab.at_mut(slot);
        call.previous = previous;
        call.next = next;
        if previous == NOWHERE {
            self.head = slot;
        } else {
            slab.at_mut(previous).next = slot;
        }
        if next == NOWHERE {
            self.tail = slot;
        } else {
            slab.at_mut(next).previous = slot;
        }
        self.len = self.len.saturating_add(1);
        self.cost = self.cost.saturating_add(cost);
    }

    /// Leaves, from wherever it stands.
    pub fn remove(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64) {
        if self.head == slot {
            self.newest_had_turn = self.newest == slot;
        }
        if self.newest == slot {
            self.newest = NOWHERE;
        }
        self.unlink(slab, slot, cost);
        self.record_first(slab);
    }

    fn unlink(&mut self, slab: &mut Slab, slot: CallIndex, cost: u64) {
        let call = slab.at_mut(slot);
        let (previous, next) = (call.previous, call.next);
        call.previous = NOWHERE;
        call.next = NOWHERE;
        if previous == NOWHERE {
            self.head = next;
        } else {
            slab.at_mut(previous).next = next;
        }
        if next == NOWHERE {
            self.tail = previous;
        } else {
            slab.at_mut(next).previous = previous;
        }
        self.len = self.len.saturating_sub(1);
        self.cost = self.cost.saturating_sub(cost);
    }
}

/// Call id → place. Hosts count their ids up, so places stand in pages of 16 neighbours, and what is searched is a page:
/// open addressing with linear probing and backward-shift deletion, at most half full.
#[derive(Debug)]
struct Index {
    /// Number of the page (the high bits of its ids) · 2³² | its place · 32 | calls in it; 0 = empty. A power of two long.
    table: Vec<u64>,
    /// 16 lines a page: slot + 1 by the low bits of the id, 0 = none. The first page stands for those that are not there.
    queues: Vec<u32>,
    /// A page without an entry; its first line names the next one. 0 = none.
    free: u32,
    /// Number of the page that was last added to: it stays when it is empty, because the next id is likely to be its own.
    newest: u32,
}

const PAGE: u32 = 16;

const fn number_of(id: u32) -> u32 {
    id / PAGE
}

const fn number_in(entry: u64) -> u32 {
    (entry >> 32) as u32
}

const fn page_in(entry: u64) -> u32 {
    entry as u32 >> 5
}

/// Where a page's lines are.
const fn queue(page: u32, id: u32) -> usize {
    page.wrapping_mul(PAGE).wrapping_add(id % PAGE) as usize
}

impl Index {
    fn new() -> Self {
        let queues = alloc::vec![0; PAGE as usize];
        Self { table: alloc::vec![0; 4], queues, free: 0, newest: u32::MAX }
    }

    fn mask(&self) -> usize {
        self.table.len().saturating_sub(1)
    }

    /// Fibonacci hashing; pages that count up never meet within one length of the table.
    fn home(&self, number: u32) -> usize {
        number.wrapping_mul(0x9e37_79b9) as usize & self.mask()
    }

    fn entry(&self, place: usize) -> u64 {
        self.table.get(place).copied().unwrap_or(0)
    }

    fn put(&mut self, place: usize, entry: u64) {
        if let Some(free) = self.table.get_mut(place) {
            *free = entry;
        }
    }

    fn queue(&self, place: usize) -> u32 {
        self.queues.get(place).copied().unwrap_or(0)
    }

    fn write(&mut self, place: usize, queue: u32) {
        if let Some(free) = self.queues.get_mut(place) {
            *free = queue;
        }
    }

    /// Where the entry of a page stands, or would.
    #[inline(never)]
    fn seek(&self, number: u32) -> usize {
        let mut place = self.home(number);
        loop {
            let entry = self.entry(place);
            if entry == 0 || number_in(entry) == number {
                return place;
            }
            place = place.wrapping_add(1) & self.mask();
        }
    }

    fn find(&self, id: u32) -> Option<CallIndex> {
        self.queue(queue(page_in(self.entry(self.seek(number_of(id)))), id)).checked_sub(1)
    }

    /// The id is not in it yet.
    fn insert(&mut self, id: u32, slot: CallIndex) {
        let number = number_of(id);
        if number != self.newest {
            self.turn_to(number);
        }
        let place = self.seek(number);
        let entry = self.entry(place);
        self.put(place, entry.wrapping_add(1));
        self.write(queue(page_in(entry), id), slot.wrapping_add(1));
    }

    fn remove(&mut self, id: u32) {
        let number = number_of(id);
        let place = self.seek(number);
        let entry = self.entry(place);
        self.write(queue(page_in(entry), id), 0);
        self.put(place, entry.wrapping_sub(1));
        if number != self.newest {
            self.drop_if_empty(place);
        }
    }

    /// From now on this page is the newest; one is made for it if need be.
    #[cold]
    fn turn_to(&mut self, number: u32) {
        self.drop_if_empty(self.seek(self.newest));
        self.newest = number;
        if self.entry(self.seek(number)) != 0 {
            return;
        }
        if self.free == 0 {
            self.add_page();
        }
        let page = self.free;
        self.free = self.queue(queue(page, 0));
        self.write(queue(page, 0), 0);
        self.put(self.seek(number), (u64::from(number) << 32) | (u64::from(page) << 5));
    }

    /// Another page, and with it a table of which the pages fill half at the most.
    fn add_page(&mut self) {
        let pages = self.queues.len() as u32 / PAGE;
        (0..PAGE).for_each(|_| self.queues.push(0));
        self.free = pages;
        let len = self.table.len();
        if (pages as usize).saturating_mul(2) <= len {
            return;
        }
        let old = core::mem::replace(&mut self.table, alloc::vec![0; len.saturating_mul(2)]);
        for entry in &old {
            if *entry != 0 {
                self.put(self.seek(number_in(*entry)), *entry);
            }
        }
    }

    /// A page without calls leaves the table.
    #[cold]
    fn drop_if_empty(&mut self, mut hole: usize) {
        let entry = self.entry(hole);
        if entry == 0 || entry & 31 != 0 {
            return;
        }
        let page = page_in(entry);
        self.write(queue(page, 0), self.free);
        self.free = page;
        let mut place = hole;
        loop {
            place = place.wrapping_add(1) & self.mask();
            let entry = self.entry(place);
            if entry == 0 {
                break;
            }
            // It may move into the hole if its home does not lie behind the hole on the way to it.
            let from_home = place.wrapping_sub(self.home(number_in(entry))) & self.mask();
            if from_home >= place.wrapping_sub(hole) & self.mask() {
                self.put(hole, entry);
                hole = place;
            }
        }
        self.put(hole, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, draw};
    use std::collections::BTreeMap;

    #[test]
    fn finds_what_a_map_finds_over_random_ids() {
        let mut slab = Slab::new();
        let mut map = BTreeMap::new();
        for i in 0..50_000 {
            let id = draw(1, i, 0, Purpose::Backoff, 300) as u32 * 0x1_0001;
            match map.remove(&id) {
                Some(slot) => {
                    assert_eq!(slab.find(id), Some(slot));
                    slab.remove(slot);
                    assert_eq!(slab.find(id), None);
                }
                None => {
                    let slot = slab.insert(id);
                    slab.at_mut(slot).state = CallState::Flight;
                    map.insert(id, slot);
                }
            }
            assert_eq!(slab.len(), map.len());
        }
        assert!(map.iter().all(|(id, slot)| slab.find(*id) == Some(*slot)));
    }

    #[test]
    fn finds_them_where_all_belong_to_one_place() {
        // Pages whose numbers differ in bits that no table of this size looks at.
        let ids: std::vec::Vec<u32> = (0..100).map(|i| (i << 20) | (i % 16)).collect();
        let mut slab = Slab::new();
        let slots: std::vec::Vec<CallIndex> = ids.iter().map(|id| slab.insert(*id)).collect();
        for (i, slot) in slots.iter().enumerate().filter(|(i, _)| i % 3 != 1) {
            slab.remove(*slot);
            for (j, id) in ids.iter().enumerate() {
                let there = j > i && slots[j] != *slot || j % 3 == 1;
                assert_eq!(slab.find(*id), there.then_some(slots[j]), "{j} after {i}");
            }
        }
        assert_eq!(slab.len(), 33);
    }

    #[test]
    fn ids_that_count_up_take_no_more_room_with_time() {
        let mut slab = Slab::new();
        for id in u32::MAX - 100_000..u32::MAX {
            let slot = slab.insert(id);
            assert_eq!(slab.find(id), Some(slot));
            if id % 1_000 != 0 {
                slab.remove(slot);
            }
        }
        assert_eq!((slab.len(), slab.calls.len()), (100, 101));
        assert_eq!((slab.index.queues.len() / 16, slab.index.table.len()), (102, 256));
    }

    #[test]
    fn a_line_serves_in_order_and_lets_go_from_anywhere() {
        let mut slab = Slab::new();
        let mut queue = Queue::new();
        for id in 0..5 {
            let slot = slab.insert(id);
            queue.push(&mut slab, slot, 2);
        }
        queue.remove(&mut slab, 2, 2);
        queue.remove(&mut slab, 4, 2);
        queue.remove(&mut slab, 0, 2);
        assert_eq!((queue.head, queue.len, queue.cost), (1, 2, 4));
        queue.remove(&mut slab, 1, 2);
        queue.remove(&mut slab, 3, 2);
        assert_eq!((queue.head, queue.len, queue.cost), (NOWHERE, 0, 0));
    }
}
