//! A node at work: which answer a request gets, and the state that this leaves behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::bucket::Bucket;
use crate::pool::{Entered, Pool};
use crate::script::{Answer, NodeScript, Per};

#[derive(Debug)]
pub struct Node {
    paths: Vec<(Pattern, Node)>,
    phases: Vec<(Option<u64>, Node)>,
    phases_since: Option<Instant>,
    tokens: Vec<String>,
    bucket: Option<Bucket>,
    pool: Option<Pool>,
    answers: Vec<Arc<Answer>>,
    then: Arc<Answer>,
    cycle: bool,
    per: Option<Per>,
    /// Requests answered so far, by sequence.
    taken: HashMap<String, u64>,
}

/// What the choice looks at.
#[derive(Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Without the run's name.
    pub path: &'a str,
    /// The value of `Authorization`, or "".
    pub authorization: &'a str,
    /// The write's operation, or "".
    pub operation: &'a str,
}

#[derive(Debug)]
pub struct Choice {
    pub answer: Arc<Answer>,
    /// Headers of a gate, beside the answer's own.
    pub headers: Vec<(String, String)>,
    /// What a gate takes before the answer's own delay.
    pub wait: Duration,
    /// Index in the outermost list of phases on the way.
    pub phase: Option<usize>,
    /// Who answered, if not the sequence: `tokens`, `bucket`, `pool`.
    pub gate: Option<&'static str>,
    /// Whether the answer carries `Date`.
    pub dated: bool,
}

impl Choice {
    /// Makes the choice of an answer without anything beside it.
    fn of(answer: impl Into<Arc<Answer>>) -> Choice {
        let answer = answer.into();
        Choice { answer, headers: Vec::new(), wait: Duration::ZERO, phase: None, gate: None, dated: true }
    }
}

impl Node {
    pub fn new(script: NodeScript, now: Instant) -> Node {
        Node {
            paths: script.paths.into_iter().map(|(text, node)| (Pattern::of(&text), Node::new(node, now))).collect(),
            phases: script.phases.into_iter().map(|phase| (phase.lasts, Node::new(phase.node, now))).collect(),
            phases_since: None,
            tokens: script.tokens,
            bucket: script.bucket.map(|bucket| Bucket::new(bucket, now, SystemTime::now())),
            pool: script.pool.map(|pool| Pool::new(pool, now)),
            answers: script.answers.into_iter().map(Arc::new).collect(),
            then: Arc::new(script.then.unwrap_or_else(|| Answer::of(200))),
            cycle: script.cycle,
            per: script.per,
            taken: HashMap::new(),
        }
    }

    /// Takes the next answer for this request.
    pub fn choose(&mut self, asked: &Asked<'_>, now: Instant) -> Choice {
        let best = self.paths.iter_mut().filter(|(pattern, _)| pattern.fits(asked)).max_by_key(|(p, _)| p.weight());
        if let Some((_, node)) = best {
            return node.choose(asked, now);
        }
        if !self.phases.is_empty() {
            let index = self.phase(now);
            let mut choice = self.phases[index].1.choose(asked, now);
            choice.phase = Some(index);
            return choice;
        }
        if !self.tokens.is_empty() && !self.knows(asked.authorization) {
            let mut answer = Answer::of(401);
            answer.json = Some(json!({"error": {"type": "auth", "message": "not this token"}, "code": "401"}));
            let challenge = ("WWW-Authenticate".into(), "Bearer".into());
            return Choice { headers: vec![challenge], gate: Some("tokens"), ..Choice::of(answer) };
        }
        let Some(bucket) = &mut self.bucket else { return self.served(asked, now) };
        let drawn = bucket.draw(now);
        let choice = match drawn.refused {
            Some(status) => Choice { gate: Some("bucket"), ..Choice::of(Answer::of(status)) },
            None => self.served(asked, now),
        };
        let choice = Choice { headers: drawn.headers, wait: choice.wait + drawn.wait, dated: drawn.dated, ..choice };
        if let (Some(bucket), None) = (&mut self.bucket, drawn.refused) {
            bucket.works_until(now + choice.wait + Duration::from_millis(choice.answer.delay));
        }
        choice
    }

    /// Takes what the pool and the sequence of answers give.
    fn served(&mut self, asked: &Asked<'_>, now: Instant) -> Choice {
        let mut wait = Duration::ZERO;
        match self.pool.as_mut().map(|pool| pool.enter(now)) {
            None => {}
            Some(Entered::Served(time)) => wait = time,
            Some(Entered::Rejected(time)) => {
                return Choice { wait: time, gate: Some("pool"), ..Choice::of(Answer::of(503)) };
            }
        }
        Choice { wait, ..Choice::of(self.next(asked)) }
    }

