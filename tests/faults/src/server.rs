//! The listening side: connections come in, requests go to the control plane, the page's files or a run.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::body::Outgoing;
use crate::connection::{Connection, Socket};
use crate::run::Run;
use crate::script::{Refuse, Script};
use crate::{control, play, statics};

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder of scenario files.
    pub scenarios: Option<PathBuf>,
    /// Folder served under `/_static/`.
    pub statics: Option<PathBuf>,
}

/// The connection is to end without (more of) an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped as the script wants it")]
pub struct Dropped;

/// The server: runs by name, and what the page reported.
#[derive(Debug)]
pub struct Server {
    pub options: Options,
    pub address: SocketAddr,
    pub report: Mutex<Option<Bytes>>,
    runs: Mutex<HashMap<String, Arc<Run>>>,
}

/// Listens on a free loopback port and serves until the runtime ends.
pub async fn start(options: Options) -> std::io::Result<Arc<Server>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let server = Arc::new(Server { options, address, report: Mutex::new(None), runs: Mutex::new(HashMap::new()) });
    tokio::spawn(accept(server.clone(), listener));
    Ok(server)
}

impl Server {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run of that name, if it was begun.
    pub fn run(&self, name: &str) -> Option<Arc<Run>> {
        self.runs().get(name).cloned()
    }

    /// Starts a run, anew if there is one of that name. Returns its base URL.
    pub async fn begin(self: &Arc<Self>, name: &str, script: Script) -> std::io::Result<String> {
        self.end(name);
        let refuse = script.refuse;
        let run = Arc::new(Run::new(script));
        self.runs().insert(name.to_owned(), run.clone());
        let address = match refuse {
            None | Some(Refuse::Always(false)) => self.address,
            Some(refuse) => own_port(self.clone(), &run, refuse).await?,
        };
        Ok(format!("http://{address}/{name}"))
    }

    /// Forgets a run and closes its connections; false if there is none.
    pub fn end(&self, name: &str) -> bool {
        let run = self.runs().remove(name);
        if let Some(run) = &run {
            run.close();
        }
        run.is_some()
    }
}

/// A port that does not take connections, or not yet.
async fn own_port(server: Arc<Server>, run: &Run, refuse: Refuse) -> std::io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?;
    let task = match refuse {
        // Bound but not listening: the kernel refuses, and nobody else can take the port.
        Refuse::Always(_) => tokio::spawn(async move {
            let _held = socket;
            std::future::pending::<()>().await;
        }),
        Refuse::For(millis) => tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            if let Ok(listener) = socket.listen(1024) {
                accept(server, listener).await;
            }
        }),
        Refuse::Silently(_) => {
            // A full queue of connections that nobody accepts: the kernel drops every further attempt.
            let listener = socket.listen(0)?;
            let mut fillers = Vec::new();
            for _ in 0..3 {
                let filler = tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await;
                fillers.extend(filler.ok().and_then(Result::ok));
            }
            tokio::spawn(async move {
                let _held = (listener, fillers);
                std::future::pending::<()>().await;
            })
        }
    };
    *run.port.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    Ok(address)
}

async fn accept(server: Arc<Server>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(server.clone(), stream),
            // Out of descriptors or the like: others will end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Not async: a connection may start a run, whose port accepts connections, and that circle has no type.
fn serve(server: Arc<Server>, stream: TcpStream) {
    tokio::spawn(connection(server, stream));
}

async fn connection(server: Arc<Server>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(stream);
    let service = service_fn(|request| answer(server.clone(), connection.clone(), request));
    let mut http = http1::Builder::new();
    http.auto_date_header(false);
    let mut http = pin!(http.serve_connection(Socket(connection.clone()), service));
    loop {
        tokio::select! {
            // An error is a client that left or a fault that was wanted.
            _ = http.as_mut() => return,
            () = connection.close.notified() => http.as_mut().graceful_shutdown(),
        }
    }
}

async fn answer(
    server: Arc<Server>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Dropped> {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/_faults/") {
        return control::answer(&server, rest, request).await;
    }
    if let Some(file) = path.strip_prefix("/_static/") {
        return Ok(statics::answer(server.options.statics.as_deref(), file));
    }
    play::answer(&server, connection, request).await
}

/// Reads a body to its end, keeping the first `keep` bytes. Returns them and the whole length.
pub async fn read(mut body: Incoming, keep: usize) -> Result<(Vec<u8>, u64), Dropped> {
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Dropped)?;
        if let Some(data) = frame.data_ref() {
            length += data.len() as u64;
            let room = keep - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok((kept, length))
}
