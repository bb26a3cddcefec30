//! Results as tables: a row per client, a column per scenario, the reasons below.

use std::fmt::Write;

use super::results::{Found, Mode, Reasons};

/// One client's row.
struct Row<'a> {
    /// Its language and name.
    client: (&'a str, &'a str),
    version: &'a str,
    under: &'a str,
    cells: Vec<Option<&'a Found>>,
}

/// The scenarios in order of their names, and the rows in order of arrival.
fn grid(found: &[Found]) -> (Vec<&str>, Vec<Row<'_>>) {
    let mut scenarios: Vec<&str> = found.iter().map(|one| one.scenario.as_str()).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let mut clients: Vec<(&str, &str)> = Vec::new();
    for one in found {
        let client = (one.runtime.as_str(), one.client.as_str());
        if !clients.contains(&client) {
            clients.push(client);
        }
    }
    let rows = clients.into_iter().map(|client| row(client, found, &scenarios)).collect();
    (scenarios, rows)
}

fn row<'a>(client: (&'a str, &'a str), found: &'a [Found], scenarios: &[&str]) -> Row<'a> {
    let own: Vec<&Found> = found.iter().filter(|one| (one.runtime.as_str(), one.client.as_str()) == client).collect();
    let version = own.first().map_or("", |one| one.version.as_str());
    let under = own.first().map_or("", |one| one.under.as_str());
    let cells = scenarios.iter().map(|name| own.iter().copied().find(|one| one.scenario == *name)).collect();
    Row { client, version, under, cells }
}

/// For a terminal: `+` as asked, `-` cannot, `!` failed without a reason; scenarios as letters.
pub fn plain(mode: Mode, found: &[Found], reasons: &Reasons) -> String {
    let (scenarios, rows) = grid(found);
    let mut text = match mode {
        Mode::Unruffled => String::from("one line of unruffled under each client, its own retries off\n"),
        Mode::Bare => String::from("the same clients without it, their own retries on\n"),
    };
    let letter = |index: usize| char::from(b'a'.saturating_add(u8::try_from(index).unwrap_or(u8::MAX)));
    for (index, line) in scenarios.chunks(6).enumerate() {
        let named = line.iter().enumerate().map(|(place, name)| format!("{} {name}", letter(index * 6 + place)));
        let _ = writeln!(text, "  {}", named.collect::<Vec<_>>().join("  "));
    }
    let heads: String = (0..scenarios.len()).map(|index| format!(" {}", letter(index))).collect();
    let _ = writeln!(text, "  {:<44}{heads}", "");
    for row in &rows {
        let cell = |one: &Option<&Found>| match one {
            None => "  ",
            Some(one) if one.passed() => " +",
            Some(one) if mode == Mode::Bare || reasons.of(one).is_some() => " -",
            Some(_) => " !",
        };
        let cells: String = row.cells.iter().map(cell).collect();
        let _ = writeln!(text, "  {:<44}{cells}  {}", title(row), count(row));
    }
    if mode == Mode::Unruffled {
        for line in cannot(&rows, reasons) {
            let _ = writeln!(text, "  - {line}");
        }
    }
    text
}

fn title(row: &Row<'_>) -> String {
    format!("{} {} ({})", row.client.1, row.version, row.client.0)
}

fn count(row: &Row<'_>) -> String {
    let passed = row.cells.iter().flatten().filter(|one| one.passed()).count();
    format!("{passed} of {}", row.cells.len())
}

/// Every reason once, with the clients and scenarios that have it.
fn cannot(rows: &[Row<'_>], reasons: &Reasons) -> Vec<String> {
    let mut told: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for one in rows.iter().flat_map(|row| row.cells.iter().flatten()) {
        let Some(reason) = reasons.of(one).filter(|_| !one.passed()) else { continue };
        match told.iter_mut().find(|(scenario, known, _)| *known == reason && *scenario == one.scenario) {
            Some((.., clients)) => clients.push(&one.client),
            None => told.push((&one.scenario, reason, vec![&one.client])),
        }
    }
    told.iter().map(|(scenario, reason, clients)| format!("{scenario}: {}: {reason}", clients.join(", "))).collect()
}

/// The page of the documentation: both modes in one table, `with / without`.
pub fn page(with: &[Found], without: &[Found], reasons: &Reasons) -> String {
    let (scenarios, rows) = grid(with);
    let (_, bare) = grid(without);
    let mut text = String::from(
        "# What one line changes\n\nWritten by `cargo xtask adapters`. Each client played each scenario of `tests/adapters` through real sockets, with one line of\n\
         unruffled under it and its own retries off, and as its users install it, its own retries on (with axios also axios-retry, with\n\
         undici its retry interceptor, with Ktor HttpRequestRetry). Left of the slash with unruffled, right of it without: ✓ as the\n\
         scenario asks, – not.\n\n",
    );
    let _ = writeln!(text, "| | one line | with | without | {} |", scenarios.join(" | "));
    let _ = writeln!(text, "|---|---|---|---|{}", "---|".repeat(scenarios.len()));
    let mark = |one: Option<&Found>| match one {
        Some(one) if one.passed() => "✓",
        Some(_) => "–",
        None => " ",
    };
    for row in &rows {
        let other = bare.iter().find(|other| other.client == row.client);
        let cells = row.cells.iter().enumerate().map(|(index, one)| {
            let alone = other.and_then(|other| other.cells.get(index).copied().flatten());
            format!("{} / {}", mark(*one), mark(alone))
        });
        let alone = other.map_or_else(String::new, count);
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} | {} | {} | {alone} | {} |", title(row), row.under, count(row), cells.join(" | "));
    }
    text.push_str("\n## Cannot\n\n");
    for line in cannot(&rows, reasons) {
        let _ = writeln!(text, "- {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_per_client_and_a_reason_per_failure() {
        let found: Vec<Found> = serde_json::from_str(
            r#"[{"runtime":"js","client":"ky","version":"2","under":"createFetch","scenario":"a","failures":[]},
                {"runtime":"js","client":"ky","version":"2","under":"createFetch","scenario":"b","failures":["x"]}]"#,
        )
        .unwrap();
        let why = r#"[{"runtime":"js","clients":["ky"],"scenario":"b","reason":"why"}]"#;
        let reasons: Reasons = serde_json::from_str(why).unwrap();
        let text = plain(Mode::Unruffled, &found, &reasons);
        assert!(text.contains("ky 2 (js)") && text.contains(" + -  1 of 2") && text.contains("b: ky: why"), "{text}");
        let page = page(&found, &found, &reasons);
        assert!(page.contains("| ky 2 (js) | createFetch | 1 of 2 | 1 of 2 | ✓ / ✓ | – / – |"), "{page}");
    }
}
