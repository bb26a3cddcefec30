//! A fresh quota: a client that has room must not be slow.

use super::bars;
use super::case::Case;
use super::convention::*;
use super::play::{Bound, oracle, play};
use super::rows::rows;
use crate::fates::many::many;
use std::fmt::Write;

const CALLS: u64 = 300;

const FAMILIES: [Family; 13] = [
    Family::Structured,
    Family::Bare,
    Family::Draft07,
    Family::Fields,
    Family::X,
    Family::XHyphen,
    Family::GitHub,
    Family::OpenAi,
    Family::Anthropic,
    Family::Shopify,
    Family::Stripe,
    Family::Own,
    Family::Nothing,
];

const COUNTS: [(Algorithm, ResetOf, &str); 4] = [
    (Algorithm::FixedWindow, ResetOf::End, "fixed window"),
    (Algorithm::SlidingLog, ResetOf::Next, "sliding log, reset of its oldest entry"),
    (Algorithm::SlidingLog, ResetOf::Always, "sliding log, reset always the window"),
    (Algorithm::SlidingCounter, ResetOf::End, "sliding counter"),
];

/// One quota and how it is told.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub is_documented: bool,
    pub limit: u64,
    /// Milliseconds.
    pub took: u64,
    pub bare: u64,
}

impl Entry {
    fn ratio(&self) -> f64 {
        self.took as f64 / self.bare as f64
    }

    /// A documented limit is the cap as the policy writes it, whatever a gauge shows.
    fn is_missed(&self) -> bool {
        !self.is_documented && self.ratio() > bars::FRESH_QUOTA
    }
}

fn cases() -> Vec<(String, Case)> {
    let usual = rows(1)[7].case;
    let mut cases = Vec::new();
    for (limit, window) in [(600, Window::Minute), (5_000, Window::Hour)] {
        for (algorithm, reset, name) in COUNTS {
            for family in FAMILIES {
                for policy in [Policy::None, Policy::Documented] {
                    let convention =
                        Convention { algorithm, window, family, reset, policy, ..usual.convention }.fitted();
                    // A third of the window is over.
                    let phase = window.ms() / 3;
                    let case = Case { convention, limit, window: window.ms(), phase, ..usual }.sized();
                    if convention.policy == policy {
                        let documented = if policy == Policy::Documented { ", documented" } else { "" };
                        cases.push((format!("{name}, {}{documented}", family.text()), case));
                    }
                }
            }
        }
    }
    cases
}

/// Plays 300 calls, 16 at a time, on each fresh quota.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn entries(threads: usize) -> Result<Vec<Entry>, String> {
    let cases = cases();
    let bound = Bound { calls: CALLS, until: u64::MAX };
    many(threads, cases.len(), |place| {
        let (name, case) = &cases[place];
        let (played, bare) = (play(case, bound, |_, _, _, _| {})?, oracle(case, bound)?);
        let end = |fates: &[super::play::Fate]| fates.iter().map(|fate| fate.ended).max().unwrap_or(1);
        let is_documented = case.convention.policy == Policy::Documented;
        let (took, bare) = (end(&played.fates), end(&bare.fates));
        Ok(Entry { name: name.clone(), is_documented, limit: case.limit, took, bare })
    })
    .into_iter()
    .collect()
}

/// Writes them as Markdown.
#[must_use]
pub fn text(entries: &[Entry]) -> String {
    let mut text = "| Quota | told | took, s | bare client | times | |\n|---|---|---|---|---|---|\n".to_string();
    for entry in entries {
        let quota = if entry.limit == 600 { "600/min" } else { "5,000/h" };
        let _ = writeln!(
            text,
            "| {quota} | {} | {:.2} | {:.2} | {:.1} | {} |",
            entry.name,
            entry.took as f64 / 1_000.0,
            entry.bare as f64 / 1_000.0,
            entry.ratio(),
            if entry.is_missed() { "missed" } else { "" }
        );
    }
    text
}

/// Lists what is missed, in short.
#[must_use]
pub fn missed(entries: &[Entry]) -> Vec<String> {
    let count = entries.iter().filter(|entry| entry.is_missed()).count();
    let most = bars::FRESH_QUOTA;
    if count == 0 { Vec::new() } else { vec![format!("{count} of {} fresh quotas take {most} times", entries.len())] }
}
