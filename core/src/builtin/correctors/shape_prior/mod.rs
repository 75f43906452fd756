mod field;
mod model;
mod pose;

use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use self::{model::ShapeModel, pose::Pose};
use super::morphology;
use crate::{
    builtin::{PLUGIN, configuration, setting_error},
    component::{ComponentError, Corrector, ErrorKind, Factory, Registration, Result, settings_schema},
    domain::{LabelMap, Seed},
    random,
};

const ID: &str = "shape-prior";

/// Shares of the nearest training shape in the candidates, the most faithful first.
const BLENDS: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// A model of fewer shapes knows no variation.
const FEWEST_SHAPES: usize = 2;

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Draws label maps towards the shapes of the source domain's references.",
        settings: Some(settings_schema::<ShapePriorConfig>),
        factory: Factory::Corrector(|json| Ok(Box::new(ShapePrior::new(configuration(ID, json)?)?))),
    }
}

/// The configuration of [`ShapePrior`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShapePriorConfig {
    /// Largest number of principal components.
    pub components: usize,
    /// Number of shapes that the model is fitted to. More references than that are thinned out
    /// evenly; fewer are used again, turned at random.
    pub samples: usize,
    /// Largest angle of those turns, degrees.
    pub max_rotation_deg: f64,
    /// The seed of those turns.
    pub seed: Seed,
}

impl Default for ShapePriorConfig {
    fn default() -> Self {
        Self { components: 24, samples: 500, max_rotation_deg: 20.0, seed: Seed(0) }
    }
}

/// Draws label maps towards the shapes that the references of the source domain have.
///
/// A label map is cleaned ([`clean`](super::clean)), then each slice or frame by itself is described
/// by position, size and the coefficients of a linear model of signed distances, and rebuilt from
/// them. Coefficients are kept within what references have, so the result looks like one. It takes
/// the place of the published method's autoencoder, which is not public, and works with any label
/// set.
///
/// The candidates are this reconstruction, then four blends with the nearest training shape, the
/// last of which is that shape alone, where the label map lay. Planes without structures stay so;
/// a map without any has no candidates.
///
/// Size takes no part in the model: an organ that is larger or deeper in the image has the same
/// shape.
#[derive(Debug, Clone)]
pub struct ShapePrior {
    config: ShapePriorConfig,
    fitted: Option<Fitted>,
}

#[derive(Debug, Clone)]
struct Fitted {
    model: ShapeModel,
    label_count: usize,
}

impl ShapePrior {
    /// A corrector that is not fitted yet.
    ///
    /// # Errors
    /// If there are no components or not more samples than those, or the angle is not in [0, 180].
    pub fn new(config: ShapePriorConfig) -> Result<Self> {
        if config.components == 0 {
            return Err(setting_error(ID, "components", 0, "at least 1"));
        }
        if config.samples < FEWEST_SHAPES {
            return Err(setting_error(ID, "samples", config.samples, "at least 2"));
        }
        if !(0.0..=180.0).contains(&config.max_rotation_deg) {
            return Err(setting_error(ID, "max_rotation_deg", config.max_rotation_deg, "an angle in [0, 180]"));
        }
        Ok(Self { config, fitted: None })
    }

