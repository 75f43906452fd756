//! 2x2 max-pooling of what normalisation and ReLU make of planes, and its gradient.

use rayon::prelude::*;

use super::{
    convolution::Shared,
    lanes::{Isa, Lanes, per_isa},
    planes::{Activation, Planes},
};

/// Half the size: the largest of each 2 x 2 pixels of what `activation` makes of `planes`.
pub(super) fn pool(isa: Isa, planes: &Planes, activation: &Activation) -> Planes {
    let mut pooled = Planes::any(planes.extent.halved(), planes.channels);
    let isa = isa.for_channels(&[planes.channels]);
    let row = pooled.extent.width * planes.channels;
    pooled.values.par_chunks_mut(row).enumerate().for_each(|(index, to)| {
        let from = Quads::of(planes, index);
        let constants = [activation.scale.as_ptr(), activation.shift.as_ptr()];
        // SAFETY: the row has two rows of `planes` above it.
        unsafe { pool_row(isa, &from, constants, to.as_mut_ptr()) };
    });
    pooled
}

/// Adds the gradient of the pooled planes to that of the planes, at the first largest of each 2 x 2.
pub(super) fn pool_backward(
    isa: Isa,
    planes: &Planes,
    activation: &Activation,
    pooled: &Planes,
    gradient: &mut Planes,
) {
    let isa = isa.for_channels(&[planes.channels]);
    let row = pooled.extent.width * planes.channels;
    let shared = Shared(gradient.values.as_mut_ptr());
    pooled.values.par_chunks(row).enumerate().for_each(|(index, pooled)| {
        let from = Quads::of(planes, index);
        let constants = [activation.scale.as_ptr(), activation.shift.as_ptr()];
        // SAFETY: each row of the pooled planes has two rows of the gradient of its own.
        unsafe {
            let to = shared.pointer().add(from.first);
            pool_row_backward(isa, &from, constants, pooled.as_ptr(), to);
        }
    });
}

/// Two rows of planes that become one row of pooled planes.
struct Quads {
    values: *const f32,
    /// Where the first pixel is.
    first: usize,
    /// Numbers from a row to the next.
    stride: usize,
    count: usize,
    channels: usize,
}

impl Quads {
    fn of(planes: &Planes, pooled_row: usize) -> Self {
        let (extent, channels) = (planes.extent, planes.channels);
        let half = extent.halved();
        let (plane, y) = (pooled_row / half.height, pooled_row % half.height * 2);
        let first = (plane * extent.height + y) * extent.width * channels;
        let values = planes.values[first..].as_ptr();
        Self { values, first, stride: extent.width * channels, count: half.width, channels }
    }

    /// Where the four pixels of quad `index` are, from the first pixel on.
    #[inline(always)]
    fn corners(&self, index: usize, channel: usize) -> [usize; 4] {
        let start = 2 * index * self.channels + channel;
        [start, start + self.channels, start + self.stride, start + self.stride + self.channels]
    }
}

per_isa! {
    /// # Safety
    /// The quads lie within their planes, `to` has a number for each channel of each.
    unsafe fn pool_row = pool_row_lanes(quads: &Quads, constants: [*const f32; 2], to: *mut f32)
}

#[inline(always)]
unsafe fn pool_row_lanes<L: Lanes>(quads: &Quads, constants: [*const f32; 2], to: *mut f32) {
    for channel in (0..quads.channels).step_by(L::N) {
        // SAFETY: the caller's contract.
        unsafe {
            let [scale, shift] = constants.map(|values| L::load(values.add(channel)));
            for index in 0..quads.count {
                let largest = quads.corners(index, channel).into_iter().fold(L::splat(0.0), |largest, at| {
                    L::max(largest, L::mul_add(L::load(quads.values.add(at)), scale, shift))
                });
                L::store(to.add(index * quads.channels + channel), largest);
            }
        }
    }
}

per_isa! {
    /// # Safety
    /// As [`pool_row`]; `to` has the layout of the quads.
    unsafe fn pool_row_backward = pool_row_backward_lanes(
        quads: &Quads, constants: [*const f32; 2], pooled: *const f32, to: *mut f32,
    )
}

#[inline(always)]
unsafe fn pool_row_backward_lanes<L: Lanes>(
    quads: &Quads,
    constants: [*const f32; 2],
    pooled: *const f32,
    to: *mut f32,
) {
    for channel in (0..quads.channels).step_by(L::N) {
        // SAFETY: the caller's contract.
        unsafe {
            let [scale, shift] = constants.map(|values| L::load(values.add(channel)));
            for index in 0..quads.count {
                let corners = quads.corners(index, channel);
                let values = corners.map(|at| L::mul_add(L::load(quads.values.add(at)), scale, shift));
                let gradient = L::load(pooled.add(index * quads.channels + channel));
                // The first of equal values takes the gradient: one is before the others if none
                // before it reaches it and none after it is above it.
                for (place, &at) in corners.iter().enumerate() {
                    let mut passed = gradient;
                    for (other, value) in values.iter().enumerate() {
                        if other < place {
                            passed = L::positive(L::sub(values[place], *value), passed);
                        } else if other > place {
                            passed = L::not_negative(L::sub(values[place], *value), passed);
                        }
                    }
                    let to = to.add(at);
                    L::store(to, L::add(L::load(to), passed));
                }
            }
        }
    }
}
