//! Which fragments of compressed pixel data make up which frame (PS3.5, A.4).

use std::borrow::Cow;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Bytes of an item's tag and length.
const ITEM_HEADER: u64 = 8;
/// What a JPEG, JPEG-LS or JPEG 2000 stream begins with.
const STARTS: [[u8; 2]; 2] = [[0xff, 0xd8], [0xff, 0x4f]];

/// The fragments of all frames.
pub(super) struct Fragments<'a> {
    fragments: &'a [Vec<u8>],
    /// The first fragment of each frame, and one more for the end.
    first: Vec<usize>,
}

impl<'a> Fragments<'a> {
    pub(super) fn of(
        dataset: &InMemDicomObject,
        fragments: &'a [Vec<u8>],
        offsets: &[u32],
        frames: usize,
    ) -> Result<Self, String> {
        let extended = dataset.get(tags::EXTENDED_OFFSET_TABLE).and_then(|element| element.to_multi_int::<u64>().ok());
        let offsets = extended.unwrap_or_else(|| offsets.iter().map(|&offset| offset.into()).collect());
        let first = if frames == 1 {
            vec![0]
        } else if fragments.len() == frames {
            (0..frames).collect()
        } else if offsets.len() == frames {
            by_offset(fragments, &offsets)?
        } else {
            by_start(fragments)
        };
        if first.len() != frames || fragments.is_empty() {
            return Err(format!(
                "{} fragments hold {} frames; NumberOfFrames (0028,0008) says {frames}",
                fragments.len(),
                if fragments.is_empty() { 0 } else { first.len() }
            ));
        }
        let first = first.into_iter().chain([fragments.len()]).collect();
        Ok(Self { fragments, first })
    }

    /// The bytes of a frame, counted from 0.
    pub(super) fn frame(&self, frame: usize) -> Result<Cow<'a, [u8]>, String> {
        let ends = self.first.get(frame).zip(self.first.get(frame + 1));
        let fragments = ends.and_then(|(&first, &end)| self.fragments.get(first..end));
        match fragments {
            Some([one]) => Ok(Cow::Borrowed(one)),
            Some(several @ [_, _, ..]) => Ok(Cow::Owned(several.concat())),
            _ => Err("has no fragment".to_owned()),
        }
    }
}

/// By the table of offsets, which count from the first fragment's tag.
fn by_offset(fragments: &[Vec<u8>], offsets: &[u64]) -> Result<Vec<usize>, String> {
    let mut starts = Vec::with_capacity(fragments.len());
    let mut at = 0;
    for fragment in fragments {
        starts.push(at);
        at += ITEM_HEADER + fragment.len() as u64;
    }
    let found = offsets.iter().map(|offset| starts.binary_search(offset));
    found.collect::<Result<_, _>>().map_err(|_| {
        "the table of offsets points between fragments; the file is damaged, or was changed without mending the table".to_owned()
    })
}

/// By the markers that begin a frame, where there is no table.
fn by_start(fragments: &[Vec<u8>]) -> Vec<usize> {
    let begins = |fragment: &Vec<u8>| STARTS.iter().any(|start| fragment.starts_with(start));
    fragments.iter().enumerate().filter(|(_, fragment)| begins(fragment)).map(|(index, _)| index).collect()
}
