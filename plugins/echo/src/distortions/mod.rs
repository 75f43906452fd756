//! Wrong segmentations of the left ventricle, made from right ones without a network.

mod kind;
mod plane;

pub use kind::Kind;

use rl4seg_sdk::schemars::JsonSchema;
use rl4seg_sdk::{
    component::{ComponentError, DistortionGenerator, DistortionRequest, ErrorKind, Result, WrongMap},
    domain::{Image, LabelMap, Seed},
    phantom::Uniform,
    random::generator,
};
use serde::Deserialize;

use self::plane::Plane;
use crate::labels::labels;

/// How often a distortion that changed nothing is drawn again.
const ATTEMPTS: usize = 8;
/// The largest strength that makes sense in a heart, mm.
const MAX_STRENGTH_MM: f32 = 50.0;

/// The configuration of the distortion generator `shape`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct ShapeConfig {
    /// What is made of each accepted map, in this order; all seven if left out.
    pub kinds: Vec<Kind>,
    /// Smallest and largest strength, mm; what it means depends on the [`Kind`].
    pub strength_mm: [f32; 2],
}

impl Default for ShapeConfig {
    fn default() -> Self {
        Self { kinds: Kind::ALL.to_vec(), strength_mm: [3.0, 9.0] }
    }
}

/// Makes one wrong label map of every configured [`Kind`], each with a strength of its own.
#[derive(Debug, Clone)]
pub struct ShapeDistortions {
    kinds: Vec<Kind>,
    strength: Uniform,
}

impl ShapeDistortions {
    /// The distortions that `config` asks for.
    ///
    /// # Errors
    /// If there are none, one stands twice, or the strengths are no range of lengths.
    pub fn new(config: &ShapeConfig) -> Result<Self> {
        let refuse = |message: String| Err(ComponentError::new(ErrorKind::Configuration, message));
        if config.kinds.is_empty() {
            return refuse("`kinds` is empty; expected at least one, as [\"leak\", \"hole\"]".to_owned());
        }
        for (index, kind) in config.kinds.iter().enumerate() {
            if config.kinds[..index].contains(kind) {
                return refuse(format!("`kinds` names `{}` twice; expected each once", kind.name()));
            }
        }
        let [low, high] = config.strength_mm;
        if !(low > 0.0 && low <= high && high <= MAX_STRENGTH_MM) {
            return refuse(format!(
                "`strength_mm` is [{low}, {high}]; expected the smallest and the largest strength, above 0 and at most \
                 {MAX_STRENGTH_MM} mm"
            ));
        }
        Ok(Self { kinds: config.kinds.clone(), strength: Uniform { low, high } })
    }

    /// `accepted` distorted in every plane, or `None` where no draw changed anything.
    fn distorted(&self, accepted: &LabelMap, kind: Kind, seed: Seed) -> Result<Option<LabelMap>> {
        for attempt in 0..ATTEMPTS {
            let mut wrong = Vec::with_capacity(accepted.labels().len());
            for index in 0..accepted.grid().planes() {
                // The same draws in every plane keep the frames of a sequence alike.
                let rng = &mut generator(seed.indexed(attempt));
                let plane = Plane::new(accepted, index)?;
                wrong.extend(kind.distort(&plane, self.strength.draw(rng), rng));
            }
            if wrong != accepted.labels() {
                return Ok(Some(LabelMap::new(*accepted.grid(), wrong)?));
            }
        }
        Ok(None)
    }
}

impl DistortionGenerator for ShapeDistortions {
    fn requests(&self, image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        image.grid().require_same(accepted.grid(), ["the image", "the accepted label map"])?;
        accepted.require_labels(&labels()?)?;
        let mut requests = Vec::with_capacity(self.kinds.len());
        for &kind in &self.kinds {
            let name = format!("shape-{}", kind.name());
            let wrong = self.distorted(accepted, kind, seed.named(&name))?;
            requests.extend(wrong.map(|wrong| DistortionRequest { name, wrong_map: WrongMap::Given(wrong) }));
        }
        Ok(requests)
    }
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::domain::Grid;

