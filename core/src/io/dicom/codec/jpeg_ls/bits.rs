//! Bits of an entropy-coded segment; a byte after 0xff has seven (T.87, A.1).

use super::damage::Damage;

/// Bits, the highest first, up to a marker or the end of the bytes.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Bits that were taken from the bytes, at the upper end; zeros below them.
    buffer: u64,
    /// How many, at most 63.
    count: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, buffer: 0, count: 0, after_ff: false }
    }

    /// Takes bytes until there are more than 55 bits, or a marker or the end comes. Those without 0xff are taken at once, which makes
    /// decoding a fifth faster than byte by byte.
    fn fill(&mut self) {
        let ahead = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk());
        match ahead.map(|&eight| u64::from_be_bytes(eight)) {
            Some(word) if !self.after_ff && !holds_ff(word) => {
                let whole = (63 - self.count) / 8;
                self.buffer |= (word & !(u64::MAX >> (8 * whole))) >> self.count;
                self.next += whole as usize;
                self.count += 8 * whole;
            }
            _ => self.fill_by_bytes(),
        }
    }

    fn fill_by_bytes(&mut self) {
        while self.count <= 55 {
            let Some(&byte) = self.bytes.get(self.next) else { return };
            let before_marker = byte == 0xff && self.bytes.get(self.next + 1).is_none_or(|&next| next >= 0x80);
            if before_marker || self.after_ff && byte >= 0x80 {
                return;
            }
            let width = if self.after_ff { 7 } else { 8 };
            self.buffer |= u64::from(byte) << (64 - width) >> self.count;
            self.count += width;
            self.after_ff = byte == 0xff;
            self.next += 1;
        }
    }

    fn require(&mut self, count: u32) -> Result<(), Damage> {
        if self.count < count {
            self.fill();
        }
        if self.count < count { Err(Damage::CutShort) } else { Ok(()) }
    }

    /// Passes over bits that are there.
    fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, Damage> {
        self.require(count)?;
        let value = self.buffer >> 1 >> (63 - count);
        self.skip(count);
        Ok(value as u32)
    }

    /// A Golomb code of parameter `k` (at most 16), no longer than `limit` bits; a value that would take more of them is written
    /// out in `width` bits (A.5.3). At most 2^22.
    pub(super) fn golomb(&mut self, k: u32, limit: u32, width: u32) -> Result<i32, Damage> {
        if self.count < 32 {
            self.fill();
        }
        let escape = limit - width - 1;
        let zeros = self.buffer.leading_zeros();
        let len = zeros + 1 + k;
        if len > self.count || zeros >= escape {
            return self.long_golomb(k, escape, width);
        }
        let below = self.buffer << (zeros + 1) >> 1 >> (63 - k);
        self.skip(len);
        Ok((zeros << k) as i32 | below as i32)
    }

    /// A code that is not within the buffer, or is an escape.
    #[cold]
    fn long_golomb(&mut self, k: u32, escape: u32, width: u32) -> Result<i32, Damage> {
        let zeros = self.zeros(escape)?;
        let value = if zeros < escape { (zeros << k) | self.read(k)? } else { self.read(width)? + 1 };
        Ok(value as i32)
    }

    /// The number of zeros before the next one; more than `most` are refused.
    fn zeros(&mut self, most: u32) -> Result<u32, Damage> {
        let mut zeros = 0;
        loop {
            self.require(1)?;
            let here = self.buffer.leading_zeros().min(self.count);
            zeros += here;
            if zeros > most {
                return Err(Damage::LongCode);
            }
            if here < self.count {
                self.skip(here + 1);
                return Ok(zeros);
            }
            self.skip(here);
        }
    }

    /// What follows the segment: a marker, or the end. Less than two bytes of padding may be left: part of a byte, and the one that
    /// comes after 0xff.
    pub(super) fn rest(mut self) -> Result<&'a [u8], Damage> {
        self.fill_by_bytes();
        if self.count >= 16 {
            return Err(Damage::TooLong);
        }
        Ok(self.bytes.get(self.next..).unwrap_or_default())
    }
}

/// Whether one of eight bytes is 0xff: whether one of their complements is 0, which borrows from its highest bit.
fn holds_ff(word: u64) -> bool {
    (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 != 0
}
