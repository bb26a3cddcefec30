//! What a call's scope stands for: an origin and a credential. Both are numbered when the host first names them. A credential
//! ends with its last scope; an origin that was not used for longest makes room for a new one.

use crate::config::Base;
use crate::defaults::{MAX_CREDENTIALS, MAX_ORIGINS};
use crate::engine::{Engine, checked};
use crate::failure::Misuse;
use crate::policy::auth::Credential;
use crate::state::call::{Call, CallState};
use crate::state::slab::Queue;
use crate::state::upstream::Upstream;
use crate::step::Answer;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A credential's state and those who wait for it.
#[derive(Debug)]
pub(crate) struct CredentialState {
    /// `None` = its last scope was freed.
    name: Option<String>,
    /// More names share it, because there are too many: it is never freed.
    is_shared: bool,
    pub credential: Credential,
    pub queue: Queue,
}

impl CredentialState {
    pub(crate) fn new(name: String, place: u32) -> Self {
        Self { name: Some(name), is_shared: false, credential: Credential::new(place), queue: Queue::new() }
    }
}

/// An origin and a credential, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    pub upstream: u32,
    pub credential: u32,
}

/// Stands for the upstream of a scope that was freed.
const FREED: u32 = u32::MAX;
/// Stands for the upstream of a scope whose origin made room for another; it comes back with the scope's next call.
const AWAY: u32 = u32::MAX - 1;

/// So many scopes; from then on those of forgotten origins are freed.
const MAX_SCOPES: usize = 16_384;

/// All scopes, by number.
#[derive(Debug)]
pub(crate) struct Scopes {
    list: Vec<Scope>,
    /// Origins of the scopes that are `AWAY`.
    away: Vec<(u32, String)>,
    /// Whether a scope was ever freed.
    any_freed: bool,
}

impl Scopes {
    /// Holds the client's own: the base URL's origin and the client's credential.
    pub(crate) fn new() -> Self {
        Self { list: alloc::vec![Scope { upstream: 0, credential: 0 }], away: Vec::new(), any_freed: false }
    }

    /// Returns the first scope of an upstream, 0 where there is none.
    pub(crate) fn first_of(&self, upstream: u32) -> u32 {
        self.list.iter().position(|scope| scope.upstream == upstream).unwrap_or(0) as u32
    }
}

impl Engine {
    /// Returns the number of the scope for an origin (`https://host[:port]`; empty = the base URL's) and a credential's name
    /// (empty = the client's own). It stays valid until [`Engine::free`]. Of more than 1,024 origins the one that was not used
    /// for longest, and that no call is under way to, is forgotten with its breakers, budget and buckets; it begins anew with
    /// its next call. Of more than 16,384 numbers the oldest of a forgotten origin is given again: a host uses fewer.
    pub fn scope(&mut self, origin: &str, credential: &str) -> u32 {
        let credential = self.credential_place(credential);
        if let Some(place) = self.away(origin, credential) {
            self.scope_at(place);
            return place;
        }
        let scope = Scope { upstream: self.upstream_place(origin), credential };
        if let Some(place) = self.scopes.list.iter().position(|known| *known == scope) {
            return place as u32;
        }
        if self.scopes.list.len() >= MAX_SCOPES && !self.scopes.away.is_empty() {
            let (oldest, _) = self.scopes.away.remove(0);
            self.forget_scope(oldest);
        }
        let freed = |(place, known): (usize, &Scope)| if known.upstream == FREED { Some(place) } else { None };
        let free = if self.scopes.any_freed {
            let used = self.used(|call| call.scope, self.scopes.list.len());
            self.scopes.list.iter().enumerate().filter_map(freed).find(|place| !is_used(&used, *place))
        } else {
            None
        };
        match free.and_then(|place| Some((place, self.scopes.list.get_mut(place)?))) {
            Some((place, entry)) => {
                *entry = scope;
                place as u32
            }
            None => {
                self.scopes.list.push(scope);
                self.scopes.list.len().saturating_sub(1) as u32
            }
        }
    }

