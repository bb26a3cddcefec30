//! `headers` and `query`: names with texts that are sent always. No secret may stand in them, and none is repeated.

use super::issues::{self, Part, Path};
use super::json::{Node, Value};
use super::read::{Reader, line, token};
use alloc::string::String;
use alloc::vec::Vec;

/// Entries of one object, and of a route's merged one.
const MOST_HEADERS: usize = 64;

impl Reader<'_> {
    /// `headers` or `query` over what the policy says.
    pub(super) fn names(
        &mut self,
        value: &Value,
        path: &Path,
        headers: bool,
        mut merged: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        let Node::Object(members) = &value.node else {
            // Its text may be a secret.
            self.issues.add(value.at, path, &["not an object; write {\"NAME\": \"TEXT\"}"]);
            return merged;
        };
        if members.len() > MOST_HEADERS {
            self.issues.add(value.at, path, &[&issues::plain(members.len() as u64), " entries; at most 64"]);
            return merged;
        }
        let equal = |a: &str, b: &str| if headers { a.eq_ignore_ascii_case(b) } else { a == b };
        for (index, member) in members.iter().enumerate() {
            let name = &*member.key;
            let path = path.with(Part::Key(name));
            let at = merged.iter().position(|(other, _)| equal(other, name));
            let earlier = members.iter().take(index).find(|other| other.key != member.key && equal(&other.key, name));
            if let Some(other) = earlier {
                self.issues.add(member.at, &path, &["given as ", &issues::quoted(&other.key, 40), " too; keep one"]);
            }
            if headers && !token(name) {
                self.issues.add(member.at, &path, &["not a header name; letters, digits and \"-\""]);
                continue;
            }
            let text = match &member.value.node {
                Node::Null => {
                    if let Some(at) = at {
                        merged.remove(at);
                    }
                    continue;
                }
                Node::Text(text) => text,
                _ => {
                    self.issues.add(member.value.at, &path, &["not text; write it in quotes"]);
                    continue;
                }
            };
            if self.secret(name, text, member.at, &path) {
                continue;
            }
            if headers && !line(text) || text.chars().any(char::is_control) {
                let words = if headers {
                    "does not fit a header; printable ASCII, no space at the ends"
                } else {
                    "has control characters; leave them out"
                };
                self.issues.add(member.value.at, &path, &[words]);
                continue;
            }
            let entry = (String::from(name), text.clone());
            match at.and_then(|at| merged.get_mut(at)) {
                Some(place) => *place = entry,
                None => merged.push(entry),
            }
        }
        if merged.len() > MOST_HEADERS {
            self.issues.add(
                value.at,
                path,
                &[&issues::plain(merged.len() as u64), " entries with the policy's; at most 64"],
            );
        }
        merged
    }

    /// Whether a header or parameter carries a credential, by its name or its text's begin.
    pub(super) fn secret(&mut self, name: &str, text: &str, at: u32, path: &Path) -> bool {
        let secret = secret_name(name) || secret_text(text);
        if secret {
            self.issues.add(at, path, &["no secret in a policy; use credentials"]);
        }
        secret
    }
}

/// Whether a name is one that carries credentials.
fn secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    matches!(&*name, "authorization" | "proxyauthorization" | "cookie" | "cookie2" | "xauth" | "token" | "xtoken")
        || [
            "apikey",
            "accesskey",
            "authkey",
            "secretkey",
            "subscriptionkey",
            "functionskey",
            "authtoken",
            "accesstoken",
        ]
        .iter()
        .chain(&["apitoken", "securitytoken", "sessiontoken", "privatetoken", "clientsecret", "secret", "password"])
        .any(|end| name.ends_with(end))
}

/// Whether a text begins like a credential of an Authorization header.
fn secret_text(text: &str) -> bool {
    ["bearer ", "basic "]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))
}
