//! The fault server, started for the demo or a quick start, and the few requests that control it (protocol:
//! tests/README.md).

use crate::tool::places::target;
use crate::tool::run::Run;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Builds the fault server.
///
/// # Errors
/// What the compiler said.
pub fn build() -> Result<String, String> {
    Run::cargo().args(["build", "--quiet", "--profile", "tools", "-p", "unruffled-faults"]).output()
}

/// Returns its path once it is built. Test runners, soak and bench programs get it as env `UNRUFFLED_FAULTS`.
pub fn program() -> PathBuf {
    target("tools").join(format!("unruffled-faults{}", std::env::consts::EXE_SUFFIX))
}

/// A running fault server. It ends when this value is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    host: String,
}

impl Server {
    /// Builds and starts it.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start() -> Result<Self, String> {
        build()?;
        let run = Run::new(program());
        let mut command = run.command();
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("cannot start the fault server: {error}"))?;
        let mut line = String::new();
        if let Some(pipe) = child.stdout.take() {
            BufReader::new(pipe).read_line(&mut line).map_err(|error| format!("the fault server: {error}"))?;
        }
        let hello: Value = serde_json::from_str(&line).map_err(|_| format!("the fault server said {line:?}"))?;
        let address = hello["address"].as_str().unwrap_or_default();
        let host = address.strip_prefix("http://").ok_or_else(|| format!("the fault server said {line:?}"))?;
        Ok(Self { child, host: host.to_owned() })
    }

    /// Begins a run of its own under `/NAME` and returns its base URL.
    ///
    /// # Errors
    /// Why the server refused.
    pub fn begin(&self, name: &str, script: &Value) -> Result<String, String> {
        let answer = self.request("PUT", &format!("/_faults/runs/{name}"), &script.to_string())?;
        Ok(answer["base"].as_str().unwrap_or_default().to_owned())
    }

    /// Returns what a run recorded.
    ///
    /// # Errors
    /// As `begin`.
    pub fn log(&self, name: &str) -> Result<Value, String> {
        self.request("GET", &format!("/_faults/runs/{name}"), "")
    }

    /// Sends one request over a connection of its own. It is HTTP/1.0, so that the answer is neither chunked nor kept alive.
    fn request(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let problem = |error: std::io::Error| format!("the fault server, {method} {path}: {error}");
        let mut stream = TcpStream::connect(&self.host).map_err(problem)?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(problem)?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).map_err(problem)?;
        stream.write_all(body.as_bytes()).map_err(problem)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(problem)?;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(format!("the fault server, {method} {path}: {status} {text}"));
        }
        serde_json::from_str(text).map_err(|error| format!("the fault server, {method} {path}: {error}: {text:.200}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
