//! Made-up frontal radiographs: what stands in the beam adds to its attenuation, air takes from it.
//!
//! Lungs end at the domes of the diaphragm, the heart lies on the left dome, ribs, spine and clavicles cross all. The
//! target domain is another room: supine patients who breathe in less, whose hearts are larger (antero-posterior
//! projection), with opacities and leads, in images of less contrast and more scatter and noise.

use std::f32::consts::TAU;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rl4seg_sdk::{
    domain_table,
    measure::{Components, Connectivity, Mask},
    phantom::{Count, Normal, Phantom, Shot, Uniform, count, draw_until_fit, normal, smooth, uniform},
    prelude::*,
    random::generator,
    sources::ImageKind,
};

use crate::{ChestXray, HEART, LEFT_LUNG, RIGHT_LUNG, proportions::Proportions};

/// Side of the images, mm: a film of 14 inches.
const FIELD_OF_VIEW_MM: f32 = 358.4;
/// Half the width of what lies between the lungs, mm.
const MEDIASTINUM_MM: f32 = 24.0;
/// How much lower the left dome of the diaphragm stands, mm.
const LEFT_DOME_MM: f32 = 12.0;
/// How far the angles between ribs and diaphragm reach below a dome, mm.
const ANGLE_MM: f32 = 34.0;
const RIBS: usize = 10;

domain_table! {
    /// A room and its patients. Lengths in mm.
    pub struct Parameters;

    /// Half the width of the chest within the ribs.
    half_width_mm: Normal = normal(128.0, 6.0, 114.0, 142.0) => normal(126.0, 9.0, 106.0, 146.0);
    /// From the tips of the lungs to the right dome.
    height_mm: Normal = normal(222.0, 10.0, 200.0, 245.0) => normal(192.0, 16.0, 155.0, 230.0);
    /// Half the length of the heart over half the width of the chest.
    heart: Normal = normal(0.5, 0.035, 0.42, 0.58) => normal(0.58, 0.06, 0.44, 0.7);
    /// Rotation of the patient in the image, degrees.
    rotation_deg: Normal = normal(0.0, 1.5, -4.0, 4.0) => normal(0.0, 4.0, -9.0, 9.0);
    /// Distance of the chest from the middle of the image along each axis.
    offset_mm: Normal = normal(0.0, 4.0, -9.0, 9.0) => normal(0.0, 8.0, -16.0, 16.0);
    /// What the lungs take from the attenuation.
    air: Uniform = uniform(0.32, 0.4) => uniform(0.2, 0.32);
    /// What a rib adds.
    rib: Uniform = uniform(0.05, 0.08) => uniform(0.06, 0.13);
    /// Shadows in the lungs.
    opacities: Count = count(0, 0) => count(0, 3);
    /// What a shadow adds.
    opacity: Uniform = uniform(0.0, 0.0) => uniform(0.08, 0.2);
    /// Leads and lines.
    leads: Count = count(0, 0) => count(0, 3);
    /// Standard deviation of the unsharpness, mm.
    blur_mm: Uniform = uniform(1.0, 1.6) => uniform(1.6, 3.4);
    /// Scattered light, which takes contrast.
    scatter: Uniform = uniform(0.0, 0.1) => uniform(0.15, 0.4);
    /// Exponent of the film's curve.
    gamma: Uniform = uniform(0.9, 1.1) => uniform(0.7, 1.6);
    /// Standard deviation of the noise.
    noise: Uniform = uniform(0.008, 0.016) => uniform(0.02, 0.05);
}

/// Patients of one domain in the room of that domain.
#[derive(Debug, Clone)]
pub struct Radiograph {
    parameters: Parameters,
    seed: Seed,
    size: usize,
}

impl Phantom for Radiograph {
    const DOC: &'static str = "Made-up radiographs of a source and a shifted target domain, with label maps";
    const IMAGES: &'static [&'static str] = &["PA"];

    fn labels() -> Result<LabelSet> {
        ChestXray::labels()
    }

    fn new(severity: f32, seed: Seed, size: usize) -> Self {
        Self { parameters: Parameters::at_severity(severity), seed, size }
    }

    fn label_map(&self, shot: Shot) -> Result<LabelMap> {
        Ok(self.chest(shot)?.1)
    }

    fn image(&self, shot: Shot) -> Result<Image> {
        let (chest, labels) = self.chest(shot)?;
        let rng = &mut generator(self.seed.indexed(shot.patient).named("image"));
        let beam = Beam::draw(&self.parameters, &chest, rng);
        let mut pixels: Vec<f32> = self.places().map(|(x, y)| beam.attenuation(&chest, x, y)).collect();
        smooth(&mut pixels, self.size, [self.parameters.blur_mm.draw(rng) / self.spacing_mm(); 2]);
        let [scatter, gamma, noise] =
            [self.parameters.scatter, self.parameters.gamma, self.parameters.noise].map(|range| range.draw(rng));
        for pixel in &mut pixels {
            let seen = (*pixel * (1.0 - scatter) + 0.5 * scatter).clamp(0.0, 1.0).powf(gamma);
            let noise: f32 = noise * <StandardNormal as Distribution<f32>>::sample(&StandardNormal, rng);
            *pixel = (255.0 * (seen + noise).clamp(0.0, 1.0)).round() / 255.0;
        }
        Ok(Image::new(*labels.grid(), 1, pixels)?)
    }
}

