//! Which endpoint a request is for. A class is a method and a path whose value-like segments are left out; it has a
//! number that never means another class. Paths stay inside: of a class of a full URL only the method may be shown.

use crate::defaults::MAX_ENDPOINTS;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A class that was asked for lately.
#[derive(Debug)]
struct Known {
    /// FNV-1a of its text, 64 bits.
    hash: u64,
    number: u16,
    /// When it was last asked for, in the order of asking.
    asked: u64,
    name: String,
}

/// The classes of one engine.
#[derive(Debug, Default)]
pub struct Endpoints {
    known: Vec<Known>,
    numbers: u16,
    asks: u64,
}

impl Endpoints {
    /// The number of the class of `method` and `place` (a path, or a URL without a query); 0 when all numbers are given.
    pub fn number(&mut self, method: &str, place: &str) -> u16 {
        self.asks = self.asks.saturating_add(1);
        let asked = self.asks;
        let hash = hash_of(method, place);
        if let Some(known) = self.known.iter_mut().find(|known| known.hash == hash) {
            known.asked = asked;
            return known.number;
        }
        let Some(number) = self.numbers.checked_add(1) else { return 0 };
        self.numbers = number;
        let known = Known { hash, number, asked, name: name_of(method, place) };
        if self.known.len() < MAX_ENDPOINTS {
            self.known.push(known);
        } else if let Some(oldest) = self.known.iter_mut().min_by_key(|known| known.asked) {
            *oldest = known;
        }
        number
    }

    /// What events and texts may show of a class: its template, or its method alone; empty when it was forgotten.
    #[must_use]
    pub fn name(&self, number: u16) -> &str {
        self.known.iter().find(|known| known.number == number).map_or("", |known| known.name.as_str())
    }
}

fn hash_of(method: &str, place: &str) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.text(method);
    for segment in place.split('/') {
        hash.text("/");
        hash.text(if is_value(segment) { "{}" } else { segment });
    }
    hash.0
}

struct Fnv(u64);

impl Fnv {
    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn name_of(method: &str, place: &str) -> String {
    let mut name = method.to_string();
    if place.starts_with('/') {
        name.push(' ');
        for segment in place.split('/').skip(1) {
            name.push('/');
            name.push_str(if is_value(segment) { "{}" } else { segment });
        }
    }
    name
}

/// Whether a segment looks like a value and not like a word: a number or date, a UUID or other hexadecimal of 8 digits
/// or more, a text with 4 digits, a mixed one of 16 characters, any of 32, one with an `@` or a percent-encoded byte.
#[must_use]
pub fn is_value(segment: &str) -> bool {
    if segment.starts_with('{') {
        return false;
    }
    let (mut digits, mut letters, mut hex, mut odd) = (0_usize, 0_usize, true, false);
    for byte in segment.bytes() {
        match byte {
            b'0'..=b'9' => digits = digits.saturating_add(1),
            b'a'..=b'f' | b'A'..=b'F' => letters = letters.saturating_add(1),
            b'%' | b'@' => odd = true,
            b'-' | b'.' | b'_' | b',' | b':' | b'~' => {}
            _ => {
                letters = letters.saturating_add(1);
                hex = false;
            }
        }
    }
    let length = segment.len();
    odd || digits >= 4
        || length >= 32
        || digits > 0 && (letters == 0 || length >= 16 || hex && digits.saturating_add(letters) >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_values_are_distinguished() {
        for word in
            ["", "orders", "v1", "v2beta1", "oauth2", "chat.postMessage", "{id}", "{order_id_1234}", "s3", "facade"]
        {
            assert!(!is_value(word), "{word}");
        }
        for value in [
            "7",
            "-7",
            "2026-11-28",
            "1.5",
            "550e8400-e29b-41d4-a716-446655440000",
            "deadbeef01",
            "507f1f77bcf86cd799439011",
            "cus_9s6XKzkNRiZ8i3",
            "bot123456:ABC-DEF",
            "ORD-2024-17",
            "a%40b.example",
            "a@b.example",
            "dGhpcyBpcyBhIGxvbmcgdG9rZW4gaW5kZWVk",
        ] {
            assert!(is_value(value), "{value}");
        }
    }

    #[test]
    fn a_class_keeps_its_number_and_values_do_not_make_new_ones() {
        let mut endpoints = Endpoints::default();
        let seven = endpoints.number("GET", "/orders/7");
        assert_eq!(endpoints.number("GET", "/orders/8"), seven);
        assert_eq!(endpoints.number("GET", "https://a.example/orders/8"), seven.saturating_add(1));
        assert_ne!(endpoints.number("PUT", "/orders/8"), seven);
        assert_eq!((endpoints.name(seven), endpoints.name(2)), ("GET /orders/{}", "GET"));
    }

    #[test]
    fn a_forgotten_class_gets_a_new_number() {
        let mut endpoints = Endpoints::default();
        let first = endpoints.number("GET", "/first");
        for i in 0..MAX_ENDPOINTS {
            let letters: String = std::format!("{i:04}").bytes().map(|b| char::from(b'a' + b - b'0')).collect();
            endpoints.number("GET", &std::format!("/{letters}"));
        }
        assert_eq!(endpoints.name(first), "");
        let again = endpoints.number("GET", "/first");
        assert_eq!(usize::from(again), MAX_ENDPOINTS + 2);
    }
}
