//! The timeline of one call: what `explain()` shows.

use crate::failure::codes;

/// What happened, in at most 8 entries: the first four and the last four; those between are counted.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Timeline {
    count: u16,
    entries: [Entry; 8],
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Milliseconds since the call began.
    pub at: u32,
    pub what: EntryKind,
    pub wait_reason: WaitReason,
    /// A status, a fault's code or a reason's code; of a wait for a bucket a code of [`Whose`].
    pub code: u16,
    /// Milliseconds: a timeout, a wait, an attempt's time.
    pub value: u32,
}

codes! {
    /// The kind of an entry of the timeline.
    EntryKind {
        Send = 0 "send",
        Status = 1 "status",
        Fault = 2 "fault",
        Wait = 3 "wait",
        Queue = 4 "queue",
        Refresh = 5 "refresh",
    }
}

codes! {
    /// The rule that asked for a wait.
    WaitReason {
        None = 0 "none",
        Backoff = 1 "backoff",
        RetryAfter = 2 "retry-after",
        Limiter = 3 "limiter",
        Concurrency = 4 "concurrency",
        RetryQueue = 5 "retry-queue",
        Credential = 6 "credential",
        Offline = 7 "offline",
    }
}

codes! {
    /// Whose bucket a call waits for.
    Whose {
        /// That of a limit of the policy.
        Limit = 0 "limit",
        Endpoint = 1 "endpoint",
        Api = 2 "api",
    }
}

const _: () = assert!(size_of::<Entry>() == 12);

impl Timeline {
    /// Forgets all entries.
    pub const fn clear(&mut self) {
        self.count = 0;
    }

    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        let nothing = Entry { at: 0, what: EntryKind::Send, wait_reason: WaitReason::None, code: 0, value: 0 };
        Self { entries: [nothing; 8], count: 0 }
    }

    /// Adds an entry; the fifth last is forgotten when there are more than eight.
    pub fn push(&mut self, entry: Entry) {
        let place = if self.count < 4 { self.count } else { 4 | self.count & 3 };
        if let Some(free) = self.entries.get_mut(usize::from(place)) {
            *free = entry;
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many entries were forgotten.
    #[must_use]
    pub fn dropped(&self) -> u16 {
        self.count.saturating_sub(8)
    }

    /// The retained entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        let first = self.count.min(4);
        let rest = self.dropped().saturating_add(4).max(4)..self.count.max(4);
        (0..first).chain(rest.map(|i| 4 | i & 3)).filter_map(|place| self.entries.get(usize::from(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn stamps(count: u32) -> Vec<u32> {
        let mut timeline = Timeline::new();
        for at in 0..count {
            timeline.push(Entry { at, what: EntryKind::Wait, wait_reason: WaitReason::Backoff, code: 0, value: 0 });
        }
        timeline.iter().map(|entry| entry.at).collect()
    }

    #[test]
    fn a_timeline_keeps_the_first_four_and_the_last_four() {
        assert_eq!(stamps(0), [0_u32; 0]);
        assert_eq!(stamps(3), [0, 1, 2]);
        assert_eq!(stamps(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(stamps(9), [0, 1, 2, 3, 5, 6, 7, 8]);
        assert_eq!(stamps(11), [0, 1, 2, 3, 7, 8, 9, 10]);
        assert_eq!(stamps(1_000), [0, 1, 2, 3, 996, 997, 998, 999]);
    }
}
