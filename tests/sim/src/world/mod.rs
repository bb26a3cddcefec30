//! Worlds: a seed draws a policy, a server's day, how careless the hosts are, and plays it. Every answer of every core is
//! judged by an oracle of its own.

pub mod arbitrary;
pub mod checked;
pub mod dice;
pub mod event;
pub mod host;
pub mod input;
pub mod marks;
pub mod options;
pub mod rules;
pub mod server;
pub mod shadow;
pub mod shrink;
pub mod trace;

use crate::queue::Queue;
use checked::Broken;
use dice::Dice;
use event::Event;
use host::{Around, Host};
use marks::Marks;
use options::Options;
use rules::Rules;
use server::Server;
use std::rc::Rc;

/// Inputs after which a world is ended.
const MOST_INPUTS: usize = 12_000;

/// What a seed came to.
#[derive(Debug)]
pub struct Outcome {
    pub rules: Rc<Rules>,
    /// The first client's core was seeded with this.
    pub seed: u64,
    /// What each client's core was told.
    pub tapes: Vec<Vec<input::Input>>,
    pub marks: Marks,
    /// Virtual milliseconds.
    pub passed: u64,
    /// The client and the sentence that it broke.
    pub broken: Option<(usize, Box<Broken>)>,
}

impl Outcome {
    /// Inputs of all clients.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.tapes.iter().map(Vec::len).sum()
    }
}

/// Plays a seed.
#[must_use]
pub fn play(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let rules = Rc::new(Rules::draw(&mut dice));
    let options = Options::draw(&mut dice);
    let clients = dice.pick(&[1, 1, 1, 2, 3]);
    let calls = dice.magnitude(20, 800) / clients as u64 + 10;
    let gap = dice.magnitude(1, 2_000);
    let length = calls * gap;
    let mut server = Server::draw(&mut dice, length);
    let mut hosts: Vec<Host> =
        (0..clients).map(|place| Host::new(&rules, seed.wrapping_add(place as u64), place)).collect();
    let mut queue = Queue::default();
    for place in 0..clients {
        queue.plan(0, Event::Begin(place));
        if dice.chance(options.close / 4) {
            queue.plan(dice.range(0, length), Event::Close(place));
        }
    }
    let mut left = vec![calls; clients];
    let (mut now, mut passed, mut peaceful) = (0, 0, false);
    let mut broken = None;
    while let Some((at, event)) = queue.pop() {
        now = now.max(at);
        passed = now;
        let client = event.client();
        if let Event::Begin(_) = event {
            left[client] -= 1;
            if left[client] > 0 {
                queue.plan(now + until_next(&mut dice, &options, gap), Event::Begin(client));
            }
        }
        // In the last fifth of its calls everything is well: what began must end.
        if !peaceful && left.iter().all(|left| *left <= calls / 5) {
            peaceful = true;
            server.heal(now);
        }
        let mut around =
            Around { dice: &mut dice, options: &options, server: &mut server, queue: &mut queue, now, peaceful };
        if let Err(why) = hosts[client].event(&mut around, event) {
            broken = Some((client, why));
            break;
        }
        if hosts[client].checked.tape.len() > MOST_INPUTS {
            break;
        }
    }
    let hung = hosts.iter().position(|host| host.open() > 0);
    if let (None, None, Some(place)) = (&broken, queue.pop(), hung) {
        broken = Some((place, Box::new(hosts[place].hung())));
    }
    for (place, host) in hosts.iter_mut().enumerate() {
        let mut around =
            Around { dice: &mut dice, options: &options, server: &mut server, queue: &mut queue, now, peaceful: true };
        if broken.is_none()
            && let Err(why) = host.rest(&mut around)
        {
            broken = Some((place, why));
        }
    }
    let mut marks = Marks::default();
    let mut tapes = Vec::new();
    for host in hosts {
        marks.add(&host.checked.shadow.marks);
        tapes.push(host.checked.tape);
    }
    Outcome { rules, seed, tapes, marks, passed, broken }
}

/// Draws the time until a client begins its next call.
fn until_next(dice: &mut Dice, options: &Options, gap: u64) -> u64 {
    if dice.chance(options.burst) {
        0
    } else if dice.chance(options.silence / 16) {
        dice.range(30_000, 300_000)
    } else {
        dice.range(0, gap * 2)
    }
}
