//! Grey PNG files as numbers.

use std::{fs::File, io::BufReader, path::Path};

use png::{BitDepth, ColorType, Decoder, Transformations};
use rl4seg_sdk::component::{ComponentError, ErrorKind, Result};

/// Rows, columns and grey values, 0 to `full_scale`.
#[derive(Debug)]
pub(crate) struct GrayPng {
    pub(crate) shape: [usize; 2],
    pub(crate) values: Vec<u16>,
    pub(crate) full_scale: u16,
}

impl GrayPng {
    /// # Errors
    /// If the file is not there, is no PNG, is broken, or has colours or an alpha channel.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let unreadable = |error: String| {
            ComponentError::new(ErrorKind::Unreadable, format!("{}: cannot be read as PNG: {error}", path.display()))
        };
        let file = File::open(path).map_err(|error| {
            let kind =
                if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unreadable };
            ComponentError::new(kind, format!("{}: {error}", path.display()))
        })?;
        let mut decoder = Decoder::new(BufReader::new(file));
        // Grey values of 1, 2 and 4 bit become 8 bit.
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = decoder.read_info().map_err(|error| unreadable(error.to_string()))?;
        let (color, depth) = reader.output_color_type();
        if color != ColorType::Grayscale {
            let message = format!("{}: its pixels are {color:?}; expected grey values, one a pixel", path.display());
            return Err(ComponentError::new(ErrorKind::Unsupported, message));
        }
        let size = reader.output_buffer_size().ok_or_else(|| unreadable("it is too large".to_owned()))?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        let (values, full_scale) = match depth {
            BitDepth::Sixteen => {
                (bytes.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect(), u16::MAX)
            }
            _ => (bytes.into_iter().map(u16::from).collect(), u16::from(u8::MAX)),
        };
        Ok(Self { shape: [frame.height as usize, frame.width as usize], values, full_scale })
    }
}