    fn phase(&mut self, now: Instant) -> usize {
        let since = *self.phases_since.get_or_insert(now);
        let mut left = now.saturating_duration_since(since);
        let last = self.phases.len() - 1;
        for (index, (lasts, _)) in self.phases.iter().enumerate() {
            match lasts.map(Duration::from_millis) {
                Some(lasts) if left >= lasts && index < last => left -= lasts,
                _ => return index,
            }
        }
        last
    }

    fn knows(&self, authorization: &str) -> bool {
        let token = authorization.strip_prefix("Bearer ").unwrap_or("");
        self.tokens.iter().any(|known| known == token)
    }

    fn next(&mut self, asked: &Asked<'_>) -> Arc<Answer> {
        let sequence = match self.per {
            None => "",
            Some(Per::Path) => asked.path,
            Some(Per::Op) => asked.operation,
        };
        let taken = self.taken.entry(sequence.to_owned()).or_insert(0);
        let mut number = *taken;
        *taken += 1;
        let length: u64 = self.answers.iter().map(|answer| answer.times).sum();
        if self.cycle && length > 0 {
            number %= length;
        }
        for answer in &self.answers {
            if number < answer.times {
                return answer.clone();
            }
            number -= answer.times;
        }
        self.then.clone()
    }
}

/// `[METHOD ]/path` or `[METHOD ]/path*`.
#[derive(Debug)]
struct Pattern {
    method: Option<String>,
    path: String,
    open: bool,
}

impl Pattern {
    fn of(text: &str) -> Pattern {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method.to_owned()), path),
            None => (None, text),
        };
        let (path, open) = match path.strip_suffix('*') {
            Some(path) => (path, true),
            None => (path, false),
        };
        Pattern { method, path: path.to_owned(), open }
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let method = self.method.as_deref().is_none_or(|method| method == asked.method);
        method && if self.open { asked.path.starts_with(&self.path) } else { asked.path == self.path }
    }

    /// Longest first, then a method before any, then a whole path before an open one.
    fn weight(&self) -> (usize, bool, bool) {
        (self.path.len(), self.method.is_some(), !self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        Node::new(serde_json::from_str(text).unwrap(), Instant::now())
    }

    fn asked(path: &str) -> Asked<'_> {
        Asked { method: "GET", path, authorization: "", operation: "" }
    }

    fn statuses(node: &mut Node, paths: &[&str]) -> Vec<u16> {
        let now = Instant::now();
        paths.iter().map(|path| node.choose(&asked(path), now).answer.status).collect()
    }

    #[test]
    fn answers_are_taken_one_by_one_then_the_last_stays() {
        let mut node = node(r#"{"answers":[{"status":503,"times":2},{"status":404}],"then":{"status":204}}"#);
        assert_eq!(statuses(&mut node, &["/", "/", "/", "/", "/"]), [503, 503, 404, 204, 204]);
    }

    #[test]
    fn a_cycle_starts_again() {
        let mut node = node(r#"{"answers":[{"status":503},{"status":200,"times":2}],"cycle":true}"#);
        assert_eq!(statuses(&mut node, &["/", "/", "/", "/"]), [503, 200, 200, 503]);
    }

    #[test]
    fn each_path_has_a_sequence_of_its_own() {
        let mut node = node(r#"{"answers":[{"status":503}],"per":"path"}"#);
        assert_eq!(statuses(&mut node, &["/a", "/b", "/a", "/b"]), [503, 503, 200, 200]);
    }

    #[test]
    fn the_longest_pattern_wins_and_a_method_before_none() {
        let mut node = node(
            r#"{"paths":{"/a*":{"then":{"status":201}},"/a/b":{"then":{"status":202}},"GET /a/b":{"then":{"status":203}}}}"#,
        );
        assert_eq!(statuses(&mut node, &["/a/c", "/a/b", "/x"]), [201, 203, 200]);
    }

    #[test]
    fn phases_go_by_time_since_their_first_request() {
        let mut node = node(r#"{"phases":[{"for":100},{"for":50,"then":{"status":503}},{}]}"#);
        let start = Instant::now();
        let mut at = |ms| {
            let choice = node.choose(&asked("/"), start + Duration::from_millis(ms));
            (choice.answer.status, choice.phase)
        };
        assert_eq!([at(0), at(99)], [(200, Some(0)); 2]);
        assert_eq!([at(100), at(149)], [(503, Some(1)); 2]);
        assert_eq!([at(150), at(9999)], [(200, Some(2)); 2]);
    }

    #[test]
    fn an_unknown_token_is_refused_and_takes_no_answer() {
        let mut node = node(r#"{"tokens":["t2"],"answers":[{"status":201}]}"#);
        let now = Instant::now();
        let mut with = |authorization| {
            let asked = Asked { method: "GET", path: "/", authorization, operation: "" };
            node.choose(&asked, now).answer.status
        };
        assert_eq!([with(""), with("Bearer t1"), with("Bearer t2")], [401, 401, 201]);
    }
}
