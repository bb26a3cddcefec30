//! `headers` and `query`: names with texts that are sent always. No secret may stand in them, and none is repeated.

use crate::config::issues::{Path, push_quoted};
use crate::config::json::{Node, Value};
use crate::config::keys::Slot;
use crate::config::read::{Reader, clean, line, token};
use alloc::string::String;
use alloc::vec::Vec;

/// Entries of one object, and of a route's merged one.
const MOST_HEADERS: usize = 64;

/// Names and their texts.
pub(in crate::config) type Sent = Vec<(String, String)>;

impl Reader<'_> {
    /// Reads `headers` or `query` over what the policy says.
    #[inline(never)]
    pub(in crate::config) fn names(&mut self, value: &Value, path: &Path, slot: Slot, merged: &mut Sent) {
        let headers = slot == Slot::Headers;
        let Node::Object(members) = &value.node else {
            // Its text may be a secret.
            self.report(value.at, path, "not an object; write {\"NAME\": \"TEXT\"}");
            return;
        };
        if members.len() <= MOST_HEADERS {
            for (index, member) in members.iter().enumerate() {
                let equal = |other: &str| {
                    if headers { other.eq_ignore_ascii_case(&member.key) } else { other == member.key }
                };
                let name = &*member.key;
                let path = path.key(name);
                for other in members.get(..index).unwrap_or_default() {
                    if other.key != member.key && equal(&other.key) {
                        let out = self.report(member.key_at, &path, "given as ");
                        push_quoted(out, &other.key, 40);
                        out.push_str(" too; keep one");
                    }
                }
                merged.retain(|(other, _)| !equal(other) || matches!(member.node, Node::Text(_)));
                let words = match &member.node {
                    _ if headers && !token(name) => "not a header name; letters, digits and \"-\"",
                    Node::Null => continue,
                    Node::Text(text) if secret(name, text) => SECRET,
                    Node::Text(text) if headers && !line(text) => {
                        "does not fit a header; printable ASCII, no space at the ends"
                    }
                    Node::Text(text) if !clean(text) => "has control characters; leave them out",
                    Node::Text(text) => {
                        let entry = (String::from(name), text.clone());
                        match merged.iter_mut().find(|(other, _)| equal(other)) {
                            Some(place) => *place = entry,
                            None => merged.push(entry),
                        }
                        continue;
                    }
                    _ => "not text; write it in quotes",
                };
                self.report(member.key_at, &path, words);
            }
        }
        let count = merged.len().max(members.len());
        if count > MOST_HEADERS {
            self.too_many(value, path, count, MOST_HEADERS);
        }
    }
}

/// What is said of a header or parameter that carries a credential.
pub(in crate::config) const SECRET: &str = "no secret in a policy; use credentials, or give it to each call";

/// Whether a header or parameter carries a credential, by its name or by its text's begin.
pub(in crate::config) fn secret(name: &str, text: &str) -> bool {
    // Without what joins words, in lower case.
    let mut plain = String::new();
    for letter in name.chars().filter(char::is_ascii_alphanumeric) {
        plain.push(letter.to_ascii_lowercase());
    }
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    WHOLE.contains(&&*plain) || ENDS.iter().any(|end| plain.ends_with(end)) || begins("bearer ") || begins("basic ")
}

const WHOLE: &[&str] = &["authorization", "proxyauthorization", "cookie", "cookie2", "xauth", "token", "xtoken"];
const ENDS: &[&str] = &[
    "apikey",
    "accesskey",
    "authkey",
    "secretkey",
    "subscriptionkey",
    "functionskey",
    "authtoken",
    "accesstoken",
    "apitoken",
    "securitytoken",
    "sessiontoken",
    "privatetoken",
    "secret",
    "password",
];