impl Radiograph {
    fn spacing_mm(&self) -> f32 {
        FIELD_OF_VIEW_MM / self.size as f32
    }

    /// The centres of the pixels in mm from the middle of the image, x to the right and y down.
    fn places(&self) -> impl Iterator<Item = (f32, f32)> {
        let (size, spacing) = (self.size, self.spacing_mm());
        let place = move |index: usize| (index as f32 + 0.5) * spacing - FIELD_OF_VIEW_MM / 2.0;
        (0..size * size).map(move |index| (place(index % size), place(index / size)))
    }

    /// Draws chests until one has all structures whole and in proportion: a large heart may cut a lung in two.
    fn chest(&self, shot: Shot) -> Result<(Chest, LabelMap)> {
        let grid = Grid::plane([self.size; 2], [f64::from(self.spacing_mm()); 2])?;
        let seed = self.seed.indexed(shot.patient).named("anatomy");
        let what = format!("chest for patient {} on {size} x {size} pixels", shot.patient, size = self.size);
        draw_until_fit(&what, |attempt| {
            let chest = Chest::draw(&self.parameters, &mut generator(seed.indexed(attempt)));
            let labels = LabelMap::new(grid, self.places().map(|(x, y)| chest.label(x, y)).collect())?;
            let is_whole = |label| Components::of(&Mask::of_label(&labels, label), Connectivity::Full).len() == 1;
            let is_valid = [RIGHT_LUNG, LEFT_LUNG, HEART].into_iter().all(is_whole)
                && Verdict::of(&Proportions::default().assess(&labels)?) == Verdict::Valid;
            Ok(is_valid.then_some((chest, labels)))
        })
    }
}

/// Lungs and heart in the plane of the detector; lengths in mm, x to the patient's left.
#[derive(Debug, Clone)]
struct Chest {
    centre: [f32; 2],
    rotation: f32,
    half_width: f32,
    /// From the tips of the lungs to the right dome.
    height: f32,
    /// Half its length and half its thickness.
    heart: [f32; 2],
    heart_angle: f32,
    /// The heart's centre.
    heart_at: [f32; 2],
}

impl Chest {
    fn draw(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        let half_width = parameters.half_width_mm.draw(rng);
        let height = parameters.height_mm.draw(rng);
        let length = parameters.heart.draw(rng) * half_width;
        let thickness = length * uniform(0.68, 0.8).draw(rng);
        Self {
            centre: [0; 2].map(|_| parameters.offset_mm.draw(rng)),
            rotation: parameters.rotation_deg.draw(rng).to_radians(),
            half_width,
            height,
            heart: [length, thickness],
            heart_angle: uniform(0.45, 0.75).draw(rng),
            heart_at: [uniform(14.0, 24.0).draw(rng), height / 2.0 - 0.72 * thickness],
        }
    }

    /// A place in the chest's own axes: x to the patient's left, y down from halfway between tips and dome.
    fn own(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.rotation.sin_cos();
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        (cos * x + sin * y, cos * y - sin * x)
    }

    /// The dome of the diaphragm over `x`.
    fn dome(&self, x: f32) -> f32 {
        let middle = 0.5 * (self.half_width + MEDIASTINUM_MM);
        let from_top = (x.abs() - middle) / (self.half_width - middle);
        let lower = if x > 0.0 { LEFT_DOME_MM } else { 0.0 };
        self.height / 2.0 + lower + ANGLE_MM * from_top.max(0.0).powi(2)
    }

    /// Whether a lung would be at a place in the chest's own axes if there were no heart.
    fn is_lung(&self, x: f32, y: f32) -> bool {
        let along = (y + self.height / 2.0) / self.height;
        if along <= 0.0 || y > self.dome(x) {
            return false;
        }
        let tip = (1.0 - (1.0 - (along / 0.3).min(1.0)).powi(2)).sqrt();
        let lateral = MEDIASTINUM_MM + (self.half_width - MEDIASTINUM_MM) * tip * (0.72 + 0.28 * along.min(1.0));
        x.abs() > MEDIASTINUM_MM + 10.0 * (1.0 - tip) && x.abs() < lateral
    }

