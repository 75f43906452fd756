use rl4seg_abi as abi;

use super::inconsistent;
use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{Grid, Image, LabelMap, SlowAxis},
};

/// Lends a label map for the time of `call`.
pub fn with_label_map<R>(labels: &LabelMap, call: impl FnOnce(*const abi::Voxels) -> R) -> R {
    let shape = labels.grid().shape().map(axis);
    let voxels = lend(labels.labels(), abi::DL_U8, &shape, labels.grid());
    call(&raw const voxels)
}

/// Lends several label maps for the time of `call`, one behind the other.
pub fn with_label_maps<R>(maps: &[LabelMap], call: impl FnOnce(*const abi::Voxels, usize) -> R) -> R {
    let shapes: Vec<_> = maps.iter().map(|map| map.grid().shape().map(axis)).collect();
    let lent: Vec<_> =
        maps.iter().zip(&shapes).map(|(map, shape)| lend(map.labels(), abi::DL_U8, shape, map.grid())).collect();
    call(lent.as_ptr(), lent.len())
}

/// Lends an image for the time of `call`.
pub fn with_image<R>(image: &Image, call: impl FnOnce(*const abi::Voxels) -> R) -> R {
    let [slow, y, x] = image.grid().shape().map(axis);
    let shape = [axis(image.channels()), slow, y, x];
    let voxels = lend(image.values(), abi::DL_F32, &shape, image.grid());
    call(&raw const voxels)
}

/// A copy of the label map behind `voxels`.
///
/// # Errors
/// If it is not a label map: of another type or number of axes, without a spacing, not in C order.
///
/// # Safety
/// `voxels` is null or describes memory that may be read.
pub unsafe fn read_label_map(voxels: *const abi::Voxels) -> Result<LabelMap> {
    let what = "a label map";
    // SAFETY: the caller's word.
    let (labels, grid) = unsafe { labels(voxels, what) }?;
    Ok(LabelMap::new(grid, copy(labels, what)?)?)
}

/// Shows `call` the label map behind `voxels` where it lies.
///
/// # Errors
/// As [`read_label_map`], or what `call` reports.
///
/// # Safety
/// As [`read_label_map`], and nobody writes to the memory before this returns.
pub unsafe fn view_label_map<R>(voxels: *const abi::Voxels, call: impl FnOnce(&LabelMap) -> Result<R>) -> Result<R> {
    // SAFETY: the caller's word. The labels do not live for ever, but until this returns, and nothing longer gets hold of
    // them: `call` sees the map by reference, whatever it takes from it is bound to that reference, and a clone
    // has labels of its own.
    let (labels, grid) = unsafe { labels(voxels, "a label map") }?;
    call(&LabelMap::borrowed(grid, labels)?)
}

/// A copy of the image behind `voxels`.
///
/// # Errors
/// As [`read_label_map`], or if an intensity is NaN or infinite.
///
/// # Safety
/// As [`read_label_map`].
pub unsafe fn read_image(voxels: *const abi::Voxels) -> Result<Image> {
    let what = "an image";
    // SAFETY: the caller's word.
    let (values, shape, spacing) = unsafe { view::<f32>(voxels, abi::DL_F32, what) }?;
    let [channels, slow, y, x] = shape[..] else {
        return Err(inconsistent(format!("an image has the axes [channel, slow, y, x]; found the shape {shape:?}")));
    };
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let message = format!("the image holds {} at voxel {index}, counted in C order", values[index]);
        return Err(ComponentError::new(ErrorKind::NotFinite, message));
    }
    Ok(Image::new(grid([slow, y, x], spacing)?, channels, copy(values, what)?)?)
}

fn lend<T>(values: &[T], dtype: abi::DLDataType, shape: &[i64], grid: &Grid) -> abi::Voxels {
    abi::Voxels { array: array(values, dtype, shape), spacing: spacing(grid) }
}

/// `values` as an array that is good for as long as they and `shape` live.
pub(super) fn array<T>(values: &[T], dtype: abi::DLDataType, shape: &[i64]) -> abi::DLTensor {
    abi::DLTensor {
        data: values.as_ptr().cast_mut().cast(),
        device: abi::DLDevice { device_type: abi::DL_CPU, device_id: 0 },
        ndim: i32::try_from(shape.len()).unwrap_or(i32::MAX),
        dtype,
        shape: shape.as_ptr(),
        strides: std::ptr::null(),
        byte_offset: 0,
    }
}

pub(super) fn axis(entries: usize) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}

fn spacing(grid: &Grid) -> abi::Spacing {
    let [y_mm, x_mm] = grid.spacing_mm();
    let (slow_kind, slow) = match grid.slow() {
        SlowAxis::Single => (abi::SLOW_SINGLE, 0.0),
        SlowAxis::Depth { spacing_mm } => (abi::SLOW_DEPTH, spacing_mm),
        SlowAxis::Time { interval_ms } => (abi::SLOW_TIME, interval_ms.unwrap_or(0.0)),
    };
    abi::Spacing { y_mm, x_mm, slow, slow_kind, reserved: 0 }
}

