//! How strongly each place sends sound back, before there is speckle.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rl4seg_sdk::phantom::{smooth, uniform};

use super::{
    heart::{Heart, Position},
    parameters::Parameters,
    sector::{BEAMS, DEPTHS, Polar, Sector, cell},
    surroundings::{Neighbour, Surroundings, Within},
};

/// A level function this far from its border says nothing about the distance any more.
const BORDER_LEVEL: f32 = 0.5;

/// The levels of one image, dB.
struct Levels {
    blood: f32,
    myocardium: f32,
    tissue: f32,
    pericardium: f32,
    endocardium: f32,
    anisotropy: f32,
}

/// Distance and steepness of a border, from its level function at a sample and its neighbours.
#[derive(Clone, Copy)]
struct Border {
    /// Distance, mm, negative inside; infinite where the border is far.
    distance: f32,
    /// Cosine of the angle between beam and normal: 1 where the beam meets the border at a right
    /// angle, 0 where it runs along it.
    slope: f32,
}

/// The level of every sample, dB.
pub(super) fn echogenicity(
    parameters: &Parameters,
    sector: &Sector,
    heart: &Heart,
    surroundings: &Surroundings,
    rng: &mut impl Rng,
) -> Polar {
    let levels = Levels::draw(parameters, rng);
    let mut field = unevenness(parameters.unevenness_db, rng);
    let beams: Vec<(f32, f32)> = (0..BEAMS).map(|beam| sector.angle(beam).sin_cos()).collect();
    let borders = [Heart::endocardium, Heart::epicardium].map(|level| level_map(sector, heart, &beams, level));
    for (depth, row) in field.chunks_exact_mut(BEAMS).enumerate() {
        for (beam, value) in row.iter_mut().enumerate() {
            let (x, y) = sector.place(sector.radius(depth), beams[beam]);
            let at = heart.position(x, y);
            *value = if heart.is_near(at) {
                let borders = [0, 1].map(|border| Border::at(&borders[border], sector, depth, beam));
                levels.near(heart, surroundings, at, borders, *value)
            } else {
                levels.outside(heart, surroundings, at, *value)
            };
        }
    }
    for _ in 0..parameters.dropouts.draw(rng) {
        drop_out(&mut field, sector, parameters.dropout_db.draw(rng), rng);
    }
    field
}

impl Levels {
    fn draw(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        Self {
            blood: parameters.blood_db.draw(rng),
            myocardium: parameters.myocardium_db.draw(rng),
            tissue: parameters.tissue_db.draw(rng),
            pericardium: parameters.pericardium_db.draw(rng),
            endocardium: parameters.endocardium_db.draw(rng),
            anisotropy: parameters.anisotropy_db.draw(rng),
        }
    }

    /// The level at a place whose distance from the ventricle's borders is known.
    fn near(
        &self,
        heart: &Heart,
        surroundings: &Surroundings,
        at: Position,
        [endocardium, epicardium]: [Border; 2],
        unevenness: f32,
    ) -> f32 {
        let has_wall = heart.is_above_wall_end(at);
        let within = surroundings.within(at);
        let level = if within == Some(Within::Leaflet) {
            self.myocardium - 3.0
        } else if endocardium.distance < 0.0 && heart.base_distance(at) < 0.0 {
            if within.is_some() { self.myocardium - 5.0 } else { self.blood + 0.3 * unevenness }
        } else if endocardium.distance >= 0.0 && epicardium.distance < 0.0 && has_wall {
            let slope = 0.5 * (endocardium.slope + epicardium.slope);
            self.myocardium + 0.5 * unevenness - self.anisotropy * (1.0 - slope)
        } else {
            self.outside(heart, surroundings, at, unevenness)
        };
        if !has_wall {
            return level;
        }
        let specular = self.endocardium * bell(endocardium.distance / 1.5) * endocardium.slope.powf(1.5);
        let pericardial = self.pericardium * bell((epicardium.distance - 1.0) / 1.8) * epicardium.slope;
        level + specular + pericardial
    }

    fn outside(&self, heart: &Heart, surroundings: &Surroundings, at: Position, unevenness: f32) -> f32 {
        match surroundings.neighbour(heart, at) {
            Neighbour::Blood => self.blood + 0.3 * unevenness,
            Neighbour::AtrialWall => self.myocardium - 2.0 + 0.5 * unevenness,
            Neighbour::Tissue => self.tissue + unevenness,
        }
    }
}

