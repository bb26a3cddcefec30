//! Files for the browser's page, on the origin of the runs.

use std::path::{Component, Path};

use bytes::Bytes;
use hyper::Response;
use serde_json::json;

use crate::body::Outgoing;
use crate::control;

pub fn answer(folder: Option<&Path>, file: &str) -> Response<Outgoing> {
    let path = Path::new(file);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let read = folder.filter(|_| inside).and_then(|folder| std::fs::read(folder.join(path)).ok());
    match read {
        Some(content) => control::bytes(200, kind(file), Bytes::from(content)),
        None => control::json(404, &json!({"error": "no such file"})),
    }
}

fn kind(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
