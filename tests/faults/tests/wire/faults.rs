//! One test per fault: the bytes that come, and how the connection ends.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{End, World, exchange, receive};

const GET: &str = "GET /r/x HTTP/1.1\r\nHost: x\r\n\r\n";

async fn with(fault: &str) -> World {
    World::with(&format!(r#"{{"answers":[{{"body":"0123456789","fault":"{fault}"}}]}}"#)).await
}

#[tokio::test]
async fn a_plain_answer_keeps_its_connection() {
    let world = World::with(r#"{"answers":[{"status":201,"json":{"a":1}}]}"#).await;
    let mut stream = world.connect().await;
    let first = exchange(&mut stream, GET).await;
    assert_eq!((first.status(), first.body(), first.end), (201, r#"{"a":1}"#, End::Whole));
    assert!(first.header("date").is_some_and(|date| date.ends_with("GMT")));
    assert_eq!(exchange(&mut stream, GET).await.body(), "{}");
    assert_eq!(world.log().await["totals"]["connections"], 1);
}

#[tokio::test]
async fn reset_before_does_not_read_the_upload() {
    let world = with("reset-before").await;
    let mut stream = world.connect().await;
    stream.write_all(b"POST /r/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\nbegun").await.unwrap();
    let got = receive(&mut stream).await;
    assert_eq!((got.text.as_str(), got.end), ("", End::Reset));
    assert_eq!(world.log().await["requests"][0]["bytes"], 0);
}

#[tokio::test]
async fn reset_after_reads_the_whole_request() {
    let world = with("reset-after").await;
    let got = world.post("/x", "", &"a".repeat(200_000)).await;
    assert_eq!((got.text.as_str(), got.end), ("", End::Reset));
    let log = world.log().await;
    assert_eq!(log["requests"][0]["bytes"], 200_000);
    assert_eq!(log["requests"][0]["gone"], false);
}

#[tokio::test]
async fn close_ends_without_an_answer() {
    let got = with("close").await.get("/x").await;
    assert_eq!((got.text.as_str(), got.end), ("", End::Closed));
}

#[tokio::test]
async fn close_after_answers_and_closes_without_saying_so() {
    let world = with("close-after").await;
    let mut stream = world.connect().await;
    let got = exchange(&mut stream, GET).await;
    assert_eq!((got.body(), got.header("connection"), got.end), ("0123456789", None, End::Whole));
    assert_eq!(receive(&mut stream).await.end, End::Closed);
}

#[tokio::test]
async fn reset_idle_resets_the_next_request_of_the_connection() {
    let world = with("reset-idle").await;
    let mut stream = world.connect().await;
    assert_eq!(exchange(&mut stream, GET).await.status(), 200);
    assert_eq!(exchange(&mut stream, GET).await.end, End::Reset);
    assert_eq!(world.log().await["totals"]["requests"], 1);
}

#[tokio::test]
async fn truncate_sends_half_of_what_it_declared() {
    let got = with("truncate").await.get("/x").await;
    assert_eq!((got.header("content-length"), got.body(), got.end), (Some("10"), "01234", End::Closed));
}

#[tokio::test]
async fn cut_chunk_closes_inside_a_chunk() {
    let got = with("cut-chunk").await.get("/x").await;
    assert_eq!((got.header("transfer-encoding"), got.body(), got.end), (Some("chunked"), "a\r\n01234", End::Closed));
}

#[tokio::test]
async fn stall_headers_sends_nothing_and_notices_the_client_leave() {
    let world = with("stall-headers").await;
    let got = world.get("/x").await;
    assert_eq!((got.text.as_str(), got.end), ("", End::Silence));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.log().await["requests"][0]["gone"], true);
}

#[tokio::test]
async fn stall_body_sends_half_and_stays() {
    let world = with("stall-body").await;
    let got = world.get("/x").await;
    assert_eq!((got.header("content-length"), got.body(), got.end), (Some("10"), "01234", End::Silence));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.log().await["totals"]["gone"], 1);
}

#[tokio::test]
async fn dribble_sends_pieces_in_time() {
    let world = World::with(r#"{"then":{"body":"0123456789","fault":"dribble","piece":4,"every":60}}"#).await;
    let start = Instant::now();
    let got = world.get("/x").await;
    assert_eq!((got.body(), got.end), ("0123456789", End::Whole));
    assert!(start.elapsed() >= Duration::from_millis(120));
    assert_eq!(world.log().await["totals"]["gone"], 0);
}

#[tokio::test]
async fn endless_never_ends() {
    let world = with("endless").await;
    let mut stream = world.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    let mut read = 0;
    let mut buffer = vec![0; 64 * 1024];
    while read < 3_000_000 {
        read += tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap();
    }
}

#[tokio::test]
async fn garbage_is_no_http() {
    let got = with("garbage").await.get("/x").await;
    assert!(got.text.starts_with("ELECTRIC/9.9"));
    assert_eq!(got.end, End::Closed);
}

#[tokio::test]
async fn huge_and_many_headers() {
    let huge = with("huge-header").await.get("/x").await;
    assert_eq!((huge.header("x-huge").map(str::len), huge.body()), (Some(1 << 20), "0123456789"));
    let many = with("many-headers").await.get("/x").await;
    assert_eq!((many.header("x-many-9999"), many.body()), (Some("9999"), "0123456789"));
}

#[tokio::test]
async fn informational_answers_come_first() {
    let got = with("informational").await.get("/x").await;
    assert_eq!(got.text.matches("HTTP/1.1 103 ").count(), 100);
    assert!(got.text.ends_with("0123456789"));
}

#[tokio::test]
async fn delay_holds_the_answer_back() {
    let start = Instant::now();
    World::with(r#"{"then":{"delay":120}}"#).await.get("/x").await;
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn headers_repeat_and_tell_the_time() {
    let world = World::with(
        r#"{"then":{"status":503,"headers":{"X-Two":["a","b"],"Retry-After":{"date":3000},"Date":{"date":0},"X-Number":7,
            "X-Epoch":{"epoch":60000,"unit":"ms"}}}}"#,
    )
    .await;
    let got = world.get("/x").await;
    assert_eq!(got.text.matches("x-two: ").count(), 2);
    assert_eq!(got.header("x-number"), Some("7"));
    assert_eq!(got.header("x-epoch").map(str::len), Some(13));
    assert!(got.header("retry-after").is_some_and(|date| date.len() == 29));
}

#[tokio::test]
async fn an_empty_answer_has_no_body() {
    let got = World::with(r#"{"then":{"status":204}}"#).await.get("/x").await;
    assert_eq!((got.status(), got.header("content-type"), got.body()), (204, None, ""));
    let head = World::with("{}").await.ask("HEAD /r/x HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((head.status(), head.header("content-length"), head.body()), (200, Some("2"), ""));
}

#[tokio::test]
async fn a_refusing_port_refuses_then_listens() {
    let world = World::new().await;
    let answer = world.control("PUT", "runs/r", r#"{"refuse":200}"#).await;
    let port = answer["base"].as_str().unwrap().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    assert!(TcpStream::connect(&port).await.is_err());
    tokio::time::sleep(Duration::from_millis(250)).await;
    let got = exchange(&mut TcpStream::connect(&port).await.unwrap(), GET).await;
    assert_eq!(got.status(), 200);
    world.control("DELETE", "runs/r", "").await;
    assert!(TcpStream::connect(&port).await.is_err());
}

#[tokio::test]
async fn a_silent_port_neither_takes_nor_refuses() {
    let world = World::new().await;
    let answer = world.control("PUT", "runs/r", r#"{"refuse":"silently"}"#).await;
    let port = answer["base"].as_str().unwrap().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    assert!(tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(&port)).await.is_err());
}
