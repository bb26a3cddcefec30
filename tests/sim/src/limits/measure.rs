//! The figures of a run.

use super::case::Case;
use super::floor::Broken;
use super::ideal::{Ideal, good_until, ideal};
use super::play::{Bound, Played, play};
use unruffled_quantile::quantile;

/// What one run came to. Times are milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub calls: u64,
    pub requests: u64,
    /// Requests that were refused, without those that left before their client had any answer: no client knows better.
    pub refused: u64,
    pub refused_blind: u64,
    /// Calls without a good answer, less those that no client has in time.
    pub failed: u64,
    /// 1 = as good as a client that knows the algorithm.
    pub goodput: f64,
    pub longest_wait: u64,
    pub p50: u64,
    pub p95: u64,
    /// When the last call ended.
    pub took: u64,
    /// Good answers of the slowest client over those of the fastest.
    pub fairness: f64,
    pub broken: Vec<(u64, Broken)>,
}

impl Figures {
    /// Returns the share of requests that were refused.
    #[must_use]
    pub fn refused_share(&self) -> f64 {
        self.refused as f64 / self.requests.max(1) as f64
    }
}

/// Plays a case and measures it.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn measure(case: &Case) -> Result<Figures, String> {
    let ideal = ideal(case)?;
    let played = play(case, Bound { calls: ideal.calls, until: u64::MAX }, |_, _, _, _| {})?;
    Ok(figures(case, &ideal, &played))
}

/// Makes the figures of a run.
#[must_use]
pub fn figures(case: &Case, ideal: &Ideal, played: &Played) -> Figures {
    let good = good_until(played, u64::MAX);
    let mut took: Vec<u64> = played.fates.iter().filter(|fate| fate.ok).map(|fate| fate.ended - fate.begun).collect();
    took.sort_unstable();
    let time = |percent| quantile(&took, percent).unwrap_or(0);
    let mut each = vec![0_u64; case.clients as usize];
    played.fates.iter().filter(|fate| fate.ok && fate.ended <= ideal.until).for_each(|fate| each[fate.client] += 1);
    let (least, most) = (each.iter().min().copied().unwrap_or(0), each.iter().max().copied().unwrap_or(0));
    Figures {
        calls: ideal.calls,
        requests: played.requests,
        refused: played.refused - played.blind,
        refused_blind: played.blind,
        failed: (ideal.calls - good).saturating_sub(ideal.calls - ideal.good),
        goodput: (good_until(played, ideal.until) as f64 / ideal.good.max(1) as f64).min(1.0),
        longest_wait: played.fates.iter().map(|fate| fate.waited).max().unwrap_or(0),
        p50: time(50),
        p95: time(95),
        took: played.fates.iter().map(|fate| fate.ended).max().unwrap_or(0),
        fairness: least as f64 / most.max(1) as f64,
        broken: played.broken.clone(),
    }
}
