//! Instances become an image.

use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::{
    attributes::Attributes,
    dose,
    doubles::{same_instance, told_apart},
    file::{Instance, named},
    intensity::{Scale, group},
    mask,
    pixels::{Frames, kind_of},
    placement::{Misplaced, Placement, Stack, norm},
    source::{DicomSource, SourcePlane},
    spacing::{self, Spacing},
    timing::{self, Timing},
};
use crate::{
    domain::{Grid, Image, SlowAxis},
    io::{
        IoError, PlacedImage, Reading,
        angles::require_right_angles,
        nifti::{NiftiGeometry, ThirdAxis},
        voxels::require_finite,
    },
};

/// An image of one or more DICOM files.
#[derive(Debug, Clone)]
pub struct DicomImage {
    /// Intensities, one channel, and where they lie.
    pub placed: PlacedImage,
    /// What output that refers to the image must repeat.
    pub source: DicomSource,
    /// What a careful reader would want to know of it, a sentence each.
    pub notes: Vec<String>,
}

/// A plane: which frame of which instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    pub instance: usize,
    pub frame: usize,
    placement: Option<Placement>,
}

/// Where an image's planes lie.
struct Layout {
    planes: Vec<Plane>,
    grid: Grid,
    affine: Option<[[f64; 4]; 3]>,
    notes: Vec<String>,
}

/// The image that `instances` make: one with one or several frames, or several with one frame each.
pub(super) fn assemble(instances: &[Instance], reading: &Reading) -> Result<DicomImage, IoError> {
    let frames = instances.iter().map(Frames::of).collect::<Result<Vec<_>, _>>()?;
    let mut layout = Layout::of(instances, &frames, reading)?;
    let planes = layout.planes.par_iter().map(|plane| {
        let frames = &frames[plane.instance];
        let samples = frames.decode(plane.frame)?;
        let attributes = attributes(&instances[plane.instance]);
        let scale = Scale::of(&attributes, plane.frame, &frames.format, reading.intensity)?;
        Ok((scale.apply(&samples, &frames.format), mask::colored_share(&samples, &frames.format)))
    });
    let planes = planes.collect::<Result<Vec<_>, IoError>>()?;
    let colored = planes.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    layout.notes.extend(mask::color_note(colored));
    let mut values: Vec<f32> = planes.into_iter().flat_map(|(values, _)| values).collect();
    let root = attributes(&instances[0]);
    let regions = spacing::regions(&root)?;
    layout.notes.extend(mask::region_note(&regions));
    if reading.mask_outside_regions {
        mask::clear_outside(&mut values, &layout.grid, &regions, &root)?;
    }
    let path = &instances[0].path;
    require_finite(path, &values, &layout.grid)?;
    let domain = |source| IoError::Domain { path: path.clone(), source };
    let image = Image::new(layout.grid, 1, values).map_err(domain)?;
    let geometry = match layout.affine {
        Some(affine) => NiftiGeometry::placed(&layout.grid, affine),
        None => NiftiGeometry::for_grid(&layout.grid),
    };
    let source = source(instances, &frames, &layout);
    Ok(DicomImage { placed: PlacedImage { image, geometry }, source, notes: layout.notes })
}

/// The grid of the image that `instances` make; no pixel is decoded.
pub(super) fn grid(instances: &[Instance], reading: &Reading) -> Result<Grid, IoError> {
    let frames = instances.iter().map(Frames::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Layout::of(instances, &frames, reading)?.grid)
}

pub(super) fn attributes(instance: &Instance) -> Attributes<'_> {
    Attributes { path: &instance.path, dataset: &instance.dataset }
}

