//! `target/demo/report.html`: one page that needs nothing else, in light and dark.

use super::figures::{self, Figures};
use super::plot::escaped;
use super::{arrivals, day};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("report.html");

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
        let top = arrivals::top(self.clients.iter().map(|(_, of)| of));
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

/// Draws one client's day.
fn chart(name: &str, of: &Figures, top: u64) -> String {
    let id: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    format!(
        "<figure><figcaption><strong>{title}</strong> {}</figcaption>\
         <div class=\"scroll\" role=\"group\" aria-label=\"Charts of {title}\" tabindex=\"0\">\n{}</div></figure>\n",
        escaped(&caption(of)),
        arrivals::drawing(&id, name, of, top),
        title = escaped(name),
    )
}

fn caption(of: &Figures) -> String {
    let mut text = format!("{} requests for {} calls, {} succeeded", of.attempts, of.calls, of.succeeded);
    if let Some(number) = of.amplification {
        let _ = write!(text, "; {number:.2} requests per call in the outage");
    }
    text
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
}
