//! Many seeds: what each value of each dimension costs, and the worst seeds.

use super::bars;
use super::case::{Case, draw};
use super::convention::{Convention, Load};
use super::floor::Broken;
use super::measure::{Figures, measure};
use crate::fates::many::many;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::catch_unwind;
use unruffled_quantile::quantile;

/// Worst seeds that are listed.
const WORST: usize = 20;

/// What a seed came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    pub convention: Convention,
    pub figures: Figures,
}

/// What many seeds came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub outcomes: Vec<Outcome>,
    pub unplayed: Vec<(u64, String)>,
}

/// Plays those of so many seeds whose convention has this text.
#[must_use]
pub fn run(threads: usize, from: u64, seeds: u64, of: &str) -> Summary {
    let mut cases: Vec<Case> = (from..from + seeds).map(draw).collect();
    cases.retain(|case| of.is_empty() || case.convention.text().contains(of));
    let all = many(threads, cases.len(), |place| {
        let case = cases[place];
        // A panic of the core must not hide its seed.
        let figures = catch_unwind(|| measure(&case)).unwrap_or_else(|_| Err("panic".to_string()));
        (case, figures)
    });
    let mut summary = Summary::default();
    for (case, figures) in all {
        match figures {
            Ok(figures) => {
                summary.outcomes.push(Outcome { seed: case.seed, convention: case.convention, figures });
            }
            Err(why) => summary.unplayed.push((case.seed, why)),
        }
    }
    summary
}

/// Writes the heads of the columns that [`row`] fills.
const COLUMNS: &str = "seeds | goodput: median | worst 1 % | worst | seed | 429 % | failed calls | longest wait, s |\n\
                       |---|---|---|---|---|---|---|---|---|";

/// Writes the figures of some seeds as a row.
fn row(name: &str, of: &mut Vec<&Outcome>) -> String {
    of.sort_by(|a, b| a.figures.goodput.total_cmp(&b.figures.goodput));
    let at = |percent| quantile(of, percent).map_or(f64::NAN, |one| one.figures.goodput);
    let sum = |what: fn(&Figures) -> u64| of.iter().map(|one| what(&one.figures)).sum::<u64>();
    let (requests, refused) = (sum(|figures| figures.requests), sum(|figures| figures.refused));
    let longest = of.iter().map(|one| one.figures.longest_wait).max().unwrap_or(0);
    format!(
        "| {name} | {} | {:.3} | {:.3} | {:.3} | {} | {:.2} | {} | {:.1} |\n",
        of.len(),
        at(50),
        at(1),
        at(0),
        of.first().map_or(0, |one| one.seed),
        100.0 * refused as f64 / requests.max(1) as f64,
        sum(|figures| figures.failed),
        longest as f64 / 1_000.0
    )
}

impl Summary {
    /// Writes it as Markdown.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("| All | {COLUMNS}\n{}", row("all", &mut self.outcomes.iter().collect()));
        let dimensions = self.outcomes.first().map_or(0, |one| one.convention.values().len());
        for place in 0..dimensions {
            let mut by_value: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
            let mut title = "";
            for one in &self.outcomes {
                let (name, value) = one.convention.values()[place];
                title = name;
                by_value.entry(value).or_default().push(one);
            }
            let _ = writeln!(text, "\n| {title} | {COLUMNS}");
            for (value, mut of) in by_value {
                text += &row(value, &mut of);
            }
        }
        text += &self.worst_text();
        text += &self.floor_text();
        for (seed, why) in self.unplayed.iter().take(10) {
            let _ = writeln!(text, "\nseed {seed} could not be played: {why}");
        }
        text
    }

    fn worst_text(&self) -> String {
        let mut of: Vec<&Outcome> = self.outcomes.iter().collect();
        of.sort_by(|a, b| a.figures.goodput.total_cmp(&b.figures.goodput));
        let mut text =
            "\n| Worst seeds | goodput | 429 % | failed | longest wait, s | convention |\n|---|---|---|---|---|---|\n"
                .to_string();
        for Outcome { seed, convention, figures } in of.into_iter().take(WORST) {
            let _ = writeln!(
                text,
                "| {seed} | {:.3} | {:.2} | {} | {:.1} | {} |",
                figures.goodput,
                100.0 * figures.refused_share(),
                figures.failed,
                figures.longest_wait as f64 / 1_000.0,
                convention.text()
            );
        }
        text
    }

    fn floor_text(&self) -> String {
        let mut text = "\n| Floor, broken | seeds | first seeds |\n|---|---|---|\n".to_string();
        for broken in Broken::ALL {
            let seeds: Vec<u64> = self.broken(broken).collect();
            let first: Vec<String> = seeds.iter().take(8).map(u64::to_string).collect();
            let _ = writeln!(text, "| {} | {} | {} |", broken.text(), seeds.len(), first.join(" "));
        }
        text
    }

    fn broken(&self, broken: Broken) -> impl Iterator<Item = u64> {
        let has = move |one: &&Outcome| one.figures.broken.iter().any(|(_, other)| *other == broken);
        self.outcomes.iter().filter(has).map(|one| one.seed)
    }

    /// Counts the seeds that break a sentence of the floor.
    #[must_use]
    pub fn count(&self, broken: Broken) -> usize {
        self.broken(broken).count()
    }

    /// Counts the open loops in which a call waits for longer than the bar.
    #[must_use]
    pub fn open_loops_that_wait(&self) -> usize {
        let open = self.outcomes.iter().filter(|one| one.convention.load == Load::Open);
        open.filter(|one| one.figures.longest_wait > bars::OPEN_LOOP).count()
    }

    /// Lists the bars that are missed.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let mut goodputs: Vec<f64> = self.outcomes.iter().map(|one| one.figures.goodput).collect();
        goodputs.sort_by(f64::total_cmp);
        let at = |percent| quantile(&goodputs, percent).unwrap_or(1.0);
        let open = self.outcomes.iter().filter(|one| one.convention.load == Load::Open);
        let waits: Vec<&Outcome> = open.filter(|one| one.figures.longest_wait > bars::OPEN_LOOP).collect();
        let mut missed = Vec::new();
        let mut bar = |is_missed: bool, text: String| {
            if is_missed {
                missed.push(text);
            }
        };
        bar(at(50) < bars::MEDIAN, format!("median goodput {:.3}, at least {}", at(50), bars::MEDIAN));
        bar(at(1) < bars::WORST_HUNDREDTH, format!("worst hundredth {:.3}, at least {}", at(1), bars::WORST_HUNDREDTH));
        let first: Vec<u64> = waits.iter().take(8).map(|one| one.seed).collect();
        bar(
            !waits.is_empty(),
            format!("{} open loops wait longer than {} ms: {first:?}", waits.len(), bars::OPEN_LOOP),
        );
        for broken in Broken::ALL {
            let count = self.broken(broken).count();
            bar(count > 0, format!("floor broken by {count} seeds: {}", broken.text()));
        }
        bar(!self.unplayed.is_empty(), format!("{} seeds could not be played", self.unplayed.len()));
        missed
    }
}
