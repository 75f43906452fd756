//! The left ventricle and its wall: the structures that are labelled.

use std::f32::consts::TAU;

use rand::Rng;
use rl4seg_sdk::phantom::{normal, uniform};

use super::parameters::Parameters;
use crate::labels::{LEFT_VENTRICLE, MYOCARDIUM};

/// The moment of the heart beat that an image shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instant {
    /// The ventricle is full.
    EndDiastole,
    /// The ventricle is contracted.
    EndSystole,
}

impl Instant {
    /// `ED` or `ES`, as in file names.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EndDiastole => "ED",
            Self::EndSystole => "ES",
        }
    }
}

/// A place in the ventricle's own axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// From the apex towards the base, mm.
    pub u: f32,
    /// To the right of the ventricle's bent axis, mm.
    pub v: f32,
    /// `u` in lengths of the ventricle: 0 at the apex, 1 at the base.
    pub t: f32,
}

/// One of the two walls in a four-chamber view.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// Distance of the endocardium from the axis at the widest place, mm.
    half_width: f32,
    /// Thickness of the wall, mm.
    wall: f32,
    /// Amplitude and phase of the first and second harmonic of the border.
    harmonics: [(f32, f32); 2],
}

/// A left ventricle with its wall, in the plane of the image. Lengths in mm; x to the right and y
/// down from the probe.
#[derive(Debug, Clone)]
pub(super) struct Heart {
    apex: [f32; 2],
    /// Sine and cosine of the rotation about the apex.
    rotation: (f32, f32),
    length: f32,
    /// Septal wall (left), lateral wall (right).
    sides: [Side; 2],
    apical_wall: f32,
    /// Exponent of the apex' curve; 2 is an ellipse.
    roundness: f32,
    /// Where the apex' curve ends, in lengths.
    apex_end: f32,
    taper: f32,
    /// Sideways shift of the axis at the base, mm.
    bend: f32,
    /// Slope of the mitral plane.
    tilt: f32,
    /// How far the wall goes on beyond the mitral plane, mm.
    overhang: f32,
}

impl Heart {
    pub(super) fn draw(parameters: &Parameters, instant: Instant, rng: &mut impl Rng) -> Self {
        let contraction = match instant {
            Instant::EndDiastole => uniform(0.0, 0.12).draw(rng),
            Instant::EndSystole => parameters.contraction_es.draw(rng),
        };
        let length = parameters.length_mm.draw(rng) * (1.0 - 0.16 * contraction);
        let half_width = parameters.half_width_mm.draw(rng) * (1.0 - 0.30 * contraction);
        let asymmetry = normal(0.0, 0.04, -0.1, 0.1).draw(rng);
        let sides = [1.0 + asymmetry, 1.0 - asymmetry].map(|share| Side {
            half_width: half_width * share,
            wall: parameters.wall_mm.draw(rng) * (1.0 + 0.30 * contraction),
            harmonics: [(); 2].map(|()| (uniform(-0.03, 0.03).draw(rng), uniform(0.0, TAU).draw(rng))),
        });
        let wall = parameters.wall_mm;
        let apical = normal(0.85 * wall.mean, wall.sd, 0.8 * wall.low, 0.8 * wall.high);
        Self {
            apex: [parameters.apex_x_mm.draw(rng), parameters.apex_y_mm.draw(rng)],
            rotation: parameters.rotation_deg.draw(rng).to_radians().sin_cos(),
            length,
            sides,
            apical_wall: apical.draw(rng) * (1.0 + 0.22 * contraction),
            roundness: uniform(1.9, 2.5).draw(rng),
            apex_end: uniform(0.52, 0.70).draw(rng),
            taper: uniform(0.08, 0.32).draw(rng),
            bend: normal(0.0, 3.0, -7.0, 7.0).draw(rng),
            tilt: normal(0.0, 0.08, -0.18, 0.18).draw(rng),
            overhang: uniform(-1.5, 3.0).draw(rng),
        }
    }

    /// The label at x, y, mm. The ventricle is open to the atrium: wall is at its sides and apex.
    pub(super) fn label(&self, x: f32, y: f32) -> u8 {
        let at = self.position(x, y);
        if !self.is_near(at) {
            0
        } else if self.endocardium(at) < 0.0 {
            if self.base_distance(at) < 0.0 { LEFT_VENTRICLE } else { 0 }
        } else if self.epicardium(at) < 0.0 && self.is_above_wall_end(at) {
            MYOCARDIUM
        } else {
            0
        }
    }

