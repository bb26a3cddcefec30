//! The programs that live through the day: how each language's is built and started, and what it says meanwhile.

use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, venv_program};
use crate::tool::run::Run;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A language of the demo, before it is known whether it can run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Node,
    Python,
    Jvm,
    /// The retry loop for contrast, in Node.
    Naive,
    /// What people use in Node, for comparison.
    Ky,
    Axios,
    Cockatiel,
}

impl Language {
    /// The three clients of the library.
    pub const OURS: [Self; 3] = [Self::Node, Self::Python, Self::Jvm];

    /// The day's own cast: our clients and the naive loop.
    pub const DAY: [Self; 4] = [Self::Node, Self::Python, Self::Jvm, Self::Naive];

    /// Node alone, with what else there is for it.
    pub const PEERS: [Self; 5] = [Self::Node, Self::Naive, Self::Ky, Self::Axios, Self::Cockatiel];

    /// Tells our clients from the others.
    pub fn is_ours(self) -> bool {
        Self::OURS.contains(&self)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Python => "Python",
            Self::Jvm => "JVM",
            Self::Naive => "naive loop",
            Self::Ky => "ky",
            Self::Axios => "axios-retry",
            Self::Cockatiel => "cockatiel",
        }
    }

    /// Its part of a URL.
    pub fn run(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Jvm => "jvm",
            Self::Naive => "naive",
            Self::Ky => "ky",
            Self::Axios => "axios",
            Self::Cockatiel => "cockatiel",
        }
    }

    /// Builds what it needs; the program to start, or the reason why it is not here.
    ///
    /// # Errors
    /// The reason.
    pub fn prepare(self) -> Result<Run, String> {
        match self {
            Self::Node => package("js", "bindings-js/examples/demo.mjs").map(|path| Run::new("node").args([path])),
            Self::Python => package("python", "bindings-python/examples/demo.py")
                .map(|path| Run::new(venv_program("python")).args([path])),
            Self::Jvm => package("kotlin", "bindings-kotlin/examples/pom.xml")
                .and_then(|_| build::jvm("examples", "dev.unruffled.examples.DemoKt")),
            Self::Naive => needs::node().map(|()| Run::new("node").args([at("examples/naive.mjs")])),
            Self::Ky | Self::Axios | Self::Cockatiel => {
                build::npm_install("examples/peers")?;
                Ok(Run::new("node").args([at("examples/peers/peer.mjs")]).args(["--kind", self.run()]))
            }
        }
    }
}

/// Builds a package and returns the path of its demo program.
fn package(name: &str, program: &str) -> Result<std::path::PathBuf, String> {
    let path = at(program);
    if !path.is_file() {
        return Err(format!("{program} is not there"));
    }
    build::package(name)?;
    Ok(path)
}

/// What a demo program has said so far.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Its latest progress line.
    pub progress: Value,
    /// Its last line.
    pub done: Option<Value>,
    /// What it printed that is no JSON, and its error stream: shown if it fails.
    pub other: String,
}

/// A demo program that runs; it ends with this value.
#[derive(Debug)]
pub struct Client {
    pub language: Language,
    child: Child,
    said: Arc<Mutex<Said>>,
}

impl Client {
    /// Starts a prepared program with the arguments that all of them take.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start(language: Language, run: Run) -> Result<Self, String> {
        let mut command = run.command();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{}: {error}", run.text()))?;
        let said = Arc::new(Mutex::new(Said { progress: Value::Null, ..Said::default() }));
        if let Some(pipe) = child.stdout.take() {
            listen(pipe, Arc::clone(&said));
        }
        if let Some(pipe) = child.stderr.take() {
            listen(pipe, Arc::clone(&said));
        }
        Ok(Self { language, child, said })
    }

    /// A copy of what it has said so far.
    pub fn said(&self) -> Said {
        self.said.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |said| said.clone())
    }

    /// True once the program has ended, well or not.
    pub fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sorts the lines of a pipe until it ends.
fn listen(pipe: impl Read + Send + 'static, said: Arc<Mutex<Said>>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let Ok(mut said) = said.lock() else { return };
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value["done"] == true => said.done = Some(value),
                Ok(value) if value.is_object() => said.progress = value,
                _ => {
                    said.other.push_str(&line);
                    said.other.push('\n');
                }
            }
        }
    });
}
