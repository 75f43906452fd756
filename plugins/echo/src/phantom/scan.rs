//! One image and its label map from a seed.

use rl4seg_sdk::{
    component::{Result, ValidityMetric},
    domain::{Grid, Image, LabelMap, LabelSet, Seed, Verdict},
    phantom::{Phantom, Shot, draw_until_fit, smooth},
    preprocess::{Clahe, Preprocess},
    random::generator,
};

use super::{
    acquisition::acquire,
    echogenicity::echogenicity,
    heart::{Heart, Instant},
    parameters::Parameters,
    sector::Sector,
    surroundings::Surroundings,
};
use crate::{
    anatomy::Anatomy,
    labels::{LEFT_VENTRICLE, labels},
};

/// Least share of the image that the left ventricle covers.
const LEAST_VENTRICLE: f64 = 0.01;
/// Background that is left around ventricle and wall, pixels.
const MARGIN: usize = 2;

/// What is seen of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// The number of the patient, from 0.
    pub patient: usize,
    /// The moment of the heart beat.
    pub instant: Instant,
}

/// The patients of a domain and their scanner.
#[derive(Debug, Clone)]
pub struct EchoPhantom {
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

impl EchoPhantom {
    /// Patients and scanner drawn from `parameters`, in images of `size` x `size` pixels. Each
    /// patient, instant and purpose has a seed of its own, derived from `seed`.
    #[must_use]
    pub fn drawn_from(parameters: Parameters, seed: Seed, size: usize) -> Self {
        Self { parameters, seed, size }
    }

    /// The left ventricle and the myocardium.
    ///
    /// # Errors
    /// If no draw gives a heart that lies within the image and has a valid anatomy at this size.
    pub fn labels(&self, view: View) -> Result<LabelMap> {
        Ok(self.scene(view)?.labels)
    }

    /// The image as the scanner stores it, before CLAHE: 8-bit grey values over 255.
    ///
    /// # Errors
    /// As [`EchoPhantom::labels`].
    pub fn unequalised(&self, view: View) -> Result<Image> {
        let Scene { sector, heart, labels } = self.scene(view)?;
        let rng = &mut generator(self.seed(view).named("image"));
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

    fn seed(&self, view: View) -> Seed {
        self.seed.indexed(view.patient).named(view.instant.code())
    }

    /// Draws anatomies until one is fit to be shown.
    fn scene(&self, view: View) -> Result<Scene> {
        let seed = self.seed(view).named("anatomy");
        let what = format!(
            "heart with a valid anatomy for patient {} at {} on {size} x {size} pixels",
            view.patient,
            view.instant.code(),
            size = self.size,
        );
        draw_until_fit(&what, |attempt| {
            let rng = &mut generator(seed.indexed(attempt));
            let sector = Sector::draw(&self.parameters, rng);
            let heart = Heart::draw(&self.parameters, view.instant, rng);
            let labels = self.rasterise(&sector, &heart)?;
            let fits = is_presentable(&labels) && Verdict::of(&Anatomy::default().assess(&labels)?) == Verdict::Valid;
            Ok(fits.then_some(Scene { sector, heart, labels }))
        })
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

impl Phantom for EchoPhantom {
    const DOC: &'static str = "Made-up echocardiograms of a source and a shifted target domain, with label maps";
    const IMAGES: &'static [&'static str] = &["4CH_ED", "4CH_ES"];

    fn labels() -> Result<LabelSet> {
        Ok(labels()?)
    }

    fn new(severity: f32, seed: Seed, size: usize) -> Self {
        Self::drawn_from(Parameters::at_severity(severity), seed, size)
    }

    /// Equalised (CLAHE), as the published data are.
    fn image(&self, shot: Shot) -> Result<Image> {
        let equalise = Preprocess { clahe: Some(Clahe::default()), ..Preprocess::default() };
        Ok(equalise.apply(&self.unequalised(shot.into())?)?.image)
    }

    fn label_map(&self, shot: Shot) -> Result<LabelMap> {
        self.labels(shot.into())
    }
}

impl From<Shot> for View {
    fn from(Shot { patient, image }: Shot) -> Self {
        Self { patient, instant: if image == 0 { Instant::EndDiastole } else { Instant::EndSystole } }
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
