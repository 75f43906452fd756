//! Label maps that lie beside the organ: a distortion generator.

use rl4seg_sdk::prelude::*;

/// Moves all structures along the rows, by a drawn number of voxels.
struct Shift {
    most_voxels: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct ShiftConfig {
    /// At least 1.
    most_voxels: usize,
}

impl Component for Shift {
    const ID: &'static str = "shift";
    const DOC: &'static str = "Moves the structures along the rows by up to `most_voxels` voxels";
    type Config = ShiftConfig;

    fn new(ShiftConfig { most_voxels }: ShiftConfig) -> Result<Self> {
        if most_voxels == 0 {
            let message = "most_voxels is 0, which moves nothing; expected at least 1";
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        Ok(Self { most_voxels })
    }
}

impl DistortionGenerator for Shift {
    fn requests(&self, _image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        let draw = seed.named("shift").0;
        let width = accepted.grid().shape()[2];
        let voxels = (1 + draw as usize % self.most_voxels).min(width);
        let to_the_right = draw >> 63 == 1;
        let mut moved = accepted.clone();
        for row in moved.labels_mut().chunks_exact_mut(width) {
            if to_the_right {
                row.rotate_right(voxels);
                row[..voxels].fill(0);
            } else {
                row.rotate_left(voxels);
                row[width - voxels..].fill(0);
            }
        }
        let side = if to_the_right { "right" } else { "left" };
        Ok(vec![DistortionRequest { name: format!("shift-{side}-{voxels}"), wrong_map: WrongMap::Given(moved) }])
    }
}

export_plugin! {
    distortion_generators: [Shift];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{conformance, fixtures::label_map};

    use super::*;

    #[test]
    fn what_leaves_the_image_does_not_come_back() {
        let accepted = label_map(&["11..", "11.."]);
        let image = Image::new(*accepted.grid(), 1, vec![0.5; 8]).unwrap();
        let shift = Shift::new(ShiftConfig { most_voxels: 1 }).unwrap();
        let moved = |seed| match shift.requests(&image, &accepted, Seed(seed)).unwrap().remove(0).wrong_map {
            WrongMap::Given(moved) => moved,
            other => panic!("{other:?}"),
        };
        let both = [label_map(&[".11.", ".11."]), label_map(&["1...", "1..."])];
        let seen: Vec<LabelMap> = (0..20).map(moved).collect();
        assert!(seen.iter().all(|map| both.contains(map)) && both.iter().all(|map| seen.contains(map)));
    }

    #[test]
    fn it_keeps_what_distortions_promise() {
        conformance::check_configuration::<Shift>(r#"{"most_voxels": 5}"#).unwrap();
        let accepted = label_map(&["..11", ".122"]);
        let image = Image::new(*accepted.grid(), 1, vec![0.5; 8]).unwrap();
        let shift = Shift::new(ShiftConfig { most_voxels: 5 }).unwrap();
        conformance::check_distortion_generator(&shift, &[(image, accepted)]).unwrap();
    }
}
