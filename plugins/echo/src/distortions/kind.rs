//! The ways in which a segmentation of the left ventricle goes wrong.

use std::f32::consts::TAU;

use rand::{Rng, RngExt, seq::IndexedRandom};
use rl4seg_sdk::phantom::uniform;
use rl4seg_sdk::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plane::{Plane, Point, centre, distance, nearest};
use crate::labels::{LEFT_VENTRICLE, MYOCARDIUM};

/// One way to spoil a label map. `strength` is a length in mm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub enum Kind {
    /// Ventricle and wall lie `strength` to a side.
    Shift,
    /// The ventricle takes the inner `strength` of the wall, on one side of the heart.
    ThinWall,
    /// The heart ends three times `strength` above its base.
    MissingBase,
    /// The ventricle goes on into the atrium, twice `strength` far.
    Leak,
    /// The ventricle breaks through the wall and `strength` beyond it.
    WallLeak,
    /// One to three pieces of ventricle or wall, `strength` in radius, away from the heart.
    Fragments,
    /// A hole in the ventricle, `strength` in radius or what fits.
    Hole,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Shift, Self::ThinWall, Self::MissingBase, Self::Leak, Self::WallLeak, Self::Fragments, Self::Hole];

    /// Its name in a configuration; `shape-` and this names the distortion.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::ThinWall => "thin-wall",
            Self::MissingBase => "missing-base",
            Self::Leak => "leak",
            Self::WallLeak => "wall-leak",
            Self::Fragments => "fragments",
            Self::Hole => "hole",
        }
    }

    /// The labels of the spoilt plane; unchanged where this plane cannot be spoilt in this way.
    pub(super) fn distort(self, plane: &Plane, strength: f32, rng: &mut impl Rng) -> Vec<u8> {
        match self {
            Self::Shift => shift(plane, strength, rng),
            Self::ThinWall => thin_wall(plane, strength, rng),
            Self::MissingBase => missing_base(plane, 3.0 * strength),
            Self::Leak => leak(plane, 2.0 * strength),
            Self::WallLeak => wall_leak(plane, strength, rng),
            Self::Fragments => fragments(plane, strength, rng),
            Self::Hole => hole(plane, strength, rng),
        }
    }
}

fn shift(plane: &Plane, strength: f32, rng: &mut impl Rng) -> Vec<u8> {
    let (sine, cosine) = uniform(0.0, TAU).draw(rng).sin_cos();
    plane.map(|[y, x], _| plane.label_at([y - strength * sine, x - strength * cosine]))
}

fn thin_wall(plane: &Plane, strength: f32, rng: &mut impl Rng) -> Vec<u8> {
    let (sine, cosine) = uniform(0.0, TAU).draw(rng).sin_cos();
    let middle = centre(plane.ventricle());
    let is_side = |[y, x]: Point, _| u8::from((y - middle[0]) * sine + (x - middle[1]) * cosine > 0.0);
    let pixels = plane.labels().iter().zip(plane.map(is_side)).zip(plane.ventricle_distance());
    let wrong = pixels.map(|((&label, is_side), distance)| {
        let is_lost = label == MYOCARDIUM && is_side == 1 && distance < f64::from(strength);
        if is_lost { LEFT_VENTRICLE } else { label }
    });
    wrong.collect()
}

fn missing_base(plane: &Plane, missing: f32) -> Vec<u8> {
    let Some(axis) = plane.towards_base() else { return plane.labels().to_vec() };
    let along = |point: Point| point[0] * axis[0] + point[1] * axis[1];
    let base = plane.ventricle().iter().map(|&point| along(point)).fold(f32::NEG_INFINITY, f32::max);
    plane.map(|point, label| if along(point) > base - missing { 0 } else { label })
}

fn leak(plane: &Plane, length: f32) -> Vec<u8> {
    let Some(axis) = plane.towards_base() else { return plane.labels().to_vec() };
    let steps = (length / plane.step()).ceil() as usize;
    plane.map(|[y, x], label| {
        let came_from = |step: usize| {
            let back = length * step as f32 / steps as f32;
            plane.label_at([y - back * axis[0], x - back * axis[1]])
        };
        // Stopping at the wall keeps the leak from coming out on its far side.
        let reached = (1..=steps).map(came_from).find(|&label| label != 0);
        if label == 0 && reached == Some(LEFT_VENTRICLE) { LEFT_VENTRICLE } else { label }
    })
}

fn wall_leak(plane: &Plane, beyond: f32, rng: &mut impl Rng) -> Vec<u8> {
    let outer = plane.outer_wall();
    let Some(&exit) = outer.choose(rng) else { return plane.labels().to_vec() };
    let entry = nearest(plane.ventricle(), exit);
    let through = distance(entry, exit);
    let axis = [0, 1].map(|axis| (exit[axis] - entry[axis]) / through);
    let radius = 0.5 * beyond.max(4.0 * plane.step());
    plane.map(|point, label| {
        let from = [point[0] - entry[0], point[1] - entry[1]];
        let along = (from[0] * axis[0] + from[1] * axis[1]).clamp(0.0, through + beyond);
        let nearest_on_axis = [entry[0] + along * axis[0], entry[1] + along * axis[1]];
        if distance(point, nearest_on_axis) < radius { LEFT_VENTRICLE } else { label }
    })
}

fn fragments(plane: &Plane, radius: f32, rng: &mut impl Rng) -> Vec<u8> {
    let radius = radius.max(3.0 * plane.step());
    // Nearer to the heart than this, a piece would touch it; farther, no network would put it.
    let (near, far) = (radius + 3.0 * plane.step(), radius + 40.0);
    let places =
        plane.places(&plane.heart_distance(), |distance| (f64::from(near)..f64::from(far)).contains(&distance));
    let mut pieces: Vec<(Point, u8)> = Vec::new();
    for _ in 0..rng.random_range(1..=3) {
        let label = if rng.random::<bool>() { LEFT_VENTRICLE } else { MYOCARDIUM };
        pieces.extend(places.choose(rng).map(|&place| (place, label)));
    }
    plane.map(|point, label| {
        let piece = pieces.iter().find(|(place, _)| distance(*place, point) < radius);
        piece.map_or(label, |&(_, piece)| piece)
    })
}

fn hole(plane: &Plane, radius: f32, rng: &mut impl Rng) -> Vec<u8> {
    let depths = plane.depth_in_ventricle();
    let margin = f64::from(2.0 * plane.step());
    let deepest = depths.iter().copied().fold(0.0, f64::max);
    let radius = f64::from(radius).min(deepest - margin);
    let places = plane.places(&depths, |depth| depth > 0.0 && depth >= radius + margin);
    let Some(&place) = places.choose(rng) else { return plane.labels().to_vec() };
    plane.map(|point, label| if f64::from(distance(point, place)) < radius { 0 } else { label })
}
