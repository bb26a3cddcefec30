//! Running other programs: their output is kept, and shown only when they fail.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The time after which a command is ended, unless it has a limit of its own.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// One program to run, with its arguments, folder and environment.
#[derive(Debug, Clone)]
pub struct Run {
    program: OsString,
    args: Vec<OsString>,
    folder: PathBuf,
    env: Vec<(OsString, OsString)>,
    limit: Duration,
}

impl Run {
    /// Makes a run of a program, by name or path, in the workspace's root. What cargo builds goes to `target`, where every
    /// part looks for it.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            folder: crate::tool::places::root(),
            env: vec![("CARGO_TARGET_DIR".into(), crate::tool::places::target("").into())],
            limit: LIMIT,
        }
    }

    /// Makes a run of the cargo that runs this program.
    pub fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = folder.as_ref().to_owned();
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Sets its time limit.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the command as a person would type it.
    pub fn text(&self) -> String {
        let mut text = self.program.to_string_lossy().into_owned();
        for arg in &self.args {
            text.push(' ');
            text.push_str(&arg.to_string_lossy());
        }
        text
    }

    /// Makes the command; the caller chooses its pipes.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder);
        // Cargo describes this program in its environment; a cargo started from here must not take it for its own.
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        // What is kept is shown in other places than a terminal, and read by counts.
        command.env("NO_COLOR", "1").env("FORCE_COLOR", "0").env("CARGO_TERM_COLOR", "never");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end and returns what it printed, both streams in order of arrival.
    ///
    /// # Errors
    /// The command, how it ended and its whole output, if it cannot start, fails or takes longer than 15 minutes
    /// (or what `within` says).
    pub fn output(&self) -> Result<String, String> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("cannot start `{}`: {error}", self.text()))?;
        let kept = Arc::new(Mutex::new(String::new()));
        let readers = [
            child.stdout.take().map(|pipe| keep_lines(pipe, Arc::clone(&kept))),
            child.stderr.take().map(|pipe| keep_lines(pipe, Arc::clone(&kept))),
        ];
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() > self.limit => {
                    end_group(child.id());
                    let _ = child.kill();
                    let _ = child.wait();
                    let text = kept.lock().map_or_else(|kept| kept.into_inner().clone(), |kept| kept.clone());
                    return Err(format!("`{}` did not end within {} s\n{text}", self.text(), self.limit.as_secs()));
                }
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(format!("`{}`: {error}", self.text())),
            }
        };
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
        let text = kept.lock().map_or_else(|kept| kept.into_inner().clone(), |kept| kept.clone());
        if status.success() { Ok(text) } else { Err(format!("`{}` ended with {status}\n{text}", self.text())) }
    }

    /// Runs to the end as `output` does, for callers that only need success.
    ///
    /// # Errors
    /// As `output`.
    pub fn quietly(&self) -> Result<(), String> {
        self.output().map(drop)
    }
}

/// Copies a pipe line by line, so that two pipes mix by whole lines.
fn keep_lines(pipe: impl Read + Send + 'static, kept: Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(count) if count > 0) {
            if let Ok(mut kept) = kept.lock() {
                kept.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
    })
}

/// Gives the command a process group, so that its children can be ended with it.
fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

fn end_group(leader: u32) {
    if cfg!(unix) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).status();
    }
}