impl Layout {
    fn of(instances: &[Instance], frames: &[Frames<'_>], reading: &Reading) -> Result<Self, IoError> {
        let mut planes = Vec::new();
        for (index, frames) in frames.iter().enumerate() {
            let root = attributes(&instances[index]);
            refuse_own_volume(&root)?;
            let placements = Placement::of_all(&root, frames.format.frames)?.into_iter().enumerate();
            planes.extend(placements.map(|(frame, placement)| Plane { instance: index, frame, placement }));
        }
        let spacing = shared_spacing(instances, frames, reading)?;
        let root = attributes(&instances[0]);
        let mut notes: Vec<String> = spacing.note.into_iter().chain(dose::note(&root)).collect();
        let placements: Vec<Placement> = planes.iter().filter_map(|plane| plane.placement).collect();
        let is_stack = planes.len() > 1
            && placements.len() == planes.len()
            && placements.iter().any(|other| other.position != placements[0].position);
        let format = &frames[0].format;
        let shape = [planes.len(), format.rows, format.columns];
        let (slow, affine) = if is_stack {
            let stack = Stack::of(&placements).map_err(|refused| refuse_stack(instances, &planes, refused))?;
            planes = stack.order.iter().map(|&index| planes[index]).collect();
            require_all_slices(instances, &planes, &stack)?;
            let first = placements[stack.order[0]];
            (SlowAxis::Depth { spacing_mm: norm(stack.step) }, Some(first.affine(spacing.mm, stack.step)))
        } else {
            let slow = if planes.len() == 1 {
                SlowAxis::Single
            } else {
                require_one_instance(instances, &planes)?;
                in_time(&root, planes.len(), reading, &mut notes)?
            };
            let thickness = spacing_holder(&root, 0)
                .number(tags::SLICE_THICKNESS)?
                .filter(|&thickness| thickness > 0.0)
                .unwrap_or(1.0);
            let step = |placement: &Placement| placement.normal().map(|axis| axis * thickness);
            (slow, placements.first().map(|placement| placement.affine(spacing.mm, step(placement))))
        };
        let grid = Grid::new(shape, spacing.mm, slow)
            .map_err(|source| IoError::Domain { path: root.path.to_owned(), source })?;
        if let Some(affine) = &affine {
            require_right_angles(root.path, affine, &grid)?;
        }
        Ok(Self { planes, grid, affine, notes })
    }
}

/// The slow axis of frames that do not make a volume, all of one file.
fn in_time(
    root: &Attributes<'_>,
    frames: usize,
    reading: &Reading,
    notes: &mut Vec<String>,
) -> Result<SlowAxis, IoError> {
    let unsupported = |detail: String| IoError::Unsupported { path: root.path.to_owned(), detail };
    match timing::of(root, frames)? {
        Timing::Likely if reading.third_axis == Some(ThirdAxis::Depth) => Err(unsupported(format!(
            "the third axis is to be depth, but nothing says where its {frames} frames lie ({}), nor when they were taken ({}): give \
             files that tell their places, as NIfTI, or take it for a cine (third axis time)",
            named(tags::IMAGE_POSITION_PATIENT),
            named(tags::FRAME_TIME)
        ))),
        Timing::Likely => {
            notes.push("nothing says when its frames were taken: they are taken for a cine".to_owned());
            Ok(SlowAxis::Time { interval_ms: None })
        }
        Timing::Cine { interval_ms } => {
            if interval_ms.is_none() {
                notes.push("no single time between frames is known".to_owned());
            }
            Ok(SlowAxis::Time { interval_ms })
        }
        Timing::Unknown if reading.third_axis == Some(ThirdAxis::Time) => Ok(SlowAxis::Time { interval_ms: None }),
        Timing::Unknown => Err(unsupported(
            "has several frames, but neither places (ImagePositionPatient (0020,0032)) nor times (FrameTime (0018,1063)) of them: \
             say that the third axis is time, if it is"
                .to_owned(),
        )),
    }
}

/// Rows, columns and spacing that all instances share.
fn shared_spacing(instances: &[Instance], frames: &[Frames<'_>], reading: &Reading) -> Result<Spacing, IoError> {
    let size = |index: usize| [frames[index].format.rows, frames[index].format.columns];
    let of = |index: usize| spacing_of_frames(&attributes(&instances[index]), frames[index].format.frames, reading);
    let first = of(0)?;
    for index in 1..instances.len() {
        let spacing = of(index)?;
        if size(index) != size(0) || !spacing::close(spacing.mm, first.mm) {
            return Err(IoError::Unsupported {
                path: instances[index].path.clone(),
                detail: format!(
                    "{:?} rows and columns with a spacing of {:?} mm, but {:?} and {:?} mm in {}: one volume has one grid",
                    size(index),
                    spacing.mm,
                    size(0),
                    first.mm,
                    instances[0].path.display()
                ),
            });
        }
    }
    Ok(first)
}

/// Refuses a volume of which every second slice, or more of them, is missing, as far as its files tell.
fn require_all_slices(instances: &[Instance], planes: &[Plane], stack: &Stack) -> Result<(), IoError> {
    let tag = tags::SPACING_BETWEEN_SLICES;
    let told = planes.iter().find_map(|plane| {
        let root = attributes(&instances[plane.instance]);
        let told_mm = spacing_holder(&root, plane.frame).number(tag).ok().flatten()?;
        Some((root.path, told_mm, stack.multiple_of(told_mm)?))
    });
    let Some((path, told_mm, multiple)) = told else { return Ok(()) };
    Err(IoError::Field {
        path: path.to_owned(),
        field: named(tag),
        found: format!("{told_mm} mm"),
        expected: format!(
            "{:.3} mm, which its planes lie apart ({}): only one of every {multiple} slices is there; copy the whole series, or, where \
             none is missing, mend or remove the field",
            norm(stack.step),
            named(tags::IMAGE_POSITION_PATIENT)
        ),
    })
}

/// The spacing that all frames of an instance share.
fn spacing_of_frames(root: &Attributes<'_>, frames: usize, reading: &Reading) -> Result<Spacing, IoError> {
    let holder = spacing_holder(root, 0);
    let first = spacing::of(&holder, reading.spacing_mm)?;
    for frame in 1..frames {
        let own = spacing_holder(root, frame);
        // Most often one item is shared by all.
        if std::ptr::eq(own.dataset, holder.dataset) {
            continue;
        }
        let mm = spacing::of(&own, reading.spacing_mm)?.mm;
        if !spacing::close(mm, first.mm) {
            let detail = format!(
                "{} is {:?} mm in frame 1 and {mm:?} mm in frame {}: one image has one grid; write the frames to files of their own",
                named(tags::PIXEL_SPACING),
                first.mm,
                frame + 1
            );
            return Err(IoError::Unsupported { path: root.path.to_owned(), detail });
        }
    }
    Ok(first)
}

/// Where PixelSpacing stands: in the functional groups of a frame of an enhanced object, else in the data set itself.
fn spacing_holder<'a>(root: &Attributes<'a>, frame: usize) -> Attributes<'a> {
    group(root, frame, tags::PIXEL_MEASURES_SEQUENCE).unwrap_or(*root)
}

