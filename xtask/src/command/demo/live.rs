//! One line per client while the day goes on: rewritten in place on a terminal, appended elsewhere.

use super::clients::Client;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Where nothing can be rewritten, a line per client this often is enough.
const APPENDED_EVERY: Duration = Duration::from_secs(5);

/// The screen's part that shows the clients.
#[derive(Debug)]
pub struct Live {
    rewrites: bool,
    drawn: usize,
    last: Option<Instant>,
}

impl Live {
    pub fn new() -> Self {
        Self { rewrites: std::io::stdout().is_terminal(), drawn: 0, last: None }
    }

    /// Shows a title and one line per client.
    pub fn show(&mut self, title: &str, clients: &[Client]) {
        if !self.rewrites && self.last.is_some_and(|last| last.elapsed() < APPENDED_EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        let mut lines = vec![title.to_owned(), columns(["", "calls", "attempts", "breaker", "tokens", "waiting"], "")];
        lines.extend(clients.iter().map(line));
        let mut text = String::new();
        if self.rewrites && self.drawn > 0 {
            text.push_str(&format!("\u{1b}[{}A", self.drawn));
        }
        for line in &lines {
            let clear = if self.rewrites { "\u{1b}[2K" } else { "" };
            text.push_str(&format!("{clear}{line}\n"));
        }
        self.drawn = lines.len();
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}

/// Narrow enough for 80 columns: a line that wraps could not be rewritten.
fn columns([name, calls, attempts, breaker, tokens, waiting]: [&str; 6], end: &str) -> String {
    format!("  {name:<11}{calls:>7}{attempts:>10}   {breaker:<9}{tokens:>8}{waiting:>9}{end}")
}

fn line(client: &Client) -> String {
    let said = client.said();
    let value = said.done.as_ref().unwrap_or(&said.progress);
    if value.is_null() {
        return format!("  {:<11} starting", client.language.name());
    }
    let breaker = said.progress["breaker"].as_str().unwrap_or("–");
    let cells = [
        client.language.name(),
        &number(&value["calls"]),
        &number(&value["attempts"]),
        breaker,
        &tokens(&said.progress["tokens"]),
        &number(&said.progress["waiting"]),
    ];
    columns(cells, if said.done.is_some() { "   ended" } else { "" })
}

fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), |number| number.to_string())
}

fn tokens(value: &Value) -> String {
    value.as_f64().map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"))
}
