//! Time between the frames of a cine (PS3.3, C.7.6.5).

use dicom_dictionary_std::tags;

use super::{attributes::Attributes, file::named};
use crate::io::IoError;

/// Frames may be further apart than others by this share before no single interval describes them.
const TOLERANCE: f64 = 0.02;

/// What a file says about the time between its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Timing {
    /// Frames follow each other in time; the interval in ms where one describes all.
    Cine { interval_ms: Option<f64> },
    /// Nothing says that they do, but those of ultrasound without places most often do.
    Likely,
    /// Nothing says that they do.
    Unknown,
}

/// FrameTime, FrameTimeVector or CineRate, in this order, of a file with so many frames.
pub(super) fn of(attributes: &Attributes<'_>, frames: usize) -> Result<Timing, IoError> {
    let above_zero = |tag, text| match attributes.number(tag)? {
        Some(number) if number > 0.0 => Ok(Some(number)),
        // Many writers put 0 where they do not know.
        None | Some(0.0) => Ok(None),
        Some(_) => Err(attributes.wrong(tag, text)),
    };
    if let Some(interval) = above_zero(tags::FRAME_TIME, "milliseconds above 0")? {
        return Ok(Timing::Cine { interval_ms: Some(interval) });
    }
    // Zeros say no more than that somebody did not know.
    let vector = attributes.numbers(tags::FRAME_TIME_VECTOR)?;
    if let Some(vector) = vector.filter(|vector| vector.iter().any(|&time| time != 0.0)) {
        if vector.len() != frames {
            return Err(IoError::Field {
                path: attributes.path.to_owned(),
                field: named(tags::FRAME_TIME_VECTOR),
                found: format!("{} times", vector.len()),
                expected: format!(
                    "{frames}, one for each frame, as {} says: frames or times are missing; mend whichever is wrong",
                    named(tags::NUMBER_OF_FRAMES)
                ),
            });
        }
        // The first entry belongs to the first frame, which nothing precedes.
        return Ok(Timing::Cine { interval_ms: shared(vector.get(1..).unwrap_or_default()) });
    }
    let rate = above_zero(tags::CINE_RATE, "frames a second above 0")?;
    if let Some(rate) = rate {
        return Ok(Timing::Cine { interval_ms: Some(1000.0 / rate) });
    }
    let is_ultrasound = attributes.text(tags::MODALITY).is_some_and(|modality| modality == "US" || modality == "IVUS");
    Ok(if is_ultrasound { Timing::Likely } else { Timing::Unknown })
}

/// The mean of intervals that are all alike.
fn shared(intervals: &[f64]) -> Option<f64> {
    let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
    let alike = intervals.iter().all(|interval| (interval - mean).abs() <= TOLERANCE * mean);
    (mean > 0.0 && alike).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_differ_have_no_mean() {
        assert_eq!(shared(&[20.0, 20.0, 20.1]), Some(60.1 / 3.0));
        assert_eq!(shared(&[20.0, 40.0]), None);
        assert_eq!(shared(&[]), None);
    }
}
