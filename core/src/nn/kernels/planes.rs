//! Batches of planes as the kernels keep them: channels last, padded to whole vectors.

use rayon::prelude::*;

use super::{buffers::Buffer, lanes::Lanes};

/// Channels are padded to a multiple of this, with zeros.
pub(super) const CHANNEL_STEP: usize = 8;

/// `channels` with padding.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_STEP)
}

/// Number of planes and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub batch: usize,
    pub height: usize,
    pub width: usize,
}

impl Extent {
    /// Positions in all planes.
    pub fn pixels(self) -> usize {
        self.batch * self.height * self.width
    }

    /// Half of it, rounded down, as pooling leaves it.
    pub fn halved(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// Twice of it.
    pub fn doubled(self) -> Self {
        Self { height: self.height * 2, width: self.width * 2, ..self }
    }
}

/// `[batch, y, x, channel]`.
#[derive(Debug)]
pub(super) struct Planes {
    pub extent: Extent,
    /// With padding.
    pub channels: usize,
    pub values: Buffer,
}

impl Planes {
    /// Planes of any values for `channels` channels without padding.
    pub fn any(extent: Extent, channels: usize) -> Self {
        let channels = padded(channels);
        Self { extent, channels, values: Buffer::any(extent.pixels() * channels) }
    }

    /// Planes of zeros.
    pub fn zeros(extent: Extent, channels: usize) -> Self {
        let mut planes = Self::any(extent, channels);
        planes.values.fill(0.0);
        planes
    }

    /// From `[batch, channel, y, x]`; padding is zero.
    pub fn of_channels_first(values: &[f32], extent: Extent, channels: usize) -> Self {
        let mut planes = Self::zeros(extent, channels);
        let (pixels, step) = (extent.height * extent.width, planes.channels);
        planes.values.par_chunks_mut(pixels * step).enumerate().for_each(|(plane, to)| {
            for channel in 0..channels {
                let from = &values[(plane * channels + channel) * pixels..][..pixels];
                for (pixel, value) in to.chunks_exact_mut(step).zip(from) {
                    pixel[channel] = *value;
                }
            }
        });
        planes
    }

    /// Gives the values' memory back; extent and channels stay.
    pub fn release(&mut self) {
        self.values = Buffer::none();
    }

    /// The first `channels` channels as `[batch, channel, y, x]`.
    pub fn channels_first(&self, channels: usize) -> Vec<f32> {
        let pixels = self.extent.height * self.extent.width;
        let mut values = vec![0.0; self.extent.batch * channels * pixels];
        values.par_chunks_mut(pixels).enumerate().for_each(|(index, to)| {
            let (plane, channel) = (index / channels, index % channels);
            let from = &self.values[plane * pixels * self.channels..];
            for (value, pixel) in to.iter_mut().zip(from.chunks_exact(self.channels)) {
                *value = pixel[channel];
            }
        });
        values
    }
}

/// A ReLU of a scaled and shifted channel: `max(0, scale · x + shift)`, which normalisation and
/// ReLU come to. It is applied where planes are read, so that its result is never written.
#[derive(Debug, Clone)]
pub(super) struct Activation {
    /// One number a channel, with padding.
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// Planes to read, in the frame of an operation's own extent: what lies outside is zero.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub planes: &'a Planes,
    pub activation: Option<&'a Activation>,
    /// Where the planes' first row and column lie in the frame.
    pub origin: [usize; 2],
}

impl<'a> Source<'a> {
    /// `planes` as they are.
    pub fn plain(planes: &'a Planes) -> Self {
        Self { planes, activation: None, origin: [0, 0] }
    }

    /// `planes` seen through `activation`.
    pub fn activated(planes: &'a Planes, activation: &'a Activation) -> Self {
        Self { activation: Some(activation), ..Self::plain(planes) }
    }

    /// The same planes elsewhere in the frame.
    pub fn at(self, origin: [usize; 2]) -> Self {
        Self { origin, ..self }
    }
}

/// Planes to write, in the frame of an operation's own extent: what lies outside is dropped.
pub(super) struct Sink<'a> {
    pub planes: &'a mut Planes,
    pub origin: [usize; 2],
}

impl<'a> Sink<'a> {
    /// All of `planes`.
    pub fn whole(planes: &'a mut Planes) -> Self {
        Self { planes, origin: [0, 0] }
    }
}