    /// The field of each training shape, behind each other.
    fn training_fields(&self, shapes: &[Shape<'_>], label_count: usize) -> Result<Vec<f32>> {
        let max = self.config.max_rotation_deg.to_radians();
        let samples = if max > 0.0 { self.config.samples } else { self.config.samples.min(shapes.len()) };
        let encode = |sample: usize| {
            let turn = || random::generator(self.config.seed.indexed(sample)).random_range(-max..=max);
            let (shape, rotation) = match sample {
                _ if shapes.len() > samples => (&shapes[sample * shapes.len() / samples], 0.0),
                _ if sample < shapes.len() => (&shapes[sample], 0.0),
                _ => (&shapes[sample % shapes.len()], turn()),
            };
            field::encode(shape.labels, shape.plane, &shape.pose, label_count, rotation)
        };
        let fields: Vec<Vec<f32>> = (0..samples).into_par_iter().map(encode).collect::<Result<_>>()?;
        Ok(fields.concat())
    }
}

impl Corrector for ShapePrior {
    fn fit(&mut self, references: &[LabelMap]) -> Result<()> {
        let shapes: Vec<Shape<'_>> = references.iter().flat_map(shapes).collect();
        if shapes.len() < FEWEST_SHAPES {
            let message = format!(
                "`{ID}` found {} slices or frames with structures in {} references; expected at least {FEWEST_SHAPES}: \
                 give the source domain more references",
                shapes.len(),
                references.len()
            );
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
        let label_count = references.iter().map(label_count).max().unwrap_or(0);
        let fields = self.training_fields(&shapes, label_count)?;
        let len = field::len(label_count);
        let fields = DMatrix::from_vec(len, fields.len() / len, fields);
        let model = ShapeModel::fit(fields, self.config.components).ok_or_else(|| {
            let message = format!("`{ID}`: all references have one shape; expected references that differ");
            ComponentError::new(ErrorKind::Inconsistent, message)
        })?;
        self.fitted = Some(Fitted { model, label_count });
        Ok(())
    }

    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        let fitted = self.fitted.as_ref().ok_or_else(|| {
            let message = format!("`{ID}` was not fitted; fit it to the source domain's references first");
            ComponentError::new(ErrorKind::Inconsistent, message)
        })?;
        if label_count(labels) > fitted.label_count {
            let (found, known) = (label_count(labels) - 1, fitted.label_count - 1);
            let message = format!("`{ID}`: label {found} in the label map; the references had labels up to {known}");
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
        let mut cleaned = labels.clone();
        morphology::clean(&mut cleaned);
        let planes: Vec<Reconstruction> =
            shapes(&cleaned).map(|shape| fitted.reconstruct(&shape)).collect::<Result<_>>()?;
        if planes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(BLENDS.iter().map(|&blend| blended(labels, &planes, blend)).collect())
    }
}

impl Fitted {
    fn reconstruct(&self, shape: &Shape<'_>) -> Result<Reconstruction> {
        let field = field::encode(shape.labels, shape.plane, &shape.pose, self.label_count, 0.0)?;
        let coefficients = self.model.project(field);
        Ok(Reconstruction {
            plane: shape.plane,
            pose: shape.pose,
            faithful: self.model.shape(&coefficients),
            nearest: self.model.shape(&self.model.nearest(&coefficients)),
        })
    }
}

/// One slice or frame with structures.
struct Shape<'a> {
    labels: &'a LabelMap,
    plane: usize,
    pose: Pose,
}

/// The fields that one slice or frame is rebuilt from.
struct Reconstruction {
    plane: usize,
    pose: Pose,
    faithful: DVector<f32>,
    nearest: DVector<f32>,
}

fn shapes(labels: &LabelMap) -> impl Iterator<Item = Shape<'_>> {
    let planes = 0..labels.grid().planes();
    planes.filter_map(|plane| Pose::of(labels, plane).map(|pose| Shape { labels, plane, pose }))
}

/// The model is linear, so a blend of fields is the field of blended coefficients.
fn blended(labels: &LabelMap, planes: &[Reconstruction], blend: f32) -> LabelMap {
    let grid = *labels.grid();
    let mut corrected = LabelMap::background(grid);
    for reconstruction in planes {
        let field = reconstruction.faithful.lerp(&reconstruction.nearest, blend);
        let first = reconstruction.plane * grid.plane_len();
        let plane = &mut corrected.labels_mut()[first..first + grid.plane_len()];
        field::decode(field.as_slice(), &reconstruction.pose, &grid, plane);
    }
    corrected
}

