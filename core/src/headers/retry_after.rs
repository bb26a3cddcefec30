//! When the server wants to be asked again, and whether.

use super::Hints;

/// The wait that the server asks for in milliseconds, at least 1, rounded up: `retry-after-ms`, else `Retry-After`.
#[must_use]
pub fn server_time(hints: &Hints<'_>, wall_ms: u64) -> Option<u64> {
    let _ = (hints, wall_ms);
    None
}

/// What `x-should-retry`, else `stripe-should-retry` says.
#[must_use]
pub fn should_retry(hints: &Hints<'_>) -> Option<bool> {
    let _ = hints;
    None
}
