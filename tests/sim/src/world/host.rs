//! One client of a world: keeps a core, sends what it says to send, waits as it says to wait, and is as careless as its
//! options make it. The order of inputs is that of the real drivers.

use super::checked::{Broken, Checked};
use super::dice::Dice;
use super::event::Event;
use super::input::{CREDENTIALS, Headers, Input, ORIGINS, Output};
use super::marks::Mark;
use super::options::Options;
use super::rules::Rules;
use super::server::{End, Server};
use crate::queue::Queue;
use std::collections::BTreeMap;
use std::rc::Rc;
use unruffled_core::{Answer, Cause, Fault, Flags, Step};

/// What a world lends a host for one event.
#[derive(Debug)]
pub struct Around<'a> {
    pub dice: &'a mut Dice,
    pub options: &'a Options,
    pub server: &'a mut Server,
    pub queue: &'a mut Queue<Event>,
    /// True time.
    pub now: u64,
    pub peaceful: bool,
}

/// A call that is not over.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Counts its steps: a timer of an earlier step says nothing.
    step: u32,
    deadline: u64,
    endpoint: u32,
    scope: u32,
}

/// One client.
#[derive(Debug)]
pub struct Host {
    pub checked: Checked,
    rules: Rc<Rules>,
    place: usize,
    open: BTreeMap<u32, Open>,
    next: u32,
    /// What the clock says beside the true time, and while it stands still.
    ahead: u64,
    still_until: u64,
    still_at: u64,
    scopes: Vec<(u8, u8, u32)>,
    /// A renewal was made, and its answer never came: so long the old token may be refused.
    rotated_until: u64,
    /// Inputs within this event: a host that is kept busy for ever is told so.
    busy: u32,
}

type Done = Result<(), Box<Broken>>;

impl Host {
    #[must_use]
    pub fn new(rules: &Rc<Rules>, seed: u64, place: usize) -> Self {
        Self {
            checked: Checked::open(rules, seed),
            rules: Rc::clone(rules),
            place,
            open: BTreeMap::new(),
            next: 1,
            ahead: 0,
            still_until: 0,
            still_at: 0,
            scopes: vec![(0, 0, 0)],
            rotated_until: 0,
            busy: 0,
        }
    }

    /// Calls that are not over.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Nothing will happen any more, and calls wait.
    #[must_use]
    pub fn hung(&self) -> Broken {
        let at = self.checked.tape.len().saturating_sub(1);
        let why = format!("calls that nobody ends: {:?}", self.open.keys().collect::<Vec<_>>());
        Broken { at, input: self.checked.tape[at], output: None, why }
    }

    /// What its clock says.
    fn clock(&mut self, around: &mut Around<'_>) -> u64 {
        if around.peaceful {
            self.still_until = 0;
        } else {
            if around.dice.chance(around.options.clock_still / 64) && self.still_until <= around.now {
                self.still_at = around.now + self.ahead;
                self.still_until = around.now + around.dice.range(10, 3_000);
                self.checked.shadow.marks.hit(Mark::ClockStill);
            }
            if around.dice.chance(around.options.clock_jump / 256) {
                self.ahead += around.dice.magnitude(1_000, 30_000_000);
                self.checked.shadow.marks.hit(Mark::ClockJump);
            }
        }
        let reads = if around.now < self.still_until { self.still_at } else { around.now + self.ahead };
        if !around.peaceful && around.dice.chance(around.options.clock_back / 16) {
            return reads.saturating_sub(around.dice.range(1, 5_000));
        }
        reads
    }

    fn word(&mut self, input: Input) -> Result<Answer, Box<Broken>> {
        self.busy += 1;
        let answer = self.checked.word(input)?;
        if self.busy > 20_000 {
            let why = "kept busy without end".to_owned();
            return Err(Box::new(Broken {
                at: self.checked.tape.len() - 1,
                input,
                output: Some(Output::Word(answer)),
                why,
            }));
        }
        Ok(answer)
    }

