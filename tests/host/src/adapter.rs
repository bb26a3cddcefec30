//! Plays one vector file: holds no expectation of its own.

use crate::words;
use serde_json::{Map, Value, json};
use std::path::Path;
use unruffled_core::config::Reading;
use unruffled_core::{Answer, Cause, Engine, Fault, Node, REDIRECTED};

const METHODS: [&str; 9] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY", "POST", "PATCH"];
const TRAITS: [&str; 7] = ["REPEATABLE", "KEYED", "STREAMED", "STACKED", "DROPIN", "CREDENTIALS", "SLOT"];
/// Unix milliseconds at `now` 0: 2026-01-01.
const WALL: u64 = 1_767_225_600_000;

/// Plays a file. With `bless` it writes what the core answered into it.
pub fn run(file: &Path, bless: bool) -> Result<Vec<(Node, Node)>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let mut vector: Map<String, Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let policy = match &vector["policy"] {
        Value::String(raw) => raw.clone(),
        object => object.to_string(),
    };
    let reading = if vector.get("lenient") == Some(&json!(true)) { Reading::Lenient } else { Reading::Strict };
    let mut engine = match (Engine::open(&policy, reading), vector.get("issues")) {
        (Ok(engine), None) => engine,
        (Err(issues), Some(expected)) => {
            let found: Vec<&str> = issues.iter().map(|issue| issue.text.as_str()).collect();
            return if *expected == json!(found) { Ok(Vec::new()) } else { Err(format!("issues {found:#?}")) };
        }
        (Ok(_), Some(_)) => return Err("the policy was taken".into()),
        (Err(issues), None) => return Err(format!("the policy was refused: {issues:?}")),
    };
    engine.seed(number(&vector, "seed").unwrap_or(1));
    engine.subscribe(number(&vector, "subscribe").unwrap_or(0) as u32);
    if let Some(expected) = vector.get("settings") {
        within(&parse(&engine.settings())?, expected, "settings")?;
    }
    let mut player = Player { engine, wall: number(&vector, "wall").unwrap_or(WALL), crossings: 0, bless };
    if let Some(Value::Array(steps)) = vector.get_mut("steps") {
        player.play(steps, 0, 0)?;
    }
    if bless && vector.contains_key("steps") {
        vector.insert("crossings".into(), json!(player.crossings));
        if number(&vector, "subscribe").is_some() {
            let events = parse(&player.engine.events())?["events"].take();
            // A full ring would bury the file.
            if events.as_array().is_some_and(|events| events.len() <= 64) {
                vector.insert("events".into(), events);
            }
        }
        std::fs::write(file, pretty(&vector)).map_err(|error| error.to_string())?;
    } else {
        if let Some(expected) = vector.get("events") {
            let events = parse(&player.engine.events())?["events"].take();
            if events != *expected {
                return Err(format!("events {events}, expected {expected}"));
            }
        }
        if let Some(expected) = number(&vector, "crossings")
            && expected != player.crossings
        {
            return Err(format!("{} crossings, expected {expected}", player.crossings));
        }
    }
    Ok(player.engine.edges().collect())
}

fn number(object: &Map<String, Value>, key: &str) -> Option<u64> {
    object.get(key).and_then(Value::as_u64)
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))
}

struct Player {
    engine: Engine,
    wall: u64,
    crossings: u64,
    bless: bool,
}

