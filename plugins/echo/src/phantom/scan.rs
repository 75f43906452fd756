//! One image and its label map from a seed.

use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result, ValidityMetric},
    domain::{Grid, Image, LabelMap, Seed, Verdict},
    random::generator,
};

use super::{
    acquisition::acquire,
    echogenicity::echogenicity,
    heart::{Heart, Instant},
    parameters::Parameters,
    sector::Sector,
    smoothing::smooth,
    surroundings::Surroundings,
};
use crate::{anatomy::Anatomy, labels::LEFT_VENTRICLE};

/// How often an anatomy is drawn before it is given up.
const ATTEMPTS: usize = 64;
/// Least share of the image that the left ventricle covers.
const LEAST_VENTRICLE: f64 = 0.01;
/// Background that is left around ventricle and wall, pixels.
const MARGIN: usize = 2;

/// What is imaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shot {
    /// The number of the patient, from 0.
    pub patient: usize,
    /// The moment of the heart beat.
    pub instant: Instant,
}

/// The patients of a domain and their scanner.
#[derive(Debug, Clone)]
pub struct Phantom {
    parameters: Parameters,
    seed: Seed,
    size: usize,
}

/// A heart in the sector of a scanner, and where it is labelled.
struct Scene {
    sector: Sector,
    heart: Heart,
    labels: LabelMap,
}

impl Phantom {
    /// Patients and scanner drawn from `parameters`, in images of `size` x `size` pixels. Each
    /// patient, instant and purpose has a seed of its own, derived from `seed`.
    #[must_use]
    pub fn new(parameters: Parameters, seed: Seed, size: usize) -> Self {
        Self { parameters, seed, size }
    }

    /// The left ventricle and the myocardium.
    ///
    /// # Errors
    /// If no draw gives a heart that lies within the image and has a valid anatomy at this size.
    pub fn labels(&self, shot: Shot) -> Result<LabelMap> {
        Ok(self.scene(shot)?.labels)
    }

    /// The image as the scanner stores it, before CLAHE: 8-bit grey values over 255.
    ///
    /// # Errors
    /// As [`Phantom::labels`].
    pub fn image(&self, shot: Shot) -> Result<Image> {
        let Scene { sector, heart, labels } = self.scene(shot)?;
        let rng = &mut generator(self.seed(shot).named("image"));
        let parameters = &self.parameters;
        let surroundings = Surroundings::draw(parameters, &heart, rng);
        let levels = echogenicity(parameters, &sector, &heart, &surroundings, rng);
        let grey = acquire(parameters, &sector, levels, rng);
        let mut pixels = sector.to_pixels(&grey, self.size);
        let blur = parameters.blur.draw(rng) * self.size as f32;
        smooth(&mut pixels, self.size, [blur; 2]);
        pixels.iter_mut().for_each(|value| *value = (255.0 * *value).round() / 255.0);
        Ok(Image::new(*labels.grid(), 1, pixels)?)
    }

    fn seed(&self, shot: Shot) -> Seed {
        self.seed.indexed(shot.patient).named(shot.instant.code())
    }

    /// Draws anatomies until one is fit to be shown.
    fn scene(&self, shot: Shot) -> Result<Scene> {
        let seed = self.seed(shot).named("anatomy");
        for attempt in 0..ATTEMPTS {
            let rng = &mut generator(seed.indexed(attempt));
            let sector = Sector::draw(&self.parameters, rng);
            let heart = Heart::draw(&self.parameters, shot.instant, rng);
            let labels = self.rasterise(&sector, &heart)?;
            if is_presentable(&labels) && Verdict::of(&Anatomy::default().assess(&labels)?) == Verdict::Valid {
                return Ok(Scene { sector, heart, labels });
            }
        }
        Err(ComponentError::new(
            ErrorKind::Configuration,
            format!(
                "no heart with a valid anatomy in {ATTEMPTS} draws for patient {} at {} on {size} x {size} pixels; \
                 expected one within a few draws: choose a larger `size` or a smaller `severity`",
                shot.patient,
                shot.instant.code(),
                size = self.size,
            ),
        ))
    }

    fn rasterise(&self, sector: &Sector, heart: &Heart) -> Result<LabelMap> {
        let spacing = f64::from(sector.pixel_mm(self.size));
        let grid = Grid::plane([self.size; 2], [spacing; 2])?;
        let pixels = (0..self.size).flat_map(|row| (0..self.size).map(move |column| (row, column)));
        let labels = pixels.map(|(row, column)| {
            let (x, y) = sector.pixel(self.size, row, column);
            heart.label(x, y)
        });
        Ok(LabelMap::new(grid, labels.collect())?)
    }
}

/// Whether ventricle and wall lie within the image and the ventricle is large enough.
fn is_presentable(labels: &LabelMap) -> bool {
    let [rows, columns] = labels.grid().plane_shape();
    let has_margin = labels.labels().iter().enumerate().all(|(index, &label)| {
        let (row, column) = (index / columns, index % columns);
        let inside = |at, len| at >= MARGIN && at + MARGIN < len;
        label == 0 || inside(row, rows) && inside(column, columns)
    });
    let ventricle = labels.labels().iter().filter(|&&label| label == LEFT_VENTRICLE).count();
    has_margin && ventricle as f64 >= LEAST_VENTRICLE * (rows * columns) as f64
}
