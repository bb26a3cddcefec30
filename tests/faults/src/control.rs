//! The control plane under `/_faults/`: scripts in, logs and verdicts out.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::{Flow, Outgoing};
use crate::judge::{self, Results};
use crate::library;
use crate::run::Run;
use crate::scenario::Scenario;
use crate::script::Script;
use crate::server::{Dropped, Server, read};

/// Largest body of a control request.
const LARGEST: usize = 64 << 20;

/// An answer of the server's own. The connection ends with it, so that runs start with connections of their own.
pub fn json(status: u16, value: &Value) -> Response<Outgoing> {
    bytes(status, "application/json", Bytes::from(value.to_string()))
}

pub fn bytes(status: u16, kind: &'static str, body: Bytes) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::new(Flow::Whole(body), None));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn wrong(text: impl ToString) -> Response<Outgoing> {
    json(400, &json!({"error": text.to_string()}))
}

pub async fn answer(
    server: &Arc<Server>,
    path: &str,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Dropped> {
    let method = request.method().clone();
    let query = queries(request.uri().query().unwrap_or(""));
    let (body, _) = read(request.into_body(), LARGEST).await?;
    let parts: Vec<&str> = path.split('/').collect();
    Ok(match (&method, parts.as_slice()) {
        (&Method::PUT, ["runs", run]) => begin(server, run, &body).await,
        (&Method::GET, ["runs", run]) => match server.run(run) {
            Some(run) => log(&run, &query),
            None => json(404, &json!({"error": "no such run"})),
        },
        (&Method::DELETE, ["runs", run]) => {
            server.end(run);
            json(200, &json!({}))
        }
        (&Method::POST, ["runs", run, "check"]) => match server.run(run) {
            Some(run) => check(server, &run, query.get("runtime").map_or("", String::as_str), &body).await,
            None => json(404, &json!({"error": "no such run"})),
        },
        (&Method::GET, ["scenarios"]) => scenarios(server, query.get("runtime").map_or("", String::as_str)),
        (&Method::POST, ["report"]) => {
            *server.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Bytes::from(body));
            json(200, &json!({}))
        }
        (&Method::GET, ["report"]) => match server.report.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(report) => bytes(200, "application/json", report),
            None => json(404, &json!({"error": "no report yet"})),
        },
        _ => json(404, &json!({"error": "no such control path; tests/README.md has them"})),
    })
}

fn queries(text: &str) -> HashMap<String, String> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.to_owned(), value.to_owned())
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

async fn begin(server: &Arc<Server>, name: &str, body: &[u8]) -> Response<Outgoing> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('_') || !name.chars().all(plain) {
        return wrong("the name of a run is [A-Za-z0-9._-]+ and does not begin with _");
    }
    let script = match serde_json::from_slice(body) {
        Ok(value) => Script::read(value),
        Err(error) => Err(error.to_string()),
    };
    let script = match script {
        Ok(script) => script,
        Err(text) => return wrong(text),
    };
    match server.begin(name, script).await {
        Ok(base) => json(200, &json!({"base": base})),
        Err(error) => json(500, &json!({"error": error.to_string()})),
    }
}

fn log(run: &Run, query: &HashMap<String, String>) -> Response<Outgoing> {
    let from = match query.get("from") {
        _ if query.contains_key("brief") => usize::MAX,
        Some(from) => from.parse().unwrap_or(0),
        None => 0,
    };
    match serde_json::to_value(run.log(from)) {
        Ok(value) => json(200, &value),
        Err(error) => json(500, &json!({"error": error.to_string()})),
    }
}

fn scenarios(server: &Server, runtime: &str) -> Response<Outgoing> {
    let Some(folder) = &server.options.scenarios else { return wrong("started without --scenarios DIR") };
    match library::chosen(folder, runtime) {
        Ok(list) => json(200, &Value::Array(list)),
        Err(error) => json(500, &json!({"error": error.to_string()})),
    }
}

async fn check(server: &Server, run: &Run, runtime: &str, body: &[u8]) -> Response<Outgoing> {
    let results: Results = match serde_json::from_slice(body) {
        Ok(results) => results,
        Err(error) => return wrong(error),
    };
    let scenario = match Scenario::read(results.scenario.clone()) {
        Ok(scenario) => scenario,
        Err(error) => return wrong(error),
    };
    // What the client has left is noticed a moment later.
    for _ in 0..50 {
        if run.log(usize::MAX).totals.open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut failures = judge::judge(&scenario, &results, &run.log(0));
    if let Some(folder) = &server.options.scenarios {
        match library::skip(folder, &scenario.name, runtime) {
            Ok(Some(_)) if failures.is_empty() => failures.push("passes now: take it out of skips.toml".into()),
            Ok(Some(_)) => failures.clear(),
            Ok(None) => {}
            Err(error) => failures.push(error.to_string()),
        }
    }
    json(200, &json!({"failures": failures}))
}
