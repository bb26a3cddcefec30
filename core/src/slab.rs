//! All live calls by place and by id, and the lines they stand in. Lines are linked through the calls themselves, so
//! that joining, leaving from anywhere and finding a call cost the same with 1 or 100,000 of them.

use crate::call::{Call, CallState, NOWHERE, Slot};
use alloc::vec::Vec;

/// The calls of one engine.
#[derive(Debug)]
pub struct Slab {
    calls: Vec<Call>,
    free: Vec<Slot>,
    index: Index,
    /// Stands in for a place that is not there, which no input can name; writes to it are lost.
    nobody: Call,
}

impl Slab {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { calls: Vec::new(), free: Vec::new(), index: Index::new(), nobody: Call::vacant() }
    }

    /// Calls that have a slot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len().saturating_sub(self.free.len())
    }

    /// The place of a call id.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<Slot> {
        self.index.find(id, &self.calls)
    }

    /// A slot for a new call whose id is not in use.
    pub fn insert(&mut self, id: u32) -> Slot {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.calls.push(Call::vacant());
                self.calls.len().saturating_sub(1) as Slot
            }
        };
        self.at_mut(slot).id = id;
        self.index.insert(id, slot, &self.calls);
        slot
    }

    /// Frees a slot.
    pub fn remove(&mut self, slot: Slot) {
        let id = self.at(slot).id;
        self.index.remove(id, &self.calls);
        self.at_mut(slot).state = CallState::Gone;
        self.free.push(slot);
    }

    /// The call at a place.
    #[must_use]
    pub fn at(&self, slot: Slot) -> &Call {
        self.calls.get(slot as usize).unwrap_or(&self.nobody)
    }

    /// The call at a place.
    pub fn at_mut(&mut self, slot: Slot) -> &mut Call {
        self.calls.get_mut(slot as usize).unwrap_or(&mut self.nobody)
    }

    /// All places are below this; some are free.
    #[must_use]
    pub fn places(&self) -> Slot {
        self.calls.len() as Slot
    }
}

/// A line: first come, first served, with leaving from anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub head: Slot,
    tail: Slot,
    pub len: u32,
    /// Sum of what its calls will draw, in a bucket's line.
    pub cost: u64,
    /// The time that the head was told to come; 0 = it had its turn and only lacks a place under the cap.
    pub told: u64,
}

impl Line {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: NOWHERE, tail: NOWHERE, len: 0, cost: 0, told: 0 }
    }

    /// The head, if only the cap holds it back.
    #[must_use]
    pub fn ready(&self) -> Slot {
        if self.told == 0 { self.head } else { NOWHERE }
    }

    /// Joins at the tail.
    pub fn push(&mut self, slab: &mut Slab, slot: Slot, cost: u64) {
        let call = slab.at_mut(slot);
        call.previous = self.tail;
        call.next = NOWHERE;
        if self.tail == NOWHERE {
            self.head = slot;
        } else {
            slab.at_mut(self.tail).next = slot;
        }
        self.tail = slot;
        self.len = self.len.saturating_add(1);
        self.cost = self.cost.saturating_add(cost);
    }

    /// Leaves, from wherever it stands.
    pub fn remove(&mut self, slab: &mut Slab, slot: Slot, cost: u64) {
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

/// Call id → place: open addressing with linear probing and backward-shift deletion; the ids themselves stand in the
/// calls. At most half full.
#[derive(Debug)]
struct Index {
    /// Place + 1; 0 = empty. A power of two long.
    table: Vec<u32>,
    used: usize,
}

impl Index {
    fn new() -> Self {
        Self { table: alloc::vec![0; 16], used: 0 }
    }

    fn mask(&self) -> usize {
        self.table.len().saturating_sub(1)
    }

    /// Fibonacci hashing of blocks of 16: a host counts its ids up, and neighbours share a cache line.
    fn home(&self, id: u32) -> usize {
        let block = u64::from(id >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (block << 4 | u64::from(id & 15)) as usize & self.mask()
    }

    fn entry(&self, place: usize) -> u32 {
        self.table.get(place).copied().unwrap_or(0)
    }

    fn put(&mut self, place: usize, entry: u32) {
        if let Some(free) = self.table.get_mut(place) {
            *free = entry;
        }
    }

    fn id_at(entry: u32, calls: &[Call]) -> u32 {
        calls.get(entry.wrapping_sub(1) as usize).map_or(0, |call| call.id)
    }

    fn place(&self, id: u32, calls: &[Call]) -> Option<usize> {
        let mut place = self.home(id);
        loop {
            match self.entry(place) {
                0 => return None,
                entry if Self::id_at(entry, calls) == id => return Some(place),
                _ => place = place.wrapping_add(1) & self.mask(),
            }
        }
    }

    fn find(&self, id: u32, calls: &[Call]) -> Option<Slot> {
        self.place(id, calls).map(|place| self.entry(place).wrapping_sub(1))
    }

    fn insert(&mut self, id: u32, slot: Slot, calls: &[Call]) {
        if self.used.saturating_mul(2) >= self.table.len() {
            self.grow(calls);
        }
        self.used = self.used.saturating_add(1);
        self.fill(self.home(id), slot.wrapping_add(1));
    }

    fn fill(&mut self, home: usize, entry: u32) {
        let mut place = home;
        while self.entry(place) != 0 {
            place = place.wrapping_add(1) & self.mask();
        }
        self.put(place, entry);
    }

    fn grow(&mut self, calls: &[Call]) {
        let doubled = self.table.len().saturating_mul(2);
        let old = core::mem::replace(&mut self.table, alloc::vec![0; doubled]);
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            self.fill(self.home(Self::id_at(entry, calls)), entry);
        }
    }

    fn remove(&mut self, id: u32, calls: &[Call]) {
        let Some(mut hole) = self.place(id, calls) else { return };
        self.used = self.used.saturating_sub(1);
        let mut place = hole;
        loop {
            self.put(hole, 0);
            loop {
                place = place.wrapping_add(1) & self.mask();
                let entry = self.entry(place);
                if entry == 0 {
                    return;
                }
                let home = self.home(Self::id_at(entry, calls));
                // It may move into the hole if its home does not lie behind the hole on the way to it.
                let from_home = place.wrapping_sub(home) & self.mask();
                if from_home >= place.wrapping_sub(hole) & self.mask() {
                    self.put(hole, entry);
                    hole = place;
                    break;
                }
            }
        }
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
    fn a_line_serves_in_order_and_lets_go_from_anywhere() {
        let mut slab = Slab::new();
        let mut line = Line::new();
        for id in 0..5 {
            let slot = slab.insert(id);
            line.push(&mut slab, slot, 2);
        }
        line.remove(&mut slab, 2, 2);
        line.remove(&mut slab, 4, 2);
        line.remove(&mut slab, 0, 2);
        assert_eq!((line.head, line.len, line.cost), (1, 2, 4));
        line.remove(&mut slab, 1, 2);
        line.remove(&mut slab, 3, 2);
        assert_eq!((line.head, line.len, line.cost), (NOWHERE, 0, 0));
    }
}
