//! The control plane: scripts, logs, verdicts, files.

use std::time::Duration;

use serde_json::json;
use unruffled_faults::{Options, start};

use crate::client::{End, World, exchange, receive};

#[tokio::test]
async fn a_log_tells_what_was_seen() {
    let world = World::with("{}").await;
    world.post("/orders?b=2&a=1", "X-Two: a\r\nX-Two: b\r\n", "body").await;
    let log = world.log().await;
    let request = &log["requests"][0];
    assert_eq!(
        [&request["method"], &request["path"], &request["query"], &request["body"]],
        ["POST", "/orders", "b=2&a=1", "body"]
    );
    assert_eq!([&request["n"], &request["connection"], &request["bytes"]], [0, 1, 4]);
    assert_eq!([&request["headers"]["x-two"], &request["answer"]], ["a, b", "200"]);
    assert_eq!(log["totals"]["statuses"], json!({"200": 1}));
    assert_eq!(world.control("GET", "runs/r?brief", "").await["requests"], json!([]));
    assert_eq!(world.control("GET", "runs/r?from=1", "").await["requests"], json!([]));
}

#[tokio::test]
async fn a_script_with_a_mistake_is_refused_with_its_place() {
    let world = World::new().await;
    for (script, place) in [
        (r#"{"answer":[]}"#, "server.answer: unknown key"),
        (r#"{"phases":[{"fro":1}]}"#, "server.phases[0].fro: unknown key"),
        (r#"{"answers":[{"stats":200}]}"#, "stats"),
        (r#"{"bucket":{"rate":0}}"#, "server.bucket: rate, per, burst and cost are at least 1"),
        (r#"{"bucket":{"rate":1,"kind":"bucket"}}"#, "unknown variant `bucket`, expected one of `token`"),
        (r#"{"bucket":{"rate":1,"kind":"log","burst":2}}"#, "burst goes with"),
        (r#"{"bucket":{"rate":1,"aligned":true}}"#, "aligned goes with"),
        (r#"{"bucket":{"rate":4,"cost":5}}"#, "cost is more"),
        (r#"{"bucket":{"rate":4,"cost":2,"kind":"concurrency"}}"#, "has one place"),
        (r#"{"bucket":{"rate":1,"headers":"github","quota":"several"}}"#, "quota several"),
        (r#"{"bucket":{"rate":1,"limit":"absent"}}"#, "ratelimit-bare has none"),
        (r#"{"bucket":{"rate":1,"resetAs":"epoch"}}"#, "delta seconds only"),
        (r#"{"bucket":{"rate":1,"retryAfter":"later"}}"#, "retryAfter: true, false, ms, half, longer or date"),
        ("{", "EOF"),
    ] {
        let answer = world.control("PUT", "runs/r", script).await;
        assert!(answer["error"].as_str().unwrap().contains(place), "{answer}");
    }
}

#[tokio::test]
async fn put_starts_anew_and_delete_closes_idle_connections() {
    let world = World::with(r#"{"answers":[{"status":404}]}"#).await;
    let mut stream = world.connect().await;
    assert_eq!(exchange(&mut stream, "GET /r/x HTTP/1.1\r\nHost: x\r\n\r\n").await.status(), 404);
    world.control("DELETE", "runs/r", "").await;
    assert_eq!(receive(&mut stream).await.end, End::Closed);
    assert_eq!(world.get("/x").await.status(), 404);
    world.control("PUT", "runs/r", "{}").await;
    assert_eq!(world.get("/x").await.status(), 200);
    assert_eq!(world.log().await["totals"]["requests"], 1);
}

#[tokio::test]
async fn a_page_leaves_its_report() {
    let world = World::new().await;
    assert_eq!(world.control("GET", "report", "").await["error"], "no report yet");
    world.control("POST", "report", r#"{"passed":3}"#).await;
    assert_eq!(world.control("GET", "report", "").await["passed"], 3);
}

#[tokio::test]
async fn static_files_stay_inside_their_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let server = start(Options { statics: Some(folder), ..Options::default() }).await.unwrap();
    let world = World { server };
    let get = async |path: &str| world.ask(&format!("GET /_static/{path} HTTP/1.1\r\nHost: x\r\n\r\n")).await.status();
    assert_eq!(get("judge/calls.rs").await, 200);
    assert_eq!(get("../Cargo.toml").await, 404);
    assert_eq!(get("/etc/passwd").await, 404);
}

#[tokio::test]
async fn scenarios_are_handed_out_and_judged() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let server = start(Options { scenarios: Some(folder), ..Options::default() }).await.unwrap();
    let world = World { server };
    let list = world.control("GET", "scenarios?runtime=node", "").await;
    assert!(list.as_array().is_some_and(|list| !list.is_empty()));
    assert!(world.control("GET", "scenarios?runtime=perl", "").await["error"].is_string());

    let scenario = json!({"name": "n", "note": "", "policy": {}, "server": {}, "do": [{"call": "GET /x"}],
        "expect": {"requests": 1, "gone": 0}});
    world.control("PUT", "runs/r", "{}").await;
    world.get("/x").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let check = async |status: u16| {
        let body =
            json!({"scenario": scenario, "results": [{"start": 0, "ms": 1, "status": status}], "credentialCalls": 0});
        world.control("POST", "runs/r/check?runtime=node", &body.to_string()).await["failures"].clone()
    };
    assert_eq!(check(200).await, json!([]));
    assert_eq!(check(500).await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_skipped_scenario_must_fail() {
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    std::fs::create_dir_all(root.join("scenarios")).unwrap();
    let skip = "[[skip]]\nscenario = \"n\"\nruntime = \"node\"\nreason = \"not yet\"\n";
    std::fs::write(root.join("skips.toml"), skip).unwrap();
    let server = start(Options { scenarios: Some(root.join("scenarios")), ..Options::default() }).await.unwrap();
    let world = World { server };
    world.control("PUT", "runs/r", "{}").await;
    let scenario = json!({"name": "n", "note": "", "policy": {}, "server": {}, "do": [{"call": "GET /x"}]});
    let check = async |runtime: &str, status: u16| {
        let body = json!({"scenario": scenario, "results": [{"status": status}]}).to_string();
        world.control("POST", &format!("runs/r/check?runtime={runtime}"), &body).await["failures"].clone()
    };
    assert_eq!(check("node", 500).await, json!([]));
    assert_eq!(check("node", 200).await, json!(["passes now: take it out of skips.toml"]));
    assert_eq!(check("jvm", 200).await, json!([]));
}
