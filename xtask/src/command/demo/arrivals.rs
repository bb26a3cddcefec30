//! The drawing of the requests that reached the server in each second, beside the calls that the program began.

use super::day;
use super::figures::Figures;
use super::plot::{Edges, Plot, Words, x};

const EDGES: Edges = Edges { bands: 22.0, top: 22.0, bottom: 166.0 };

/// Draws one client's day; `top` is the greatest number of requests that the scale shows.
pub fn drawing(id: &str, name: &str, of: &Figures, top: u64) -> String {
    let title = format!("Requests per second of {name}");
    let mut plot = Plot::new(EDGES, &Words { id, title: &title, description: &description(of) });
    plot.names();
    for step in 0..=4 {
        plot.gridline(step as f64 / 4.0, &(top * step / 4).to_string());
    }
    bars(&mut plot, of, top);
    let points: Vec<String> = of
        .begun
        .iter()
        .enumerate()
        .flat_map(|(second, number)| [(second, *number), (second + 1, *number)])
        .map(|(second, number)| format!("{:.1},{:.1}", x(second as f64), y(&plot, number, top)))
        .collect();
    plot.draw(&format!("<polyline class=\"begun\" points=\"{}\"/>", points.join(" ")));
    plot.html()
}

/// Finds the greatest number of the scale that all clients share.
pub fn top<'a>(clients: impl Iterator<Item = &'a Figures>) -> u64 {
    let most = clients.flat_map(|of| of.arrivals.iter().map(|second| second.all())).max();
    round_up(most.unwrap_or(1).max(day::RATE))
}

/// Says the mean of each phase.
fn description(of: &Figures) -> String {
    let parts: Vec<String> = day::timetable()
        .into_iter()
        .map(|(start, phase)| {
            let seconds = of.arrivals.get(start as usize..(start + phase.seconds) as usize).unwrap_or_default();
            let sum: u64 = seconds.iter().map(|second| second.all()).sum();
            format!("{} {:.0}", phase.name, sum as f64 / phase.seconds as f64)
        })
        .collect();
    format!("Mean requests per second in each phase: {}.", parts.join(", "))
}

fn bars(plot: &mut Plot, of: &Figures, top: u64) {
    for (second, counts) in of.arrivals.iter().enumerate() {
        let (from, to) = (x(second as f64) + 1.5, x(second as f64 + 1.0) - 1.5);
        let mut below = 0;
        for (class, number) in [("answered", counts.answered), ("limited", counts.limited), ("failed", counts.failed)] {
            if number > 0 {
                let (high, low) = (y(plot, below + number, top), y(plot, below, top));
                plot.draw(&format!(
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    to - from,
                    low - high
                ));
            }
            below += number;
        }
    }
}

fn y(plot: &Plot, number: u64, top: u64) -> f64 {
    plot.y(number as f64 / top as f64)
}

/// Finds four steps of a round number that reach `number`: 137 becomes 160.
fn round_up(number: u64) -> u64 {
    let steps = [5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 250, 500, 1000];
    let step = steps.into_iter().find(|step| step * 4 >= number);
    step.map_or_else(|| number.next_multiple_of(4), |step| step * 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::demo::figures::Second;

    #[test]
    fn the_axis_ends_on_a_round_number() {
        assert_eq!([50, 61, 137, 200, 221].map(round_up), [60, 80, 160, 200, 240]);
    }

    #[test]
    fn each_kind_of_answer_is_a_bar_on_top_of_the_others() {
        let of = Figures { arrivals: vec![Second { answered: 2, limited: 1, failed: 4 }], ..Figures::default() };
        let html = drawing("a", "Node", &of, 8);
        for bar in [
            "\"answered\" x=\"53.5\" y=\"130.0\" width=\"18.4\" height=\"36.0\"",
            "\"limited\" x=\"53.5\" y=\"112.0\" width=\"18.4\" height=\"18.0\"",
            "\"failed\" x=\"53.5\" y=\"40.0\" width=\"18.4\" height=\"72.0\"",
        ] {
            assert!(html.contains(bar), "{bar}: {html}");
        }
    }
}
