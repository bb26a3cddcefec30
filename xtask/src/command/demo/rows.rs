//! The day's table: what each client reached, what its calls cost the server, and what waiting costs the caller.

use super::clients::Language;
use super::figures::Figures;
use super::table::{Row, Table};
use super::times::{self, Call, Quantiles};

/// A call that takes longer than this counts as one that waited, ms.
const LONG: u64 = 1000;

/// A row's title and its cell for one client.
type Line = (&'static str, fn(&Figures) -> Option<String>);

const LINES: [Line; 17] = [
    ("calls", |of| Some(of.calls.to_string())),
    ("succeeded", |of| Some(of.succeeded.to_string())),
    ("succeeded, %", |of| Some(format!("{:.1}", of.succeeded_percent()))),
    ("requests", |of| Some(of.attempts.to_string())),
    ("requests per call during the outage", |of| of.amplification.map(|number| format!("{number:.2}"))),
    ("429 answers", |of| of.limited.map(|number| number.to_string())),
    ("duplicate writes", |of| of.duplicates.map(|number| number.to_string())),
    ("seconds to recover", |of| of.recovered.map(|number| format!("{number:.2}"))),
    ("p50 of the successes", |of| quantile(of, |times| times.p50)),
    ("p90 of the successes", |of| quantile(of, |times| times.p90)),
    ("p99 of the successes", |of| quantile(of, |times| times.p99)),
    ("begun in the outage and succeeded", |of| {
        let all = of.begun_in_outage()?;
        Some(format!("{} of {}", all.iter().filter(|call| call.succeeded).count(), all.len()))
    }),
    ("median time of those from the outage", |of| {
        median(of.begun_in_outage()?.into_iter().filter(|call| call.succeeded))
    }),
    ("succeeded after more than 1 s", |of| Some(of.ended.iter().filter(|call| long(call)).count().to_string())),
    ("median time of those above 1 s", |of| median(of.ended.iter().filter(|call| long(call)))),
    ("failed", |of| Some(of.ended.iter().filter(|call| !call.succeeded).count().to_string())),
    ("median time until they failed", |of| median(of.ended.iter().filter(|call| !call.succeeded))),
];

/// Makes the table; a row that is empty for every client is left out.
pub fn table(clients: &[(Language, Figures)]) -> Table {
    let rows = LINES.iter().map(|(title, cell)| (*title, clients.iter().map(|(_, of)| cell(of)).collect()));
    let rows = rows.chain([("more successes than the naive loop", beyond_naive(clients))]);
    Table {
        heads: clients.iter().map(|(language, _)| language.name().to_owned()).collect(),
        rows: rows.filter_map(|(title, cells)| row(title, cells)).collect(),
    }
}

fn row(title: &str, cells: Vec<Option<String>>) -> Option<Row> {
    let shown = cells.iter().any(Option::is_some);
    shown.then(|| (title.to_owned(), cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into())).collect()))
}

/// Compares numbers of calls, so both clients must have begun as many.
fn beyond_naive(clients: &[(Language, Figures)]) -> Vec<Option<String>> {
    let naive = clients.iter().find(|(language, _)| *language == Language::Naive).map(|(_, of)| of);
    let cell = |(language, of): &(Language, Figures)| {
        let naive = naive.filter(|naive| *language != Language::Naive && naive.calls == of.calls)?;
        Some(format!("{:+}", of.succeeded.cast_signed() - naive.succeeded.cast_signed()))
    };
    clients.iter().map(cell).collect()
}

fn long(call: &Call) -> bool {
    call.succeeded && call.took > LONG
}

fn median<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<String> {
    times::median(calls).map(times::text)
}

fn quantile(of: &Figures, which: fn(Quantiles) -> u64) -> Option<String> {
    of.times.map(|times| times::text(which(times)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(calls: &[(u64, u64, bool)]) -> Figures {
        let ended: Vec<Call> = calls.iter().map(|&(start, took, succeeded)| Call { start, took, succeeded }).collect();
        Figures {
            calls: ended.len() as u64,
            succeeded: ended.iter().filter(|call| call.succeeded).count() as u64,
            times: Quantiles::of_successes(ended.iter()),
            ended,
            amplification: Some(0.25),
            ..Figures::default()
        }
    }

    fn cells(table: &Table, title: &str) -> Option<Vec<String>> {
        table.rows.iter().find(|(name, _)| name == title).map(|(_, cells)| cells.clone())
    }

    #[test]
    fn the_table_says_what_waiting_costs() {
        let ours = client(&[(0, 22, true), (10_000, 6_200, true), (12_000, 4_400, true), (15_999, 800, false)]);
        let naive = client(&[(0, 21, true), (10_000, 1_403, false), (12_000, 1_404, false), (15_999, 1_000, true)]);
        let table = table(&[(Language::Node, ours), (Language::Naive, naive)]);
        for (title, expected) in [
            ("p50 of the successes", ["4.40 s", "1.00 s"]),
            ("p90 of the successes", ["6.20 s", "1.00 s"]),
            ("begun in the outage and succeeded", ["2 of 3", "1 of 3"]),
            ("median time of those from the outage", ["6.20 s", "1.00 s"]),
            ("succeeded after more than 1 s", ["2", "0"]),
            ("median time of those above 1 s", ["6.20 s", "–"]),
            ("failed", ["1", "2"]),
            ("median time until they failed", ["800 ms", "1.40 s"]),
            ("more successes than the naive loop", ["+1", "–"]),
        ] {
            assert_eq!(cells(&table, title), Some(expected.map(str::to_owned).to_vec()), "{title}");
        }
    }

    #[test]
    fn a_row_without_a_figure_is_left_out() {
        let figures = Figures { amplification: None, ..client(&[(0, 22, true)]) };
        let table = table(&[(Language::Node, figures)]);
        for title in ["requests per call during the outage", "begun in the outage and succeeded", "429 answers"] {
            assert_eq!(cells(&table, title), None, "{title}");
        }
        assert_eq!(cells(&table, "more successes than the naive loop"), None);
        assert_eq!(cells(&table, "failed"), Some(vec!["0".to_owned()]));
    }

    #[test]
    fn successes_are_compared_only_for_as_many_calls() {
        let (short, long) = (client(&[(0, 22, true)]), client(&[(0, 22, true), (20, 22, true)]));
        let table = table(&[(Language::Node, short), (Language::Naive, long)]);
        assert_eq!(cells(&table, "more successes than the naive loop"), None);
    }
}