impl Player {
    /// Plays steps; a repetition adds `at` to their times and `ids` to the ids of their calls.
    fn play(&mut self, steps: &mut [Value], at: u64, ids: u64) -> Result<(), String> {
        for (i, step) in steps.iter_mut().enumerate() {
            let step = step.as_object_mut().ok_or("a step is an object")?;
            self.step(step, at, ids).map_err(|why| format!("step {i}: {why}"))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &mut Map<String, Value>, base: u64, ids: u64) -> Result<(), String> {
        if let Some(times) = number(step, "times") {
            let (every, stride) = (number(step, "every").unwrap_or(0), number(step, "ids").unwrap_or(1));
            let Some(Value::Array(inner)) = step.get_mut("steps") else { return Err("times without steps".into()) };
            return (0..times).try_for_each(|i| {
                self.play(inner, base + i * every, ids + i * stride).map_err(|why| format!("round {i}: {why}"))
            });
        }
        let at = base + number(step, "at").unwrap_or(0);
        if let Some(expected) = step.get("wakes") {
            let mut woken = Vec::new();
            loop {
                self.crossings += 1;
                let word = self.engine.wake().word() >> 12;
                if word == 0 {
                    break;
                }
                woken.push(word - 1);
            }
            let expected_ids: Vec<u64> =
                expected.as_array().into_iter().flatten().filter_map(Value::as_u64).map(|id| id + ids).collect();
            if self.bless {
                step.insert("wakes".into(), json!(woken.iter().map(|id| id - ids).collect::<Vec<_>>()));
            } else if woken != expected_ids {
                return Err(format!("woke {woken:?}, expected {expected_ids:?}"));
            }
            return Ok(());
        }
        if let Some(id) = number(step, "report") {
            self.crossings += 1;
            let report = parse(&self.engine.report((id + ids) as u32))?;
            return within(&report, step.get("is").unwrap_or(&Value::Null), "report");
        }
        if let Some(expected) = step.get("snapshot") {
            return within(&parse(&self.engine.snapshot(at))?, expected, "snapshot");
        }
        self.crossings += 1;
        let found = words::text(self.input(step, at, ids)?.word());
        if self.bless {
            step.insert("is".into(), json!(found));
        } else if step.get("is") != Some(&json!(found)) {
            return Err(format!("got {found}, expected {}", step.get("is").unwrap_or(&Value::Null)));
        }
        Ok(())
    }

    fn input(&mut self, step: &Map<String, Value>, at: u64, ids: u64) -> Result<Answer, String> {
        let call = |key| number(step, key).map(|id| (id + ids) as u32);
        if let Some(id) = call("begin") {
            return Ok(self.begin(step, id, at));
        }
        if let Some(id) = call("respond") {
            return self.respond(step, id, at);
        }
        let engine = &mut self.engine;
        let fault = || {
            let word = step.get("as").and_then(Value::as_str).unwrap_or_default();
            let fault = Fault::ALL.iter().find(|fault| fault.text() == word).map_or(99, |fault| *fault as u32);
            let cause = step.get("cause").and_then(Value::as_str).unwrap_or("none");
            let cause = Cause::ALL.iter().find(|known| known.text() == cause).map_or(99, |cause| *cause as u32);
            fault | cause << 8
        };
        if let Some(id) = call("fault") {
            return Ok(engine.fault(id, at, fault()));
        }
        if let Some(id) = call("resume") {
            return Ok(engine.resume(id, at));
        }
        if let Some(id) = call("abandon") {
            return Ok(engine.abandon(id, at));
        }
        if let Some(generation) = number(step, "token") {
            return Ok(engine.token(at, generation, number(step, "expires").unwrap_or(0)));
        }
        if let Some(generation) = number(step, "tokenFailed") {
            return Ok(engine.token_failed(at, generation, fault(), number(step, "after").unwrap_or(0)));
        }
        if step.contains_key("online") {
            return Ok(engine.online(at));
        }
        if let Some(scope) = scope(engine, step.get("free")) {
            return Ok(engine.free(at, scope));
        }
        if let Some(scope) = scope(engine, step.get("renew")) {
            return Ok(engine.renew(at, scope));
        }
        if let Some(scope) = scope(engine, step.get("reset")) {
            return Ok(engine.reset(at, scope));
        }
        if step.contains_key("close") {
            return Ok(engine.close(at));
        }
        Err(format!("no such step: {}", Value::Object(step.clone())))
    }

    fn begin(&mut self, step: &Map<String, Value>, id: u32, at: u64) -> Answer {
        let engine = &mut self.engine;
        let route = step.get("route").and_then(Value::as_str);
        let word = route.and_then(|route| route.split_once(' ')).map_or("GET", |(method, _)| method);
        let method = step.get("method").and_then(Value::as_str).unwrap_or(word);
        let code = METHODS.iter().position(|known| *known == method).unwrap_or(15) as u32;
        let traits = match step.get("flags") {
            None => 1,
            Some(flags) => {
                let known = |flag: &Value| TRAITS.iter().position(|known| flag == known);
                flags.as_array().into_iter().flatten().filter_map(known).fold(0, |all, bit| all | 1 << bit)
            }
        };
        let what = code | traits << 4 | (number(step, "size").unwrap_or(0) as u32) << 16;
        let scope = scope(engine, step.get("scope")).unwrap_or(0);
        let route = route.map_or(0, |route| engine.route(route));
        engine.begin(id, at, route, scope, what, number(step, "deadline").unwrap_or(0))
    }

    fn respond(&mut self, step: &Map<String, Value>, id: u32, at: u64) -> Result<Answer, String> {
        let engine = &mut self.engine;
        let status = number(step, "status").ok_or("respond without status")? as u32;
        if !step.contains_key("headers") && !step.contains_key("body") && !step.contains_key("by") {
            return Ok(engine.respond(id, at, status));
        }
        let status = match scope(engine, step.get("by")) {
            Some(by) => status | REDIRECTED | by << 16,
            None => status,
        };
        let mut hints = String::new();
        for (name, value) in step.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let values = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
            for value in values {
                hints += &format!("{name}: {}\n", value.as_str().unwrap_or_default());
            }
        }
        let body = step.get("body").and_then(Value::as_str).unwrap_or_default();
        Ok(engine.respond_with(id, at, self.wall + at, status, hints.as_bytes(), body.as_bytes()))
    }
}

