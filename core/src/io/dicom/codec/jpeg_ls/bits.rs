//! Bits of an entropy-coded segment; a byte after 0xff has seven (A.1).

/// Bits, the highest first.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Bits that were taken from the bytes, at the upper end.
    buffer: u64,
    count: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, buffer: 0, count: 0, after_ff: false }
    }

    /// Takes bytes until there are more than 56 bits, or a marker or the end comes.
    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.next) else { return };
            let width = if self.after_ff { 7 } else { 8 };
            if self.after_ff && byte >= 0x80
                || byte == 0xff && self.bytes.get(self.next + 1).is_none_or(|&next| next >= 0x80)
            {
                return;
            }
            self.buffer |= u64::from(byte) << (64 - width) >> self.count;
            self.count += width;
            self.after_ff = byte == 0xff;
            self.next += 1;
        }
    }

    fn require(&mut self, count: u32) -> Result<(), String> {
        if self.count < count {
            self.fill();
        }
        if self.count < count { Err("its JPEG-LS data are cut short".to_owned()) } else { Ok(()) }
    }

    fn skip(&mut self, count: u32) {
        self.buffer = self.buffer.checked_shl(count).unwrap_or(0);
        self.count -= count;
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, String> {
        if count == 0 {
            return Ok(0);
        }
        self.require(count)?;
        let value = (self.buffer >> (64 - count)) as u32;
        self.skip(count);
        Ok(value)
    }

    /// The number of zeros before the next one; more than `most` are refused.
    fn zeros(&mut self, most: u32) -> Result<u32, String> {
        let mut zeros = 0;
        loop {
            self.require(1)?;
            let here = self.buffer.leading_zeros().min(self.count);
            zeros += here;
            if zeros > most {
                return Err("a JPEG-LS code is longer than any can be: the data are damaged".to_owned());
            }
            if here < self.count {
                self.skip(here + 1);
                return Ok(zeros);
            }
            self.skip(here);
        }
    }

    /// A Golomb code of parameter `k`, with at most `limit` bits (A.5.3).
    pub(super) fn golomb(&mut self, k: u32, limit: u32, bits: u32) -> Result<i32, String> {
        let escape = limit - bits - 1;
        let zeros = self.zeros(escape)?;
        let value = if zeros < escape { (zeros << k) | self.read(k)? } else { self.read(bits)? + 1 };
        Ok(value as i32)
    }

    /// What follows the bits: the next marker and the rest. Bits that pad the last byte are passed over.
    pub(super) fn rest(&self) -> &'a [u8] {
        // Bytes in the buffer hold padding only, since all that the segment codes was read.
        let rest = &self.bytes[self.next.min(self.bytes.len())..];
        let marker = rest.windows(2).position(|two| two[0] == 0xff && two[1] >= 0x80);
        &rest[marker.unwrap_or(rest.len())..]
    }
}