    use super::*;
    use crate::{
        labels::{LEFT_VENTRICLE, MYOCARDIUM},
        phantom::{EchoPhantom, Instant, Parameters, View},
    };

    fn accepted(patient: usize) -> LabelMap {
        let phantom = EchoPhantom::drawn_from(Parameters::SOURCE, Seed(2), 96);
        phantom.labels(View { patient, instant: Instant::EndDiastole }).unwrap()
    }

    fn distorted(accepted: &LabelMap, seed: u64) -> Vec<(String, LabelMap)> {
        let image = Image::new(*accepted.grid(), 1, vec![0.0; accepted.labels().len()]).unwrap();
        let generator = ShapeDistortions::new(&ShapeConfig::default()).unwrap();
        let requests = generator.requests(&image, accepted, Seed(seed)).unwrap();
        let given = |request: DistortionRequest| match request.wrong_map {
            WrongMap::Given(map) => (request.name, map),
            other => panic!("a shape distortion asks for {other:?}"),
        };
        requests.into_iter().map(given).collect()
    }

    fn count(map: &LabelMap, label: u8) -> usize {
        map.labels().iter().filter(|&&found| found == label).count()
    }

    #[test]
    fn every_kind_changes_the_map() {
        for patient in 0..6 {
            let accepted = accepted(patient);
            let wrong = distorted(&accepted, patient as u64);
            assert_eq!(wrong.len(), Kind::ALL.len());
            for (name, wrong) in wrong {
                let changed =
                    wrong.labels().iter().zip(accepted.labels()).filter(|(wrong, right)| wrong != right).count();
                assert!(changed >= 8, "{name} changed {changed} pixels of patient {patient}");
                assert!(changed < 2000, "{name} changed {changed} pixels of patient {patient}");
            }
        }
    }

    #[test]
    fn each_kind_does_what_its_name_says() {
        let accepted = accepted(0);
        let change = |name: &str, label| {
            let wrong = distorted(&accepted, 1);
            let (_, wrong) = wrong.iter().find(|(found, _)| found == name).unwrap();
            count(wrong, label) as i64 - count(&accepted, label) as i64
        };
        assert!(change("shape-leak", LEFT_VENTRICLE) > 0 && change("shape-leak", MYOCARDIUM) == 0);
        assert!(change("shape-wall-leak", LEFT_VENTRICLE) > 0 && change("shape-wall-leak", MYOCARDIUM) < 0);
        assert!(change("shape-thin-wall", MYOCARDIUM) == -change("shape-thin-wall", LEFT_VENTRICLE));
        assert!(change("shape-missing-base", LEFT_VENTRICLE) < 0 && change("shape-missing-base", 0) > 0);
        assert!(change("shape-hole", LEFT_VENTRICLE) < 0 && change("shape-hole", MYOCARDIUM) == 0);
        assert!(change("shape-fragments", 0) < 0);
    }

    #[test]
    fn a_seed_gives_the_same_maps_and_another_seed_others() {
        let accepted = accepted(1);
        assert_eq!(distorted(&accepted, 5), distorted(&accepted, 5));
        assert_ne!(distorted(&accepted, 5), distorted(&accepted, 6));
    }

    #[test]
    fn a_map_without_a_wall_is_refused() {
        let grid = Grid::plane([8, 8], [1.0, 1.0]).unwrap();
        let image = Image::new(grid, 1, vec![0.0; 64]).unwrap();
        let generator = ShapeDistortions::new(&ShapeConfig::default()).unwrap();
        let error = generator.requests(&image, &LabelMap::background(grid), Seed(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn impossible_settings_are_refused() {
        for (kinds, strength_mm) in [
            (vec![], [3.0, 9.0]),
            (vec![Kind::Leak, Kind::Leak], [3.0, 9.0]),
            (vec![Kind::Leak], [9.0, 3.0]),
            (vec![Kind::Leak], [f32::NAN, 3.0]),
        ] {
            let error = ShapeDistortions::new(&ShapeConfig { kinds, strength_mm }).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
        }
    }
}
