//! Unknown elements (UN) that do not say how long they are, in explicit VR: their items are in implicit VR, little-endian (PS3.5, 6.2.2).
//! The decoder that reads what is around them would take the items for explicit ones.

use std::borrow::Cow;

/// The length of what ends with a delimiter.
const OPEN: u32 = u32::MAX;
/// The group of items and of what ends them and their sequences.
const DELIMITERS: u16 = 0xfffe;
const ITEM: u16 = 0xe000;
const END_OF_ITEM: u16 = 0xe00d;
const END_OF_SEQUENCE: u16 = 0xe0dd;
/// Bytes of the header of an item, or of an element in implicit VR.
const HEADER: usize = 8;
/// Representations whose length has two bytes (PS3.5, 7.1.2).
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];
/// What ends a sequence, little-endian.
pub(super) const SEQUENCE_END: [u8; HEADER] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

/// The data set with the length of each such element written into its header; what ends it becomes the end of its value, so that
/// nothing is moved. One whose end cannot be found stays as it is.
pub(super) fn closed(bytes: &[u8], big_endian: bool) -> Cow<'_, [u8]> {
    let mut closed = Cow::Borrowed(bytes);
    for (at, len) in open_elements(bytes, big_endian) {
        let len = if big_endian { len.to_be_bytes() } else { len.to_le_bytes() };
        closed.to_mut()[at..at + len.len()].copy_from_slice(&len);
    }
    closed
}

/// Where the length of each such element stands, and what it should be; sequences and their items are walked through like the rest.
fn open_elements(bytes: &[u8], big_endian: bool) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(header) = Header::of(bytes, at, big_endian) {
        let value = at + header.bytes;
        let next = match (header.is_sequence, header.len) {
            (true, _) => Some(value),
            (false, OPEN) => end_of_items(bytes, value),
            (false, len) => value.checked_add(len as usize),
        };
        let Some(next) = next else { break };
        if header.is_unknown && header.len == OPEN {
            found.extend(u32::try_from(next - value).ok().map(|len| (value - 4, len)));
        }
        at = next;
    }
    found
}

/// The beginning of an element in explicit VR, or of an item.
struct Header {
    bytes: usize,
    len: u32,
    /// Whether elements follow: a sequence, an item, or the end of one.
    is_sequence: bool,
    is_unknown: bool,
}

impl Header {
    fn of(bytes: &[u8], at: usize, big_endian: bool) -> Option<Self> {
        let &[a, b, _, _, first, second, c, d] = bytes.get(at..)?.first_chunk()?;
        let two = |bytes| if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let four = |bytes| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        if two([a, b]) == DELIMITERS {
            return Some(Self { bytes: HEADER, len: 0, is_sequence: true, is_unknown: false });
        }
        let vr = &[first, second];
        let (bytes, len) = if SHORT.contains(&vr) {
            (8, u32::from(two([c, d])))
        } else {
            (12, four(*bytes.get(at + 8..)?.first_chunk()?))
        };
        Some(Self { bytes, len, is_sequence: vr == b"SQ", is_unknown: vr == b"UN" })
    }
}

/// Where the items that begin at `at` end, those in them too: all in implicit VR, little-endian, or the fragments of pixel data.
fn end_of_items(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 1_usize;
    while open > 0 {
        let &[a, b, c, d, length @ ..] = bytes.get(at..)?.first_chunk::<HEADER>()?;
        let len = u32::from_le_bytes(length);
        at += HEADER;
        match (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])) {
            (DELIMITERS, END_OF_SEQUENCE) => open -= 1,
            (DELIMITERS, END_OF_ITEM) => {}
            (DELIMITERS, ITEM) if len == OPEN => {}
            _ if len == OPEN => open += 1,
            _ => at = at.checked_add(len as usize)?,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item without a length that holds a sequence without one, and what ends them.
    fn items() -> Vec<u8> {
        let start = |tag: [u8; 4], len: u32| [tag, len.to_le_bytes()].concat();
        let (item, end_of_item) = ([0xfe, 0xff, 0x00, 0xe0], [0xfe, 0xff, 0x0d, 0xe0]);
        let within = [start(item, 4), vec![1; 4], SEQUENCE_END.to_vec()].concat();
        let sequence = [start([0x08, 0x00, 0x40, 0x11], OPEN), within].concat();
        [start(item, OPEN), sequence, start(end_of_item, 0), SEQUENCE_END.to_vec()].concat()
    }

    #[test]
    fn an_unknown_sequence_ends_where_its_own_end_stands() {
        let items = items();
        for big_endian in [false, true] {
            let (tag, short, len) = if big_endian {
                ([0x00, 0x18, 0x60, 0x11], [0, 2], (items.len() as u32).to_be_bytes())
            } else {
                ([0x18, 0x00, 0x11, 0x60], [2, 0], (items.len() as u32).to_le_bytes())
            };
            let element = |len: [u8; 4]| [&tag, b"UN\0\0".as_slice(), &len, &items].concat();
            let next = [&tag, b"US".as_slice(), &short, &[7, 7]].concat();
            let whole = |len| [element(len), next.clone(), element(len)].concat();
            assert_eq!(closed(&whole([0xff; 4]), big_endian).as_ref(), whole(len));
            assert!(matches!(closed(&whole(len), big_endian), Cow::Borrowed(_)));
            let cut = &element([0xff; 4])[..12 + items.len() - 1];
            assert!(matches!(closed(cut, big_endian), Cow::Borrowed(_)));
        }
    }
}
