//! `target/demo/report.html`: one page that needs nothing else, in light and dark.

use super::day::{self, Mood, Phase};
use super::figures::{self, Figures};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("report.html");

/// The drawing's measures, in units of its view box.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 36.0;
const RIGHT: f64 = 952.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 166.0;

/// What the page shows.
#[derive(Debug)]
pub struct Report<'a> {
    pub clients: &'a [(&'a str, Figures)],
    /// The clients that are not there, and why.
    pub missing: &'a [(&'a str, String)],
    pub policy: &'a str,
}

impl Report<'_> {
    /// The whole page.
    pub fn html(&self) -> String {
        let top = self.clients.iter().flat_map(|(_, of)| of.arrivals.iter().map(|second| second.all())).max();
        let top = round_up(top.unwrap_or(1).max(day::RATE));
        let charts: String = self.clients.iter().map(|(name, of)| chart(name, of, top)).collect();
        TEMPLATE
            .replace("{{intro}}", &self.intro())
            .replace("{{charts}}", &charts)
            .replace("{{table}}", &self.table())
            .replace("{{notes}}", &self.notes())
            .replace("{{phases}}", &self.phases())
            .replace("{{policy}}", &escaped(self.policy.trim_end()))
    }

    fn intro(&self) -> String {
        let names: Vec<&str> = self.clients.iter().map(|(name, _)| *name).collect();
        let (last, others) = names.split_last().map_or(("", &names[..]), |(last, others)| (*last, others));
        let names = if others.is_empty() { last.to_owned() } else { format!("{} and {last}", others.join(", ")) };
        format!(
            "Each of {} begins {} calls a second for {} seconds, {:.0} % of them writes, against a server of its own that \
             lives through the same bad day. The bars are the requests that reached the server in each second; the \
             dashed line is what the program asked for. Bars above the line are retries that add to the load; bars below \
             it are requests held back.",
            escaped(&names),
            day::RATE,
            day::seconds(),
            day::WRITES * 100.0
        )
    }

    fn table(&self) -> String {
        let rows = figures::rows(self.clients);
        let rows = rows.into_iter().map(|(title, cells)| (title.to_owned(), cells));
        grid("One column per client; the naive loop has no policy.", self.clients, rows)
    }

    fn phases(&self) -> String {
        let mut start = 0;
        let mut rows = Vec::new();
        for phase in day::phases() {
            let end = start + phase.seconds;
            let cells = self.clients.iter().map(|(_, of)| {
                let seconds = of.arrivals.get(start as usize..end as usize).unwrap_or_default();
                let requests: u64 = seconds.iter().map(|second| second.all()).sum();
                let begun: u64 = of.begun.get(start as usize..end as usize).unwrap_or_default().iter().sum();
                format!("{requests} for {begun}")
            });
            rows.push((format!("{start} – {end} s: {}", phase.name), cells.collect()));
            start = end;
        }
        grid("Requests, for calls begun in that time.", self.clients, rows.into_iter())
    }

    fn notes(&self) -> String {
        let mut text = String::new();
        for (name, of) in self.clients.iter().filter(|(_, of)| !of.failures.is_empty()) {
            let list: Vec<String> = of.failures.iter().map(|(reason, number)| format!("{reason} {number}")).collect();
            let _ = writeln!(
                text,
                "<p class=\"soft\">Failed calls of {}: {}.</p>",
                escaped(name),
                escaped(&list.join(", "))
            );
        }
        for (name, why) in self.missing {
            let _ = writeln!(text, "<p class=\"soft\">{} was left out: {}</p>", escaped(name), escaped(why));
        }
        text
    }
}

/// One client's drawing: bands of the server's state, bars of arrivals, the line of calls begun.
fn chart(name: &str, of: &Figures, top: u64) -> String {
    let slug: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let mut svg = format!(
        "<figure><figcaption><strong>{title}</strong> {caption}</figcaption><div class=\"scroll\">\n\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{slug}-t {slug}-d\">\n\
         <title id=\"{slug}-t\">Requests per second of {title}</title>\n<desc id=\"{slug}-d\">{desc}</desc>\n",
        title = escaped(name),
        caption = escaped(&caption(of)),
        desc = escaped(&description(of)),
    );
    bands(&mut svg);
    axes(&mut svg, top);
    bars(&mut svg, of, top);
    let points: Vec<String> = of
        .begun
        .iter()
        .enumerate()
        .flat_map(|(second, number)| [(second, *number), (second + 1, *number)])
        .map(|(second, number)| format!("{:.1},{:.1}", x(second as f64), y(number, top)))
        .collect();
    let _ = writeln!(svg, "<polyline class=\"begun\" points=\"{}\"/>\n</svg></div></figure>", points.join(" "));
    svg
}

