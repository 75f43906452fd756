//! Made-up short-axis slices: bright blood, dark muscle, and what lies around the heart.
//!
//! The left ventricle is a bent disc in a ring of muscle, the right one a crescent on its septal side; both become
//! smaller towards the apex and from diastole to systole, while the wall thickens. Intensities are those of balanced
//! steady-state free precession, blurred, shaded by the coils and noisy as a magnitude image is (Gudbjartsson and Patz
//! 1995). The target domain is another scanner with other patients: less contrast, thicker walls, stronger shading.

use std::f32::consts::TAU;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rl4seg_sdk::{
    domain_table,
    phantom::{Normal, Phantom, Probability, Shot, Uniform, draw_until_fit, normal, smooth, uniform},
    prelude::*,
    random::generator,
    sources::ImageKind,
};

use crate::{CardiacMr, LEFT_VENTRICLE, MYOCARDIUM, RIGHT_VENTRICLE, shape::Shape};

/// Side of the images, mm.
const FIELD_OF_VIEW_MM: f32 = 192.0;
/// Blood at its brightest, in the units of a scanner.
const FULL_SCALE: f32 = 1000.0;
/// Thickness of the right ventricle's free wall, mm. It is not labelled.
const FREE_WALL_MM: f32 = 3.0;
/// Size of the left ventricle, of the right one, and of the wall, from base to apex.
const LEVELS: [[f32; 3]; 3] = [[1.0, 1.0, 1.0], [0.93, 0.85, 1.0], [0.62, 0.5, 0.9]];
/// The same at end-systole, relative to end-diastole.
const SYSTOLE: [f32; 3] = [0.68, 0.75, 1.3];

domain_table! {
    /// A scanner and its patients. Lengths are those at end-diastole near the base.
    pub struct Parameters;

    /// Radius of the left ventricle's cavity, mm.
    radius_mm: Normal = normal(24.0, 2.0, 19.0, 30.0) => normal(23.0, 3.5, 16.0, 33.0);
    /// Thickness of its wall, mm.
    wall_mm: Normal = normal(8.5, 0.8, 7.0, 10.5) => normal(10.5, 2.0, 7.0, 15.0);
    /// Width of the right ventricle over that of the left.
    right_width: Uniform = uniform(0.95, 1.15) => uniform(0.85, 1.4);
    /// Direction of the right ventricle seen from the left, degrees above the image's left.
    septum_deg: Normal = normal(15.0, 8.0, -5.0, 35.0) => normal(25.0, 14.0, -10.0, 60.0);
    /// Distance of the heart from the middle of the image along each axis, mm.
    offset_mm: Normal = normal(0.0, 5.0, -12.0, 12.0) => normal(0.0, 8.0, -18.0, 18.0);
    /// Signal of blood.
    blood: Uniform = uniform(0.72, 0.85) => uniform(0.52, 0.72);
    /// Signal of muscle.
    muscle: Uniform = uniform(0.22, 0.28) => uniform(0.26, 0.36);
    /// Signal of fat.
    fat: Uniform = uniform(0.75, 0.95) => uniform(0.55, 0.9);
    /// Signal of the lungs.
    lung: Uniform = uniform(0.05, 0.1) => uniform(0.06, 0.16);
    /// Papillary muscles, as a share of the cavity's radius.
    papillary: Uniform = uniform(0.1, 0.16) => uniform(0.14, 0.24);
    /// Depth of the shading by the coils.
    shading: Uniform = uniform(0.05, 0.2) => uniform(0.25, 0.55);
    /// Standard deviation of the point spread, mm.
    blur_mm: Uniform = uniform(0.6, 1.0) => uniform(1.0, 1.9);
    /// Standard deviation of the noise.
    noise: Uniform = uniform(0.012, 0.025) => uniform(0.03, 0.07);
    /// Whether the heart moved, which repeats it along the phase direction.
    ghost: Probability = Probability(0.05) => Probability(0.35);
}

/// Patients of one domain in the scanner of that domain.
#[derive(Debug, Clone)]
pub struct ShortAxis {
    parameters: Parameters,
    seed: Seed,
    size: usize,
}

