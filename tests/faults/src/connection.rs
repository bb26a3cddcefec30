//! One connection: a socket that hyper reads and writes, and that a fault may take out of its hands.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::net::TcpStream;
use tokio::sync::Notify;

static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub struct Connection {
    pub id: u64,
    pub stream: TcpStream,
    /// The next request is to be reset unread (`reset-idle`).
    pub doomed: AtomicBool,
    /// The run is over: close when idle.
    pub close: Notify,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Arc<Connection> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Connection { id, stream, doomed: AtomicBool::new(false), close: Notify::new() })
    }

    /// From now on the end of this socket is a RST, not a FIN.
    pub fn reset(&self) {
        // An error means that the peer has reset it already.
        let _ = self.stream.set_zero_linger();
    }

    /// Writes past hyper. Only for a connection whose last answer this is, or before hyper has begun its own.
    pub async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The socket as hyper sees it.
#[derive(Debug)]
pub struct Socket(pub Arc<Connection>);

impl Read for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut buffer = [0; 16 * 1024];
        let wanted = buffer.len().min(into.remaining());
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read(&mut buffer[..wanted]) {
                Ok(read) => {
                    into.put_slice(&buffer[..read]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match self.0.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the socket ends it; a half-closed one would let a client go on writing into nothing.
        Poll::Ready(Ok(()))
    }
}