/// Returns the scope of `["origin", "credential"]`.
fn scope(engine: &mut Engine, names: Option<&Value>) -> Option<u32> {
    match names?.as_array()?.as_slice() {
        [origin, credential] => {
            Some(engine.scope(origin.as_str().unwrap_or_default(), credential.as_str().unwrap_or_default()))
        }
        _ => None,
    }
}

/// Checks that `found` has everything that `asked` names. Lists must have the same length.
fn within(found: &Value, asked: &Value, place: &str) -> Result<(), String> {
    match (found, asked) {
        (Value::Object(found), Value::Object(asked)) => asked.iter().try_for_each(|(key, asked)| {
            within(found.get(key).unwrap_or(&Value::Null), asked, &format!("{place}.{key}"))
        }),
        (Value::Array(found), Value::Array(asked)) if found.len() == asked.len() => {
            found.iter().zip(asked).enumerate().try_for_each(|(i, (f, a))| within(f, a, &format!("{place}[{i}]")))
        }
        _ if found == asked => Ok(()),
        _ => Err(format!("{place} is {found}, expected {asked}")),
    }
}

/// Writes a vector with one line for each step, so that the diff of a file reads as a diff of decisions.
fn pretty(vector: &Map<String, Value>) -> String {
    let mut text = String::from("{\n");
    for (i, (key, value)) in vector.iter().enumerate() {
        if i > 0 {
            text += ",\n";
        }
        text += &format!("  {}: ", json!(key));
        match value {
            Value::Array(items) if key == "steps" || key == "events" => {
                text += "[\n";
                let lines: Vec<String> = items.iter().map(|item| format!("    {item}")).collect();
                text += &lines.join(",\n");
                text += if items.is_empty() { "  ]" } else { "\n  ]" };
            }
            other => text += &other.to_string(),
        }
    }
    text + "\n}\n"
}