    /// Where x, y, mm, lies in the ventricle.
    pub(super) fn position(&self, x: f32, y: f32) -> Position {
        let (sine, cosine) = self.rotation;
        let (x, y) = (x - self.apex[0], y - self.apex[1]);
        let u = x * sine + y * cosine;
        let t = u / self.length;
        Position { u, v: x * cosine - y * sine - self.bend * t * t, t }
    }

    /// Below 0 inside the endocardium, 0 on it, above 0 outside. It orders places, but is no
    /// distance.
    pub(super) fn endocardium(&self, at: Position) -> f32 {
        self.level(at, self.inner_half_width(at), (self.apex_end - at.t) / self.apex_end)
    }

    /// The same for the epicardium.
    pub(super) fn epicardium(&self, at: Position) -> f32 {
        let t = (at.u + self.apical_wall) / (self.length + self.apical_wall);
        let apex_end = 0.95 * self.apex_end;
        self.level(at, self.outer_half_width(at), (apex_end - t) / apex_end)
    }

    /// |v/w|ᵖ + sᵖ − 1, zero on the curve |v| = w (1 − sᵖ)^(1/p); s is 0 at the end of the apex'
    /// curve and 1 at its tip.
    fn level(&self, at: Position, half_width: f32, s: f32) -> f32 {
        let across = (at.v.abs() / half_width).powf(self.roundness);
        if s > 0.0 { across + s.powf(self.roundness) - 1.0 } else { across - 1.0 }
    }

    fn inner_half_width(&self, at: Position) -> f32 {
        let side = self.side(at.v);
        side.border(at.t) * self.narrowing(at.t)
    }

    /// Distance of the epicardium from the axis, mm, away from the apex.
    pub(super) fn outer_half_width(&self, at: Position) -> f32 {
        let side = self.side(at.v);
        (side.border(at.t) + side.wall) * self.narrowing(at.t)
    }

    /// What the width at t is of the greatest width, apex aside.
    fn narrowing(&self, t: f32) -> f32 {
        let beyond = ((t - self.apex_end) / (1.0 - self.apex_end)).clamp(0.0, 1.3);
        1.0 - self.taper * beyond * beyond
    }

    fn side(&self, v: f32) -> &Side {
        &self.sides[usize::from(v >= 0.0)]
    }

    /// Whether the borders can be near `at`; a cheap test that saves computing them.
    pub(super) fn is_near(&self, at: Position) -> bool {
        const MARGIN_MM: f32 = 12.0;
        let side = self.side(at.v);
        let reach = 1.06 * side.half_width + side.wall + MARGIN_MM;
        at.v.abs() < reach && at.u > -self.apical_wall - MARGIN_MM && at.u < self.length + 3.0 * MARGIN_MM
    }

    /// How far beyond the mitral plane `at` is, along the axis, mm.
    pub(super) fn base_distance(&self, at: Position) -> f32 {
        at.u - self.length - self.tilt * at.v
    }

    /// Whether the walls still reach to `at`.
    pub(super) fn is_above_wall_end(&self, at: Position) -> bool {
        self.base_distance(at) < self.overhang
    }

    /// Length of the ventricle, mm.
    pub(super) fn length(&self) -> f32 {
        self.length
    }

    /// Half widths at the widest place, left and right of the axis, mm.
    pub(super) fn half_widths(&self) -> [f32; 2] {
        self.sides.map(|side| side.half_width)
    }

    /// Where a mitral leaflet is hinged, on the left (0) or the right (1): `[u, v]`, mm.
    pub(super) fn hinge(&self, side: usize) -> [f32; 2] {
        let half_width = if side == 0 { -self.sides[0].half_width } else { self.sides[1].half_width };
        [self.length + self.tilt * half_width, half_width * (1.0 - self.taper)]
    }

    /// A place on the endocardium at t, below the apex' curve, on the left (0) or right (1): `[u, v]`.
    pub(super) fn on_endocardium(&self, t: f32, side: usize) -> [f32; 2] {
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let at = Position { u: t * self.length, v: sign, t };
        let s = ((self.apex_end - t) / self.apex_end).max(0.0);
        let curve = (1.0 - s.powf(self.roundness)).powf(self.roundness.recip());
        [at.u, sign * self.inner_half_width(at) * curve]
    }
}

impl Side {
    /// Distance of the endocardium from the axis at t, taper and apex aside, mm.
    fn border(&self, t: f32) -> f32 {
        let [(first, first_phase), (second, second_phase)] = self.harmonics;
        let angle = std::f32::consts::PI * t;
        let waves = first * (angle + first_phase).sin() + second * (2.0 * angle + second_phase).sin();
        self.half_width * (1.0 + waves)
    }
}
