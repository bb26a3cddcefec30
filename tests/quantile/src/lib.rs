//! The one definition of a quantile: benchmarks, demo, simulation and sizes use it.

/// Returns the value of a sorted list that `percent` per cent of its values come before; `None` for an empty list.
/// The median of an even number of values is the upper one of the two in the middle.
#[must_use]
pub fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((sorted.len() * percent / 100).min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        let list: Vec<u32> = (1..=200).collect();
        let found = [0, 1, 25, 50, 99, 100].map(|percent| quantile(&list, percent));
        assert_eq!(found, [1, 3, 51, 101, 199, 200].map(Some));
    }

    #[test]
    fn short_lists_have_quantiles_and_an_empty_one_has_none() {
        assert_eq!(quantile(&[1, 2, 3, 4], 50), Some(3));
        assert_eq!(quantile(&[1.5, 2.5, 3.5], 50), Some(2.5));
        assert_eq!(quantile(&[7], 99), Some(7));
        assert_eq!(quantile::<u8>(&[], 50), None);
    }
}