/// Number of labels up to the highest one found, background included.
fn label_count(labels: &LabelMap) -> usize {
    labels.labels().iter().map(|&label| usize::from(label) + 1).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Grid, SlowAxis},
        measure::{Connectivity, Mask, dice, morphology::dilate},
    };

    /// An ellipse of label 1 within a wall of label 2, both of voxel size 1 mm.
    struct Organ {
        centre: [f64; 2],
        radii: [f64; 2],
        wall: f64,
    }

    impl Organ {
        fn drawn(seed: Seed) -> Self {
            let mut generator = random::generator(seed);
            let mut uniform = |low, high| generator.random_range(low..high);
            Self {
                centre: [uniform(40.0, 56.0), uniform(40.0, 56.0)],
                radii: [uniform(16.0, 24.0), uniform(10.0, 15.0)],
                wall: uniform(4.0, 8.0),
            }
        }

        fn label_map(&self) -> LabelMap {
            let grid = Grid::plane([96, 96], [1.0, 1.0]).unwrap();
            let mut labels = LabelMap::background(grid);
            for (index, label) in labels.labels_mut().iter_mut().enumerate() {
                let [_, y, x] = grid.position(index);
                let within = |radii: [f64; 2]| {
                    let [y, x] = [y as f64 - self.centre[0], x as f64 - self.centre[1]];
                    (y / radii[0]).powi(2) + (x / radii[1]).powi(2) < 1.0
                };
                *label = match (within(self.radii), within(self.radii.map(|radius| radius + self.wall))) {
                    (true, _) => 1,
                    (false, true) => 2,
                    (false, false) => 0,
                };
            }
            labels
        }
    }

    fn organs(seed: u64, count: usize) -> Vec<LabelMap> {
        (0..count).map(|index| Organ::drawn(Seed(seed).indexed(index)).label_map()).collect()
    }

    fn fitted() -> ShapePrior {
        let config = ShapePriorConfig { components: 8, samples: 80, ..ShapePriorConfig::default() };
        let mut prior = ShapePrior::new(config).unwrap();
        prior.fit(&organs(1, 40)).unwrap();
        prior
    }

    fn overlap(found: &LabelMap, expected: &LabelMap, label: u8) -> f64 {
        dice(&Mask::of_label(found, label), &Mask::of_label(expected, label)).unwrap()
    }

    #[test]
    fn shapes_that_it_has_not_seen_are_rebuilt() {
        let prior = fitted();
        for organ in organs(2, 10) {
            let candidates = prior.candidates(&organ).unwrap();
            assert_eq!(candidates.len(), BLENDS.len());
            assert!(candidates.iter().all(|candidate| candidate.grid() == organ.grid()));
            let overlaps = [1, 2].map(|label| overlap(&candidates[0], &organ, label));
            assert!(overlaps[0] > 0.97 && overlaps[1] > 0.9, "{overlaps:?}");
        }
    }

    #[test]
    fn a_bite_out_of_the_wall_is_closed() {
        let prior = fitted();
        let organ = &organs(3, 1)[0];
        let mut bitten = organ.clone();
        let side = organ.grid().plane_shape()[1];
        for (index, label) in bitten.labels_mut().iter_mut().enumerate() {
            if *label == 2 && index / side < side / 2 && (index % side).abs_diff(side / 2) < 3 {
                *label = 0;
            }
        }
        let is_open = |labels: &LabelMap| {
            let reached = dilate(&Mask::of_label(labels, 1), Connectivity::Faces);
            !(&reached & &Mask::of_label(labels, 0)).is_empty()
        };
        assert!(is_open(&bitten));
        assert!(!is_open(&prior.candidates(&bitten).unwrap()[0]));
    }

    #[test]
    fn the_same_references_give_the_same_corrections() {
        let organ = &organs(4, 1)[0];
        assert_eq!(fitted().candidates(organ).unwrap(), fitted().candidates(organ).unwrap());
    }

    #[test]
    fn frames_are_corrected_one_by_one_and_empty_ones_stay_empty() {
        let prior = fitted();
        let organ = &organs(5, 1)[0];
        let [_, height, width] = organ.grid().shape();
        let grid = Grid::new([2, height, width], [1.0, 1.0], SlowAxis::Time { interval_ms: None }).unwrap();
        let frames = LabelMap::new(grid, [vec![0; height * width], organ.labels().to_vec()].concat()).unwrap();
        let alone = prior.candidates(organ).unwrap();
        for (sequence, alone) in prior.candidates(&frames).unwrap().iter().zip(&alone) {
            assert!(sequence.one_plane(0).is_background());
            assert_eq!(sequence.plane(1), alone.labels());
        }
        assert_eq!(prior.candidates(&LabelMap::background(grid)).unwrap(), []);
    }

    #[test]
    fn spacing_scales_nothing_but_lengths() {
        let organ = &organs(6, 1)[0];
        let coarse = organ.grid().with_plane(organ.grid().plane_shape(), [2.5, 2.5]).unwrap();
        let scaled = LabelMap::new(coarse, organ.labels().to_vec()).unwrap();
        let prior = fitted();
        let [found, expected] = [&scaled, organ].map(|labels| prior.candidates(labels).unwrap().swap_remove(0));
        assert!(overlap(&found, &expected, 1) > 0.999);
    }

    #[test]
    fn structures_may_reach_the_border_of_the_image() {
        let cut = Organ { centre: [0.0, 95.0], radii: [20.0, 12.0], wall: 5.0 }.label_map();
        assert!(!fitted().candidates(&cut).unwrap()[0].is_background());
    }

    #[test]
    fn it_refuses_to_work_before_fit_and_to_fit_too_little() {
        let mut prior = ShapePrior::new(ShapePriorConfig::default()).unwrap();
        let organ = organs(7, 1);
        assert!(prior.candidates(&organ[0]).unwrap_err().to_string().contains("was not fitted"));
        assert!(prior.fit(&[]).is_err());
        assert!(prior.fit(&organ).is_err());
        assert!(prior.fit(&vec![LabelMap::background(*organ[0].grid()); 5]).is_err());
    }

    #[test]
    fn a_label_that_no_reference_had_is_refused() {
        let mut organ = organs(8, 1).swap_remove(0);
        organ.labels_mut()[0] = 3;
        assert!(fitted().candidates(&organ).unwrap_err().to_string().contains("label 3"));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let with = |json: &str| ShapePrior::new(configuration(ID, json)?);
        assert!(with("{}").is_ok());
        for json in [r#"{"components": 0}"#, r#"{"samples": 1}"#, r#"{"max_rotation_deg": -1}"#, r#"{"modes": 3}"#] {
            assert!(with(json).is_err(), "{json}");
        }
    }
}