fn caption(of: &Figures) -> String {
    let mut text = format!("{} requests for {} calls, {} succeeded", of.attempts, of.calls, of.succeeded);
    if let Some(number) = of.amplification {
        let _ = write!(text, "; {number:.2} requests per call in the outage");
    }
    text
}

/// The drawing in words: the requests of each phase.
fn description(of: &Figures) -> String {
    let mut start = 0;
    let mut parts = Vec::new();
    for phase in day::phases() {
        let end = start + phase.seconds as usize;
        let seconds = of.arrivals.get(start..end).unwrap_or_default();
        let sum: u64 = seconds.iter().map(|second| second.all()).sum();
        parts.push(format!("{} {:.0}", phase.name, sum as f64 / phase.seconds as f64));
        start = end;
    }
    format!("Mean requests per second in each phase: {}.", parts.join(", "))
}

fn bands(svg: &mut String) {
    let mut start = 0;
    for Phase { name, mood, seconds, .. } in day::phases() {
        let (from, to) = (x(start as f64), x((start + seconds) as f64));
        let class = match mood {
            Mood::Fine => "fine",
            Mood::Rough => "rough",
            Mood::Down => "down",
        };
        let height = BOTTOM - TOP;
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{height}\"/>",
            to - from
        );
        let _ = writeln!(svg, "<path class=\"edge\" d=\"M{from:.1} 6V{BOTTOM}\"/>");
        let _ = writeln!(svg, "<text class=\"name\" x=\"{:.1}\" y=\"16\">{name}</text>", from + 4.0);
        start += seconds;
    }
}

fn axes(svg: &mut String, top: u64) {
    for step in 0..=4 {
        let value = top * step / 4;
        let at = y(value, top);
        let class = if step == 0 { "axis" } else { "grid" };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>", LEFT - 5.0, at + 4.0);
    }
    for second in (0..=day::seconds()).step_by(5) {
        let unit = if second == 0 { " s" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{second}{unit}</text>",
            x(second as f64),
            BOTTOM + 15.0
        );
    }
}

fn bars(svg: &mut String, of: &Figures, top: u64) {
    for (second, counts) in of.arrivals.iter().enumerate() {
        let (from, to) = (x(second as f64) + 1.5, x(second as f64 + 1.0) - 1.5);
        let mut below = 0;
        for (class, number) in [("answered", counts.answered), ("limited", counts.limited), ("failed", counts.failed)] {
            if number > 0 {
                let (high, low) = (y(below + number, top), y(below, top));
                let _ = writeln!(
                    svg,
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    to - from,
                    low - high
                );
            }
            below += number;
        }
    }
}

fn x(second: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * second / day::seconds() as f64
}

fn y(number: u64, top: u64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * number as f64 / top as f64
}

/// Four steps of a round number that reach `number`: 137 becomes 160.
fn round_up(number: u64) -> u64 {
    let steps = [5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 250, 500, 1000];
    let step = steps.into_iter().find(|step| step * 4 >= number);
    step.map_or_else(|| number.next_multiple_of(4), |step| step * 4)
}

fn grid(caption: &str, clients: &[(&str, Figures)], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let mut html = format!("<table><caption>{}</caption><thead><tr><th></th>", escaped(caption));
    for (name, _) in clients {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(name));
    }
    html.push_str("</tr></thead><tbody>\n");
    for (title, cells) in rows {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(&title));
        for cell in cells {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_alone_and_escapes_what_it_shows() {
        let figures = Figures {
            calls: 3,
            arrivals: vec![figures::Second { answered: 2, limited: 1, failed: 4 }],
            ..Figures::default()
        };
        let clients = [("A & B", figures)];
        let missing = [("JVM", "no <JDK>".to_owned())];
        let html = Report { clients: &clients, missing: &missing, policy: "{}" }.html();
        assert!(!html.contains("{{") && !html.contains("http"), "{html}");
        assert!(html.contains("A &amp; B") && html.contains("no &lt;JDK&gt;"));
        assert_eq!(html.matches("<rect class=\"failed\" x").count(), 1);
    }

    #[test]
    fn the_axis_ends_on_a_round_number() {
        assert_eq!([50, 61, 137, 200, 221].map(round_up), [60, 80, 160, 200, 240]);
    }
}
