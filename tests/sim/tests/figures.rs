//! The figures that the policy must reach, over several seeds.

use unruffled_sim::figures::bars::{bars, text};

#[test]
fn every_figure_is_on_the_right_side_of_its_bar() {
    let bars = bars(5);
    assert!(bars.iter().all(|bar| bar.holds()), "\n{}", text(&bars));
}