    fn is_heart(&self, x: f32, y: f32) -> bool {
        let (sin, cos) = self.heart_angle.sin_cos();
        let (x, from_centre) = (x - self.heart_at[0], y - self.heart_at[1]);
        let (along, across) = (cos * x + sin * from_centre, cos * from_centre - sin * x);
        f32::hypot(along / self.heart[0], across / self.heart[1]) < 1.0 && y < self.height / 2.0 + LEFT_DOME_MM
    }

    fn label(&self, x: f32, y: f32) -> u8 {
        let (x, y) = self.own(x, y);
        if self.is_heart(x, y) {
            HEART
        } else if !self.is_lung(x, y) {
            0
        } else if x < 0.0 {
            RIGHT_LUNG
        } else {
            LEFT_LUNG
        }
    }
}

/// What attenuates the beam in one image.
struct Beam {
    air: f32,
    rib: f32,
    rib_slope: f32,
    /// Place and size of each shadow, and what it adds.
    opacities: Vec<([f32; 3], f32)>,
    /// Height where each lead crosses the chest's middle, and how steep it is.
    leads: Vec<[f32; 2]>,
    /// Phases of the waves that stand for vessels.
    vessels: [f32; 6],
}

impl Beam {
    fn draw(parameters: &Parameters, chest: &Chest, rng: &mut impl Rng) -> Self {
        let opacity = |rng: &mut _| {
            let side = if uniform(-1.0, 1.0).draw(rng) < 0.0 { -1.0 } else { 1.0 };
            let x = side * uniform(0.35, 0.85).draw(rng) * chest.half_width;
            let y = uniform(-0.25, 0.45).draw(rng) * chest.height;
            ([x, y, uniform(12.0, 38.0).draw(rng)], parameters.opacity.draw(rng))
        };
        Self {
            air: parameters.air.draw(rng),
            rib: parameters.rib.draw(rng),
            rib_slope: uniform(0.12, 0.3).draw(rng),
            opacities: (0..parameters.opacities.draw(rng)).map(|_| opacity(rng)).collect(),
            leads: (0..parameters.leads.draw(rng))
                .map(|_| [uniform(-80.0, 80.0).draw(rng), uniform(-1.2, 1.2).draw(rng)])
                .collect(),
            vessels: [0; 6].map(|_| rng.random::<f32>() * TAU),
        }
    }

    /// 0 is air outside the body, 1 what no beam passes.
    fn attenuation(&self, chest: &Chest, x: f32, y: f32) -> f32 {
        let (x, y) = chest.own(x, y);
        let body = 1.0 - (x.abs() / (1.32 * chest.half_width)).powi(6);
        if body <= 0.0 {
            return 0.02;
        }
        let mut sum = 0.32 + 0.22 * body.sqrt();
        if chest.is_heart(x, y) {
            sum += 0.12;
        } else if y > chest.dome(x) {
            sum += 0.2;
        } else if chest.is_lung(x, y) {
            sum += self.vessels(chest, x, y) - self.air;
        }
        sum + self.bones(chest, x, y) + self.shadows(x, y)
    }

    fn bones(&self, chest: &Chest, x: f32, y: f32) -> f32 {
        let spine = 0.16 * (-(x / 17.0).powi(4)).exp();
        let gap = chest.height / RIBS as f32;
        let bow = y + chest.height / 2.0 - self.rib_slope * x.abs() - 0.0012 * x * x;
        let is_rib = x.abs() < chest.half_width + 6.0 && bow.rem_euclid(gap) < 0.38 * gap && bow < chest.height;
        let clavicle =
            (y + 0.42 * chest.height + 0.28 * (x.abs() - 20.0)).abs() < 5.0 && (15.0..125.0).contains(&x.abs());
        spine + if is_rib { self.rib } else { 0.0 } + if clavicle { 0.09 } else { 0.0 }
    }

    fn shadows(&self, x: f32, y: f32) -> f32 {
        let opacities = self.opacities.iter().map(|&([at_x, at_y, size], added)| {
            added * (-0.5 * ((x - at_x).powi(2) + (y - at_y).powi(2)) / (size * size)).exp()
        });
        let leads =
            self.leads.iter().filter(|[height, slope]| (y - height - slope * x).abs() < 2.0 * (1.0 + slope.abs()));
        opacities.sum::<f32>() + 0.18 * leads.count() as f32
    }

    /// Vessels fan out from the roots of the lungs and fade on their way.
    fn vessels(&self, chest: &Chest, x: f32, y: f32) -> f32 {
        let (r, angle) = ((x.abs() - MEDIASTINUM_MM).hypot(y), y.atan2(x.abs() - MEDIASTINUM_MM));
        let waves =
            self.vessels.iter().zip(1..).map(|(phase, order)| (order as f32 * (2.5 * angle) + phase + 0.03 * r).cos());
        let branches = (waves.sum::<f32>() / 2.0).max(0.0);
        0.07 * branches * (-r / (0.45 * chest.half_width)).exp()
    }
}
