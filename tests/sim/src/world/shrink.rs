//! Makes a failing tape short: drops inputs, from halves down to single ones, as long as the same sentence breaks.

use super::checked::{Broken, Checked};
use super::input::Input;
use super::rules::Rules;
use std::rc::Rc;

/// The shortest tape found that still breaks the same sentence, and how.
#[must_use]
pub fn shrink(rules: &Rc<Rules>, seed: u64, tape: &[Input], broken: &Broken) -> (Vec<Input>, Broken) {
    let wanted = words(&broken.why);
    let mut tape = tape.to_vec();
    let mut found = broken.clone();
    let mut piece = tape.len() / 2;
    let mut tries = 20_000_usize.min(40_000_000 / tape.len().max(1));
    while piece > 0 {
        let mut at = 0;
        while at < tape.len() && tries > 0 {
            tries -= 1;
            let mut shorter = tape.clone();
            shorter.drain(at..(at + piece).min(tape.len()));
            match replay(rules, seed, &shorter) {
                Some(again) if words(&again.why) == wanted => {
                    shorter.truncate(again.at + 1);
                    tape = shorter;
                    found = again;
                }
                _ => at += piece,
            }
        }
        piece /= 2;
    }
    (tape, found)
}

/// Plays a tape on a fresh engine; how it breaks.
#[must_use]
pub fn replay(rules: &Rc<Rules>, seed: u64, tape: &[Input]) -> Option<Broken> {
    let mut checked = Checked::open(rules, seed);
    tape.iter().find_map(|input| checked.play(*input).err()).map(|broken| *broken)
}

/// A sentence without its numbers.
fn words(why: &str) -> String {
    why.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
