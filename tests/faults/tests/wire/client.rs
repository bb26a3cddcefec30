//! A client that sees bytes, and the server that it talks to.

use std::io::ErrorKind;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use unruffled_faults::{Options, Server, start};

pub struct World {
    pub server: Arc<Server>,
}

/// What came until the answer was whole, the connection ended or nothing more came for 300 ms.
#[derive(Debug)]
pub struct Got {
    pub text: String,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Whole,
    Closed,
    Reset,
    Silence,
}

impl World {
    pub async fn new() -> World {
        World { server: start(Options::default()).await.unwrap() }
    }

    /// A world in which run `r` has this script.
    pub async fn with(script: &str) -> World {
        let world = World::new().await;
        let answer = world.control("PUT", "runs/r", script).await;
        assert!(answer["base"].is_string(), "{answer}");
        world
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address).await.unwrap()
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Got {
        exchange(&mut self.connect().await, request).await
    }

    pub async fn get(&self, path: &str) -> Got {
        self.ask(&format!("GET /r{path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    pub async fn post(&self, path: &str, headers: &str, body: &str) -> Got {
        let length = body.len();
        self.ask(&format!("POST /r{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")).await
    }

    pub async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        let request = format!("{method} /_faults/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        serde_json::from_str(self.ask(&request).await.body()).unwrap()
    }

    pub async fn log(&self) -> Value {
        self.control("GET", "runs/r", "").await
    }
}

impl Got {
    pub fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }
}

pub async fn exchange(stream: &mut TcpStream, request: &str) -> Got {
    if stream.write_all(request.as_bytes()).await.is_err() {
        return Got { text: String::new(), end: End::Reset };
    }
    receive(stream).await
}

pub async fn receive(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let end = loop {
        if whole(&bytes) {
            break End::Whole;
        }
        match tokio::time::timeout(std::time::Duration::from_millis(300), stream.read(&mut buffer)).await {
            Err(_) => break End::Silence,
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(read)) => bytes.extend_from_slice(&buffer[..read]),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => break End::Reset,
            Ok(Err(error)) => panic!("{error}"),
        }
    };
    Got { text: String::from_utf8_lossy(&bytes).into_owned(), end }
}

/// By Content-Length; interim answers do not count.
fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        if head.starts_with("HTTP/1.1 1") {
            rest = after;
            continue;
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let none = head.starts_with("http/1.1 204");
        return length.map_or(none, |length: usize| after.len() >= length);
    }
    false
}