    /// Returns the scope of an origin that made room, if it had one with this credential.
    fn away(&self, origin: &str, credential: u32) -> Option<u32> {
        let has = |place: u32| self.scopes.list.get(place as usize).is_some_and(|scope| scope.credential == credential);
        self.scopes.away.iter().find(|(place, name)| name == origin && has(*place)).map(|(place, _)| *place)
    }

    /// Frees a scope: no call begins with it any more, those under way go on. A credential goes with its last scope. Scope 0
    /// is the client's own and stays.
    pub fn free(&mut self, now: u64, scope: u32) -> Answer {
        if let Err(answer) = checked(now) {
            return answer;
        }
        let known = self.scopes.list.get(scope as usize).copied().filter(|known| known.upstream != FREED);
        let Some(Scope { credential, .. }) = known.filter(|_| scope > 0) else {
            return Misuse::Unknown.into();
        };
        self.pass(now);
        let credential_state = self.credentials.get(credential as usize);
        if !credential_state.is_some_and(|credential_state| credential_state.is_shared) {
            self.scopes.away.retain(|(place, _)| *place != scope);
            self.forget_scope(scope);
        }
        self.done()
    }

    /// Marks a scope as free, and its credential if this was its last scope.
    fn forget_scope(&mut self, place: u32) {
        let Some(entry) = self.scopes.list.get_mut(place as usize) else { return };
        entry.upstream = FREED;
        let credential = entry.credential;
        self.scopes.any_freed = true;
        let lives = |other: &Scope| other.upstream != FREED && other.credential == credential;
        if credential > 0
            && !self.scopes.list.iter().any(lives)
            && let Some(credential_state) = self.credentials.get_mut(credential as usize)
        {
            credential_state.name = None;
        }
    }

    /// Returns a scope that a call may begin with.
    #[inline]
    pub(crate) fn scope_at(&mut self, place: u32) -> Option<Scope> {
        let scope = *self.scopes.list.get(place as usize)?;
        if scope.upstream >= AWAY { self.brought_back(place, scope) } else { Some(scope) }
    }

    #[cold]
    fn brought_back(&mut self, place: u32, scope: Scope) -> Option<Scope> {
        if scope.upstream == FREED {
            return None;
        }
        let at = self.scopes.away.iter().position(|(away, _)| *away == place)?;
        let (_, origin) = self.scopes.away.remove(at);
        let scope = Scope { upstream: self.upstream_place(&origin), ..scope };
        *self.scopes.list.get_mut(place as usize)? = scope;
        Some(scope)
    }

    /// Tells which places below `count` calls under way have.
    fn used(&self, place: impl Fn(&Call) -> u32, count: usize) -> Vec<bool> {
        let mut used = alloc::vec![false; count];
        for slot in 0..self.calls.places() {
            let call = self.calls.at(slot);
            if !matches!(call.state, CallState::Retained | CallState::Gone)
                && let Some(entry) = used.get_mut(place(call) as usize)
            {
                *entry = true;
            }
        }
        used
    }

    fn upstream_place(&mut self, origin: &str) -> u32 {
        if origin.is_empty() || origin == self.home.origin {
            return 0;
        }
        let known = self.others.iter().position(|known| known.origin == origin);
        let place = known.unwrap_or_else(|| {
            // Without a base URL the policy's routes and limits bind every origin.
            let is_own = self.config.base == Base::None;
            let make = if is_own { Upstream::own } else { Upstream::other };
            let mut fresh = make(&self.config, origin.to_string());
            fresh.used = self.begun;
            if self.others.len() < MAX_ORIGINS {
                self.others.push(fresh);
                return self.others.len().saturating_sub(1);
            }
            self.replace_oldest(fresh)
        });
        (place as u32).saturating_add(1)
    }