/// A [`Source`] as kernels see it.
#[derive(Clone, Copy)]
pub(super) struct RawSource {
    pub values: *const f32,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub origin: [usize; 2],
    /// Both null without an activation.
    pub scale: *const f32,
    pub shift: *const f32,
}

impl RawSource {
    pub fn of(source: &Source<'_>) -> Self {
        let Extent { height, width, .. } = source.planes.extent;
        let none = std::ptr::null();
        let (scale, shift) = source.activation.map_or((none, none), |act| (act.scale.as_ptr(), act.shift.as_ptr()));
        let (values, channels) = (source.planes.values.as_ptr(), source.planes.channels);
        Self { values, height, width, channels, origin: source.origin, scale, shift }
    }

    /// The first channel at `y`, `x` of the frame, or nothing outside.
    #[inline(always)]
    pub unsafe fn pixel(&self, plane: usize, y: isize, x: isize) -> Option<*const f32> {
        let (y, x) = (y - self.origin[0] as isize, x - self.origin[1] as isize);
        let inside = y >= 0 && x >= 0 && y < self.height as isize && x < self.width as isize;
        // SAFETY: inside the planes.
        inside.then(|| unsafe { self.values.add(self.index(plane, y as usize, x as usize)) })
    }

    /// Whether `rows` x `columns` from `y`, `x` of the frame all lie inside.
    #[inline(always)]
    pub fn holds(&self, y: isize, x: isize, rows: usize, columns: usize) -> bool {
        let (y, x) = (y - self.origin[0] as isize, x - self.origin[1] as isize);
        y >= 0 && x >= 0 && y + rows as isize <= self.height as isize && x + columns as isize <= self.width as isize
    }

    /// What the source's activation does to a vector of channels.
    #[inline(always)]
    pub unsafe fn activation_of<L: Lanes>(&self, channel: usize) -> VectorActivation<L> {
        if self.scale.is_null() {
            return VectorActivation(None);
        }
        // SAFETY: an activation has a number for each channel.
        unsafe { VectorActivation(Some([L::load(self.scale.add(channel)), L::load(self.shift.add(channel))])) }
    }

    #[inline(always)]
    fn index(&self, plane: usize, y: usize, x: usize) -> usize {
        ((plane * self.height + y) * self.width + x) * self.channels
    }
}

/// An [`Activation`] of one vector of channels.
pub(super) struct VectorActivation<L: Lanes>(Option<[L::V; 2]>);

impl<L: Lanes> VectorActivation<L> {
    #[inline(always)]
    pub unsafe fn apply(&self, value: L::V) -> L::V {
        match self.0 {
            None => value,
            // SAFETY: arithmetic of the lanes that the caller has.
            Some([scale, shift]) => unsafe { L::max(L::splat(0.0), L::mul_add(value, scale, shift)) },
        }
    }
}

/// A [`Sink`] as kernels see it: several threads write different positions of it.
#[derive(Clone, Copy)]
pub(super) struct RawSink {
    pub values: *mut f32,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub origin: [usize; 2],
}

impl RawSink {
    pub fn of(sink: &mut Sink<'_>) -> Self {
        let Extent { height, width, .. } = sink.planes.extent;
        let (values, channels) = (sink.planes.values.as_mut_ptr(), sink.planes.channels);
        Self { values, height, width, channels, origin: sink.origin }
    }

    /// The first channel at `y`, `x` of the frame, or nothing outside.
    #[inline(always)]
    pub unsafe fn pixel(&self, plane: usize, y: usize, x: usize) -> Option<*mut f32> {
        let (y, x) = (y.wrapping_sub(self.origin[0]), x.wrapping_sub(self.origin[1]));
        let inside = y < self.height && x < self.width;
        // SAFETY: inside the planes.
        inside.then(|| unsafe { self.values.add(((plane * self.height + y) * self.width + x) * self.channels) })
    }
}

// SAFETY: kernels read sources only, and divide the positions of sinks among threads.
unsafe impl Send for RawSource {}
// SAFETY: as above.
unsafe impl Sync for RawSource {}
// SAFETY: as above.
unsafe impl Send for RawSink {}
// SAFETY: as above.
unsafe impl Sync for RawSink {}
