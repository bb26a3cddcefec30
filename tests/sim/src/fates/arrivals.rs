//! When calls begin.

use super::world::World;
use crate::figures::chance::Chance;
use serde::{Deserialize, Serialize};

/// How the calls of all clients arrive. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Arrivals {
    /// Evenly.
    Every { gap: u64 },
    /// A Poisson stream with this mean gap.
    Poisson { gap: u64 },
    /// So many at once, then a gap.
    Bursts { size: u64, gap: u64 },
    /// `steady` calls evenly, a silence, then all the others at once.
    Quiet { gap: u64, steady: u64, silence: u64 },
    /// The gap falls from `slow` to `fast` and grows to `slow` again.
    Ramp { fast: u64, slow: u64 },
    /// Workers that begin the next call so long after their last one ended.
    Closed { workers: u32, think: u64 },
}

impl Arrivals {
    /// Lists the times at which the calls of a world begin; `None` where workers begin them.
    #[must_use]
    pub fn times(world: &World) -> Option<Vec<u64>> {
        let calls = u64::from(world.calls);
        Some(match world.arrivals {
            Self::Every { gap } => (0..calls).map(|i| i * gap).collect(),
            Self::Poisson { gap } => {
                let mut chance = Chance::new(world.seed + 5);
                let per_second = 1_000.0 / gap as f64;
                summed(calls, |_| chance.gap(per_second))
            }
            Self::Bursts { size, gap } => (0..calls).map(|i| i / size * gap).collect(),
            Self::Quiet { gap, steady, silence } => {
                let at_once = gap * steady + silence;
                (0..calls).map(|i| if i < steady { i * gap } else { at_once }).collect()
            }
            Self::Ramp { fast, slow } => {
                let (fast, slow) = (fast as f64, slow as f64);
                summed(calls, |i| fast + (slow - fast) * (2.0 * i as f64 / calls as f64 - 1.0).abs())
            }
            Self::Closed { .. } => return None,
        })
    }

    /// Estimates when the last call of a world begins.
    #[must_use]
    pub fn span(world: &World) -> u64 {
        match (Self::times(world), &world.arrivals) {
            (None, Self::Closed { workers, think }) => {
                u64::from(world.calls) * (world.latency + think) / u64::from(*workers)
            }
            (times, _) => times.and_then(|times| times.last().copied()).unwrap_or(0),
        }
    }
}

/// Lists the times that the gaps between calls add up to.
fn summed(calls: u64, mut gap: impl FnMut(u64) -> f64) -> Vec<u64> {
    let mut at = 0.0;
    let mut times = Vec::with_capacity(calls as usize);
    for i in 0..calls {
        times.push(at as u64);
        at += gap(i);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(calls: u32, arrivals: Arrivals) -> Vec<u64> {
        Arrivals::times(&World { calls, arrivals, ..World::default() }).unwrap_or_default()
    }

    #[test]
    fn calls_begin_as_described() {
        assert_eq!(times(3, Arrivals::Every { gap: 50 }), [0, 50, 100]);
        assert_eq!(times(5, Arrivals::Bursts { size: 2, gap: 1_000 }), [0, 0, 1_000, 1_000, 2_000]);
        assert_eq!(times(5, Arrivals::Quiet { gap: 10, steady: 3, silence: 100 }), [0, 10, 20, 130, 130]);
        assert_eq!(times(4, Arrivals::Ramp { fast: 10, slow: 110 }), [0, 110, 170, 180]);
        assert!(times(4, Arrivals::Closed { workers: 2, think: 0 }).is_empty());
    }

    #[test]
    fn a_poisson_stream_has_its_mean_gap() {
        let all = times(10_000, Arrivals::Poisson { gap: 20 });
        let mean = all.last().copied().unwrap_or(0) as f64 / 10_000.0;
        assert!((19.0..21.0).contains(&mean), "{mean}");
    }
}
