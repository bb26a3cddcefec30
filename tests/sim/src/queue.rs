//! What happens next: events ordered by time, those of one instant in the order in which they were planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Planned events.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, Place)>>,
    events: Vec<Option<E>>,
    free: Vec<usize>,
    planned: u64,
}

type Place = usize;

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), planned: 0 }
    }
}

impl<E> Queue<E> {
    /// Plans an event.
    pub fn plan(&mut self, at: u64, event: E) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.heap.push(Reverse((at, self.planned, place)));
        self.planned += 1;
    }

    /// The next one and its time.
    pub fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        self.events[place].take().map(|event| (at, event))
    }
}
