//! Segments have numbers and names; a label map has numbers alone.

use dicom_dictionary_std::tags;

use crate::{
    domain::LabelSet,
    io::{
        IoError,
        dicom::{attributes::Attributes, file::named},
    },
};

/// Refuses a segment whose name is that of a label with another number, unless `mapping` says what it stands for.
pub(super) fn check(root: &Attributes<'_>, set: &LabelSet, mapping: &[(u32, u8)]) -> Result<(), IoError> {
    for segment in root.items(tags::SEGMENT_SEQUENCE) {
        let number = segment.required_whole(tags::SEGMENT_NUMBER)?;
        let name = segment.text(tags::SEGMENT_LABEL).unwrap_or_default();
        let is_told = mapping.iter().any(|&(told, _)| told == number);
        let mut namesakes = set.iter().filter(|label| plain(&label.name) == plain(&name)).peekable();
        let Some(namesake) = namesakes.peek().copied().filter(|_| !is_told) else { continue };
        if namesakes.any(|label| u32::from(label.value) == number) {
            continue;
        }
        let here = set.iter().find(|label| u32::from(label.value) == number);
        let here =
            here.map_or_else(|| format!("no label {number}"), |label| format!("label {number} `{}`", label.name));
        return Err(IoError::Field {
            path: root.path.to_owned(),
            field: format!("{} of segment {number}", named(tags::SEGMENT_LABEL)),
            found: format!("`{name}`, which is label {} `{}`, and there is {here}", namesake.value, namesake.name),
            expected: format!(
                "a segment with the number of the label that it is called: say what it stands for, as `--read-as {number}={}` \
                 (`read_as` of a data source)",
                namesake.value
            ),
        });
    }
    Ok(())
}

/// A segment by number and name.
pub(super) fn of(root: &Attributes<'_>, number: u16) -> String {
    let segments = root.items(tags::SEGMENT_SEQUENCE);
    let is_it = |segment: &&Attributes<'_>| matches!(segment.whole(tags::SEGMENT_NUMBER), Ok(Some(n)) if n == u32::from(number));
    let name = segments.iter().find(is_it).and_then(|segment| segment.text(tags::SEGMENT_LABEL));
    name.map_or_else(|| format!("segment {number}"), |name| format!("segment {number} `{name}`"))
}

/// A name without what programs change in it.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace(['-', '_'], " ")
}
