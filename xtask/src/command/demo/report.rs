//! `target/demo/report.html`: one page that needs nothing else, in light and dark.

use super::clients::Language;
use super::figures::Figures;
use super::plot::escaped;
use super::table::Table;
use super::{answers, arrivals, day, rows, verdict};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("report.html");

/// What the page shows.
#[derive(Debug)]
pub struct Report<'a> {
    pub clients: &'a [(Language, Figures)],
    /// The clients that are not there, and why.
    pub missing: &'a [(&'a str, String)],
    pub policy: &'a str,
}

impl Report<'_> {
    /// Writes the whole page.
    pub fn html(&self) -> String {
        let top = arrivals::top(self.clients.iter().map(|(_, of)| of));
        let charts: String = self.clients.iter().map(|(language, of)| charts(*language, of, top)).collect();
        TEMPLATE
            .replace("{{intro}}", &self.intro())
            .replace("{{calls}}", &day::RATE.to_string())
            .replace("{{charts}}", &charts)
            .replace("{{table}}", &self.table())
            .replace("{{notes}}", &self.notes())
            .replace("{{verdict}}", &self.verdict())
            .replace("{{phases}}", &self.phases())
            .replace("{{policy}}", &escaped(self.policy.trim_end()))
    }

    fn intro(&self) -> String {
        let names: Vec<&str> = self.clients.iter().map(|(language, _)| language.name()).collect();
        let (last, others) = names.split_last().map_or(("", &names[..]), |(last, others)| (*last, others));
        let names = if others.is_empty() { last.to_owned() } else { format!("{} and {last}", others.join(", ")) };
        format!(
            "Each of {} begins {} calls a second for {} seconds, {:.0} % of them writes, against a server of its own that \
             lives through the same bad day.",
            escaped(&names),
            day::RATE,
            day::seconds(),
            day::WRITES * 100.0
        )
    }

    fn table(&self) -> String {
        rows::table(self.clients).html("One column per client; the naive loop has no policy.")
    }

    fn verdict(&self) -> String {
        let Some(table) = verdict::table(self.clients) else { return String::new() };
        format!(
            "<h2>The verdict</h2>\n<div class=\"scroll\">{}</div>\n<p class=\"soft\">A loaded machine makes every time \
             longer, so a missed bar does not fail the command.</p>",
            table.html("What each of our clients must reach on this day.")
        )
    }

    fn phases(&self) -> String {
        let row = |(start, phase): (u64, day::Phase)| {
            let end = start + phase.seconds;
            let span = start as usize..end as usize;
            let cell = |(_, of): &(Language, Figures)| {
                let seconds = of.arrivals.get(span.clone()).unwrap_or_default();
                let requests: u64 = seconds.iter().map(|second| second.all()).sum();
                let begun: u64 = of.begun.get(span.clone()).unwrap_or_default().iter().sum();
                format!("{requests} for {begun}")
            };
            (format!("{start} – {end} s: {}", phase.name), self.clients.iter().map(cell).collect())
        };
        let heads = self.clients.iter().map(|(language, _)| language.name().to_owned()).collect();
        let rows = day::timetable().into_iter().map(row).collect();
        Table { heads, rows }.html("Requests, for calls begun in that time.")
    }

    fn notes(&self) -> String {
        let mut text = String::new();
        for (language, of) in self.clients.iter().filter(|(_, of)| !of.failures.is_empty()) {
            let list: Vec<String> = of.failures.iter().map(|(reason, number)| format!("{reason} {number}")).collect();
            let list = escaped(&list.join(", "));
            let _ = writeln!(text, "<p class=\"soft\">Failed calls of {}: {list}.</p>", escaped(language.name()));
        }
        for (name, why) in self.missing {
            let _ = writeln!(text, "<p class=\"soft\">{} was left out: {}</p>", escaped(name), escaped(why));
        }
        text
    }
}

/// Draws one client's day: its requests, and beneath them the times of its calls. Both scroll together on a narrow page.
fn charts(language: Language, of: &Figures, top: u64) -> String {
    let (id, name) = (language.run(), language.name());
    format!(
        "<figure><figcaption><strong>{}</strong> {}</figcaption>\
         <div class=\"scroll\" role=\"group\" aria-label=\"Charts of {}\" tabindex=\"0\">\n{}{}</div></figure>\n",
        escaped(name),
        escaped(&caption(of)),
        escaped(name),
        arrivals::drawing(&format!("{id}-requests"), name, of, top),
        answers::drawing(&format!("{id}-times"), name, of)
    )
}

fn caption(of: &Figures) -> String {
    let mut text = format!("{} requests for {} calls, {} succeeded", of.attempts, of.calls, of.succeeded);
    if let Some(number) = of.amplification {
        let _ = write!(text, "; {number:.2} requests per call in the outage");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn page() -> String {
        let missing = [("JVM", "no <JDK>".to_owned())];
        Report { clients: &sample::clients(), missing: &missing, policy: "{\"name\": \"demo\"}" }.html()
    }

    #[test]
    fn the_page_stands_alone_and_escapes_what_it_shows() {
        let html = page();
        assert!(!html.contains("{{") && !html.contains("http"), "{html}");
        assert!(html.contains("no &lt;JDK&gt;") && html.contains("{&quot;name&quot;"));
    }

    #[test]
    fn every_client_has_its_requests_and_beneath_them_its_times() {
        let html = page();
        for id in ["node-requests", "node-times", "naive-requests", "naive-times"] {
            assert_eq!(html.matches(&format!("aria-labelledby=\"{id}-t {id}-d\"")).count(), 1, "{id}");
            assert_eq!(html.matches(&format!("id=\"{id}-t\"")).count(), 1, "{id}");
        }
        let place = |text: &str| html.find(text).unwrap();
        assert!(place("node-requests-t") < place("node-times-t") && place("node-times-t") < place("naive-requests-t"));
    }

    #[test]
    fn the_page_has_a_verdict_on_our_clients_only() {
        let html = page();
        let verdict = html.split("What each of our clients must reach").nth(1).unwrap();
        let head = verdict.split("</thead>").next().unwrap();
        assert!(head.contains(">Node<") && head.contains(">Python<") && !head.contains(">naive loop<"), "{head}");
    }
}
