//! What a segmentation says of its frames (PS3.3, C.7.6.16 and C.8.20.3).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::io::{
    IoError,
    dicom::{
        attributes::Attributes,
        file::named,
        pixels::PER_FRAME,
        placement::Placement,
        spacing::{close, pair},
    },
};

/// A frame of a segmentation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SegmentFrame {
    /// Number of the segment; 0 where the pixels tell it.
    pub segment: u16,
    pub placement: Option<Placement>,
    pub measures: Measures,
    /// The plane that it was made from, where that is one.
    pub source: Option<Source>,
    /// TemporalPositionIndex, from 1.
    pub time: Option<u32>,
}

/// PS3.3, C.7.6.16.2.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measures {
    /// `[y, x]`.
    pub spacing_mm: Option<[f64; 2]>,
    pub thickness_mm: Option<f64>,
    /// From one plane to the next.
    pub apart_mm: Option<f64>,
}

/// An instance, or a frame of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub uid: String,
    /// From 1.
    pub frame: Option<u32>,
}

/// The functional groups of a frame, its own and those that all share.
struct Groups<'a> {
    own: Attributes<'a>,
    shared: Option<Attributes<'a>>,
}

impl SegmentFrame {
    /// All frames; `has_segments`: whether each belongs to a segment.
    pub(super) fn all(root: &Attributes<'_>, frames: usize, has_segments: bool) -> Result<Vec<Self>, IoError> {
        let own = root.items(PER_FRAME);
        if own.len() != frames {
            let detail = format!("{} has {} items for {frames} frames; it is damaged", named(PER_FRAME), own.len());
            return Err(IoError::Format { path: root.path.to_owned(), detail });
        }
        let shared = root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        own.into_iter().map(|own| Self::of(&Groups { own, shared }, has_segments)).collect()
    }

    fn of(groups: &Groups<'_>, has_segment: bool) -> Result<Self, IoError> {
        let segment = if has_segment { groups.segment()? } else { 0 };
        let content = groups.get(tags::FRAME_CONTENT_SEQUENCE);
        let time = content.map(|content| content.whole(tags::TEMPORAL_POSITION_INDEX)).transpose()?.flatten();
        let placement = match (groups.get(tags::PLANE_POSITION_SEQUENCE), groups.get(tags::PLANE_ORIENTATION_SEQUENCE))
        {
            (Some(at), Some(turned)) => Placement::within(&at, &turned)?,
            _ => None,
        };
        Ok(Self { segment, placement, measures: groups.measures()?, source: groups.source()?, time })
    }

    /// The measures of all frames.
    pub(super) fn shared_measures(root: &Attributes<'_>, frames: &[Self]) -> Result<Measures, IoError> {
        let first = frames[0].measures;
        let spacing_of = |frame: &Self| frame.measures.spacing_mm;
        let is_other = |frame: &Self| match (first.spacing_mm, spacing_of(frame)) {
            (Some(first), Some(other)) => !close(first, other),
            (first, other) => first.is_some() != other.is_some(),
        };
        let Some(other) = frames.iter().position(is_other) else { return Ok(first) };
        let detail = format!(
            "{} is {:?} in frame 1 and {:?} in frame {}: one volume has one grid",
            named(tags::PIXEL_SPACING),
            first.spacing_mm.unwrap_or_default(),
            spacing_of(&frames[other]).unwrap_or_default(),
            other + 1
        );
        Err(IoError::Unsupported { path: root.path.to_owned(), detail })
    }
}

impl<'a> Groups<'a> {
    fn get(&self, tag: Tag) -> Option<Attributes<'a>> {
        self.own.item(tag).or_else(|| self.shared?.item(tag))
    }

    fn segment(&self) -> Result<u16, IoError> {
        let tag = tags::REFERENCED_SEGMENT_NUMBER;
        let expected = "the number of the frame's segment, 1 to 65535";
        let holder = self.get(tags::SEGMENT_IDENTIFICATION_SEQUENCE);
        let holder = holder.ok_or_else(|| self.own.missing(tags::SEGMENT_IDENTIFICATION_SEQUENCE, expected))?;
        let number = holder.required_whole(tag)?;
        u16::try_from(number).ok().filter(|&number| number > 0).ok_or_else(|| holder.wrong(tag, expected))
    }

    fn measures(&self) -> Result<Measures, IoError> {
        let Some(holder) = self.get(tags::PIXEL_MEASURES_SEQUENCE) else {
            return Ok(Measures { spacing_mm: None, thickness_mm: None, apart_mm: None });
        };
        // Some writers put 0 where they do not know.
        let length = |tag| Ok::<_, IoError>(holder.number(tag)?.filter(|&length| length > 0.0));
        Ok(Measures {
            spacing_mm: pair(&holder, tags::PIXEL_SPACING)?,
            thickness_mm: length(tags::SLICE_THICKNESS)?,
            apart_mm: length(tags::SPACING_BETWEEN_SLICES)?,
        })
    }

    fn source(&self) -> Result<Option<Source>, IoError> {
        let Some(derivation) = self.get(tags::DERIVATION_IMAGE_SEQUENCE) else { return Ok(None) };
        let images = derivation.items(tags::SOURCE_IMAGE_SEQUENCE);
        let [image] = images.as_slice() else { return Ok(None) };
        let numbers = image.numbers(tags::REFERENCED_FRAME_NUMBER)?.unwrap_or_default();
        if numbers.len() > 1 {
            return Ok(None);
        }
        let uid = image.text(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
        Ok(Some(Source { uid, frame: image.whole(tags::REFERENCED_FRAME_NUMBER)? }))
    }
}
