use super::*;

mod streams;

use streams::{EXAMPLE, STREAMS, Stream};

/// Half of each line is flat, half is not.
fn sample(y: usize, x: usize, component: usize, columns: usize, bits: u8) -> u16 {
    let values = 1_usize << bits;
    if (y, x, component) == (0, 0, 0) {
        (values - 1) as u16
    } else if x < columns / 2 {
        y as u16
    } else {
        ((x * x + 3 * y * x + 7 * component * x) % values) as u16
    }
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

impl Stream {
    fn expected(&self) -> Vec<u16> {
        if !self.samples.is_empty() {
            return bytes_of(self.samples).into_iter().map(u16::from).collect();
        }
        let [_, columns, components] = self.size;
        let of = |index| {
            sample(index / components / columns, index / components % columns, index % components, columns, self.bits)
        };
        (0..self.len()).map(of).collect()
    }

    /// Samples.
    fn len(&self) -> usize {
        self.size.into_iter().product()
    }
}

fn named(name: &str) -> &'static Stream {
    STREAMS.iter().find(|stream| stream.name == name).unwrap()
}

/// The first stream with a segment put in behind SOI.
fn with(segment: &[u8]) -> Result<Decoded, String> {
    let plain = bytes_of(STREAMS[0].bytes);
    decode(&[&plain[..2], segment, &plain[2..]].concat(), STREAMS[0].len())
}

/// The first stream with another byte somewhere.
fn changed(at: usize, byte: u8) -> Result<Decoded, String> {
    let mut bytes = bytes_of(STREAMS[0].bytes);
    bytes[at] = byte;
    decode(&bytes, STREAMS[0].len())
}

#[test]
fn the_example_of_the_standard_gives_its_samples() {
    let decoded = decode(&bytes_of(EXAMPLE), 16).unwrap();
    assert_eq!(decoded.samples, [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145]);
}

#[test]
fn streams_of_other_encoders_give_their_samples() {
    for stream in STREAMS {
        let decoded = decode(&bytes_of(stream.bytes), stream.len()).unwrap();
        let size = [decoded.rows, decoded.columns, decoded.components];
        assert_eq!((size, decoded.bits), (stream.size, stream.bits), "{}", stream.name);
        assert_eq!(decoded.near > 0, stream.name.contains("NEAR"), "{}", stream.name);
        assert_eq!(decoded.samples, stream.expected(), "{}", stream.name);
    }
}

#[test]
fn a_stream_cut_short_anywhere_is_refused() {
    for stream in STREAMS {
        let whole = bytes_of(stream.bytes);
        // The marker EOI, two bytes, is not needed.
        for len in 0..whole.len() - 2 {
            assert!(decode(&whole[..len], stream.len()).is_err(), "{}: {len} of {}", stream.name, whole.len());
        }
        assert!(decode(&whole[..whole.len() - 2], stream.len()).is_ok(), "{}", stream.name);
    }
}

