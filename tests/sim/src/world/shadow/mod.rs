//! The oracle: follows every input and answer of one engine and says when an answer breaks a sentence of the manual
//! (`core/manual/waits-and-refusals.md`) or of `core/manual/semantics.md`.
//! It is told apart from the core on purpose: lists instead of rings, recounting instead of counting.

mod admitted;
mod between;
pub mod breaker;
mod budget;
pub mod call;
mod fetches;
mod floors;
mod gates;
mod heard;
mod holder;
mod landed;
pub mod lane;
pub mod lines;
mod upstream;

use super::input::{CREDENTIALS, Input, ORIGINS};
use super::marks::{Mark, Marks};
use super::rules::Rules;
use call::Call;
use holder::Holder;
use lines::{Joined, Lines};
use std::collections::BTreeMap;
use std::rc::Rc;
use unruffled_core::{Answer, Engine, Flags, Misuse, Node, Outcome, Reason, Standing, Step};
use upstream::Upstream;

/// Ends the check with a sentence.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => { if !$holds { return Err(format!($($text)+)); } };
}
pub(crate) use ensure;

/// The oracle of one engine.
#[derive(Debug)]
pub struct Shadow {
    rules: Rc<Rules>,
    pub now: u64,
    pub closed: bool,
    pub calls: BTreeMap<u32, Call>,
    upstreams: Vec<Upstream>,
    holders: Vec<Holder>,
    scopes: Vec<(usize, usize)>,
    pub lines: Lines,
    sequence: u64,
    /// WAKES was raised, and the wakes were not pulled to their end since.
    unpulled: bool,
    /// Other inputs came before all wakes were pulled.
    tardy: bool,
    peak: usize,
    /// Attempts of a call whose record was asked for.
    recorded: Option<u64>,
    /// Events that must have been produced since the last pull.
    attempts_ended: u64,
    calls_ended: u64,
    pub marks: Marks,
}

/// What the oracle may ask of the core: the drawn numbers and where calls stand.
type Core<'a> = &'a Engine;

impl Shadow {
    #[must_use]
    pub fn new(rules: Rc<Rules>) -> Self {
        let home = Upstream::new(&rules, 0, true);
        let jitter = rules.routes[0].jitter;
        Self {
            rules,
            now: 0,
            closed: false,
            calls: BTreeMap::new(),
            upstreams: vec![home],
            holders: vec![Holder::named(0, jitter)],
            scopes: vec![(0, 0)],
            lines: Lines::default(),
            sequence: 0,
            unpulled: false,
            tardy: false,
            peak: 0,
            recorded: None,
            attempts_ended: 0,
            calls_ended: 0,
            marks: Marks::default(),
        }
    }

    /// Follows one input that answers a word.
    ///
    /// # Errors
    /// The sentence that was broken.
    pub fn word(&mut self, core: Core<'_>, input: &Input, answer: Answer) -> Result<(), String> {
        ensure!(Answer::from_word(answer.word()) == Some(answer), "the word does not come back");
        if let Some(misuse) = self.foresees_misuse(input) {
            self.marks.hit(Mark::Misused);
            ensure!(answer.step() == Step::Misuse(misuse), "expected misuse {misuse:?}");
            return Ok(());
        }
        ensure!(!matches!(answer.step(), Step::Misuse(_)), "a misuse of nothing");
        if let Some(now) = input.now() {
            if now < self.now {
                self.marks.hit(Mark::ClockBack);
            }
            self.now = self.now.max(now);
        }
        self.tardy |= self.unpulled && *input != Input::Wake;
        match *input {
            Input::Begin { .. } => self.begun(input, core, answer)?,
            Input::Respond { call, status, headers, .. } => {
                self.answered(call, status as u16, headers, core, answer)?
            }
            Input::Fault { call, fault, .. } => self.broken(call, fault, core, answer)?,
            Input::Resume { call, .. } => self.resumed(call, core, answer)?,
            Input::Abandon { call, .. } => self.abandoned(call, core, answer)?,
            Input::Token { generation, expires_in, .. } => self.token(generation, expires_in, answer)?,
            Input::TokenFailed { generation, fault, retry_after, .. } => {
                self.token_failed(generation, fault, retry_after, answer)?;
            }
            Input::Renew { scope, .. } => self.renewed(scope, answer)?,
            Input::Reset { scope, .. } => self.reset(scope, answer)?,
            Input::Online { .. } => {
                let open = self.upstreams.iter().any(Upstream::open);
                if open && self.lines.of(Standing { node: Node::Offline, upstream: 0, place: 0 }).next().is_some() {
                    self.marks.hit(Mark::OnlineWhileOpen);
                }
                ensure!(answer.step() == Step::Done { arg: 0 }, "online answers Done");
            }
            Input::Close { .. } => self.close(answer)?,
            Input::Wake => self.woke(answer)?,
            Input::Report { .. } | Input::Scope { .. } | Input::Events | Input::Snapshot { .. } => {}
        }
        self.unpulled = answer.flags().has(Flags::WAKES);
        self.told(input, answer)?;
        self.floors()?;
        self.bounds(core)
    }