    /// Puts an upstream in the place of the one that was not used for longest. Where calls are under way to all of them the
    /// last one is shared.
    #[cold]
    fn replace_oldest(&mut self, fresh: Upstream) -> usize {
        let used = self.used(|call| call.upstream, MAX_ORIGINS.saturating_add(1));
        let idle = self.others.iter().enumerate().filter(|(place, _)| !is_used(&used, place.saturating_add(1)));
        let Some(place) = idle.min_by_key(|(_, upstream)| upstream.used).map(|(place, _)| place) else {
            return self.others.len().saturating_sub(1);
        };
        if let Some(entry) = self.others.get_mut(place) {
            let old = core::mem::replace(entry, fresh);
            let number = (place as u32).saturating_add(1);
            self.ring.fix_scope(number, self.scopes.first_of(number));
            for (i, scope) in self.scopes.list.iter_mut().enumerate() {
                if scope.upstream == number {
                    scope.upstream = AWAY;
                    self.scopes.away.push((i as u32, old.origin.clone()));
                }
            }
        }
        place
    }

    fn credential_place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.credentials.iter().position(|known| known.name.as_deref() == Some(name)) {
            return place as u32;
        }
        let free = if self.scopes.any_freed {
            let used = self.used(|call| call.credential.into(), self.credentials.len());
            let ended = |(place, credential_state): &(usize, &CredentialState)| {
                credential_state.name.is_none() && !is_used(&used, *place)
            };
            self.credentials.iter().enumerate().find(ended).map(|(place, _)| place)
        } else {
            None
        };
        let place = match free.and_then(|place| Some((place, self.credentials.get_mut(place)?))) {
            Some((place, credential_state)) => {
                credential_state.name = Some(name.to_string());
                credential_state.credential.reset();
                place
            }
            None => {
                if self.credentials.len() < MAX_CREDENTIALS {
                    let credential_state = CredentialState::new(name.to_string(), self.credentials.len() as u32);
                    self.credentials.push(credential_state);
                } else if let Some(last) = self.credentials.last_mut() {
                    last.is_shared = true;
                }
                self.credentials.len().saturating_sub(1)
            }
        };
        place as u32
    }
}

