//! From levels to what the scanner shows: speckle, artefacts, noise, gain, display.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rl4seg_sdk::phantom::{noise_loss, smooth, uniform};

use super::{
    echogenicity::bell,
    parameters::Parameters,
    sector::{BEAMS, DEPTHS, Polar, Sector, cell},
};

/// Headroom of the display above the level of a strong echo, dB.
const HEADROOM_DB: f32 = 8.0;
/// Sets the mean amplitude of speckle; levels are tuned to it.
const SPECKLE_AMPLITUDE: f32 = 1.4;
/// The amplitude of haze and reverberation at 0 dB.
const ARTEFACT_AMPLITUDE: f32 = 3.0;
/// Depth over which reverberations fall to 1/e, mm.
const REVERBERATION_LENGTH_MM: f32 = 40.0;
/// Knobs of the time-gain compensation.
const KNOBS: usize = 8;

/// What the scanner shows of levels in dB: grey values in [0, 1], `[depth, beam]`.
pub(super) fn acquire(parameters: &Parameters, sector: &Sector, levels: Polar, rng: &mut impl Rng) -> Polar {
    let speckle_size = [parameters.speckle_axial.draw(rng), parameters.speckle_lateral.draw(rng)];
    let mut echoes = speckle(levels, speckle_size, rng);
    if parameters.reverberation.draw(rng) {
        reverberate(&mut echoes, sector, amplitude(parameters.reverberation_db.draw(rng)), rng);
    }
    add_haze(&mut echoes, parameters, sector, speckle_size, rng);
    let noise = amplitude(parameters.noise_db.draw(rng));
    for (depth, row) in echoes.chunks_exact_mut(BEAMS).enumerate() {
        let noise = noise * (0.4 + 1.2 * (depth as f32 + 0.5) / DEPTHS as f32);
        row.iter_mut().for_each(|echo| *echo += noise * normal_amplitude(rng));
    }
    display(&mut echoes, parameters, sector, rng);
    echoes
}

/// Fully developed speckle: the modulus of complex white noise, shaped by the levels and smoothed
/// by the pulse (Wagner et al. 1983).
fn speckle(levels: Polar, size: [f32; 2], rng: &mut impl Rng) -> Polar {
    let mut real = levels;
    let mut imaginary = Vec::with_capacity(real.len());
    for value in &mut real {
        let strength = amplitude(*value);
        let noise: [f32; 2] = [StandardNormal.sample(rng), StandardNormal.sample(rng)];
        *value = strength * noise[0];
        imaginary.push(strength * noise[1]);
    }
    smooth(&mut real, BEAMS, size);
    smooth(&mut imaginary, BEAMS, size);
    let scale = SPECKLE_AMPLITUDE * (std::f32::consts::TAU * size[0] * size[1]).sqrt();
    for (real, imaginary) in real.iter_mut().zip(imaginary) {
        *real = scale * (*real * *real + imaginary * imaginary).sqrt();
    }
    real
}

/// Adds a blurred copy of the echoes from further up.
fn reverberate(echoes: &mut [f32], sector: &Sector, strength: f32, rng: &mut impl Rng) {
    let delay = (uniform(0.12, 0.3).draw(rng) * DEPTHS as f32).round() as usize;
    let mut copy = vec![0.0; echoes.len()];
    copy[delay * BEAMS..].copy_from_slice(&echoes[..(DEPTHS - delay) * BEAMS]);
    for (depth, row) in copy.chunks_exact_mut(BEAMS).enumerate() {
        let strength = ARTEFACT_AMPLITUDE * strength * (-sector.radius(depth) / REVERBERATION_LENGTH_MM).exp();
        row.iter_mut().for_each(|echo| *echo *= strength);
    }
    smooth(&mut copy, BEAMS, [1.0, 3.0]);
    echoes.iter_mut().zip(copy).for_each(|(echo, copy)| *echo += copy);
}