    /// When a waiting call was told to ask again: before it holds a slot of its host too long.
    fn told(&mut self, input: &Input, answer: Answer) -> Result<(), String> {
        if let (Some(id), Step::Wait { delay: ms } | Step::Park { at_most: ms }) = (input.call(), answer.step())
            && let Some(call) = self.calls.get_mut(&id)
        {
            call.told = self.now + ms;
            call.parked = matches!(answer.step(), Step::Park { .. });
            call.capped = call.parked && self.upstreams[call.upstream].in_flight >= self.rules.concurrency;
            ensure!(ms <= call.rest(self.now), "holds a slot of the host {ms} ms, {} are left", call.rest(self.now));
        }
        Ok(())
    }

    /// What holds after every input.
    fn bounds(&mut self, core: Core<'_>) -> Result<(), String> {
        self.peak = self.peak.max(self.calls.len());
        ensure!(core.held() == self.calls.len(), "{} calls held, {} known", core.held(), self.calls.len());
        ensure!(core.places() <= self.peak + 1, "{} slots for a peak of {} calls", core.places(), self.peak);
        ensure!(self.lines.waiting() <= self.rules.max_waiting, "{} calls wait", self.lines.waiting());
        for upstream in &self.upstreams {
            ensure!(upstream.in_flight <= self.rules.concurrency, "{} attempts in flight", upstream.in_flight);
        }
        Ok(())
    }

    /// What a host's mistake is answered with.
    fn foresees_misuse(&self, input: &Input) -> Option<Misuse> {
        let live = |call: u32| self.calls.get(&call);
        let fits = |call: u32, fits: fn(&Call) -> bool| match live(call) {
            None => Some(Misuse::Unknown),
            Some(call) if !fits(call) => Some(Misuse::State),
            Some(_) => None,
        };
        match *input {
            Input::Begin { what, .. } if (9..15).contains(&(what & 15)) => Some(Misuse::Range),
            Input::Begin { scope, .. } if scope as usize >= self.scopes.len() => Some(Misuse::Unknown),
            Input::Begin { route, .. } if usize::from(route as u16) >= self.rules.routes.len() => Some(Misuse::Unknown),
            Input::Begin { call, .. } => live(call).map(|_| Misuse::Live),
            Input::Respond { status, .. } if status > 999 => Some(Misuse::Range),
            Input::Fault { fault, .. } if !is_known_fault(fault) => Some(Misuse::Range),
            Input::Respond { call, .. } | Input::Fault { call, .. } => fits(call, Call::in_flight),
            Input::Resume { call, .. } => fits(call, Call::waits),
            Input::Abandon { call, .. } => fits(call, |_| true),
            Input::TokenFailed { fault, .. } if fault > 11 => Some(Misuse::Range),
            Input::Renew { scope, .. } | Input::Reset { scope, .. } if scope as usize >= self.scopes.len() => {
                Some(Misuse::Unknown)
            }
            Input::Token { generation, .. } | Input::TokenFailed { generation, .. } => {
                let holder = self.holders.get((generation >> 20) as usize);
                let awaited = holder.is_some_and(|holder| holder.awaits(generation & 0xf_ffff));
                (!awaited).then_some(Misuse::Generation)
            }
            _ => None,
        }
    }

