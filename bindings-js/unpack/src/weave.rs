//! A module's code packs a tenth better when operands stand beside operands of their kind and not between opcodes. The
//! build takes them apart (streams.mjs); this weaves them together again. It knows the instructions' operands and
//! nothing of what they mean.

use crate::UNPACKED;

/// What each stream holds: all but the functions' bodies; their sizes and locals; then opcodes, and operands by kind.
const REST: usize = 0;
const BODY: usize = 1;
const OPCODE: usize = 2;
const TYPE: usize = 3;
const LABEL: usize = 4;
const FUNCTION: usize = 5;
const LOCAL: usize = 6;
const OTHER: usize = 7;
const OFFSET: usize = 8;
const NUMBER: usize = 9;
const LONG: usize = 10;
const STREAMS: usize = 11;
/// So many places, so that an index needs no check.
const PLACES: usize = 16;

/// The stream of the operand that an instruction has; `REST` = it has none.
const OPERAND: [u8; 128] = operands();

const fn operands() -> [u8; 128] {
    let mut table = [0; 128];
    let mut code = 0;
    while code < 128 {
        table[code] = match code {
            0x02..=0x04 => TYPE,
            0x0c..=0x0e => LABEL,
            0x10 | 0x11 => FUNCTION,
            0x20..=0x22 => LOCAL,
            0x23 | 0x24 | 0x3f | 0x40 => OTHER,
            0x28..=0x3e => OFFSET,
            0x41 => NUMBER,
            0x42 => LONG,
            _ => REST,
        } as u8;
        code += 1;
    }
    table
}

/// Where each stream is read, and the module so far.
#[derive(Debug)]
pub struct Weaver {
    at: [usize; PLACES],
    streams: [u8; UNPACKED],
    pub(crate) woven: [u8; UNPACKED],
    written: usize,
}

impl Weaver {
    /// All zero, so that it takes no place in the module.
    pub const BLANK: Self = Self { at: [0; PLACES], streams: [0; UNPACKED], woven: [0; UNPACKED], written: 0 };

    /// The next byte of what is to be woven.
    pub fn push(&mut self, at: usize, byte: u8) {
        self.streams[at % UNPACKED] = byte;
    }

    /// A byte that was pushed.
    pub fn pushed(&self, at: usize) -> u8 {
        self.streams[at % UNPACKED]
    }

    /// The module of `size` bytes. The streams begin with a table: where each of them starts, and how much of `REST` comes
    /// before the first function.
    pub fn weave(&mut self, size: usize) {
        for stream in 0..STREAMS {
            self.at[stream] = self.word(stream);
        }
        for _ in 0..self.word(STREAMS) {
            self.take(REST);
        }
        while self.at[BODY] < self.word(BODY + 1) {
            let end = self.number(BODY) + self.written;
            for _ in 0..self.number(BODY) * 2 {
                self.number(BODY);
            }
            while self.written < end {
                self.instruction();
            }
        }
        while self.written < size {
            self.take(REST);
        }
    }

    fn instruction(&mut self) {
        let code = self.take(OPCODE);
        if code == 0xfc {
            // memory.copy has two operands and memory.fill one; the others of this prefix have none.
            let kind = self.number(OTHER);
            if kind >= 10 {
                for _ in kind..12 {
                    self.number(OTHER);
                }
            }
        }
        let stream = usize::from(OPERAND[usize::from(code & 127)]);
        if stream == REST || code > 127 {
            return;
        }
        if stream == OFFSET {
            // The alignment is a hint, and 0 promises nothing.
            self.write(0);
        }
        if code == 0x11 {
            self.number(FUNCTION);
        }
        if code == 0x0e {
            for _ in 0..self.number(LABEL) {
                self.number(LABEL);
            }
        }
        self.number(stream);
    }

    /// Moves one LEB128 number; its value.
    fn number(&mut self, stream: usize) -> usize {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.take(stream);
            value |= usize::from(byte & 127) << (shift & 31);
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    }

    #[inline(never)]
    fn take(&mut self, stream: usize) -> u8 {
        let at = &mut self.at[stream % PLACES];
        let byte = self.streams[*at % UNPACKED];
        *at += 1;
        self.write(byte);
        byte
    }

    fn write(&mut self, byte: u8) {
        self.woven[self.written % UNPACKED] = byte;
        self.written += 1;
    }

    /// A number of the table.
    fn word(&self, place: usize) -> usize {
        (0..3).fold(0, |value, byte| value << 8 | usize::from(self.pushed(place * 3 + byte)))
    }
}
