//! The budget against exact fractions of a token that move once a millisecond.

use super::Dice;
use crate::config;
use crate::policy::budget::{Budget, TokenKind};
use std::vec::Vec;

/// Tokens as a fraction of this: millionths of a millionth.
const ONE: u128 = 1_000_000_000_000;

/// A setting in millionths as a fraction of [`ONE`].
fn fraction(millionths: u64) -> u128 {
    u128::from(millionths) * (ONE / 1_000_000)
}

struct Model {
    settings: config::Budget,
    tokens: u128,
    at: u64,
    begun: Vec<u64>,
}

impl Model {
    fn new(settings: config::Budget) -> Self {
        Self { settings, tokens: fraction(settings.capacity), at: 0, begun: Vec::new() }
    }

    /// Capacity and 2 % of the calls begun in the slice of 3 s that is on and the nine before it.
    fn capacity(&self) -> u128 {
        let counted = self.begun.iter().rev().take_while(|at| *at / 3_000 + 10 > self.at / 3_000).count();
        fraction(self.settings.capacity) + counted as u128 * ONE / 50
    }

    fn pass(&mut self, now: u64) {
        let mut capacity = self.capacity();
        while self.at < now {
            self.at += 1;
            if self.at.is_multiple_of(3_000) {
                capacity = self.capacity();
            }
            self.tokens = (self.tokens + fraction(self.settings.per_second) / 1_000).min(capacity);
        }
    }

    fn begin(&mut self) {
        self.begun.push(self.at);
        self.tokens = (self.tokens + fraction(self.settings.per_call)).min(self.capacity());
    }

    fn give_back(&mut self) {
        self.tokens = (self.tokens + ONE).min(self.capacity());
    }
}

fn settings(dice: &mut Dice) -> config::Budget {
    config::Budget {
        capacity: dice.of(&[0, 1, 999_999, 1_000_000, 2_500_000, 10_000_000, 40_000_000]),
        per_call: dice.of(&[0, 1, 100_000, 333_333, 1_000_000]),
        per_second: dice.of(&[0, 1, 20_000, 777_777, 5_000_000]),
    }
}

#[test]
fn every_token_is_where_exact_fractions_put_it() {
    let mut paid = 0;
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let settings = settings(&mut dice);
        let (mut budget, mut model) = (Budget::new(settings), Model::new(settings));
        let (mut now, mut owed) = (0, 0);
        for _ in 0..1_000 {
            now += match dice.upto(150) {
                0 => dice.upto(35_000),
                1..100 => dice.upto(3),
                _ => dice.upto(120),
            };
            model.pass(now);
            match dice.upto(9) {
                0..5 => {
                    budget.call_begun(now);
                    model.begin();
                }
                5..8 => {
                    let affords = budget.affords(now, TokenKind::Retry);
                    assert_eq!(affords, model.tokens >= ONE, "seed {seed} at {now}: {settings:?}");
                    if affords {
                        budget.withdraw(TokenKind::Retry);
                        model.tokens -= ONE;
                        (owed, paid) = (owed + 1, paid + 1);
                    }
                }
                _ if owed > 0 => {
                    budget.affords(now, TokenKind::Retry);
                    budget.give_back(TokenKind::Retry);
                    model.give_back();
                    owed -= 1;
                }
                _ => assert_eq!(
                    budget.affords(now, TokenKind::Retry),
                    model.tokens >= ONE,
                    "seed {seed} at {now}: {settings:?}"
                ),
            }
            budget.affords(now, TokenKind::Retry);
            let exact = model.tokens / (ONE / 1_000_000);
            assert_eq!(u128::from(budget.tokens()), exact, "seed {seed} at {now}: {settings:?}");
            assert!(model.tokens <= model.capacity());
        }
    }
    assert!(paid > 10_000, "{paid}");
}

#[test]
fn the_next_token_comes_in_the_millisecond_that_is_named() {
    for per_second in [1, 3, 20_000, 999_999, 5_000_000] {
        let settings = config::Budget { capacity: 1_000_000, per_call: 0, per_second };
        let (mut budget, mut model) = (Budget::new(settings), Model::new(settings));
        budget.withdraw(TokenKind::Retry);
        let named = budget.next_at(TokenKind::Retry).unwrap();
        // A hundred years of single steps are too many.
        model.tokens = fraction(per_second) / 1_000 * u128::from(named - 1);
        assert!(model.tokens < ONE && !budget.clone().affords(named - 1, TokenKind::Retry), "{per_second}");
        model.tokens += fraction(per_second) / 1_000;
        assert!(model.tokens >= ONE && budget.affords(named, TokenKind::Retry), "{per_second}");
    }
    let never = config::Budget { capacity: 1_000_000, per_call: 0, per_second: 0 };
    assert_eq!(Budget::new(never).next_at(TokenKind::Retry), None);
    let small = config::Budget { capacity: 999_999, per_call: 0, per_second: 1_000_000 };
    assert_eq!(Budget::new(small).next_at(TokenKind::Retry), None, "it can never hold a token");
}

/// Invariant 9 of the budget: what retries cost without success is bounded by what was put in.
#[test]
fn retries_that_fail_never_cost_more_than_was_put_in() {
    let mut dice = Dice::new(3);
    let (mut budget, mut now, mut begun, mut spent) = (Budget::new(config::Budget::default()), 0, 0_u64, 0_u64);
    for _ in 0..200_000 {
        now += dice.upto(20);
        budget.call_begun(now);
        begun += 1;
        if budget.affords(now, TokenKind::Retry) {
            budget.withdraw(TokenKind::Retry);
            spent += 1;
        }
        assert!(spent * 1_000_000_000 <= 10_000_000_000 + begun * 100_000_000 + now * 20_000, "{spent} at {now}");
    }
    assert!(spent > 20_000, "{spent}");
}