fn grid(shape: [usize; 3], spacing: abi::Spacing) -> Result<Grid> {
    let slow = match (spacing.slow_kind, spacing.slow) {
        (abi::SLOW_SINGLE, _) => SlowAxis::Single,
        (abi::SLOW_DEPTH, spacing_mm) => SlowAxis::Depth { spacing_mm },
        (abi::SLOW_TIME, 0.0) => SlowAxis::Time { interval_ms: None },
        (abi::SLOW_TIME, interval) => SlowAxis::Time { interval_ms: Some(interval) },
        (kind, _) => return Err(inconsistent(format!("the slow axis is of kind {kind}; there are 0, 1 and 2"))),
    };
    Ok(Grid::new(shape, [spacing.y_mm, spacing.x_mm], slow)?)
}

/// The labels behind `voxels`, and their grid.
///
/// # Safety
/// As [`view`].
unsafe fn labels<'a>(voxels: *const abi::Voxels, what: &str) -> Result<(&'a [u8], Grid)> {
    // SAFETY: the caller's word.
    let (labels, shape, spacing) = unsafe { view::<u8>(voxels, abi::DL_U8, what) }?;
    let [slow, y, x] = shape[..] else {
        return Err(inconsistent(format!("{what} has the axes [slow, y, x]; found the shape {shape:?}")));
    };
    Ok((labels, grid([slow, y, x], spacing)?))
}

/// A copy of `values`, where there is memory for it.
fn copy<T: Copy>(values: &[T], what: &str) -> Result<Vec<T>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(values.len())
        .map_err(|error| inconsistent(format!("{what} of {} voxels: {error}", values.len())))?;
    copy.extend_from_slice(values);
    Ok(copy)
}

/// The values, the shape and the spacing behind `voxels`, after everything that can be checked was.
///
/// # Safety
/// `voxels` is null or describes memory that may be read, and that nobody writes to for `'a`.
unsafe fn view<'a, T: Copy>(
    voxels: *const abi::Voxels,
    dtype: abi::DLDataType,
    what: &str,
) -> Result<(&'a [T], Vec<usize>, abi::Spacing)> {
    // SAFETY: the caller's word.
    let voxels = unsafe { voxels.as_ref() }.ok_or_else(|| nothing(what))?;
    // SAFETY: the caller's word.
    let (values, shape) = unsafe { borrow::<T>(&raw const voxels.array, dtype, what) }?;
    Ok((values, shape, voxels.spacing))
}

fn nothing(what: &str) -> ComponentError {
    inconsistent(format!("expected {what}, found nothing"))
}

/// The values and the shape behind `array`, after everything that can be checked was.
///
/// # Safety
/// `array` is null or describes memory that may be read and does not change for `'a`.
pub(super) unsafe fn borrow<'a, T>(
    array: *const abi::DLTensor,
    dtype: abi::DLDataType,
    what: &str,
) -> Result<(&'a [T], Vec<usize>)> {
    // SAFETY: the caller's word.
    let array = unsafe { array.as_ref() }.ok_or_else(|| nothing(what))?;
    if array.dtype != dtype {
        return Err(inconsistent(format!("{what} holds {dtype:?}; found {:?}", array.dtype)));
    }
    if array.device.device_type != abi::DL_CPU {
        return Err(inconsistent(format!("{what} must lie in host memory; found device {}", array.device.device_type)));
    }
    // SAFETY: the caller's word.
    let (shape, len) = unsafe { shape(array, what) }?;
    let offset = usize::try_from(array.byte_offset).map_err(inconsistent)?;
    let first = array.data.cast::<u8>().wrapping_add(offset).cast::<T>();
    if array.data.is_null() || !first.is_aligned() {
        return Err(inconsistent(format!("{what} lies at {first:?}, where no such array can lie")));
    }
    // SAFETY: `first` is aligned and not null, `len` elements fit into memory, and the caller vouches
    // that they may be read; `T` is a plain number.
    Ok((unsafe { std::slice::from_raw_parts(first, len) }, shape))
}

/// The shape of `array` and its number of elements.
///
/// # Safety
/// `array` points at as many entries and strides as it has axes.
unsafe fn shape(array: &abi::DLTensor, what: &str) -> Result<(Vec<usize>, usize)> {
    let axes = usize::try_from(array.ndim).ok().filter(|axes| (1..=8).contains(axes) && !array.shape.is_null());
    let axes = axes.ok_or_else(|| inconsistent(format!("{what} with {} axes", array.ndim)))?;
    // SAFETY: not null; the length is the caller's word.
    let found = unsafe { std::slice::from_raw_parts(array.shape, axes) };
    let shape = found.iter().map(|&entries| usize::try_from(entries).ok().filter(|&entries| entries > 0));
    let shape: Option<Vec<usize>> = shape.collect();
    let len = shape.as_ref().and_then(|shape| {
        let bytes = usize::from(array.dtype.bits / 8);
        let len = shape.iter().try_fold(1_usize, |len, &entries| len.checked_mul(entries))?;
        len.checked_mul(bytes).filter(|&bytes| isize::try_from(bytes).is_ok()).map(|_| len)
    });
    let (Some(shape), Some(len)) = (shape, len) else {
        return Err(inconsistent(format!("{what} cannot have the shape {found:?}")));
    };
    if !array.strides.is_null() {
        // SAFETY: as for the shape.
        let strides = unsafe { std::slice::from_raw_parts(array.strides, axes) };
        require_c_order(&shape, strides, what)?;
    }
    Ok((shape, len))
}