    /// A call of the user begins.
    ///
    /// # Errors
    /// A sentence was broken.
    pub fn begin(&mut self, around: &mut Around<'_>) -> Done {
        self.busy = 0;
        let (dice, options) = (&mut *around.dice, around.options);
        let id = self.next;
        self.next += 1;
        let method = if dice.chance(options.unsafe_method) {
            dice.pick(&[7, 7, 8, 4, 5, 15])
        } else {
            dice.pick(&[0, 0, 0, 1, 6])
        };
        let mut flags = u32::from(!dice.chance(options.one_shot_body));
        for (bit, chance) in [
            (1, options.keyed),
            (3, options.stacked / 8),
            (4, options.dropin),
            (5, options.credentials),
            (6, options.slot),
        ] {
            flags |= u32::from(dice.chance(chance)) << bit;
        }
        let upload = if dice.chance(options.upload) { dice.range(1, 20) as u32 } else { 0 };
        let origin =
            if dice.chance(options.other_origin / 4) { dice.range(1, ORIGINS.len() as u64 - 1) as u8 } else { 0 };
        let credential =
            if dice.chance(options.other_credential) { dice.range(1, CREDENTIALS.len() as u64 - 1) as u8 } else { 0 };
        let routes = self.rules.routes.len() as u64;
        let route = if dice.chance(options.routed) { dice.range(0, routes - 1) as u32 } else { 0 };
        // Where a route fits, a host names no endpoint.
        let endpoint = if route == 0 && self.rules.endpoints > 0 { self.endpoint(dice) } else { 0 };
        let asked = dice.chance(options.own_deadline);
        let within = if dice.chance(400_000) { dice.magnitude(60, 3_000) } else { dice.magnitude(1, 100_000) };
        let scope = self.scope(origin, credential)?;
        let now = self.clock(around);
        let deadline = if asked { now + within } else { 0 };
        let what = method | flags << 4 | upload << 16;
        let total = self.rules.routes[if origin == 0 { route as usize } else { 0 }].total;
        let deadline_at = around.now + if asked { within } else { total };
        self.open.insert(id, Open { step: 0, deadline: deadline_at, endpoint, scope });
        if around.dice.chance(around.options.cancel) {
            let soon = around.dice.chance(around.options.cancel_soon);
            let after = if soon { around.dice.range(0, 5) } else { around.dice.magnitude(1, 30_000) };
            around.queue.plan(around.now + after, Event::Cancel(self.place, id));
        }
        let answer = self.word(Input::Begin { call: id, now, route: route | endpoint << 16, scope, what, deadline })?;
        self.follow(around, id, answer)
    }

    /// Where there are many, most calls go to one after another; else half of them to a few. Some name none.
    fn endpoint(&self, dice: &mut Dice) -> u32 {
        let all = self.rules.endpoints;
        if all > 60 && dice.chance(700_000) {
            return (u64::from(self.next) % all + 1) as u32;
        }
        let most = if dice.chance(500_000) { all.min(3) } else { all };
        let least = u64::from(!dice.chance(50_000));
        dice.range(least, most) as u32
    }

    fn scope(&mut self, origin: u8, credential: u8) -> Result<u32, Box<Broken>> {
        if let Some((.., scope)) = self.scopes.iter().find(|(o, c, _)| (*o, *c) == (origin, credential)) {
            return Ok(*scope);
        }
        let Output::Number(scope) = self.checked.play(Input::Scope { origin, credential })? else { return Ok(0) };
        self.scopes.push((origin, credential, scope));
        Ok(scope)
    }

    /// Does what a step says, and wakes whom it wakes.
    fn follow(&mut self, around: &mut Around<'_>, id: u32, answer: Answer) -> Done {
        self.step(around, id, answer)?;
        if answer.flags().has(Flags::WAKES) {
            self.wakes(around)?;
        }
        Ok(())
    }

    fn wakes(&mut self, around: &mut Around<'_>) -> Done {
        loop {
            let answer = self.word(Input::Wake)?;
            let Step::Done { arg: id @ 1.. } = answer.step() else { return Ok(()) };
            let id = (id - 1) as u32;
            let Some(open) = self.open.get(&id).copied() else { continue };
            // A host runs who is woken soon, not at once: other inputs may come between.
            let late = if around.dice.chance(around.options.wake_late) { around.dice.range(1, 1_500) } else { 0 };
            around.queue.plan(around.now + late, Event::Resume(self.place, id, open.step));
        }
    }