impl Phantom for ShortAxis {
    const DOC: &'static str = "Made-up short-axis slices of a source and a shifted target domain, with label maps";
    const IMAGES: &'static [&'static str] = &["ED_basal", "ED_mid", "ED_apical", "ES_basal", "ES_mid", "ES_apical"];

    fn labels() -> Result<LabelSet> {
        CardiacMr::labels()
    }

    fn new(severity: f32, seed: Seed, size: usize) -> Self {
        Self { parameters: Parameters::at_severity(severity), seed, size }
    }

    fn label_map(&self, shot: Shot) -> Result<LabelMap> {
        Ok(self.heart(shot)?.1)
    }

    fn image(&self, shot: Shot) -> Result<Image> {
        let (heart, labels) = self.heart(shot)?;
        let rng = &mut generator(self.seed.indexed(shot.patient).indexed(shot.image).named("image"));
        let tissue = Tissue::draw(&self.parameters, rng);
        let spacing = self.spacing_mm();
        let mut pixels: Vec<f32> = self.places().map(|(x, y)| tissue.signal(&heart, x, y)).collect();
        if self.parameters.ghost.draw(rng) {
            add_ghost(&mut pixels, self.size, uniform(0.06, 0.14).draw(rng));
        }
        smooth(&mut pixels, self.size, [self.parameters.blur_mm.draw(rng) / spacing; 2]);
        shade(&mut pixels, self.size, self.parameters.shading.draw(rng), rng);
        let noise = self.parameters.noise.draw(rng);
        let mut gaussian = || -> f32 { StandardNormal.sample(rng) };
        for pixel in &mut pixels {
            *pixel = (FULL_SCALE * (*pixel + noise * gaussian()).hypot(noise * gaussian())).round();
        }
        Ok(Image::new(*labels.grid(), 1, pixels)?)
    }
}

impl ShortAxis {
    fn spacing_mm(&self) -> f32 {
        FIELD_OF_VIEW_MM / self.size as f32
    }

    /// The centres of the pixels in mm from the middle of the image, x to the right and y down.
    fn places(&self) -> impl Iterator<Item = (f32, f32)> {
        let (size, spacing) = (self.size, self.spacing_mm());
        let place = move |index: usize| (index as f32 + 0.5) * spacing - FIELD_OF_VIEW_MM / 2.0;
        (0..size * size).map(move |index| (place(index % size), place(index / size)))
    }

    /// Draws hearts until one has a valid shape and all of its structures. A patient's heart is the same in every
    /// image, but for its level and instant.
    fn heart(&self, shot: Shot) -> Result<(Heart, LabelMap)> {
        let spacing = f64::from(self.spacing_mm());
        let grid = Grid::plane([self.size; 2], [spacing; 2])?;
        let seed = self.seed.indexed(shot.patient).named("anatomy");
        let what = format!("heart for patient {} on {size} x {size} pixels", shot.patient, size = self.size);
        draw_until_fit(&what, |attempt| {
            let heart = Heart::draw(&self.parameters, &mut generator(seed.indexed(attempt))).at(shot.image);
            let labels = LabelMap::new(grid, self.places().map(|(x, y)| heart.label(x, y)).collect())?;
            let is_complete =
                [RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE].iter().all(|label| labels.labels().contains(label));
            let is_valid = Verdict::of(&Shape::default().assess(&labels)?) == Verdict::Valid;
            Ok((is_complete && is_valid).then_some((heart, labels)))
        })
    }
}

/// Both ventricles in the plane of the image; lengths in mm.
#[derive(Debug, Clone)]
struct Heart {
    centre: [f32; 2],
    radius: f32,
    wall: f32,
    /// Half the extent of the right ventricle, away from the septum and along it.
    right: [f32; 2],
    septum_rad: f32,
    /// Amplitude and phase of the second and third harmonic of the border.
    harmonics: [(f32, f32); 2],
}

impl Heart {
    fn draw(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        let radius = parameters.radius_mm.draw(rng);
        let width = parameters.right_width.draw(rng) * radius;
        Self {
            centre: [0; 2].map(|_| parameters.offset_mm.draw(rng)),
            radius,
            wall: parameters.wall_mm.draw(rng),
            right: [width, width * uniform(1.05, 1.25).draw(rng)],
            septum_rad: parameters.septum_deg.draw(rng).to_radians(),
            harmonics: [uniform(0.0, 0.06), uniform(0.0, 0.03)]
                .map(|range| (range.draw(rng), rng.random::<f32>() * TAU)),
        }
    }

    /// The heart in the image with this number in [`Phantom::IMAGES`].
    fn at(mut self, image: usize) -> Self {
        let [mut left, mut right, mut wall] = LEVELS[image % LEVELS.len()];
        if image >= LEVELS.len() {
            [left, right, wall] = [left * SYSTOLE[0], right * SYSTOLE[1], wall * SYSTOLE[2]];
        }
        self.radius *= left;
        self.right = self.right.map(|extent| extent * right);
        self.wall *= wall;
        self
    }

