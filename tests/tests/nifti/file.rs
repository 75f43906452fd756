//! NIfTI files byte by byte.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

/// A file under construction, after the NIfTI-1 standard: offsets are those of `nifti1.h`.
#[derive(Clone)]
pub struct File {
    pub header: Vec<u8>,
    pub data: Vec<u8>,
    pub big_endian: bool,
}

impl File {
    /// A file of `dim` (x, y, z, t, ...) with isotropic spacing 0.5, no `sform`, of `datatype`.
    pub fn new(dim: &[i16], datatype: i16, data: Vec<u8>) -> Self {
        let mut file = Self { header: vec![0; 352], data, big_endian: false };
        file.put(0, &348_i32.to_le_bytes());
        file.put(40, &(dim.len() as i16).to_le_bytes());
        for axis in 0..7 {
            file.put(42 + 2 * axis, &dim.get(axis).copied().unwrap_or(1).to_le_bytes());
            file.put(80 + 4 * axis, &0.5_f32.to_le_bytes());
        }
        file.put(70, &datatype.to_le_bytes());
        file.put(108, &352_f32.to_le_bytes());
        file.header[123] = 2;
        file.put(344, b"n+1\0");
        file
    }

    /// `uint8` values 0, 1, 2, 3, ... on a grid of `dim`.
    pub fn bytes(dim: &[i16]) -> Self {
        let len: usize = dim.iter().map(|&length| length as usize).product();
        Self::new(dim, 2, (0..len).map(|value| value as u8).collect())
    }

    pub fn put(&mut self, at: usize, little_endian: &[u8]) {
        self.header[at..at + little_endian.len()].copy_from_slice(little_endian);
    }

    pub fn with(mut self, at: usize, little_endian: &[u8]) -> Self {
        self.put(at, little_endian);
        self
    }

    pub fn f32(self, at: usize, value: f32) -> Self {
        self.with(at, &value.to_le_bytes())
    }

    pub fn i16(self, at: usize, value: i16) -> Self {
        self.with(at, &value.to_le_bytes())
    }

    /// Three rows of four.
    pub fn sform(self, rows: [[f32; 4]; 3]) -> Self {
        let rows = rows.into_iter().flatten().enumerate();
        rows.fold(self.i16(254, 1), |file, (index, value)| file.f32(280 + 4 * index, value))
    }

    pub fn whole(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.data].concat()
    }

    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, self.whole()).unwrap();
        path
    }
}

pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