fn is_used(used: &[bool], place: usize) -> bool {
    used.get(place).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::config::Reading;
    use crate::step::{Flags, Step};
    use std::format;

    /// A GET whose body can be sent again, with credentials.
    const GET: u32 = (1 | 32) << 4;

    fn engine() -> Engine {
        Engine::open(r#"{"baseUrl": "https://a.example"}"#, Reading::Strict).unwrap()
    }

    #[test]
    fn views_that_come_and_go_take_no_more_room_than_one() {
        let mut engine = engine();
        for i in 0..100_000_u64 {
            let scope = engine.scope("", &format!("view {i}"));
            let Step::Refresh { generation } = engine.begin(1, i, 0, scope, GET, 0).step() else { panic!("{i}") };
            engine.token(i, generation, 0);
            assert!(engine.resume(1, i).flags().has(Flags::TOKEN));
            engine.respond(1, i, 200);
            engine.abandon(1, i);
            assert_eq!(engine.free(i, scope).step(), Step::Done { arg: 0 });
        }
        assert_eq!((engine.scopes.list.len(), engine.credentials.len()), (2, 2));
    }

    #[test]
    fn a_freed_scope_is_unknown_and_calls_under_way_keep_its_place() {
        let mut engine = engine();
        let ada = engine.scope("", "ada");
        engine.begin(1, 0, 0, ada, GET, 0);
        engine.free(1, ada);
        assert_eq!(engine.begin(2, 1, 0, ada, GET, 0), Misuse::Unknown.into());
        assert_eq!(engine.free(1, ada), Misuse::Unknown.into());
        assert_ne!(engine.scope("", "bob"), ada, "a call of the old one is under way");
        engine.abandon(1, 2);
        assert_eq!(engine.scope("", "eve"), ada);
    }

    #[test]
    fn a_credential_lives_as_long_as_one_of_its_scopes() {
        let mut engine = engine();
        let (here, there) = (engine.scope("", "ada"), engine.scope("https://b.example", "ada"));
        let Step::Refresh { generation } = engine.begin(1, 0, 0, here, GET, 0).step() else { panic!() };
        engine.token(0, generation, 1_000_000);
        engine.free(1, here);
        assert!(engine.begin(2, 1, 0, there, GET, 0).flags().has(Flags::TOKEN), "it is known");
        engine.free(2, there);
        let again = engine.scope("", "ada");
        assert!(matches!(engine.begin(3, 2, 0, again, GET, 0).step(), Step::Refresh { .. }), "it is another");
    }

    #[test]
    fn the_origin_not_used_for_longest_makes_room_and_comes_back() {
        let mut engine = engine();
        let origin = |i: usize| format!("https://{i}.example");
        let scopes: Vec<u32> = (0..MAX_ORIGINS).map(|i| engine.scope(&origin(i), "")).collect();
        // 0 is used last but one call goes on at 1.
        engine.begin(7, 0, 0, scopes[1], 1 << 4, 0);
        for i in (0..MAX_ORIGINS).rev().filter(|i| *i != 1) {
            engine.begin(1, 1, 0, scopes[i], 1 << 4, 0);
            engine.respond(1, 1, 200);
        }
        let place = |engine: &mut Engine, i: usize| engine.others.iter().position(|known| known.origin == origin(i));
        engine.scope("https://new.example", "");
        assert_eq!(engine.others.len(), MAX_ORIGINS);
        assert!(place(&mut engine, MAX_ORIGINS - 1).is_none(), "it was not used for longest");
        assert!(place(&mut engine, 1).is_some() && place(&mut engine, 0).is_some());
        // The host's number for the forgotten one still means it.
        engine.begin(2, 2, 0, scopes[MAX_ORIGINS - 1], 1 << 4, 0);
        assert!(place(&mut engine, MAX_ORIGINS - 1).is_some());
        assert!(place(&mut engine, MAX_ORIGINS - 2).is_none());
    }

    #[test]
    fn an_event_of_a_forgotten_origin_keeps_its_scope() {
        let policy = r#"{"baseUrl": "https://a.example", "retry": {"attempts": 1}}"#;
        let mut engine = Engine::open(policy, Reading::Strict).unwrap();
        engine.subscribe(1 << Kind::Limiter as u32);
        let scopes: Vec<u32> = (0..MAX_ORIGINS).map(|i| engine.scope(&format!("https://{i}.example"), "")).collect();
        for (now, scope) in scopes.iter().enumerate() {
            engine.begin(1, now as u64, 0, *scope, 1 << 4, 0);
            let status = if now == 0 { 429 } else { 200 };
            engine.respond_with(1, now as u64, 0, status, b"retry-after: 30\n", b"");
            engine.abandon(1, now as u64);
        }
        engine.scope("https://new.example", "");
        let events = engine.events();
        assert!(events.contains(&format!("\"scope\":{},", scopes[0])), "{events}");
    }

    #[test]
    fn origins_that_come_and_go_take_no_more_numbers() {
        let mut engine = engine();
        let mut most = 0;
        for round in 0..10_u64 {
            for i in 0..2_000 {
                let scope = engine.scope(&format!("https://{i}.example"), "");
                engine.begin(1, round, 0, scope, 1 << 4, 0);
                engine.respond(1, round, 200);
                most = most.max(scope);
            }
        }
        assert!(most <= 2_000, "{most}");
        for i in 0..20_000 {
            most = most.max(engine.scope(&format!("https://{i}.other.example"), ""));
        }
        assert!(most as usize <= MAX_SCOPES, "{most}");
    }

    #[test]
    fn a_time_beyond_the_range_is_a_misuse() {
        let mut engine = engine();
        let scope = engine.scope("", "ada");
        assert_eq!(engine.free(1 << 62, scope), Misuse::Range.into());
    }
}
