//! Tapes as a file that every runtime replays: the same inputs must give the same words everywhere.
//!
//! Little-endian. `UNRTRC1\n`, u32 number of seeds; per seed u32 length and the policy's text, u64 seed, u32 kinds of
//! events, u32 number of inputs, u32 hash, then the inputs: u8 op, its numbers as f64, its byte strings as u32 length and
//! bytes. An op's numbers are those of the boundary's function, in its order: `token_failed` (8) has now, generation, fault and
//! Retry-After, `renew` (18) and `reset` (19) have now and scope. The hash folds both halves of each word, each number once, and the CRC-32 of each text.

use super::input::{CREDENTIALS, Input, ORIGINS, Output, WALL};
use unruffled_core::Engine;
use unruffled_core::config::Reading;

/// First bytes of the file.
pub const MAGIC: &[u8; 8] = b"UNRTRC1\n";
const KINDS: u32 = 255;

/// One seed as bytes.
///
/// # Errors
/// The policy is refused.
pub fn encode(policy: &str, seed: u64, tape: &[Input]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    text(&mut bytes, policy.as_bytes());
    bytes.extend(seed.to_le_bytes());
    bytes.extend(KINDS.to_le_bytes());
    bytes.extend((tape.len() as u32).to_le_bytes());
    bytes.extend(hash(policy, seed, tape)?.to_le_bytes());
    for input in tape {
        one(&mut bytes, input);
    }
    Ok(bytes)
}

/// The hash of what a core answers to a tape.
///
/// # Errors
/// The policy is refused.
pub fn hash(policy: &str, seed: u64, tape: &[Input]) -> Result<u32, String> {
    let mut engine = Engine::open(policy, Reading::Strict).map_err(|issues| format!("{issues:?}"))?;
    engine.seed(seed);
    engine.subscribe(KINDS);
    let mut hash = 0x811c_9dc5;
    for input in tape {
        match input.play(&mut engine) {
            Output::Word(answer) => {
                fold(&mut hash, answer.word() as u32);
                fold(&mut hash, (answer.word() >> 32) as u32);
            }
            Output::Number(number) => fold(&mut hash, number),
            Output::Text(text) => fold(&mut hash, crc(text.as_bytes())),
        }
    }
    Ok(hash)
}

fn fold(hash: &mut u32, word: u32) {
    *hash = (*hash ^ word).wrapping_mul(0x9e37_79b1);
    *hash ^= *hash >> 15;
}

/// CRC-32 as in zlib, a bit at a time.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text);
}

fn one(bytes: &mut Vec<u8>, input: &Input) {
    let mut op = |op: u8, numbers: &[u64], texts: &[&[u8]]| {
        bytes.push(op);
        for number in numbers {
            bytes.extend((*number as f64).to_le_bytes());
        }
        for one in texts {
            text(bytes, one);
        }
    };
    match *input {
        Input::Begin { call, now, route, scope, what, deadline } => {
            op(1, &[call.into(), now, route.into(), scope.into(), what.into(), deadline], &[]);
        }
        Input::Respond { call, now, status, headers } if headers.is_empty() => {
            op(2, &[call.into(), now, status.into()], &[])
        }
        Input::Respond { call, now, status, headers } => {
            op(3, &[call.into(), now, WALL + now, status.into()], &[headers.lines().as_bytes()]);
        }
        Input::Fault { call, now, fault } => op(5, &[call.into(), now, fault.into()], &[]),
        Input::Resume { call, now } => op(6, &[call.into(), now], &[]),
        Input::Token { now, generation, expires_in } => op(7, &[now, generation, expires_in], &[]),
        Input::TokenFailed { now, generation, fault, retry_after } => {
            op(8, &[now, generation, fault.into(), retry_after], &[]);
        }
        Input::Online { now } => op(9, &[now], &[]),
        Input::Abandon { call, now } => op(10, &[call.into(), now], &[]),
        Input::Report { call } => op(11, &[call.into()], &[]),
        Input::Wake => op(12, &[], &[]),
        Input::Scope { origin, credential } => {
            op(14, &[], &[ORIGINS[usize::from(origin)].as_bytes(), CREDENTIALS[usize::from(credential)].as_bytes()]);
        }
        Input::Events => op(15, &[], &[]),
        Input::Snapshot { now } => op(16, &[now], &[]),
        Input::Close { now } => op(17, &[now], &[]),
        Input::Renew { now, scope } => op(18, &[now, scope.into()], &[]),
        Input::Reset { now, scope } => op(19, &[now, scope.into()], &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }
}
