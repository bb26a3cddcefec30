//! What a limit's gauge says: the families of rate limit headers, read into one form.

use super::Hints;
use crate::config::Gauge;
use alloc::string::String;
use alloc::vec::Vec;

/// One reading of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Millionths of a request or token.
    pub remaining: u64,
    /// Millionths.
    pub limit: Option<u64>,
    /// Milliseconds from now until the quota is whole again.
    pub reset: Option<u64>,
    /// Length of the server's window in milliseconds.
    pub window: Option<u64>,
}

/// What this limit's gauge says. `alone`: the API has just this one limit, so any part counts; else the bucket's name
/// picks the part or policy.
#[must_use]
pub fn read(gauge: &Gauge, limit_name: &str, alone: bool, hints: &Hints<'_>, wall_ms: u64) -> Option<Reading> {
    let _ = (gauge, limit_name, alone, hints, wall_ms);
    None
}

/// Whether a 429 pauses the bucket. Only Stripe tells: its reason must end in `-rate`.
#[must_use]
pub fn pauses(gauge: &Gauge, hints: &Hints<'_>) -> bool {
    let _ = (gauge, hints);
    true
}

/// The header names (lower case, at most two) that a host looks for on success: when one of them is present it hands
/// over every header of [`watch_error`], so that [`read`] always sees limit and reset as well.
/// No gauges = the implicit bucket, which reads `Auto` alone.
#[must_use]
pub fn watch_success(gauges: &[(&Gauge, &str)]) -> Vec<String> {
    let _ = gauges;
    Vec::new()
}

/// The header names (lower case, no duplicates, stable order) that a host hands over at status 400 and above: all that
/// this folder reads, and `extra` (what `classify` rules name).
#[must_use]
pub fn watch_error(gauges: &[(&Gauge, &str)], extra: &[String]) -> Vec<String> {
    let _ = (gauges, extra);
    Vec::new()
}
