//! Numbers and texts out of arbitrary bytes. When the bytes end, everything is 0 or empty.

/// What is left of the bytes.
#[derive(Debug)]
pub struct Feed<'a>(pub &'a [u8]);

impl<'a> Feed<'a> {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes([0; 4].map(|_: u8| self.byte()))
    }

    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes([0; 8].map(|_: u8| self.byte()))
    }

    /// 0 to `below` − 1.
    pub fn below(&mut self, below: usize) -> usize {
        usize::from(self.byte()) % below
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number of any size: small ones, ends of types and their neighbours, and whatever eight bytes say.
    pub fn any(&mut self) -> u64 {
        let kind = self.byte();
        match kind >> 5 {
            0..=2 => u64::from(kind & 31),
            3 => 1_u64.wrapping_shl(u32::from(self.byte())).wrapping_sub(u64::from(kind & 1)),
            4 | 5 => u64::from(self.word()),
            6 => u64::MAX - u64::from(kind & 31),
            _ => self.long(),
        }
    }

    /// As many bytes as are asked for, fewer at the end.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
