//! The verdict on the day: figures of each of our clients beside the bar that each must reach.
//!
//! A loaded machine misses a time without a fault of the client. A missed bar is shown and does not fail the command.

use super::clients::Language;
use super::figures::Figures;
use super::table::Table;

/// The side of a bar on which a figure must be; the bar itself is enough.
#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure that is measured and its bar.
#[derive(Debug)]
struct Bar {
    title: &'static str,
    bound: Bound,
    measure: fn(&Figures) -> Option<f64>,
    /// Decimals that tell a figure from its bar.
    decimals: usize,
    unit: &'static str,
}

const BARS: [Bar; 4] = [
    Bar {
        title: "succeeded",
        bound: Bound::AtLeast(97.0),
        measure: |of| Some(of.succeeded_percent()),
        decimals: 2,
        unit: " %",
    },
    Bar {
        title: "p50 of the successes",
        bound: Bound::AtMost(60.0),
        measure: |of| Some(of.times?.p50 as f64),
        decimals: 0,
        unit: " ms",
    },
    Bar {
        title: "p90 of the successes",
        bound: Bound::AtMost(1000.0),
        measure: |of| Some(of.times?.p90 as f64),
        decimals: 0,
        unit: " ms",
    },
    Bar {
        title: "requests per call during the outage",
        bound: Bound::AtMost(0.3),
        measure: |of| of.amplification,
        decimals: 3,
        unit: "",
    },
];

impl Bar {
    fn met(&self, figure: f64) -> bool {
        match self.bound {
            Bound::AtLeast(least) => figure >= least,
            Bound::AtMost(most) => figure <= most,
        }
    }

    fn text(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) => format!("at least {least}{}", self.unit),
            Bound::AtMost(most) => format!("at most {most}{}", self.unit),
        }
    }

    /// Writes a client's figure; one that is not there misses its bar.
    fn cell(&self, of: &Figures) -> String {
        let Some(figure) = (self.measure)(of) else { return "none, missed".to_owned() };
        let word = if self.met(figure) { "met" } else { "missed" };
        format!("{figure:.*}{}, {word}", self.decimals, self.unit)
    }
}

/// Makes the table of our clients' figures and bars, if one of our clients is there. Others have no bars.
pub fn table(clients: &[(Language, Figures)]) -> Option<Table> {
    let ours: Vec<&(Language, Figures)> = clients.iter().filter(|(language, _)| language.is_ours()).collect();
    if ours.is_empty() {
        return None;
    }
    let names = ours.iter().map(|(language, _)| language.name().to_owned());
    let row = |bar: &Bar| {
        let cells = ours.iter().map(|(_, of)| bar.cell(of));
        (bar.title.to_owned(), std::iter::once(bar.text()).chain(cells).collect())
    };
    let heads = std::iter::once("bar".to_owned()).chain(names).collect();
    Some(Table { heads, rows: BARS.iter().map(row).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::demo::times::Quantiles;

    fn client(succeeded: u64, p50: u64, p90: u64, amplification: Option<f64>) -> Figures {
        let times = Some(Quantiles { p50, p90, p99: 12_000 });
        Figures { calls: 10_000, succeeded, times, amplification, ..Figures::default() }
    }

    fn rows(clients: &[(Language, Figures)]) -> Vec<String> {
        table(clients)
            .unwrap()
            .rows
            .into_iter()
            .map(|(title, cells)| format!("{title}: {}", cells.join(" | ")))
            .collect()
    }

    #[test]
    fn a_figure_on_its_bar_meets_it_and_one_beyond_misses() {
        let on = client(9_700, 60, 1_000, Some(0.3));
        let beyond = client(9_699, 61, 1_001, Some(0.301));
        assert_eq!(
            rows(&[(Language::Node, on), (Language::Jvm, beyond)]),
            [
                "succeeded: at least 97 % | 97.00 %, met | 96.99 %, missed",
                "p50 of the successes: at most 60 ms | 60 ms, met | 61 ms, missed",
                "p90 of the successes: at most 1000 ms | 1000 ms, met | 1001 ms, missed",
                "requests per call during the outage: at most 0.3 | 0.300, met | 0.301, missed",
            ]
        );
    }

    #[test]
    fn a_figure_that_is_not_there_misses_its_bar() {
        let rows = rows(&[(Language::Python, client(0, 1, 1, None))]);
        assert_eq!(rows[3], "requests per call during the outage: at most 0.3 | none, missed");
    }

    #[test]
    fn the_naive_loop_has_no_bars() {
        let clients = [(Language::Node, Figures::default()), (Language::Naive, Figures::default())];
        assert_eq!(table(&clients).unwrap().heads, ["bar", "Node"]);
        assert!(table(&clients[1..]).is_none());
    }
}
