//! What the limiter reaches on limited servers as they are. The bars are in `limits/bars.rs`; what is not reached yet is counted
//! here, so that it cannot grow.

use unruffled_quantile::quantile;
use unruffled_sim::limits::{bars, floor::Broken, fresh, run, shared, table};

const THREADS: usize = 2;
/// One-dimension changes of the table's rows that miss a bar.
const CHANGES_MISSED: usize = 95;
/// Rows with 3 and 10 clients that miss a bar.
const SHARED_MISSED: usize = 17;
/// Goodput of the worst hundredth of the seeds.
const WORST_HUNDREDTH: f64 = 0.45;
/// Open loops of 3,000 seeds in which a call waits for longer than the bar.
const OPEN_LOOPS_MISSED: usize = 24;
/// Seeds of 3,000 that break the floor: a call fails, a wait is long, nothing goes, less than one a second goes.
const FLOOR_BROKEN: [usize; 4] = [2, 2, 3, 38];

#[test]
fn the_rows_of_the_table_reach_their_bars() {
    let entries = table::entries(THREADS).expect("runs with an end");
    let (rows, changes): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.named.change.is_empty());
    for row in rows {
        assert!(row.missed().is_empty(), "{}: {:?} {:?}", row.named.row, row.missed(), row.figures);
    }
    let missed = changes.iter().filter(|entry| !entry.missed().is_empty()).count();
    assert!(missed <= CHANGES_MISSED, "{missed} of {} changes miss a bar", changes.len());
}

#[test]
fn seeds_of_the_family_stay_where_they_are() {
    let summary = run::run(THREADS, 0, 3_000, "");
    assert!(summary.unplayed.is_empty(), "{:?}", summary.unplayed);
    let mut goodputs: Vec<f64> = summary.outcomes.iter().map(|one| one.figures.goodput).collect();
    goodputs.sort_by(f64::total_cmp);
    let [median, hundredth] = [50, 1].map(|percent| quantile(&goodputs, percent).expect("seeds were played"));
    assert!(median >= bars::MEDIAN, "median {median}");
    assert!(hundredth >= WORST_HUNDREDTH, "worst hundredth {hundredth}");
    let waits = summary.open_loops_that_wait();
    assert!(waits <= OPEN_LOOPS_MISSED, "{waits} open loops wait");
    for (broken, most) in Broken::ALL.into_iter().zip(FLOOR_BROKEN) {
        let count = summary.count(broken);
        assert!(count <= most, "{count} seeds: {}", broken.text());
    }
}

#[test]
fn several_clients_on_a_key_stay_where_they_are() {
    let entries = shared::entries(THREADS).expect("runs with an end");
    let missed = entries.iter().filter(|entry| !entry.missed().is_empty()).count();
    assert!(missed <= SHARED_MISSED, "{missed} of {} shared rows miss a bar", entries.len());
}

#[test]
fn a_fresh_quota_costs_no_time() {
    let missed = fresh::missed(&fresh::entries(THREADS).expect("runs with an end"));
    assert!(missed.is_empty(), "{missed:?}");
}