    /// A scope was asked for.
    ///
    /// # Errors
    /// It has another number than the order of asking gives.
    pub fn scope(&mut self, origin: u8, credential: u8, number: u32) -> Result<(), String> {
        let place = self.upstreams.iter().position(|known| known.origin == origin).unwrap_or_else(|| {
            self.upstreams.push(Upstream::new(&self.rules, origin, false));
            self.upstreams.len() - 1
        });
        let holder = self.holders.iter().position(|known| known.name == credential).unwrap_or_else(|| {
            self.holders.push(Holder::named(credential, self.rules.routes[0].jitter));
            self.holders.len() - 1
        });
        let scope = self.scopes.iter().position(|known| *known == (place, holder)).unwrap_or_else(|| {
            self.scopes.push((place, holder));
            self.scopes.len() - 1
        });
        let (origin, credential) = (ORIGINS[usize::from(origin)], CREDENTIALS[usize::from(credential)]);
        ensure!(scope as u32 == number, "scope of {origin:?} and {credential:?} is {number}, expected {scope}");
        Ok(())
    }

    /// The call whose record is to be read beside this answer: only that says whether its attempt was counted.
    #[must_use]
    pub fn asks_for_record(&self, input: &Input, answer: Answer) -> Option<u32> {
        let id = input.call().filter(|_| matches!(answer.step(), Step::Send { .. }))?;
        self.calls.get(&id).filter(|call| call.unsure).map(|_| id)
    }

    /// That record.
    pub fn hear_record(&mut self, text: &str) {
        let digits = text.split("\"attempts\":").nth(1).and_then(|rest| rest.split(',').next());
        self.recorded = digits.and_then(|digits| digits.parse().ok());
    }

    /// A record was pulled.
    ///
    /// # Errors
    /// A record of nothing.
    pub fn report(&mut self, core: Core<'_>, id: u32, text: &str) -> Result<(), String> {
        match self.calls.get(&id) {
            None => ensure!(text.contains("unknown"), "the record of no call: {text}"),
            Some(call) if call.standing.node == Node::Retained => {
                self.marks.hit(Mark::RecordPulled);
                let attempts = format!("\"attempts\":{}", call.attempts);
                ensure!(text.contains(&attempts), "the record says other attempts than {}: {text}", call.attempts);
                self.calls.remove(&id);
            }
            Some(_) => {}
        }
        self.bounds(core)
    }

    /// The events were pulled: emitted and dropped make what was produced.
    ///
    /// # Errors
    /// Some are missing without being counted.
    pub fn events(&mut self, text: &str) -> Result<(), String> {
        let count = |kind: &str| text.matches(kind).count() as u64;
        let after = text.strip_prefix("{\"dropped\":").unwrap_or_default();
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let dropped: u64 = after[..digits].parse().map_err(|_| format!("no count of the dropped: {text}"))?;
        let (attempts, calls) = (count("\"kind\":\"attempt\""), count("\"kind\":\"call\""));
        let (expected, ended) = (self.attempts_ended, self.calls_ended);
        if dropped == 0 {
            ensure!(
                (attempts, calls) == (expected, ended),
                "{attempts} and {calls} events, expected {expected} and {ended}"
            );
        } else {
            self.marks.hit(Mark::EventsDropped);
            ensure!(attempts <= expected && calls <= ended, "more events than things happened");
            ensure!(attempts + calls + dropped >= expected + ended, "events are missing without being counted");
        }
        self.changes(text, dropped > 0)?;
        (self.attempts_ended, self.calls_ended) = (0, 0);
        Ok(())
    }

    fn begun(&mut self, input: &Input, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let Input::Begin { call: id, route, scope, what, deadline, .. } = *input else { return Ok(()) };
        let (upstream, holder) = self.scopes[scope as usize];
        let now = self.now;
        let rules = Rc::clone(&self.rules);
        let endpoint = (route >> 16) as u16;
        let route = if self.upstreams[upstream].own { usize::from(route as u16) } else { 0 };
        let own = &rules.routes[route];
        let (method, flags) = (what & 15, what >> 4 & 127);
        let dropin = flags & call::DROPIN != 0;
        let units = u64::from(what >> 16);
        let growth = units * 1_000;
        let keyed = flags & call::KEYED != 0 || rules.keys && matches!(method, 7 | 8);
        let up = &mut self.upstreams[upstream];
        up.budget.begin(now);
        let (calls, marks) = (&self.calls, &mut self.marks);
        let live = |gate| {
            let here =
                |call: &Call| call.upstream == upstream && call.gate() == gate && call.standing.node != Node::Retained;
            calls.values().any(here)
        };
        let gates = up.gates_for(&rules, route, endpoint, &live, &mut |mark| marks.hit(mark));
        self.calls.insert(
            id,
            Call {
                route,
                upstream,
                holder,
                method,
                flags,
                keyed,
                idempotent: own.repeatable.unwrap_or(call::idempotent(method)),
                deadline: if deadline == 0 { now + own.total } else { deadline.min(1 << 41) },
                longest_wait: own.longest_wait,
                rests_from: now,
                attempt: if dropin && !rules.written { 0 } else { own.attempt + growth },
                cuts: deadline != 0 || !dropin || rules.written,
                permits: gates.map(|gate| gate.map(|gate| (gate, breaker::Permit::default()))),
                units,
                ..Call::NEW
            },
        );
        self.admitted(id, core, answer)?;
        let (tokens, expected) = (core.retry_tokens(upstream as u32), self.upstreams[upstream].budget.tokens());
        ensure!(tokens == expected, "{tokens} millionths of retry tokens, expected {expected}");
        Ok(())
    }

