use nifti::NiftiType;

use crate::io::IoError;

/// The voxels of a file as they are stored.
pub(super) struct Voxels {
    pub(super) bytes: Vec<u8>,
    pub(super) data_type: NiftiType,
    pub(super) big_endian: bool,
    /// Slope and intercept.
    pub(super) scaling: [f64; 2],
}

impl Voxels {
    /// What `convert` makes of each voxel's index and value (slope · stored + intercept), or its
    /// first refusal.
    pub(super) fn convert<T>(&self, convert: impl Fn(usize, f64) -> Result<T, IoError>) -> Result<Vec<T>, IoError> {
        match self.data_type {
            NiftiType::Uint8 => self.each(u8::from_le_bytes, f64::from, convert),
            NiftiType::Int8 => self.each(i8::from_le_bytes, f64::from, convert),
            NiftiType::Uint16 => self.each(u16::from_le_bytes, f64::from, convert),
            NiftiType::Int16 => self.each(i16::from_le_bytes, f64::from, convert),
            NiftiType::Uint32 => self.each(u32::from_le_bytes, f64::from, convert),
            NiftiType::Int32 => self.each(i32::from_le_bytes, f64::from, convert),
            NiftiType::Uint64 => self.each(u64::from_le_bytes, |value| value as f64, convert),
            NiftiType::Int64 => self.each(i64::from_le_bytes, |value| value as f64, convert),
            NiftiType::Float64 => self.each(f64::from_le_bytes, |value| value, convert),
            // `Header::parse` lets no other type through.
            _ => self.each(f32::from_le_bytes, f64::from, convert),
        }
    }

    fn each<const N: usize, S, T>(
        &self,
        stored: fn([u8; N]) -> S,
        number: fn(S) -> f64,
        convert: impl Fn(usize, f64) -> Result<T, IoError>,
    ) -> Result<Vec<T>, IoError> {
        let [slope, intercept] = self.scaling;
        let (voxels, _) = self.bytes.as_chunks::<N>();
        let value = |(index, bytes): (usize, &[u8; N])| {
            let mut bytes = *bytes;
            if self.big_endian {
                bytes.reverse();
            }
            convert(index, slope * number(stored(bytes)) + intercept)
        };
        voxels.iter().enumerate().map(value).collect()
    }
}
