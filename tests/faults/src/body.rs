//! Bodies that arrive whole, slowly, partly or for ever.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::run::Arrival;

/// What is still to be sent, and how.
#[derive(Debug)]
pub enum Flow {
    Whole(Bytes),
    /// Pieces of so many bytes, one each so often.
    Pieces {
        rest: Bytes,
        piece: usize,
        every: Duration,
    },
    /// These bytes, then nothing.
    Stalls(Bytes),
    /// The same bytes over and over.
    Endless(Bytes),
}

#[derive(Debug)]
pub struct Outgoing {
    flow: Flow,
    /// Ended once the last byte was handed over.
    arrival: Option<Arrival>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub fn new(flow: Flow, arrival: Option<Arrival>) -> Outgoing {
        let mut body = Outgoing { flow, arrival, pause: None };
        if body.is_end_stream() {
            body.ended();
        }
        body
    }

    fn ended(&mut self) {
        if let Some(arrival) = self.arrival.take() {
            arrival.whole();
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let (bytes, pause) = match &mut self.flow {
            Flow::Whole(bytes) => (std::mem::take(bytes), None),
            Flow::Pieces { rest, piece, every } => (rest.split_to((*piece).max(1).min(rest.len())), Some(*every)),
            Flow::Stalls(bytes) if bytes.is_empty() => return Poll::Pending,
            Flow::Stalls(bytes) => (std::mem::take(bytes), None),
            Flow::Endless(bytes) => (bytes.clone(), Some(Duration::from_millis(1))),
        };
        self.pause = pause.map(|pause| Box::pin(sleep_until(Instant::now() + pause)));
        if self.is_end_stream() {
            self.ended();
        }
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.flow {
            Flow::Whole(rest) | Flow::Pieces { rest, .. } => rest.is_empty(),
            Flow::Stalls(_) | Flow::Endless(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.flow {
            Flow::Whole(rest) | Flow::Pieces { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            Flow::Stalls(_) | Flow::Endless(_) => SizeHint::default(),
        }
    }
}