    fn resumed(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let (now, closed, unpulled) = (self.now, self.closed, self.unpulled);
        let call = self.known(id);
        let woken = std::mem::take(&mut call.woken);
        if call.standing.node == Node::Backoff && call.until > now && !closed {
            let delay = call.until - now;
            self.marks.hit(Mark::WakeEarly);
            ensure!(answer.step() == Step::Wait { delay }, "expected the rest of the backoff, {delay} ms");
            return Ok(());
        }
        let before = call.standing;
        // The newest call of a queue is told to come in a millisecond: it must join before it goes.
        let early = !woken && now + 1 < call.told;
        if self.calls[&id].unsure {
            self.find_out_who_pays(id, core, answer);
        }
        let probing = self.upstreams[self.calls[&id].upstream].blocks(&self.calls[&id], now);
        // A host that is late with one call may keep others waiting that the late one goes before.
        let behind =
            self.calls.iter().any(|(other, call)| *other != id && call.waits() && (call.woken || call.told <= now));
        self.admitted(id, core, answer)?;
        let goes = matches!(answer.step(), Step::Send { .. } | Step::Refresh { .. });
        // Whoever asks first is the probe; offline calls may always ask; a rate that is not documented moves by the second, and
        // each call deposits a part of a token: a head is not told anew for that.
        let deposits = before.node == Node::Retry && self.rules.per_second > 0;
        let excused =
            probing || behind || unpulled || deposits || before.node == Node::Offline || before.node == Node::Backoff;
        if early && goes && !excused && !(before.node == Node::Bucket && self.moves(before)) {
            return Err(format!("a wake was lost: it could go from {before:?}, and nobody told it"));
        }
        if early {
            self.marks.hit(Mark::WakeEarly);
        }
        if woken && self.calls.get(&id).is_some_and(|call| call.standing == before) {
            self.marks.hit(Mark::WakeUseless);
        }
        Ok(())
    }

    fn moves(&self, line: Standing) -> bool {
        self.upstreams[line.upstream as usize].lane(line.place).moves()
    }

    fn abandoned(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        ensure!(answer.step() == Step::Done { arg: 0 }, "abandon answers Done");
        if self.calls.get(&id).is_some_and(Call::in_flight) {
            self.count(id, breaker::Count::Nothing, core)?;
        }
        let Some(call) = self.calls.remove(&id) else { return Ok(()) };
        let mark = match call.standing.node {
            Node::Flight => Mark::CancelInFlight,
            Node::Backoff => Mark::CancelInBackoff,
            Node::Cap => Mark::CancelInCap,
            Node::Bucket => Mark::CancelInBucket,
            Node::Retry => Mark::CancelInRetry,
            Node::Credential => Mark::CancelInCredential,
            Node::Offline => Mark::CancelOffline,
            Node::New | Node::Retained | Node::Gone => Mark::RecordLeft,
        };
        self.marks.hit(mark);
        self.upstreams[call.upstream].budget.give_back(call.holds);
        if call.woken {
            self.marks.hit(Mark::WakeMissed);
        }
        if lines::in_line(call.standing) {
            if self.lines.head(call.standing) == Some(id) && self.lines.has_others(call.standing, id) {
                self.marks.hit(Mark::CancelHead);
            }
            if call.standing.node == Node::Credential && call.leads && self.holders[call.holder].awaits(call.generation)
            {
                self.marks.hit(Mark::LeaderCancelled);
            }
            self.lines.leave(call.standing, id);
        }
        if call.standing.node == Node::Flight {
            self.upstreams[call.upstream].in_flight -= 1;
            if call.permits.iter().flatten().any(|(_, permit)| permit.probe > 0) {
                self.marks.hit(Mark::ProbeCancelled);
            }
            self.upstreams[call.upstream].moved = self.now;
        }
        Ok(())
    }

