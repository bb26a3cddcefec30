//! One request of a run: read, logged, and given what the script says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::answer::{self, Parts};
use crate::body::{Flow, Outgoing};
use crate::connection::Connection;
use crate::control;
use crate::node::Asked;
use crate::run::{Arrival, Entry, is_write, operation_of};
use crate::script::{Answer, Fault};
use crate::server::{Dropped, Server, read};

/// Bodies up to this length are read before the answer is chosen, so that it may depend on their `op`.
const SMALL: u64 = 64 * 1024;

pub async fn answer(
    server: &Server,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Dropped> {
    if connection.doomed.load(Ordering::Relaxed) {
        connection.reset();
        return Err(Dropped);
    }
    let (head, incoming) = request.into_parts();
    let (name, path) = split(head.uri.path());
    let Some(run) = server.run(name) else {
        return Ok(control::json(404, &json!({"error": "no such run"})));
    };
    let query = head.uri.query().unwrap_or("");
    let method = head.method.as_str();
    let headers = logged(&head.headers);
    let arrival = run.arrived(
        &connection,
        Entry {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.clone(),
            ..Entry::default()
        },
    );
    let key = headers.get("idempotency-key").or_else(|| headers.get("x-idempotency-key"));
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let small = incoming.is_end_stream() || declared.is_some_and(|length: u64| length <= SMALL);
    let mut body = Vec::new();
    let mut unread = Some(incoming);
    if small && let Some(incoming) = unread.take() {
        body = take(&arrival, incoming).await?;
    }
    let operation = match key {
        Some(key) => key.clone(),
        None if is_write(method) => operation_of(&body),
        None => String::new(),
    };
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let choice = arrival.choose(&Asked { method, path, authorization, operation: &operation }, key.is_some());
    if choice.answer.fault == Some(Fault::ResetBefore) {
        arrival.whole();
        connection.reset();
        return Err(Dropped);
    }
    if let Some(incoming) = unread.take() {
        body = take(&arrival, incoming).await?;
    }
    let pause = choice.wait + Duration::from_millis(choice.answer.delay);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let parts = answer::parts(
        &choice,
        &body,
        || json!({"method": method, "path": path, "query": query, "headers": headers, "body": String::from_utf8_lossy(&body)}),
    );
    send(&choice.answer, parts, head.method == Method::HEAD, &connection, arrival).await
}

/// `/RUN/path` → (`RUN`, `/path`).
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.find('/') {
        Some(end) => (&path[..end], &path[end..]),
        None => (path, "/"),
    }
}

fn logged(headers: &HeaderMap) -> std::collections::BTreeMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .keys()
        .map(|name| (name.as_str().to_owned(), headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(", ")))
        .collect()
}

async fn take(arrival: &Arrival, incoming: Incoming) -> Result<Vec<u8>, Dropped> {
    let (kept, length) = read(incoming, SMALL as usize).await?;
    arrival.body(&kept, length);
    Ok(kept)
}

async fn send(
    answer: &Answer,
    parts: Parts,
    head_only: bool,
    connection: &Connection,
    arrival: Arrival,
) -> Result<Response<Outgoing>, Dropped> {
    let half = parts.body.len() / 2;
    let raw = match answer.fault {
        Some(Fault::ResetBefore | Fault::ResetAfter) => {
            connection.reset();
            Vec::new()
        }
        Some(Fault::Close) => Vec::new(),
        Some(Fault::CloseAfter) => [answer::head(&parts, Some(parts.body.len())).as_bytes(), &parts.body].concat(),
        Some(Fault::Truncate) => {
            [answer::head(&parts, Some(parts.body.len())).as_bytes(), &parts.body[..half]].concat()
        }
        Some(Fault::CutChunk) => {
            let chunk = format!("{:x}\r\n", parts.body.len());
            [answer::head(&parts, None).as_bytes(), chunk.as_bytes(), &parts.body[..half]].concat()
        }
        Some(Fault::Garbage) => b"ELECTRIC/9.9 two hundred\r\n\r\n".to_vec(),
        Some(Fault::StallHeaders) => std::future::pending().await,
        Some(Fault::Informational) => {
            let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n".repeat(100);
            connection.write(&hints).await.map_err(|_| Dropped)?;
            return Ok(response(answer, parts, head_only, arrival));
        }
        Some(Fault::ResetIdle) => {
            connection.doomed.store(true, Ordering::Relaxed);
            return Ok(response(answer, parts, head_only, arrival));
        }
        None | Some(Fault::StallBody | Fault::Dribble | Fault::Endless | Fault::HugeHeader | Fault::ManyHeaders) => {
            return Ok(response(answer, parts, head_only, arrival));
        }
    };
    connection.write(&raw).await.map_err(|_| Dropped)?;
    arrival.whole();
    Err(Dropped)
}

fn response(answer: &Answer, parts: Parts, head_only: bool, arrival: Arrival) -> Response<Outgoing> {
    let length = parts.body.len();
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(parts.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in parts.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_maybe_shared(Bytes::from(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    let flow = match answer.fault {
        Some(Fault::StallBody) => {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            Flow::Stalls(parts.body.slice(..length / 2))
        }
        Some(Fault::Dribble) => {
            Flow::Pieces { rest: parts.body, piece: answer.piece, every: Duration::from_millis(answer.every) }
        }
        Some(Fault::Endless) => Flow::Endless(Bytes::from(vec![b'x'; 64 * 1024])),
        _ => Flow::Whole(parts.body),
    };
    // The body of an answer to HEAD is never asked for.
    let arrival = if head_only {
        arrival.whole();
        None
    } else {
        Some(arrival)
    };
    response.map(|()| Outgoing::new(flow, arrival))
}
