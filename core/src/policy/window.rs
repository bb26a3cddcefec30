//! How often something happened of late: a count over the current slice of time and the nine before it, slices aligned
//! to 0.

use crate::defaults::SLICES;

/// A sliding count.
#[derive(Debug, Clone)]
pub struct Window {
    /// Milliseconds a slice.
    length: u64,
    slices: [u32; SLICES],
    /// Number of the current slice, and when it ends.
    current: u64,
    ends: u64,
    sum: u32,
}

/// The number of the slice that `now` lies in.
#[must_use]
pub fn slice_at(now: u64, length: u64) -> u64 {
    now.checked_div(length).unwrap_or(now)
}

/// The place of a slice in a ring of ten.
#[must_use]
pub fn place_of(slice: u64) -> usize {
    const RING: u64 = SLICES as u64;
    (slice % RING) as usize
}

impl Window {
    /// Empty.
    #[must_use]
    pub const fn new(length: u64) -> Self {
        Self { length, slices: [0; SLICES], current: 0, ends: length, sum: 0 }
    }

    /// Forgets what is older than ten slices.
    pub fn advance(&mut self, now: u64) {
        if now < self.ends {
            return;
        }
        let slice = slice_at(now, self.length);
        for i in 0..slice.saturating_sub(self.current).min(SLICES as u64) {
            let place = place_of(self.current.saturating_add(i).saturating_add(1));
            if let Some(count) = self.slices.get_mut(place) {
                self.sum = self.sum.saturating_sub(*count);
                *count = 0;
            }
        }
        self.current = slice;
        self.ends = slice.saturating_add(1).wrapping_mul(self.length);
    }

    /// It happened now.
    pub fn count(&mut self, now: u64) {
        self.advance(now);
        if let Some(count) = self.slices.get_mut(place_of(self.current)) {
            *count = count.saturating_add(1);
            self.sum = self.sum.saturating_add(1);
        }
    }

    /// How often it happened, as of the last time that time passed.
    #[must_use]
    pub fn sum(&self) -> u64 {
        u64::from(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, draw};
    use std::vec::Vec;

    #[test]
    fn equals_a_naive_recount_over_random_times() {
        let mut window = Window::new(3_000);
        let mut seen = Vec::new();
        let mut now = 0_u64;
        for i in 0..20_000 {
            now += draw(3, i, 1, Purpose::Backoff, 60);
            if i % 1_000 == 0 {
                now += draw(3, i, 2, Purpose::Backoff, 60_000);
            }
            window.count(now);
            seen.push(now / 3_000);
            let recount = seen.iter().rev().take_while(|&&slice| slice + 10 > now / 3_000).count();
            assert_eq!(window.sum(), recount as u64, "at {now}");
        }
    }
}
