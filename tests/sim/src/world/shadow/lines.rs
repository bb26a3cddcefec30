//! Who stands where, in the order in which they go: what "first come, first served" and its two exceptions are held
//! against.

use std::collections::{BTreeMap, VecDeque};
use unruffled_core::{Node, Standing};

/// A queue stands when its first call waits for longer than this.
const STANDS: u64 = 1_000;

/// One line.
#[derive(Debug, Default)]
struct Line {
    /// Calls, and when each joined.
    queue: VecDeque<(u32, u64)>,
    /// The latest that joined while the queue stood.
    newest: Option<u32>,
    /// The latest turn was its.
    newest_had_turn: bool,
}

/// All lines of an engine.
#[derive(Debug, Default)]
pub struct Lines {
    lines: BTreeMap<Standing, Line>,
    waiting: u64,
}

/// Where a call joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    Tail,
    /// A first attempt, before the retries.
    Front,
    /// The newest of a queue that stands: its turn is the next, or the one after; another may have been the newest before.
    Newest {
        next: bool,
        displaced: bool,
    },
}

/// Whether a standing is in a line.
#[must_use]
pub fn in_line(standing: Standing) -> bool {
    matches!(standing.node, Node::Cap | Node::Bucket | Node::Retry | Node::Credential | Node::Offline)
}

impl Line {
    /// The first call, not counting the newest, waits for too long.
    fn stands(&self, now: u64) -> bool {
        let first = self.queue.iter().find(|(id, _)| Some(*id) != self.newest);
        first.is_some_and(|(_, since)| now - since > STANDS)
    }

    fn join_as_newest(&mut self, call: u32, now: u64) -> Joined {
        let before = self.newest.replace(call);
        if let Some(at) = self.queue.iter().position(|(id, _)| Some(*id) == before)
            && let Some(displaced) = self.queue.remove(at)
        {
            self.queue.push_back(displaced);
        }
        let next = !self.newest_had_turn;
        self.queue.insert(if next { 0 } else { 1 }, (call, now));
        Joined::Newest { next, displaced: before.is_some() }
    }
}

impl Lines {
    /// Calls in all of them.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// `first`: it was never sent.
    pub fn join(&mut self, line: Standing, call: u32, first: bool, now: u64) -> Joined {
        self.waiting += 1;
        let queue = self.lines.entry(line).or_default();
        match line.node {
            Node::Retry if first => {
                queue.queue.push_front((call, now));
                Joined::Front
            }
            Node::Cap | Node::Bucket if queue.stands(now) => queue.join_as_newest(call, now),
            _ => {
                queue.queue.push_back((call, now));
                Joined::Tail
            }
        }
    }

    pub fn leave(&mut self, line: Standing, call: u32) {
        if let Some(Line { queue, newest, newest_had_turn }) = self.lines.get_mut(&line)
            && let Some(at) = queue.iter().position(|(id, _)| *id == call)
        {
            let was_newest = *newest == Some(call);
            if at == 0 {
                *newest_had_turn = was_newest;
            }
            if was_newest {
                *newest = None;
            }
            queue.remove(at);
            self.waiting -= 1;
        }
    }

    /// Those in a line, first to last.
    pub fn of(&self, line: Standing) -> impl Iterator<Item = u32> + '_ {
        self.lines.get(&line).into_iter().flat_map(|line| &line.queue).map(|(id, _)| *id)
    }

    /// The heads of all lines of a kind.
    pub fn heads(&self, node: Node) -> impl Iterator<Item = (Standing, u32)> + '_ {
        let all = Standing { node, upstream: 0, place: 0 }..=Standing { node, upstream: u32::MAX, place: u16::MAX };
        self.lines.range(all).filter_map(|(line, it)| Some((*line, it.queue.front()?.0)))
    }

    /// Calls in all retry queues of an upstream.
    #[must_use]
    pub fn all_retries(&self, upstream: u32) -> u64 {
        let all = Standing { node: Node::Retry, upstream, place: 0 }..=Standing {
            node: Node::Retry,
            upstream,
            place: u16::MAX,
        };
        self.lines.range(all).map(|(_, line)| line.queue.len() as u64).sum()
    }

    #[must_use]
    pub fn head(&self, line: Standing) -> Option<u32> {
        self.of(line).next()
    }

    /// Whether somebody else than `call` stands in it.
    #[must_use]
    pub fn has_others(&self, line: Standing, call: u32) -> bool {
        self.of(line).any(|id| id != call)
    }
}
