//! What must be reached.

/// Goodput of the table's rows and of their one-dimension changes …
pub const ROW: f64 = 0.90;
/// … and where the rate can only be learned from refusals.
pub const ROW_LEARNED: f64 = 0.80;
/// Share of requests that are refused.
pub const REFUSED: f64 = 0.02;
/// Goodput over all seeds: of the worst hundredth …
pub const WORST_HUNDREDTH: f64 = 0.75;
/// … and the median.
pub const MEDIAN: f64 = 0.93;
/// Several clients together.
pub const TOGETHER: f64 = 0.90;
/// The slowest of several clients over the fastest.
pub const FAIRNESS: f64 = 0.6;
/// Time with a fresh quota over the bare client's.
pub const FRESH_QUOTA: f64 = 2.0;
/// The longest wait of an open loop below its limit, in milliseconds.
pub const OPEN_LOOP: u64 = 50;
