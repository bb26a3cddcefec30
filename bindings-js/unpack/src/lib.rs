//! Unpacks LZMA (lc 3, lp 0, pb 2, size known), as the engine travels inside the script: a fifth shorter than gzip makes
//! it. As WebAssembly it is done in a third of the time that JavaScript needs, whose compilers are still cold at that
//! moment. It trusts its input, which is a part of the same script; tables have a power of two of places and indexes
//! wrap, so that broken input gives wrong bytes and nothing worse.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod exports;
mod weave;

use weave::Weaver;

const PACKED: usize = 1 << 16;
const UNPACKED: usize = 1 << 18;
const ODDS: usize = 1 << 13;

/// Where each kind of decision keeps its odds; a number after a plus is another decision's part of the same table.
const MATCH: usize = 0;
const REPEATED: usize = 192;
const NOT_LATEST: usize = 204;
const NOT_SECOND: usize = 216;
const NOT_THIRD: usize = 228;
const LONGER: usize = 240;
const SLOT: usize = 432;
const DISTANCE: usize = 688;
const ALIGNMENT: usize = 816;
const LENGTH: usize = 832;
const REPEATED_LENGTH: usize = 1346;
const LITERAL: usize = 1860;

/// The state of the range decoder, its odds, what goes in and what comes out.
#[derive(Debug)]
pub struct Unpacker {
    range: u32,
    code: u32,
    at: usize,
    odds: [u16; ODDS],
    /// What to unpack, without the 13 bytes of an .lzma file's head.
    pub packed: [u8; PACKED],
    out: Weaver,
    written: usize,
}

impl Unpacker {
    /// All zero, so that it takes no place in the module.
    pub const BLANK: Self =
        Self { range: 0, code: 0, at: 0, odds: [0; ODDS], packed: [0; PACKED], out: Weaver::BLANK, written: 0 };

    /// Unpacks `streams` bytes, which make a module of `size` bytes.
    pub fn unpack(&mut self, streams: usize, size: usize) -> &[u8; UNPACKED] {
        self.odds.fill(1024);
        // The first of the five bytes is always zero.
        for _ in 0..5 {
            self.shift();
        }
        self.range = u32::MAX;
        let mut state = 0;
        // The four latest distances.
        let (mut first, mut second, mut third, mut fourth) = (1, 1, 1, 1);
        while self.written < streams {
            let position = self.written & 3;
            if self.bit(MATCH + state * 16 + position) == 0 {
                self.literal(state, first);
                state = state.saturating_sub(if state < 10 { 3 } else { 6 });
                continue;
            }
            let after_match = if state < 7 { 0 } else { 3 };
            let length;
            if self.bit(REPEATED + state) == 0 {
                length = self.length(LENGTH, position);
                (first, second, third, fourth) = (self.distance(length), first, second, third);
                state = 7 + after_match;
            } else {
                if self.bit(NOT_LATEST + state) == 0 {
                    if self.bit(LONGER + state * 16 + position) == 0 {
                        state = 9 + after_match * 2 / 3;
                        self.copy(first, 1);
                        continue;
                    }
                } else if self.bit(NOT_SECOND + state) == 0 {
                    (first, second) = (second, first);
                } else if self.bit(NOT_THIRD + state) == 0 {
                    (first, second, third) = (third, first, second);
                } else {
                    (first, second, third, fourth) = (fourth, first, second, third);
                }
                length = self.length(REPEATED_LENGTH, position);
                state = 8 + after_match;
            }
            self.copy(first, length + 2);
        }
        self.out.weave(size);
        &self.out.woven
    }

    fn write(&mut self, byte: u8) {
        self.out.push(self.written, byte);
        self.written += 1;
    }

    fn earlier(&self, back: usize) -> u8 {
        self.out.pushed(self.written.wrapping_sub(back))
    }

    fn copy(&mut self, back: usize, length: usize) {
        for _ in 0..length {
            self.write(self.earlier(back));
        }
    }

    /// A byte of its own. After a match it differs from the byte that would have continued it, so that byte's bits are
    /// a part of the context until they differ.
    fn literal(&mut self, state: usize, back: usize) {
        let table = LITERAL + (self.earlier(1) >> 5) as usize * 768;
        let mut expected = self.earlier(back) as usize;
        let mut same = state > 6;
        let mut byte = 1;
        while byte < 256 {
            expected <<= 1;
            let side = expected & 256;
            let bit = self.bit(table + byte + if same { 256 + side } else { 0 });
            same = same && side >> 8 == bit;
            byte = byte << 1 | bit;
        }
        self.write(byte as u8);
    }

    /// Two less than the length of a match.
    fn length(&mut self, table: usize, position: usize) -> usize {
        if self.bit(table) == 0 {
            self.tree(table + 2 + position * 8, 3)
        } else if self.bit(table + 1) == 0 {
            8 + self.tree(table + 130 + position * 8, 3)
        } else {
            16 + self.tree(table + 258, 8)
        }
    }

    /// How far back a match begins: a slot gives the two highest bits and how many follow.
    fn distance(&mut self, length: usize) -> usize {
        let slot = self.tree(SLOT + length.min(3) * 64, 6);
        if slot < 4 {
            return slot + 1;
        }
        let bits = slot / 2 - 1;
        let high = (2 | slot & 1) << bits;
        if slot < 14 {
            return high + self.lowest_first(DISTANCE + high - slot, bits) + 1;
        }
        let mut middle = 0;
        for _ in 4..bits {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            middle = middle << 1 | usize::from(bit);
            self.refill();
        }
        high + (middle << 4) + self.lowest_first(ALIGNMENT, 4) + 1
    }

    fn tree(&mut self, table: usize, bits: usize) -> usize {
        let mut node = 1;
        for _ in 0..bits {
            node = node << 1 | self.bit(table + node);
        }
        node - (1 << bits)
    }

    fn lowest_first(&mut self, table: usize, bits: usize) -> usize {
        let mut node = 1;
        let mut value = 0;
        for place in 0..bits {
            let bit = self.bit(table + node);
            node = node << 1 | bit;
            value |= bit << place;
        }
        value
    }

    /// One decision; its odds move a 32nd towards what it was.
    #[inline(never)]
    fn bit(&mut self, place: usize) -> usize {
        let odds = &mut self.odds[place % ODDS];
        let chance = u32::from(*odds);
        let bound = (self.range >> 11) * chance;
        let bit = self.code >= bound;
        if bit {
            self.range -= bound;
            self.code -= bound;
            *odds -= *odds >> 5;
        } else {
            self.range = bound;
            *odds += (2048 - *odds) >> 5;
        }
        self.refill();
        usize::from(bit)
    }

    fn refill(&mut self) {
        if self.range < 1 << 24 {
            self.shift();
        }
    }

    fn shift(&mut self) {
        self.range <<= 8;
        self.code = self.code << 8 | u32::from(self.packed[self.at % PACKED]);
        self.at += 1;
    }
}