    /// Distance from the centre and direction, measured from the right ventricle's.
    fn polar(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        (x.hypot(y), (-y).atan2(-x) - self.septum_rad)
    }

    /// Distance of the endocardium from the centre.
    fn endocardium(&self, angle: f32) -> f32 {
        let wave = |order: f32, (amplitude, phase): (f32, f32)| amplitude * (order * angle + phase).cos();
        self.radius * (1.0 + wave(2.0, self.harmonics[0]) + wave(3.0, self.harmonics[1]))
    }

    /// Below 0 inside the right ventricle, as if the left were not there; about mm near its border.
    fn right_ventricle(&self, r: f32, angle: f32) -> f32 {
        let (along, across) = (r * angle.cos() - (self.radius + self.wall), r * angle.sin());
        let [a, b] = self.right;
        (f32::hypot(along / a, across / b) - 1.0) * a.min(b)
    }

    fn label(&self, x: f32, y: f32) -> u8 {
        let (r, angle) = self.polar(x, y);
        let endocardium = self.endocardium(angle);
        if r < endocardium {
            LEFT_VENTRICLE
        } else if r < endocardium + self.wall {
            MYOCARDIUM
        } else if self.right_ventricle(r, angle) < 0.0 {
            RIGHT_VENTRICLE
        } else {
            0
        }
    }
}

/// The signal of each tissue in one image, and what lies around the heart.
struct Tissue {
    blood: f32,
    muscle: f32,
    fat: f32,
    lung: f32,
    /// Papillary muscles: direction and size in radii.
    papillary: [(f32, f32); 2],
    /// Half the height of what is between the lungs, mm.
    mediastinum: f32,
    chest_wall: f32,
}

impl Tissue {
    fn draw(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        Self {
            blood: parameters.blood.draw(rng),
            muscle: parameters.muscle.draw(rng),
            fat: parameters.fat.draw(rng),
            lung: parameters.lung.draw(rng),
            papillary: [2.3, 4.0].map(|angle| (angle + uniform(-0.3, 0.3).draw(rng), parameters.papillary.draw(rng))),
            mediastinum: uniform(48.0, 66.0).draw(rng),
            chest_wall: uniform(62.0, 78.0).draw(rng),
        }
    }

    fn signal(&self, heart: &Heart, x: f32, y: f32) -> f32 {
        let (r, angle) = heart.polar(x, y);
        match heart.label(x, y) {
            LEFT_VENTRICLE if self.is_papillary(heart, r, angle) => self.muscle,
            LEFT_VENTRICLE | RIGHT_VENTRICLE => self.blood,
            MYOCARDIUM => self.muscle,
            _ if heart.right_ventricle(r, angle) < FREE_WALL_MM => self.muscle,
            _ => self.around(x, y),
        }
    }

    fn is_papillary(&self, heart: &Heart, r: f32, angle: f32) -> bool {
        self.papillary.iter().any(|&(direction, size)| {
            let (along, across) =
                (r * (angle - direction).cos() / heart.radius, r * (angle - direction).sin() / heart.radius);
            f32::hypot(along - 0.68, across) < size
        })
    }

    /// Chest wall in front (up), liver below, lungs to both sides, fat around the heart.
    fn around(&self, x: f32, y: f32) -> f32 {
        if y < -self.chest_wall {
            return if y < -self.chest_wall - 8.0 { self.fat } else { self.muscle };
        }
        if y > 50.0 - 0.25 * x && x < 35.0 {
            return 1.5 * self.muscle;
        }
        if f32::hypot(x / 1.15, y) < self.mediastinum { 0.5 * (self.fat + self.muscle) } else { self.lung }
    }
}

/// Adds the image again, moved by half of its height.
fn add_ghost(pixels: &mut [f32], size: usize, strength: f32) {
    let original = pixels.to_vec();
    for (index, pixel) in pixels.iter_mut().enumerate() {
        *pixel += strength * original[(index + size / 2 * size) % (size * size)];
    }
}

/// Makes one side of the image darker than the other, by up to `depth`.
fn shade(pixels: &mut [f32], size: usize, depth: f32, rng: &mut impl Rng) {
    let (sin, cos) = (rng.random::<f32>() * TAU).sin_cos();
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let [x, y] = [index % size, index / size].map(|at| (at as f32 + 0.5) / size as f32 - 0.5);
        *pixel *= 1.0 - depth * (0.5 + (cos * x + sin * y) * std::f32::consts::FRAC_1_SQRT_2);
    }
}
