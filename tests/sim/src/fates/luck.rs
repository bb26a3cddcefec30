//! The luck of a request: a hash of what names it, so that both clients meet the same server.

/// Hashes some words to a number from 0 up to 1, 1 excluded.
#[must_use]
pub fn luck<const WORDS: usize>(words: [u64; WORDS]) -> f64 {
    let mut hash: u64 = 0x9e37_79b9_7f4a_7c15;
    for word in words {
        hash = (hash ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^= hash >> 29;
    }
    let bits = hash.wrapping_mul(0x94d0_49bb_1331_11eb) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::luck;

    #[test]
    fn the_same_words_give_the_same_luck_and_others_do_not() {
        assert_eq!(luck([1, 2, 3]), luck([1, 2, 3]));
        assert!((0..1_000).all(|i| luck([1, i, 1]) != luck([1, i, 2])));
    }

    #[test]
    fn luck_is_spread_evenly() {
        let low = (0..10_000).filter(|i| luck([7, *i, 1]) < 0.3).count();
        assert!((2_850..3_150).contains(&low), "{low}");
    }
}
