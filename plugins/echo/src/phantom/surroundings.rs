//! What else an ultrasound image of the left ventricle shows. None of it has a label of its own.

use rand::{Rng, RngExt};
use rl4seg_sdk::phantom::uniform;

use super::{
    heart::{Heart, Position},
    parameters::Parameters,
};

/// Half the thickness of a mitral leaflet, mm.
const LEAFLET_HALF_THICKNESS_MM: f32 = 1.1;

/// What is at a place besides the left ventricle and its wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neighbour {
    /// A cavity: right ventricle or left atrium.
    Blood,
    /// The wall of the left atrium.
    AtrialWall,
    /// Anything else.
    Tissue,
}

/// What is within the cavity of the left ventricle or at its mouth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// A papillary muscle.
    Papillary,
    /// A leaflet of the mitral valve.
    Leaflet,
}

/// Right ventricle, left atrium, papillary muscles and mitral valve.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Greatest width of the right ventricle, mm, where it is seen.
    right_ventricle: Option<f32>,
    /// Centre of the left atrium on the ventricle's axis, and its semi-axes along and across it, mm.
    atrium: [f32; 3],
    /// Centre `[u, v]` and radius, mm.
    papillary_muscles: Vec<([f32; 2], f32)>,
    /// From hinge to tip, each `[u, v]`, mm.
    leaflets: [[[f32; 2]; 2]; 2],
}

impl Surroundings {
    pub(super) fn draw(parameters: &Parameters, heart: &Heart, rng: &mut impl Rng) -> Self {
        let right_ventricle = parameters.right_ventricle.draw(rng).then(|| uniform(14.0, 26.0).draw(rng));
        let [left, right] = heart.half_widths();
        let atrium_length = uniform(32.0, 48.0).draw(rng);
        let atrium_half_width = 0.5 * (left + right) * uniform(0.75, 1.05).draw(rng);
        let papillary_muscles = (0..parameters.papillary_muscles.draw(rng)).map(|_| papillary(heart, rng)).collect();
        let leaflets = [0, 1].map(|side| {
            let [u, v] = heart.hinge(side);
            let half_width = heart.half_widths()[side];
            let opening = uniform(0.15, 0.9).draw(rng);
            [[u, v], [u - 0.8 * half_width * opening, 0.25 * half_width * v.signum()]]
        });
        let atrium = [heart.length() + 0.5 * atrium_length, 0.62 * atrium_length, atrium_half_width];
        Self { right_ventricle, atrium, papillary_muscles, leaflets }
    }

    /// What is at `at`, which lies in neither the left ventricle nor its wall.
    pub(super) fn neighbour(&self, heart: &Heart, at: Position) -> Neighbour {
        let [centre, along, across] = self.atrium;
        let form = ((at.u - centre) / along).powi(2) + (at.v / across).powi(2);
        if form < 1.0 {
            Neighbour::Blood
        } else if form < 1.35 {
            Neighbour::AtrialWall
        } else if self.is_right_ventricle(heart, at) {
            Neighbour::Blood
        } else {
            Neighbour::Tissue
        }
    }

    /// A crescent outside the septal wall, widest at three quarters of the ventricle's length.
    fn is_right_ventricle(&self, heart: &Heart, at: Position) -> bool {
        let Some(width) = self.right_ventricle else { return false };
        if at.v > 0.0 || at.t <= 0.2 || at.t >= 1.05 {
            return false;
        }
        let from_axis = ((at.t - 0.75) / 0.55).powi(2);
        let outside = -at.v - heart.outer_half_width(at);
        outside > 0.0 && outside < width * (1.0 - from_axis).max(0.0).sqrt()
    }

    /// The muscle or leaflet at `at`, if there is one.
    pub(super) fn within(&self, at: Position) -> Option<Within> {
        let place = [at.u, at.v];
        if self.leaflets.iter().any(|&[hinge, tip]| segment_distance(place, hinge, tip) < LEAFLET_HALF_THICKNESS_MM) {
            return Some(Within::Leaflet);
        }
        let inside = |&(centre, radius): &([f32; 2], f32)| segment_distance(place, centre, centre) < radius;
        self.papillary_muscles.iter().any(inside).then_some(Within::Papillary)
    }
}

/// A disc that touches the endocardium from within, in the middle third of the ventricle.
fn papillary(heart: &Heart, rng: &mut impl Rng) -> ([f32; 2], f32) {
    let radius = uniform(3.0, 5.0).draw(rng);
    let [u, v] = heart.on_endocardium(uniform(0.45, 0.7).draw(rng), rng.random_range(0..2));
    ([u, v - 0.7 * radius * v.signum()], radius)
}

/// Distance of `place` from the segment from `start` to `end`.
fn segment_distance(place: [f32; 2], start: [f32; 2], end: [f32; 2]) -> f32 {
    let along = [end[0] - start[0], end[1] - start[1]];
    let from = [place[0] - start[0], place[1] - start[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let share = if length2 > 0.0 { (from[0] * along[0] + from[1] * along[1]) / length2 } else { 0.0 };
    let share = share.clamp(0.0, 1.0);
    (from[0] - share * along[0]).hypot(from[1] - share * along[1])
}

#[cfg(test)]
mod tests {
    use super::segment_distance;

    #[test]
    fn distance_from_a_segment_ends_at_its_ends() {
        let distance = |place| segment_distance(place, [0.0, 0.0], [4.0, 0.0]);
        assert!((distance([2.0, 3.0]) - 3.0).abs() < 1e-6);
        assert!((distance([7.0, 4.0]) - 5.0).abs() < 1e-6);
        assert!((segment_distance([3.0, 4.0], [0.0, 0.0], [0.0, 0.0]) - 5.0).abs() < 1e-6);
    }
}