/// Refuses planes that lie in a volume of their own (PS3.3, C.8.24.3), and not in the patient.
fn refuse_own_volume(root: &Attributes<'_>) -> Result<(), IoError> {
    let is_volume = root.text(tags::SOP_CLASS_UID).is_some_and(|uid| uid == uids::ENHANCED_US_VOLUME_STORAGE);
    if !is_volume && group(root, 0, tags::PLANE_POSITION_VOLUME_SEQUENCE).is_none() {
        return Ok(());
    }
    let detail = format!(
        "its planes lie in a volume of their own ({}), as those of {}, which is not read; expected places in the patient ({}), or \
         NIfTI: convert it, as with 3D Slicer",
        named(tags::IMAGE_POSITION_VOLUME),
        kind_of(uids::ENHANCED_US_VOLUME_STORAGE),
        named(tags::IMAGE_POSITION_PATIENT)
    );
    Err(IoError::Unsupported { path: root.path.to_owned(), detail })
}

/// Refuses planes of several instances that make no volume, with what the first two have in common.
fn require_one_instance(instances: &[Instance], planes: &[Plane]) -> Result<(), IoError> {
    let Some(second) = planes.iter().position(|plane| plane.instance != 0) else { return Ok(()) };
    let [first, other] = [0, second].map(|plane| planes[plane].placement);
    if let (Some(first), Some(_)) = (first, other) {
        return Err(refuse_stack(instances, planes, Misplaced::together([0, second], first.position)));
    }
    let [first, other] = [&instances[0], &instances[planes[second].instance]];
    let what = same_instance([&attributes(first), &attributes(other)]).unwrap_or_else(|| {
        let tag = named(tags::IMAGE_POSITION_PATIENT);
        format!("they belong to one series, but nothing says where they lie ({tag}): give one file at a time")
    });
    let detail = format!("it and {}: {what}", other.path.display());
    Err(IoError::Unsupported { path: first.path.clone(), detail })
}

fn refuse_stack(instances: &[Instance], planes: &[Plane], refused: Misplaced) -> IoError {
    let [a, b] = refused.planes.map(|plane| &planes[plane]);
    let name = |plane: &Plane| format!("{}, frame {}", instances[plane.instance].path.display(), plane.frame + 1);
    let advice = if refused.together { format!(", and {}", told_apart(instances, [a, b])) } else { String::new() };
    let detail = format!("frame {} and {}: {}{advice}", a.frame + 1, name(b), refused.reason);
    IoError::Unsupported { path: instances[a.instance].path.clone(), detail }
}

fn source(instances: &[Instance], frames: &[Frames<'_>], layout: &Layout) -> DicomSource {
    let mut dataset = instances[0].dataset.clone();
    dataset.remove_element(tags::PIXEL_DATA);
    let planes = layout.planes.iter().map(|plane| {
        let root = attributes(&instances[plane.instance]);
        let text = |tag| root.text(tag).unwrap_or_default();
        SourcePlane {
            sop_class_uid: text(tags::SOP_CLASS_UID),
            sop_instance_uid: text(tags::SOP_INSTANCE_UID),
            frame: (frames[plane.instance].format.frames > 1).then_some(plane.frame as u32 + 1),
            position: plane.placement.map(|placement| placement.position),
        }
    });
    DicomSource {
        dataset,
        planes: planes.collect(),
        orientation: layout.planes[0].placement.map(|placement| placement.orientation),
        spacing_mm: layout.grid.spacing_mm(),
    }
}
