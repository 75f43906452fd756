//! JPEG-LS is not read yet.

pub(super) struct Decoded {
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    pub samples: Vec<u16>,
}

pub(super) fn decode(_: &[u8], _: usize) -> Result<Decoded, String> {
    Err("JPEG-LS is not read yet: convert it, as with `gdcmconv --raw`".to_owned())
}