#[test]
fn damage_is_never_more_than_an_error() {
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let stream = &STREAMS[round % STREAMS.len()];
        let mut damaged = bytes_of(stream.bytes);
        for _ in 0..=draw(3) {
            let at = draw(damaged.len());
            damaged[at] = draw(256) as u8;
        }
        if let Ok(decoded) = decode(&damaged, stream.len()) {
            assert_eq!(decoded.samples.len(), stream.len());
            assert!(decoded.samples.iter().all(|&sample| u32::from(sample) < 1 << decoded.bits));
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let refusals: [(&[u8], &str); 7] = [
        (b"\xff\xe8\x00\x07mrfx\x01", "mrfx"),
        (b"\xff\xf8\x00\x05\x02\x01\x01", "mapping tables"),
        (b"\xff\xf8\x00\x05\x03\x01\x01", "mapping tables"),
        (b"\xff\xf8\x00\x05\x04\x01\x01", "more than 65535 rows"),
        (b"\xff\xc0\x00\x02", "a JPEG stream"),
        (b"\xff\xd9", "EOI"),
        (b"\xff\xdd\x00\x03\x01", "restart interval"),
    ];
    for (segment, expected) in refusals {
        let error = with(segment).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(with(b"\xff\xe8\x00\x07mrfx\x00").is_ok());
    assert!(decode(&bytes_of(STREAMS[0].bytes), 7).unwrap_err().contains("expected 7 in all"));
    assert!(decode(b"\xff\xd8", 1).is_err());
}

#[test]
fn fields_that_cannot_be_are_refused_with_their_value() {
    // SOF55 lies at 2, SOS at 15: bits, rows, components, sampling; components of the scan, NEAR, mode, point transform.
    let fields = [
        (6, 1, "1 components of 1 bits"),
        (6, 17, "of 17 bits"),
        (7, 0xff, "65286 x 40 samples"),
        (8, 0, "0 rows"),
        (11, 5, "5 components"),
        (11, 2, "describes 1 components"),
        (13, 0x21, "different size"),
        (20, 9, "component 9"),
        (21, 1, "mapping table 1"),
        (22, 128, "NEAR is 128"),
        (23, 3, "interleave mode 3"),
        (24, 1, "point transform 0x01"),
        (0, 0, "marker SOI"),
        (15, 0, "a byte 0x00"),
    ];
    for (at, byte, expected) in fields {
        let error = changed(at, byte).unwrap_err();
        assert!(error.contains(expected), "{at}: {error}");
    }
}

#[test]
fn coding_parameters_that_cannot_be_are_refused_with_their_value() {
    let lse = |max: u16, t: [u16; 3], reset: u16| {
        let numbers: Vec<u8> = [max, t[0], t[1], t[2], reset].into_iter().flat_map(u16::to_be_bytes).collect();
        with(&[b"\xff\xf8\x00\x0d\x01", numbers.as_slice()].concat())
    };
    assert!(lse(0, [0; 3], 0).is_ok());
    assert!(lse(256, [0; 3], 0).unwrap_err().contains("MAXVAL is 256"));
    assert!(lse(0, [9, 5, 0], 0).unwrap_err().contains("[9, 5, 21]"));
    assert!(lse(0, [0, 0, 256], 0).unwrap_err().contains("256"));
    assert!(lse(0, [0; 3], 2).unwrap_err().contains("RESET is 2"));
    assert!(lse(0, [0; 3], 256).unwrap_err().contains("RESET is 256"));
}

#[test]
fn a_second_header_or_scan_of_a_component_is_refused() {
    let frame = &bytes_of(STREAMS[0].bytes)[2..15];
    assert!(with(frame).unwrap_err().contains("two frame headers"));
    let stream = named("planes in another order");
    let mut bytes = bytes_of(stream.bytes);
    let at = bytes.windows(6).rposition(|six| six == [0xff, 0xda, 0, 8, 1, 10]).unwrap();
    bytes[at + 5] = 7;
    assert!(decode(&bytes, stream.len()).unwrap_err().contains("component 7 is in two"));
}

#[test]
fn room_is_made_for_what_is_there() {
    let mut bytes = bytes_of(STREAMS[0].bytes);
    bytes[7..11].fill(0xff);
    let error = decode(&bytes, 0xffff * 0xffff).unwrap_err();
    assert!(error.contains("at line 1;"), "{error}");
}

#[test]
fn a_restart_out_of_turn_is_refused() {
    let stream = named("restarts every other line");
    let mut bytes = bytes_of(stream.bytes);
    let at = bytes.windows(2).position(|two| two == [0xff, 0xd1]).unwrap();
    bytes[at + 1] = 0xd2;
    assert!(decode(&bytes, stream.len()).unwrap_err().contains("restart marker 1"));
}

#[test]
fn data_beyond_the_last_sample_are_refused() {
    let mut bytes = bytes_of(STREAMS[0].bytes);
    let end = bytes.len() - 2;
    bytes.splice(end..end, [0x55; 3]);
    assert!(decode(&bytes, STREAMS[0].len()).unwrap_err().contains("go on after their last sample"));
}
