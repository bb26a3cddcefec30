//! How much time is left, for an attempt and for a wait.

use crate::config::Timeouts;
use crate::defaults::{LAST_START, MAX_NOW, UPLOAD_GROWTH};

/// A call's time limits, fixed at `begin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// No wait and no attempt after this.
    pub deadline: u64,
    /// One attempt at most; 0 = the host's own limit.
    pub attempt: u32,
    /// Whether the deadline also cuts the running attempt (not so for a drop-in whose policy names no total).
    pub cuts: bool,
}

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A client of ours, with verbs.
    Own,
    /// Another client, with ours under it.
    DropIn,
}

/// Returns the limits of a call begun at `now`. `asked`: the call's own deadline, 0 = the policy's. `upload`: its body in units
/// of 64 KiB where the host cannot watch it. A drop-in takes only what the policy's own text says.
#[must_use]
pub fn limits(timeouts: &Timeouts, now: u64, asked: u64, upload: u32, client: Client) -> Limits {
    let dropin = client == Client::DropIn;
    let growth = u64::from(upload).wrapping_mul(UPLOAD_GROWTH);
    let attempt = if dropin && !timeouts.attempt_written { 0 } else { timeouts.attempt.saturating_add(growth) };
    let deadline = if asked == 0 { now.saturating_add(timeouts.total) } else { asked.min(MAX_NOW) };
    Limits {
        deadline,
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        cuts: asked != 0 || !dropin || timeouts.total_written,
    }
}

/// What is left of a rest that began at `since`: all waits of a call that holds a slot of its host, from one attempt to the
/// next, may take `wait` (`timeouts.wait`) together.
#[must_use]
pub fn rest(since: u64, wait: u64, now: u64) -> u64 {
    since.saturating_add(wait).saturating_sub(now)
}

impl Limits {
    /// Milliseconds in which an attempt may still begin; `None` = too late for any.
    #[must_use]
    pub fn left(&self, now: u64) -> Option<u64> {
        self.deadline.saturating_sub(now).checked_sub(LAST_START)
    }

    /// The timeout of an attempt that begins now; 0 = none.
    #[must_use]
    pub fn timeout(&self, now: u64) -> u64 {
        let left = if self.cuts { self.deadline.saturating_sub(now) } else { u64::MAX };
        match (u64::from(self.attempt), left) {
            (0, u64::MAX) => 0,
            (0, left) => left,
            (attempt, left) => attempt.min(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_shrinks_to_what_is_left() {
        let limits = limits(&Timeouts::default(), 1_000, 0, 0, Client::Own);
        assert_eq!((limits.timeout(1_000), limits.timeout(55_000)), (10_000, 6_000));
        assert_eq!((limits.left(1_000), limits.left(60_950), limits.left(60_951)), (Some(59_950), Some(0), None));
    }

    #[test]
    fn an_upload_makes_the_attempt_longer() {
        assert_eq!(limits(&Timeouts::default(), 0, 0, 3, Client::Own).attempt, 13_000);
    }

    #[test]
    fn what_is_asked_for_without_bounds_is_bounded() {
        let endless = Timeouts { attempt: u64::MAX, total: u64::MAX, ..Timeouts::default() };
        assert_eq!(limits(&endless, 1, u64::MAX, 65_535, Client::Own).deadline, MAX_NOW);
        let Limits { deadline, attempt, .. } = limits(&endless, 1, 0, 65_535, Client::Own);
        assert_eq!((deadline, attempt), (u64::MAX, u32::MAX));
        assert_eq!(
            limits(&Timeouts::default(), 0, 0, 65_535, Client::Own).attempt,
            65_545_000,
            "the longest upload is longer"
        );
    }

    #[test]
    fn a_rest_ends_where_the_wait_does() {
        assert_eq!([1_000, 1_001, 2_999, 3_000, 9_000].map(|now| rest(1_000, 2_000, now)), [2_000, 1_999, 1, 0, 0]);
        assert_eq!((rest(5, 0, 5), rest(MAX_NOW, u64::MAX, MAX_NOW)), (0, u64::MAX - MAX_NOW));
    }

    #[test]
    fn a_drop_in_keeps_the_limits_of_its_client() {
        let mut timeouts = Timeouts::default();
        let bare = limits(&timeouts, 0, 0, 0, Client::DropIn);
        assert_eq!((bare.timeout(59_000), bare.left(59_950), bare.left(59_951)), (0, Some(0), None));
        timeouts.attempt_written = true;
        assert_eq!(limits(&timeouts, 0, 0, 0, Client::DropIn).timeout(59_000), 10_000);
        timeouts.total_written = true;
        assert_eq!(limits(&timeouts, 0, 0, 0, Client::DropIn).timeout(59_000), 1_000);
        assert_eq!(limits(&Timeouts::default(), 0, 5_000, 0, Client::DropIn).timeout(1_000), 4_000);
    }
}