fn require_c_order(shape: &[usize], strides: &[i64], what: &str) -> Result<()> {
    let mut expected = 1;
    for (&entries, &stride) in shape.iter().zip(strides).rev() {
        // The stride of an axis with one entry is never used, so it may be anything.
        if entries > 1 && stride != expected {
            return Err(inconsistent(format!("{what} is not in C order: shape {shape:?}, strides {strides:?}")));
        }
        expected *= axis(entries);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> LabelMap {
        let grid = Grid::new([2, 2, 3], [0.5, 0.25], SlowAxis::Time { interval_ms: None }).unwrap();
        LabelMap::new(grid, (0..12).collect()).unwrap()
    }

    fn read(change: impl Fn(&mut abi::Voxels)) -> Result<LabelMap> {
        with_label_map(&map(), |voxels| {
            // SAFETY: lent for this call.
            let mut voxels = unsafe { *voxels };
            change(&mut voxels);
            // SAFETY: what the changes below point at is checked before it is read.
            unsafe { read_label_map(&raw const voxels) }
        })
    }

    #[test]
    fn voxels_arrive_with_their_grid() {
        assert_eq!(read(|_| {}).unwrap(), map());
        for slow in [SlowAxis::Single, SlowAxis::Depth { spacing_mm: 3.0 }, SlowAxis::Time { interval_ms: Some(20.0) }]
        {
            let grid = Grid::new([1, 2, 2], [0.5, 0.25], slow).unwrap();
            let image = Image::new(grid, 2, (0..8_u8).map(f32::from).collect()).unwrap();
            // SAFETY: lent for this call.
            assert_eq!(with_image(&image, |voxels| unsafe { read_image(voxels) }).unwrap(), image);
        }
    }

    #[test]
    fn a_view_copies_nothing_until_it_is_cloned() {
        let map = map();
        let lies_at = map.labels().as_ptr();
        let kept = with_label_map(&map, |voxels| {
            // SAFETY: lent for this call.
            unsafe { view_label_map(voxels, |seen| Ok((seen.labels().as_ptr(), seen.clone()))) }
        });
        let (seen_at, kept) = kept.unwrap();
        assert_eq!(seen_at, lies_at);
        assert_ne!(kept.labels().as_ptr(), lies_at);
        assert_eq!(kept, map);
    }

    #[test]
    fn an_array_that_cannot_be_is_refused() {
        let negative = [-2_i64, 2, 3];
        let huge = [i64::MAX, 2, 3];
        let flat = [12_i64];
        let fortran = [1_i64, 2, 4];
        let c_order = [6_i64, 3, 1];
        assert!(read(|voxels| voxels.array.strides = c_order.as_ptr()).is_ok());
        type Change<'a> = &'a dyn Fn(&mut abi::Voxels);
        let broken: [(&str, Change<'_>); 12] = [
            ("negative entries", &|voxels| voxels.array.shape = negative.as_ptr()),
            ("overflow", &|voxels| voxels.array.shape = huge.as_ptr()),
            ("axes", &|voxels| (voxels.array.shape, voxels.array.ndim) = (flat.as_ptr(), 1)),
            ("negative axes", &|voxels| voxels.array.ndim = -1),
            ("too many axes", &|voxels| voxels.array.ndim = 9),
            ("no shape", &|voxels| voxels.array.shape = std::ptr::null()),
            ("no data", &|voxels| voxels.array.data = std::ptr::null_mut()),
            ("type", &|voxels| voxels.array.dtype = abi::DL_F32),
            ("device", &|voxels| voxels.array.device.device_type = 2),
            ("order", &|voxels| voxels.array.strides = fortran.as_ptr()),
            ("spacing", &|voxels| voxels.spacing.x_mm = 0.0),
            ("slow axis", &|voxels| voxels.spacing.slow_kind = 7),
        ];
        for (what, change) in broken {
            assert!(read(change).is_err(), "{what}");
        }
        // SAFETY: null is refused before it is read.
        assert!(unsafe { read_label_map(std::ptr::null()) }.is_err());
    }

    #[test]
    fn an_image_with_nan_is_refused() {
        let image = Image::new(Grid::plane([1, 2], [1.0, 1.0]).unwrap(), 1, vec![0.0, f32::NAN]).unwrap();
        // SAFETY: lent for this call.
        let error = with_image(&image, |voxels| unsafe { read_image(voxels) }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFinite);
    }
}