impl Border {
    /// To first order: level over the length of its gradient.
    fn at(levels: &[f32], sector: &Sector, depth: usize, beam: usize) -> Self {
        let level = levels[depth * BEAMS + beam];
        let (above, below) = (depth.saturating_sub(1), (depth + 1).min(DEPTHS - 1));
        let (left, right) = (beam.saturating_sub(1), (beam + 1).min(BEAMS - 1));
        let along = levels[below * BEAMS + beam] - levels[above * BEAMS + beam];
        let along = along / ((below - above) as f32 * sector.sample_mm());
        let across = levels[depth * BEAMS + right] - levels[depth * BEAMS + left];
        let across = across / ((right - left) as f32 * sector.beam_angle() * sector.radius(depth));
        let gradient = along.hypot(across).max(f32::MIN_POSITIVE);
        let distance = if level.abs() < BORDER_LEVEL { level / gradient } else { level.signum() * f32::INFINITY };
        Self { distance, slope: along.abs() / gradient }
    }
}

fn level_map(sector: &Sector, heart: &Heart, beams: &[(f32, f32)], level: fn(&Heart, Position) -> f32) -> Polar {
    /// Stands for the level where no border is near.
    const FAR: f32 = 4.0;
    let sample = |depth, beam: &(f32, f32)| {
        let (x, y) = sector.place(sector.radius(depth), *beam);
        let at = heart.position(x, y);
        if heart.is_near(at) { level(heart, at) } else { FAR }
    };
    (0..DEPTHS).flat_map(|depth| beams.iter().map(move |beam| sample(depth, beam))).collect()
}

/// Slow changes over the image: smoothed noise of standard deviation `sd`, dB.
fn unevenness(sd: f32, rng: &mut impl Rng) -> Polar {
    /// The noise is smoothed on a grid this much coarser; it is smooth enough for that.
    const STEP: usize = 4;
    /// Standard deviations of the smoothing, samples and beams.
    const SIGMAS: [f32; 2] = [28.0, 18.0];
    const COARSE: [usize; 2] = [DEPTHS / STEP, BEAMS / STEP];

    let mut coarse: Vec<f32> = StandardNormal.sample_iter(rng).take(COARSE[0] * COARSE[1]).collect();
    smooth(&mut coarse, COARSE[1], SIGMAS.map(|sigma| sigma / STEP as f32));
    let scale = sd / standard_deviation(&coarse);
    let place = |at: usize, axis: usize| cell((at as f32 + 0.5) / STEP as f32 - 0.5, COARSE[axis]);
    let columns: Vec<(usize, f32)> = (0..BEAMS).map(|beam| place(beam, 1)).collect();
    let mut field = Vec::with_capacity(DEPTHS * BEAMS);
    for depth in 0..DEPTHS {
        let (row, row_share) = place(depth, 0);
        let between = |at: usize| coarse[at] + row_share * (coarse[at + COARSE[1]] - coarse[at]);
        field.extend(columns.iter().map(|&(column, share)| {
            let left = between(row * COARSE[1] + column);
            scale * (left + share * (between(row * COARSE[1] + column + 1) - left))
        }));
    }
    field
}

fn standard_deviation(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

/// Takes `loss` dB away in a window of beams and depths.
fn drop_out(field: &mut [f32], sector: &Sector, loss: f32, rng: &mut impl Rng) {
    let angle = sector.half_angle * uniform(-0.9, 0.9).draw(rng);
    let radius = sector.depth * uniform(0.15, 0.85).draw(rng);
    let [angle_sd, radius_sd] = [uniform(0.07, 0.2).draw(rng), sector.depth * uniform(0.10, 0.28).draw(rng)];
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let across: Vec<f32> = (0..BEAMS).map(|beam| bell(half * (sector.angle(beam) - angle) / angle_sd)).collect();
    for (depth, row) in field.chunks_exact_mut(BEAMS).enumerate() {
        let loss = loss * bell(half * (sector.radius(depth) - radius) / radius_sd);
        row.iter_mut().zip(&across).for_each(|(value, across)| *value -= loss * across);
    }
}

/// exp(−x²).
pub(super) fn bell(x: f32) -> f32 {
    (-x * x).exp()
}
