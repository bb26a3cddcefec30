//! The drawing of the time to answer of the calls that began in each second.

use super::day;
use super::figures::Figures;
use super::plot::{Edges, Plot, Words, x};
use super::times::{self, Call, Quantiles};

const EDGES: Edges = Edges { bands: 20.0, top: 40.0, bottom: 176.0 };

/// The middle of the row that counts the failed calls.
const FAILED: f64 = 30.0;

/// The ends of the logarithmic scale, ms.
const LEAST: f64 = 10.0;
const MOST: f64 = 30_000.0;

/// A line's class and the quantile that it shows.
type Line = (&'static str, fn(Quantiles) -> u64);

/// The lines from the back to the front: where they meet, the lower quantile is seen.
const LINES: [Line; 3] = [("p99", |times| times.p99), ("p90", |times| times.p90), ("p50", |times| times.p50)];

/// The calls that began in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Second {
    failed: u64,
    /// Quantiles of the calls that succeeded.
    times: Option<Quantiles>,
}

/// Draws one client's day.
pub fn drawing(id: &str, name: &str, of: &Figures) -> String {
    let title = format!("Time to answer of the calls of {name}, by the second in which they began");
    let mut plot = Plot::new(EDGES, &Words { id, title: &title, description: &description(of) });
    let (left, above) = (x(0.0) + 4.0, EDGES.bands - 6.0);
    plot.draw(&format!(
        "<text class=\"name\" x=\"{left}\" y=\"{above}\">time to answer of the calls begun in each second</text>"
    ));
    for ms in [10, 100, 1000, 10_000] {
        plot.gridline(share(ms), &label(ms));
    }
    plot.label(FAILED, "failed");
    let seconds = by_second(&of.ended);
    for (class, quantile) in LINES {
        let path = steps(&plot, seconds.iter().map(|second| second.times.map(quantile)));
        if !path.is_empty() {
            plot.draw(&format!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
    }
    for (second, calls) in seconds.iter().enumerate().filter(|(_, calls)| calls.failed > 0) {
        let (x, y) = (x(second as f64 + 0.5), FAILED + 4.0);
        plot.draw(&format!(
            "<text class=\"mark\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
            calls.failed
        ));
    }
    plot.html()
}

/// Sorts calls by the second in which they began.
fn by_second(calls: &[Call]) -> Vec<Second> {
    let second = |number| {
        let begun: Vec<&Call> = calls.iter().filter(|call| call.start / 1000 == number).collect();
        Second {
            failed: begun.iter().filter(|call| !call.succeeded).count() as u64,
            times: Quantiles::of_successes(begun.iter().copied()),
        }
    };
    (0..day::seconds()).map(second).collect()
}

/// Says the quantiles and the failures of the calls begun in each phase.
fn description(of: &Figures) -> String {
    let parts: Vec<String> = day::timetable()
        .into_iter()
        .map(|(start, phase)| {
            let within = |call: &&Call| (start..start + phase.seconds).contains(&(call.start / 1000));
            let calls = || of.ended.iter().filter(within);
            let failed = calls().filter(|call| !call.succeeded).count();
            let times = Quantiles::of_successes(calls()).map_or("no call succeeded".to_owned(), |of| {
                format!("p50 {}, p90 {}, p99 {}", times::text(of.p50), times::text(of.p90), times::text(of.p99))
            });
            format!("{}: {times}, {failed} failed", phase.name)
        })
        .collect();
    format!("Time to answer of the calls begun in each phase. {}.", parts.join("; "))
}

/// Draws a line of steps, one a second. A second without a success is a gap.
fn steps(plot: &Plot, values: impl Iterator<Item = Option<u64>>) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (second, value) in values.enumerate() {
        if let Some(ms) = value {
            let (from, to, y) = (x(second as f64), x(second as f64 + 1.0), plot.y(share(ms)));
            path.push_str(&if drawing { format!("V{y:.1}H{to:.1}") } else { format!("M{from:.1} {y:.1}H{to:.1}") });
        }
        drawing = value.is_some();
    }
    path
}

/// Finds the share of the scale's height at which a time stands.
fn share(ms: u64) -> f64 {
    (ms as f64 / LEAST).ln() / (MOST / LEAST).ln()
}

/// Names a gridline: `10 ms`, `1 s`.
fn label(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{} s", ms / 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(calls: &[(u64, u64, bool)]) -> Figures {
        let ended = calls.iter().map(|&(start, took, succeeded)| Call { start, took, succeeded }).collect();
        Figures { ended, ..Figures::default() }
    }

    #[test]
    fn a_call_counts_in_the_second_in_which_it_began() {
        let of = client(&[(0, 20, true), (1, 20, true), (999, 5_000, true), (500, 1, false), (1_000, 9, false)]);
        let seconds = by_second(&of.ended);
        assert_eq!(seconds[0], Second { failed: 1, times: Some(Quantiles { p50: 20, p90: 5_000, p99: 5_000 }) });
        assert_eq!(seconds[1], Second { failed: 1, times: None });
        assert_eq!(seconds[2..], vec![Second::default(); day::seconds() as usize - 2]);
    }

    #[test]
    fn a_decade_has_the_same_height_everywhere() {
        let decade = share(100) - share(10);
        assert!(decade > 0.25 && share(10) == 0.0 && share(30_000) == 1.0);
        assert!((share(10_000) - share(1_000) - decade).abs() < 1e-9);
        assert!(share(0) < 0.0, "a time of 0 ms is below the scale");
    }

    #[test]
    fn each_second_is_a_step_and_a_second_without_success_a_gap() {
        let html = drawing(
            "a",
            "Node",
            &client(&[(0, 10, true), (1_200, 30_000, true), (2_500, 400, false), (3_000, 10, true)]),
        );
        for class in ["p50", "p90", "p99"] {
            let path = format!("<path class=\"{class}\" d=\"M52.0 176.0H73.4V40.0H94.9M116.3 176.0H137.7\"/>");
            assert!(html.contains(&path), "{html}");
        }
    }

    #[test]
    fn lines_are_apart_where_the_quantiles_are() {
        let calls: Vec<(u64, u64, bool)> =
            (0..10).map(|number| (number * 100, 10_u64.pow(1 + (number / 6) as u32), true)).collect();
        let html = drawing("a", "Node", &client(&calls));
        assert!(html.contains("class=\"p50\" d=\"M52.0 176.0H73.4\""), "{html}");
        assert!(html.contains("class=\"p90\" d=\"M52.0 136.9H73.4\""), "{html}");
    }

    #[test]
    fn a_second_with_failed_calls_is_marked_with_their_number() {
        let calls = [(0, 20, true), (12_100, 5, false), (12_900, 20, true), (41_100, 5, false), (41_999, 5, false)];
        let html = drawing("a", "Node", &client(&calls));
        assert_eq!(html.matches("class=\"mark\"").count(), 2);
        assert!(html.contains("<text class=\"mark\" x=\"319.9\" y=\"34\" text-anchor=\"middle\">1</text>"), "{html}");
        assert!(html.contains("<text class=\"mark\" x=\"941.3\" y=\"34\" text-anchor=\"middle\">2</text>"), "{html}");
    }

    #[test]
    fn the_scale_names_four_times_and_the_words_name_every_phase() {
        let html = drawing("a", "Node", &client(&[(0, 23, true), (10_500, 6_250, true), (11_000, 900, false)]));
        for label in ["10 ms", "100 ms", "1 s", "10 s"] {
            assert!(html.contains(&format!(">{label}</text>")), "{label}: {html}");
        }
        assert!(html.contains("healthy: p50 23 ms, p90 23 ms, p99 23 ms, 0 failed;"), "{html}");
        assert!(html.contains("hard outage: p50 6.25 s, p90 6.25 s, p99 6.25 s, 1 failed;"), "{html}");
        assert!(html.contains("stalls: no call succeeded, 0 failed;"), "{html}");
    }
}
