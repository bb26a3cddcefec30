//! Who stands where, in the order of joining: what "first come, first served" is held against.

use std::collections::{BTreeMap, VecDeque};
use unruffled_core::{Node, Standing};

/// All lines of an engine.
#[derive(Debug, Default)]
pub struct Lines {
    lines: BTreeMap<Standing, VecDeque<u32>>,
    waiting: u64,
}

/// Whether a standing is in a line.
#[must_use]
pub fn in_line(standing: Standing) -> bool {
    matches!(standing.node, Node::Cap | Node::Bucket | Node::Retry | Node::Credential | Node::Offline)
}

impl Lines {
    /// Calls in all of them.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    pub fn join(&mut self, line: Standing, call: u32) {
        self.lines.entry(line).or_default().push_back(call);
        self.waiting += 1;
    }

    pub fn leave(&mut self, line: Standing, call: u32) {
        if let Some(queue) = self.lines.get_mut(&line)
            && let Some(at) = queue.iter().position(|id| *id == call)
        {
            queue.remove(at);
            self.waiting -= 1;
        }
    }

    /// Those in a line, first to last.
    pub fn of(&self, line: Standing) -> impl Iterator<Item = u32> + '_ {
        self.lines.get(&line).into_iter().flatten().copied()
    }

    #[must_use]
    pub fn head(&self, line: Standing) -> Option<u32> {
        self.lines.get(&line).and_then(|queue| queue.front().copied())
    }

    /// Whether somebody else than `call` stands in it.
    #[must_use]
    pub fn has_others(&self, line: Standing, call: u32) -> bool {
        self.lines.get(&line).is_some_and(|queue| queue.iter().any(|id| *id != call))
    }
}
