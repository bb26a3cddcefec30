//! How a table was measured, in one sentence, where its program does not say it itself.

/// Sentences by the beginning of a table's title; the longest that fits counts.
const NOTES: [(&str, &str); 22] = [
    (
        "Node: added per successful call",
        "Batches of all rows in turn, the first one another each round; what a batch takes beyond that of the bare client of \
         the same round. Loopback: each call beside one of the bare client, in both orders; the server is in the same process.",
    ),
    (
        "Node: 64 calls",
        "64 workers that call one after the other for 0.7 s, rows in turn; the server is a process of its own.",
    ),
    ("Node: start", "Each sample is a process of its own."),
    ("Node: the core's boundary", "begin and respond alone, in batches; the median of the rounds."),
    ("Node: ", "Rounds of all rows in turn."),
    (
        "npm: ",
        "What one line of use loads in a browser: bundled and minified by esbuild, then gzip at level 9 and brotli at its \
         default; the tarball as `npm pack` makes it.",
    ),
    (
        "Python: added per call over the same bare client, stub",
        "A transport in memory; CPU time; batches of 100 in an order drawn for each round; what a batch takes beyond that of \
         the bare client of the same round. The second bare client shows the noise.",
    ),
    (
        "Python: added per call over the same bare client, loopback",
        "A server in another process; call by call in turn, wall time; the difference to the bare client, for httpx2 less that \
         of a second bare client.",
    ),
    ("Python: the bare clients", "What the two tables below stand on: the bare clients in the same rounds."),
    (
        "Python: a call beside busy threads",
        "A whole call, bare client included, while threads of pure Python want the GIL all the time; wall time.",
    ),
    (
        "Python: both crossings",
        "begin and respond through the boundary, 50,000 calls a round, each timed by itself; the share is of all calls.",
    ),
    (
        "Python: start",
        "Each sample is a process of its own; the import is what it takes beyond the import of the HTTP client.",
    ),
    ("Python: opening", "Policy read, checked and released again through the boundary."),
    ("Python: sizes", "Bytes of the files as they are installed. 1 KB = 1,000 bytes."),
    ("Python: throughput", "One process against a server of its own; clients in turn."),
    ("Python: ", "Rounds of all rows in turn."),
    (
        "JVM: added per call, no network",
        "The median of the single calls of a round, rounds of all rows in turn; what it is beyond the bare call of the same \
         round.",
    ),
    (
        "JVM: added per call over bare OkHttp",
        "The median of the single calls of a round over real sockets, rounds of all rows in turn; what it is beyond bare \
         OkHttp in the same round.",
    ),
    ("JVM: start", "Each sample is a process of its own."),
    ("JVM: sizes", "Bytes of the jars as they are published. 1 KB = 1,000 bytes."),
    ("JVM: 8 threads", "All callers begin together and call one after the other; rounds of all rows in turn."),
    ("", "Rounds of all rows in turn."),
];

/// Returns the sentence for a table.
pub fn note(title: &str) -> &'static str {
    let fitting = NOTES.iter().filter(|(beginning, _)| title.starts_with(beginning));
    fitting.max_by_key(|(beginning, _)| beginning.len()).map_or("", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::note;

    #[test]
    fn the_longest_beginning_counts() {
        assert!(note("Python: sizes").starts_with("Bytes"));
        assert!(note("Python: something new").starts_with("Rounds"));
        assert!(note("Something new").starts_with("Rounds"));
    }
}