/// Adds the clutter of the near field.
fn add_haze(echoes: &mut [f32], parameters: &Parameters, sector: &Sector, size: [f32; 2], rng: &mut impl Rng) {
    /// Haze below this amplitude cannot be seen.
    const NEGLIGIBLE: f32 = 1e-5;
    let strength = ARTEFACT_AMPLITUDE * amplitude(parameters.haze_db.draw(rng));
    let length = parameters.haze_length_mm.draw(rng);
    let reach = length * (strength / NEGLIGIBLE).ln();
    let rows = (0..DEPTHS).take_while(|&depth| sector.radius(depth) < reach).count();
    if rows == 0 {
        return;
    }
    let mut haze: Vec<f32> = StandardNormal.sample_iter(rng).take(rows * BEAMS).collect();
    smooth(&mut haze, BEAMS, size);
    let strength = strength * noise_loss(size);
    for (depth, (row, haze)) in echoes.chunks_exact_mut(BEAMS).zip(haze.chunks_exact(BEAMS)).enumerate() {
        let strength = strength * (-sector.radius(depth) / length).exp();
        row.iter_mut().zip(haze).for_each(|(echo, haze)| *echo += strength * haze.abs());
    }
}

/// Amplitudes to grey values in [0, 1]: logarithm, gain, shadow, dynamic range, grey-level curve.
fn display(echoes: &mut [f32], parameters: &Parameters, sector: &Sector, rng: &mut impl Rng) {
    /// Keeps the logarithm finite; far below what is shown.
    const SILENCE: f32 = 1e-6;
    let gains = depth_gains(parameters, sector, rng);
    let shadow = parameters.shadow.draw(rng).then(|| Shadow::draw(parameters, sector, rng));
    let range = parameters.dynamic_range_db.draw(rng);
    let offset = HEADROOM_DB + parameters.gain_db.draw(rng) + range;
    let gamma = parameters.gamma.draw(rng);
    for (depth, row) in echoes.chunks_exact_mut(BEAMS).enumerate() {
        let shadow = shadow.as_ref().filter(|shadow| sector.radius(depth) >= shadow.from_mm);
        let offset = offset + gains[depth];
        for (beam, echo) in row.iter_mut().enumerate() {
            let level = 20.0 * echo.max(SILENCE).log10() - shadow.map_or(0.0, |shadow| shadow.loss_db[beam]);
            *echo = ((level + offset) / range).clamp(0.0, 1.0).powf(gamma);
        }
    }
}

/// Gain of each depth, dB: what the operator's knobs do, and what compensation left over.
fn depth_gains(parameters: &Parameters, sector: &Sector, rng: &mut impl Rng) -> Vec<f32> {
    let knobs: [f32; KNOBS] = std::array::from_fn(|_| parameters.gain_knobs_db * normal_number(rng));
    let slope = parameters.gain_slope_db_per_cm.draw(rng);
    let gain = |depth: usize| {
        let (knob, share) = cell(depth as f32 / (DEPTHS - 1) as f32 * (KNOBS - 1) as f32, KNOBS);
        knobs[knob] + share * (knobs[knob + 1] - knobs[knob]) + slope * 0.1 * sector.radius(depth)
    };
    (0..DEPTHS).map(gain).collect()
}

/// The shadow of a rib.
struct Shadow {
    from_mm: f32,
    /// What each beam loses, dB.
    loss_db: Vec<f32>,
}

impl Shadow {
    fn draw(parameters: &Parameters, sector: &Sector, rng: &mut impl Rng) -> Self {
        let loss = parameters.shadow_db.draw(rng);
        let width = uniform(0.06, 0.16).draw(rng) * std::f32::consts::SQRT_2;
        let side = if uniform(-1.0, 1.0).draw(rng) < 0.0 { -1.0 } else { 1.0 };
        let centre = side * sector.half_angle * uniform(0.45, 1.0).draw(rng);
        let loss_db = (0..BEAMS).map(|beam| loss * bell((sector.angle(beam) - centre) / width)).collect();
        Self { from_mm: uniform(4.0, 30.0).draw(rng), loss_db }
    }
}

fn amplitude(level_db: f32) -> f32 {
    const LOG2_OF_10: f32 = std::f32::consts::LOG2_10;
    (level_db * (LOG2_OF_10 / 20.0)).exp2()
}

fn normal_number(rng: &mut impl Rng) -> f32 {
    StandardNormal.sample(rng)
}

fn normal_amplitude(rng: &mut impl Rng) -> f32 {
    normal_number(rng).abs()
}