    fn step(&mut self, around: &mut Around<'_>, id: u32, answer: Answer) -> Done {
        let step = answer.step();
        // What changed nothing leaves what the call waits for.
        if matches!(step, Step::Misuse(_) | Step::Done { .. }) {
            return Ok(());
        }
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        open.step += 1;
        let Open { step: count, deadline, endpoint, scope } = *open;
        let place = self.place;
        let mut after = |ms: u64, event: Event| around.queue.plan(around.now + ms, event);
        match step {
            Step::Send { timeout } => {
                if answer.flags().has(Flags::RENEW) && !around.dice.chance(around.options.renew_never) {
                    let late = around.dice.chance(around.options.renew_late);
                    let after = if late { around.dice.magnitude(1, 60_000) } else { 0 };
                    around.queue.plan(around.now + after, Event::Renew(place, scope));
                }
                let limit = if timeout == 0 { 120_000 } else { timeout };
                self.send(around, id, (count, endpoint), (limit, answer.flags()));
            }
            Step::Wait { delay: ms } | Step::Park { at_most: ms } => {
                let early = around.dice.chance(around.options.wake_early);
                let late = around.dice.chance(around.options.wake_late);
                if early {
                    after(around.dice.range(0, ms.min(5_000)), Event::Resume(place, id, count));
                }
                let more = if late { around.dice.magnitude(1, 4_000) } else { 0 };
                if more > 1_000 {
                    self.checked.shadow.marks.hit(Mark::WakeLate);
                }
                around.queue.plan(around.now + ms + more, Event::Resume(place, id, count));
            }
            Step::Refresh { generation } => {
                // If it never comes back, the leader gives up at its deadline.
                let takes = self.fetch(around, generation);
                let wait = deadline.saturating_sub(around.now).max(takes + 1);
                around.queue.plan(around.now + wait, Event::Resume(place, id, count));
            }
            Step::Deliver { .. } | Step::Fail { .. } => {
                self.open.remove(&id);
                if answer.flags().has(Flags::REPORT) {
                    if around.dice.chance(around.options.record_pulled) {
                        self.busy += 1;
                        self.checked.play(Input::Report { call: id })?;
                    } else {
                        let now = self.clock(around);
                        let answer = self.word(Input::Abandon { call: id, now })?;
                        if answer.flags().has(Flags::WAKES) {
                            self.wakes(around)?;
                        }
                    }
                }
            }
            Step::Misuse(_) | Step::Done { .. } => {}
        }
        Ok(())
    }

    /// Sends a request, and plans what comes of it.
    fn send(&mut self, around: &mut Around<'_>, id: u32, (count, endpoint): (u32, u32), (limit, flags): (u64, Flags)) {
        let place = self.place;
        let (takes, mut end) = around.server.request(around.dice, around.options, around.now, place, endpoint);
        if flags.has(Flags::TOKEN) && !around.peaceful {
            let rotated = around.now < self.rotated_until && around.dice.chance(500_000);
            if rotated || around.dice.chance(around.options.token_refused) {
                end = End::Status(401, Headers::default());
            }
        }
        if around.dice.chance(around.options.leak / 16) && !around.peaceful {
            self.checked.shadow.marks.hit(Mark::HostLeaks);
            self.open.remove(&id);
            return;
        }
        if takes >= limit || end == End::Silence {
            // A stalled host notices late.
            let late = if around.dice.chance(around.options.wake_late) { around.dice.range(0, 3_000) } else { 0 };
            around.queue.plan(
                around.now + limit + late,
                Event::Ended(place, id, count, End::Fault(Fault::Timeout, Cause::None)),
            );
        } else {
            around.queue.plan(around.now + takes, Event::Ended(place, id, count, end));
        }
    }

    /// Asks for a token; how many milliseconds until the answer, 0 = none ever comes.
    fn fetch(&mut self, around: &mut Around<'_>, generation: u64) -> u64 {
        if around.dice.chance(around.options.token_lost / 4) && !around.peaceful {
            return 0;
        }
        let slow = around.dice.chance(around.options.token_slow / 4);
        let takes = around.dice.magnitude(1, if slow { 100_000 } else { 5_000 });
        around.queue.plan(around.now + takes, Event::Token(self.place, generation));
        takes
    }

