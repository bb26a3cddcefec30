//! Backoff against its formula in wide numbers, for every retry of every kind.

use crate::config::{Jitter, Retry};
use crate::policy::backoff::{Asked, interval, range};

const DAY: u64 = 86_400_000;

/// `min(base · 2^(k−1), cap / 2)` without a limit on the product.
fn exact(base: u64, cap: u64, k: u32) -> u64 {
    let mut doubled = u128::from(base);
    for _ in 1..k {
        doubled = (doubled * 2).min(1 << 100);
    }
    doubled.min(u128::from(cap / 2)) as u64
}

const BASES: [u64; 9] = [1, 2, 3, 199, 200, 1_000, 29_999, DAY / 2 + 1, DAY];
const CAPS: [u64; 8] = [1, 2, 3, 200, 401, 30_000, DAY - 1, DAY];

#[test]
fn the_interval_is_the_formula_for_every_retry() {
    for base in BASES {
        for cap in CAPS {
            for k in 1..=200 {
                assert_eq!(interval(base, cap, k), exact(base, cap, k), "{base} {cap} {k}");
            }
        }
    }
}

#[test]
fn every_wait_lies_between_d_and_twice_d_and_never_above_the_cap() {
    for base in BASES {
        for cap in CAPS {
            for k in 1..=20 {
                let kind = |jitter| Retry { base, cap, jitter, ..Retry::default() };
                for (asked, base) in [(Asked::Nothing, base), (Asked::Slower, base.max(1_000))] {
                    let of = |jitter| range(&kind(jitter), k, asked);
                    let d = exact(base, cap, k);
                    let (added, full, none) = (of(Jitter::Added), of(Jitter::Full), of(Jitter::None));
                    assert_eq!((added.least, added.least + added.spread), (d, 2 * d));
                    assert_eq!((full.least, full.least + full.spread), (0, 2 * d));
                    assert_eq!((none.least, none.spread), (d, 0));
                    assert!(2 * d <= cap, "{base} {cap} {k}");
                }
                let d = exact(base, cap, k);
                for (jitter, drawn) in [(Jitter::Added, d), (Jitter::Full, d), (Jitter::None, 0)] {
                    let asked = range(&kind(jitter), k, Asked::Time(7_000));
                    assert_eq!((asked.least, asked.spread), (7_000, drawn), "the server's time and what is drawn");
                }
            }
        }
    }
}
