//! Random draws as a pure function: a draw depends on the seed, the ordinal of the call, the attempt and the purpose,
//! and on nothing else, so that a new draw somewhere shifts no other one.

/// What a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A wait between two attempts, or what is added to the server's time.
    Backoff = 1,
    /// A breaker's cool-down; the ordinal counts its openings.
    CoolDown = 2,
    /// How much earlier a token is renewed; the ordinal is its generation.
    Early = 3,
    /// The rest of a fetch that failed; the ordinal is its generation, the attempt counts failures.
    Rest = 4,
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 to `most`, both included, each as likely as the next within 2⁻⁶⁴ · (most + 1).
#[must_use]
pub const fn draw(seed: u64, ordinal: u64, attempt: u32, purpose: Purpose, most: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let key = mix(seed.wrapping_add(GOLDEN)).wrapping_add(mix(ordinal ^ GOLDEN));
    let bits = mix(key.wrapping_add(mix((attempt as u64) << 8 | purpose as u64)));
    // The product of two 64-bit numbers fits 128 bits.
    ((bits as u128).wrapping_mul((most as u128).wrapping_add(1)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_pinned() {
        let seen: [u64; 4] = core::array::from_fn(|i| draw(1, i as u64, 1, Purpose::Backoff, 999));
        assert_eq!(seen, [draw(1, 0, 1, Purpose::Backoff, 999), seen[1], seen[2], seen[3]]);
        assert_ne!(draw(1, 0, 1, Purpose::Backoff, u64::MAX), draw(2, 0, 1, Purpose::Backoff, u64::MAX));
        assert_ne!(draw(1, 0, 1, Purpose::Backoff, u64::MAX), draw(1, 0, 2, Purpose::Backoff, u64::MAX));
        assert_ne!(draw(1, 0, 1, Purpose::Backoff, u64::MAX), draw(1, 0, 1, Purpose::CoolDown, u64::MAX));
    }

    #[test]
    fn draws_are_spread_evenly() {
        let mut bins = [0_u32; 10];
        for ordinal in 0..100_000 {
            bins[draw(7, ordinal, 1, Purpose::Backoff, 9) as usize] += 1;
        }
        // χ² with 9 degrees of freedom: 27.9 is the 0.1 % bound.
        let chi: f64 = bins.iter().map(|&n| (f64::from(n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 27.9, "{chi} {bins:?}");
    }

    #[test]
    fn both_ends_are_drawn_and_nothing_beyond() {
        let seen: std::collections::BTreeSet<u64> = (0..100).map(|o| draw(1, o, 1, Purpose::Backoff, 2)).collect();
        assert_eq!(seen.into_iter().collect::<std::vec::Vec<_>>(), [0, 1, 2]);
        assert_eq!(draw(1, 1, 1, Purpose::Backoff, 0), 0);
    }
}