    /// How a fetch ended.
    fn token(&mut self, around: &mut Around<'_>, generation: u64) -> Done {
        let now = self.clock(around);
        let (dice, options) = (&mut *around.dice, around.options);
        let failed = [
            (options.token_failed, dice.pick(&[Fault::Lost, Fault::Timeout])),
            (options.token_cancelled, Fault::Cancelled),
            (options.token_offline, Fault::Offline),
            (options.token_rejected / 2, Fault::Rejected),
            (options.token_unchanged, Fault::Unchanged),
        ];
        let fault = failed.iter().find(|(chance, _)| dice.chance(*chance)).map(|(_, fault)| *fault);
        let input = if let Some(fault) = fault {
            let named = dice.chance(options.token_retry_after);
            let retry_after = if named { dice.pick(&[1, 500, 1_500, 5_000, 15_000, 90_000]) } else { 0 };
            Input::TokenFailed { now, generation, fault: fault as u32, retry_after }
        } else if dice.chance(options.token_plain) {
            Input::Token { now, generation, expires_in: 0 }
        } else if dice.chance(options.token_short) {
            Input::Token { now, generation, expires_in: dice.magnitude(1, 3_000) }
        } else if dice.chance(options.token_endless) {
            Input::Token { now, generation, expires_in: 1 << 40 }
        } else {
            // A life of some seconds up to hours; renewals and their rests need some that live for a minute.
            let most = dice.pick(&[60_000, 60_000, 300_000, 14_400_000]);
            Input::Token { now, generation, expires_in: dice.magnitude(most / 32, most) }
        };
        let answer = self.word(input)?;
        if matches!(answer.step(), Step::Misuse(_)) {
            self.checked.shadow.marks.hit(Mark::TokenStale);
        } else if fault == Some(Fault::Offline) {
            let after = around.dice.magnitude(1, 20_000);
            around.queue.plan(around.now + after, Event::Online(self.place));
        }
        if answer.flags().has(Flags::WAKES) {
            self.wakes(around)?;
        }
        Ok(())
    }

    fn renew(&mut self, around: &mut Around<'_>, scope: u32) -> Done {
        let now = self.clock(around);
        let answer = self.word(Input::Renew { now, scope })?;
        if let Step::Refresh { generation } = answer.step()
            && self.fetch(around, generation) == 0
        {
            self.rotated_until = around.now + 60_000;
        }
        if answer.flags().has(Flags::WAKES) { self.wakes(around) } else { Ok(()) }
    }

    fn reset(&mut self, around: &mut Around<'_>, scope: u32) -> Done {
        let now = self.clock(around);
        let answer = self.word(Input::Reset { now, scope })?;
        if answer.flags().has(Flags::WAKES) { self.wakes(around) } else { Ok(()) }
    }

    /// Something that this host waited for.
    ///
    /// # Errors
    /// A sentence was broken.
    pub fn event(&mut self, around: &mut Around<'_>, event: Event) -> Done {
        self.busy = 0;
        match event {
            Event::Ended(_, id, step, end) => {
                if self.open.get(&id).is_none_or(|open| open.step != step) {
                    return Ok(());
                }
                let now = self.clock(around);
                let offline = matches!(end, End::Fault(Fault::Offline, _));
                let answer = match end {
                    End::Status(status, headers) => self.word(Input::Respond { call: id, now, status, headers })?,
                    End::Fault(fault, cause) => {
                        self.word(Input::Fault { call: id, now, fault: fault as u32 | (cause as u32) << 8 })?
                    }
                    End::Silence => return Ok(()),
                };
                if offline && matches!(answer.step(), Step::Park { .. }) {
                    let longer = around.dice.chance(around.options.online_late);
                    let after = around.dice.magnitude(1, if longer { 100_000 } else { 2_000 });
                    around.queue.plan(around.now + after, Event::Online(self.place));
                }
                self.follow(around, id, answer)?;
            }
            Event::Resume(_, id, step) => {
                if self.open.get(&id).is_none_or(|open| open.step != step) {
                    return Ok(());
                }
                let now = self.clock(around);
                let answer = self.word(Input::Resume { call: id, now })?;
                self.follow(around, id, answer)?;
            }
            Event::Token(_, generation) => self.token(around, generation)?,
            Event::Cancel(_, id) => {
                if self.open.remove(&id).is_some() {
                    let now = self.clock(around);
                    let answer = self.word(Input::Abandon { call: id, now })?;
                    if answer.flags().has(Flags::WAKES) {
                        self.wakes(around)?;
                    }
                }
            }
            Event::Renew(_, scope) => self.renew(around, scope)?,
            Event::Reset(_, scope) => self.reset(around, scope)?,
            Event::Online(_) => self.plain(around, |now| Input::Online { now })?,
            Event::Close(_) => self.plain(around, |now| Input::Close { now })?,
            Event::Begin(_) => return self.begin(around),
        }
        if around.dice.chance(around.options.reset / 16) && !around.peaceful {
            let (.., scope) = around.dice.pick(&self.scopes);
            around.queue.plan(around.now, Event::Reset(self.place, scope));
        }
        if around.dice.chance(around.options.misuse / 4) {
            self.misuse(around)?;
        }
        if around.dice.chance(around.options.events / 64) {
            self.checked.play(Input::Events)?;
        }
        Ok(())
    }

