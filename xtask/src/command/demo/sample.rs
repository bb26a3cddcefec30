//! Made-up days for tests of the page: they look like real ones and never change.

use super::clients::Language;
use super::day::{self, Mood, Phase};
use super::figures::Figures;
use serde_json::{Value, json};

/// Makes the day of a client that waits, the same a little slower, and the day of a naive loop.
pub fn clients() -> Vec<(Language, Figures)> {
    let day = |language: Language, call: fn(u64, &str) -> End| (language, figures(call));
    vec![
        day(Language::Node, waits),
        day(Language::Python, |start, phase| {
            let end = waits(start, phase);
            End { took: end.took * 3 / 2 + 7, ..end }
        }),
        day(Language::Naive, tries),
    ]
}

/// What becomes of a call: its time, its end and the requests that it sends.
#[derive(Clone, Copy)]
struct End {
    took: u64,
    succeeded: bool,
    requests: u64,
}

/// Plays a client that holds its calls back in the outage and sends most of them after it.
fn waits(start: u64, phase: &str) -> End {
    let number = start / 20;
    let done = |took, requests| End { took, succeeded: true, requests };
    match phase {
        "503 burst" if number % 5 < 3 => done(180 + number * 37 % 900, 2),
        "hard outage" if number.is_multiple_of(6) => End { took: 10_000, succeeded: false, requests: 1 },
        "hard outage" => done(16_300 - start + number * 53 % 2_400, u64::from(number.is_multiple_of(5))),
        "recovery" if start < 18_000 => done(400 + number * 31 % 1_500, 1),
        "rate limit" if number % 5 < 2 => done(300 + number * 91 % 2_800, 1),
        "stalls" if number % 8 == 7 => done(1_120 + number % 90, 2),
        "lost writes" if number % 5 == 4 => done(150 + number * 17 % 200, 2),
        _ => done(21 + number % 4, 1),
    }
}

/// Plays a loop of three more tries after 200, 400 and 800 ms.
fn tries(start: u64, phase: &str) -> End {
    let number = start / 20;
    let done = |took, requests| End { took, succeeded: true, requests };
    match phase {
        "503 burst" if number % 5 < 3 => match number % 7 {
            0 => End { took: 1_440, succeeded: false, requests: 4 },
            1 | 2 => done(632, 3),
            _ => done(232, 2),
        },
        "hard outage" if start < 14_600 => End { took: 1_404 + number % 9, succeeded: false, requests: 4 },
        "hard outage" => done(1_425, 4),
        "rate limit" if number % 5 < 2 => done(224 + number % 3 * 400, 3),
        "stalls" if number % 8 == 7 => done(1_221, 2),
        "lost writes" if number % 5 == 4 => done(243, 2),
        _ => done(21 + number % 4, 1),
    }
}

/// Reads the figures from the lines and logs that a client and the server would write.
fn figures(call: fn(u64, &str) -> End) -> Figures {
    let mut ends: Vec<Value> = Vec::new();
    let mut requests: Vec<Value> = Vec::new();
    let begins = |(start, phase): (u64, Phase)| {
        let span = start * 1000..(start + phase.seconds) * 1000;
        span.step_by(1000 / day::RATE as usize).map(move |start| (start, phase.clone()))
    };
    for (start, phase) in day::timetable().into_iter().flat_map(begins) {
        let end = call(start, phase.name);
        ends.push(json!([start, start + end.took, u64::from(end.succeeded), "read"]));
        for number in 0..end.requests {
            let last = number + 1 == end.requests && end.succeeded && phase.mood != Mood::Down;
            let answer = match phase.name {
                _ if last => "200",
                "rate limit" => "429 bucket",
                _ => "200 reset-before",
            };
            requests.push(json!({"at": start + number * 300, "answer": answer}));
        }
    }
    let succeeded = ends.iter().filter(|end| end[2] == 1).count();
    let failures = json!({"circuit-open": ends.len() - succeeded});
    let done = json!({"calls": ends.len(), "succeeded": succeeded, "failures": failures, "ends": ends});
    let totals = json!({"requests": requests.len(), "statuses": {"429": 40}, "duplicates": 0});
    Figures::of(&done, Some(&json!({"totals": totals, "requests": requests})))
}
