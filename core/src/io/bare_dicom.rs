//! Data sets of DICOM without the header of PS3.10: nothing says how they are encoded, so they are told apart only to be refused.

/// Elements in a row that must look like the first of a data set.
const ENOUGH: usize = 2;
/// Longer values do not stand among the first.
const LONGEST: usize = 1 << 14;
/// Representations of values (PS3.5, 6.2), and whether their length takes four bytes.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// Whether a file that begins so looks like one: groups 0002 or 0008 first, tags that grow, lengths that fit.
pub(super) fn is_data_set(start: &[u8]) -> bool {
    [false, true].into_iter().any(|big_endian| has_elements(start, big_endian))
}

fn has_elements(start: &[u8], big_endian: bool) -> bool {
    let mut rest = start;
    let mut before = None;
    for _ in 0..ENOUGH {
        let Some((tag, len)) = element(rest, big_endian) else { return false };
        if !before.map_or(matches!(tag >> 16, 2 | 8), |before| tag > before) {
            return false;
        }
        before = Some(tag);
        rest = rest.get(len..).unwrap_or_default();
    }
    true
}

/// Tag and bytes of the element that these begin with, header and value.
fn element(bytes: &[u8], big_endian: bool) -> Option<(u32, usize)> {
    let short = |at: usize| {
        let two = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    };
    let long = |at: usize| {
        let [first, second] = [short(at)?, short(at + 2)?].map(u32::from);
        Some(if big_endian { first << 16 | second } else { second << 16 | first })
    };
    let tag = u32::from(short(0)?) << 16 | u32::from(short(2)?);
    let kind = bytes.get(4..6)?;
    let len = if SHORT.iter().any(|known| kind == *known) {
        8 + usize::from(short(6)?)
    } else if LONG.iter().any(|known| kind == *known) {
        12 + long(8)? as usize
    } else if big_endian {
        return None;
    } else {
        8 + long(4)? as usize
    };
    (len <= LONGEST).then_some((tag, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_in_order_are_told_from_other_bytes() {
        let explicit = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0UI\x02\09\0";
        assert!(is_data_set(explicit));
        assert!(is_data_set(b"\x02\0\0\0UL\x04\0\xb2\0\0\0\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01"));
        assert!(is_data_set(b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x16\0\x02\0\0\09\0"));
        assert!(is_data_set(b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x16UI\0\x021\0"));
        assert!(!is_data_set(&explicit[..18]), "one element alone");
        assert!(!is_data_set(b"\x08\0\x16\0UI\x02\09\0\x08\0\x05\0CS\x02\0AB"), "tags that fall");
        assert!(!is_data_set(&[8, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0]));
        assert!(!is_data_set(b"\x08\0\x05\0and so on, as texts of any kind do"));
        assert!(!is_data_set(b""));
    }
}