    fn plain(&mut self, around: &mut Around<'_>, input: fn(u64) -> Input) -> Done {
        let now = self.clock(around);
        let answer = self.word(input(now))?;
        if answer.flags().has(Flags::WAKES) {
            self.wakes(around)?;
        }
        Ok(())
    }

    /// An input that a sane host would not give; calls that go on by it are followed.
    fn misuse(&mut self, around: &mut Around<'_>) -> Done {
        let now = self.clock(around);
        let dice = &mut *around.dice;
        let call = dice.range(0, u64::from(self.next) + 1) as u32;
        let generation = dice.range(0, 3) << 20 | dice.range(0, 4);
        let input = match dice.range(0, 10) {
            0 => Input::Begin {
                call,
                now,
                route: dice.range(0, 5) as u32 | (dice.range(0, 3) as u32) << 16,
                scope: dice.range(0, 12) as u32,
                what: dice.range(9, 40) as u32,
                deadline: 0,
            },
            1 => {
                Input::Respond { call, now, status: dice.pick(&[200, 503, 1_000, 70_000]), headers: Headers::default() }
            }
            2 => Input::Fault { call, now, fault: dice.range(0, 12) as u32 },
            3 | 4 => Input::Resume { call, now },
            5 => Input::TokenFailed { now, generation, fault: dice.range(0, 12) as u32, retry_after: dice.range(0, 9) },
            8 => Input::Renew { now, scope: dice.range(0, 12) as u32 },
            9 => Input::Reset { now, scope: dice.range(0, 12) as u32 },
            6 => Input::Token { now, generation, expires_in: 5 },
            7 => Input::Online { now },
            _ => Input::Abandon { call, now },
        };
        let answer = self.word(input)?;
        if matches!(answer.step(), Step::Misuse(_)) {
            return Ok(());
        }
        match input {
            Input::Begin { .. } => {
                self.next = self.next.max(call + 1);
                self.open.insert(call, Open { step: 0, deadline: around.now + 60_000, endpoint: 0, scope: 0 });
            }
            Input::Abandon { .. } => {
                self.open.remove(&call);
            }
            Input::Renew { .. } => {
                if let Step::Refresh { generation } = answer.step() {
                    self.fetch(around, generation);
                }
                return Ok(());
            }
            Input::Token { .. } | Input::TokenFailed { .. } | Input::Reset { .. } | Input::Online { .. } => {
                return if answer.flags().has(Flags::WAKES) { self.wakes(around) } else { Ok(()) };
            }
            _ => {}
        }
        self.follow(around, call, answer)
    }

    /// The end of a world: every call that is still open is given up, and the engine must hold nothing.
    ///
    /// # Errors
    /// A sentence was broken, or something is left.
    pub fn rest(&mut self, around: &mut Around<'_>) -> Done {
        self.busy = 0;
        let left: Vec<u32> = self.checked.shadow.calls.keys().copied().collect();
        let now = self.clock(around);
        for call in left {
            self.open.remove(&call);
            self.word(Input::Abandon { call, now })?;
        }
        self.checked.at_rest(now)
    }
}