    fn close(&mut self, answer: Answer) -> Result<(), String> {
        self.closed = true;
        for call in self.calls.values() {
            let mark = match call.standing.node {
                Node::Backoff => Mark::CloseInBackoff,
                Node::Cap => Mark::CloseInCap,
                Node::Bucket => Mark::CloseInBucket,
                Node::Retry => Mark::CloseInRetry,
                Node::Credential => Mark::CloseInCredential,
                Node::Offline => Mark::CloseOffline,
                Node::New | Node::Flight | Node::Retained | Node::Gone => continue,
            };
            self.marks.hit(mark);
        }
        let waits = self.calls.values().any(|call| call.waits() && !call.woken);
        ensure!(!waits || answer.flags().has(Flags::WAKES), "close wakes those who wait");
        Ok(())
    }

    fn woke(&mut self, answer: Answer) -> Result<(), String> {
        let Step::Done { arg } = answer.step() else { return Err("wake answers Done".into()) };
        let Some(id) = arg.checked_sub(1) else {
            ensure!(!answer.flags().has(Flags::WAKES), "WAKES, and nobody to wake");
            return Ok(());
        };
        let tardy = self.tardy;
        let call = self.calls.get_mut(&(id as u32)).ok_or(format!("woke {id}, which is no live call"))?;
        ensure!(call.waits(), "woke {id}, which does not wait: {:?}", call.standing);
        // A host that gives other inputs before it pulled all wakes may hear of a call that it resumed meanwhile.
        ensure!(!call.woken || tardy, "woke {id} twice");
        call.woken = true;
        Ok(())
    }

    fn known(&mut self, id: u32) -> &mut Call {
        self.calls.get_mut(&id).expect("a call that is no misuse is known")
    }

    /// The call ended with this answer.
    fn ended(&mut self, id: u32, reason: Option<Reason>) {
        self.calls_ended += 1;
        let call = self.known(id);
        let standing = call.standing;
        let (holds, upstream) = (std::mem::take(&mut call.holds), call.upstream);
        call.right = false;
        call.eventful |= reason.is_some();
        let (eventful, doubtful) = (call.eventful, call.worst == Outcome::Unknown);
        call.standing = Standing { node: Node::Retained, upstream: 0, place: 0 };
        if !eventful {
            self.calls.remove(&id);
        }
        self.upstreams[upstream].budget.give_back(holds);
        if doubtful && reason.is_some() {
            self.marks.hit(Mark::UnknownOutcome);
        }
        if lines::in_line(standing) {
            self.lines.leave(standing, id);
        }
    }

    /// The call stands elsewhere now, as the core says.
    fn moved(&mut self, id: u32, core: Core<'_>) -> Result<Standing, String> {
        let now = self.now;
        let Some(to) = core.standing(id) else { return Err("a call that goes on is not there".into()) };
        let call = self.calls.get_mut(&id).expect("known");
        let from = std::mem::replace(&mut call.standing, to);
        if from != to {
            if from.node == Node::Retry {
                let used = self.upstreams[call.upstream].waited(call, now, true).0;
                (call.patience_used, call.lined_up) = (used, now);
            }
            if to.node == Node::Retry {
                call.lined_up = now;
            }
            if lines::in_line(from) {
                self.lines.leave(from, id);
            }
            if lines::in_line(to) {
                let first = call.attempts == 0;
                let woken = self.lines.head(to).is_some_and(|head| self.calls[&head].woken);
                let joined = self.lines.join(to, id, first, now);
                if let Joined::Newest { next, displaced } = joined {
                    if next && woken {
                        self.marks.hit(Mark::NewestBeforeWoken);
                    }
                    self.marks.hit(if next { Mark::NewestFirst } else { Mark::NewestSecond });
                    if displaced {
                        self.marks.hit(Mark::NewestDisplaced);
                    }
                }
            }
        }
        Ok(from)
    }
}

/// Whether a fault's number and the cause in the bits above it are those of the boundary; `cancelled` is not for attempts.
fn is_known_fault(number: u32) -> bool {
    matches!(number & 255, 0..=5 | 7 | 8 | 11) && number >> 8 <= 8
}
