use super::*;
use crate::{
    component::{ImitationStep, InferenceMemory, PolicyState, PolicyUpdate, RewardBatch, Segmentation, UpdateStats},
    domain::{Actions, Rollout, Seed, SlowAxis},
};

/// Bright voxels are label 1; a network that sees each voxel alone, so that tiles give what the whole gives.
struct Bright;

impl Policy for Bright {
    fn accepts(&self, _: usize, _: [usize; 3]) -> Result<()> {
        Ok(())
    }

    fn segment(&self, images: &ImageBatch) -> Result<LabelBatch> {
        let labels = images.values.iter().map(|value| u8::from(*value > 0.5)).collect();
        Ok(LabelBatch { batch: images.batch, shape: images.shape, labels })
    }

    fn probabilities(&self, images: &ImageBatch) -> Result<Vec<f32>> {
        let dark = images.values.iter().map(|value| 1.0 - value);
        Ok(dark.chain(images.values.iter().copied()).collect())
    }

    fn inference_memory(&self, planes: usize, [y, x]: [usize; 2]) -> Option<InferenceMemory> {
        Some(InferenceMemory { weights: 1 << 20, pass: (1000 * planes * y * x) as u64, unshared: 0 })
    }

    fn segment_and_sample(&self, _: &ImageBatch, _: Seed) -> Result<Segmentation> {
        unreachable!()
    }

    fn segment_perturbed(&self, _: &ImageBatch, _: f64, _: Seed) -> Result<LabelBatch> {
        unreachable!()
    }

    fn imitate(&mut self, _: &ImageBatch, _: &LabelBatch, _: &ImitationStep) -> Result<f64> {
        unreachable!()
    }

    fn act(&mut self, _: &ImageBatch, _: &[Option<&LabelMap>], _: Seed) -> Result<Actions> {
        unreachable!()
    }

    fn update(&mut self, _: &Rollout, _: &PolicyUpdate) -> Result<UpdateStats> {
        unreachable!()
    }

    fn freeze_reference(&mut self) -> Result<()> {
        unreachable!()
    }

    fn shrink_and_perturb(&mut self, _: f64, _: f64, _: Seed) -> Result<()> {
        unreachable!()
    }

    fn reset_optimizers(&mut self) {}

    fn state(&self) -> Result<PolicyState> {
        unreachable!()
    }

    fn restore(&mut self, _: &PolicyState) -> Result<()> {
        unreachable!()
    }
}

/// The farther from 0.5, the likelier.
struct Clear;

impl RewardModel for Clear {
    fn logits(&self, images: &ImageBatch, labels: &LabelBatch) -> Result<Vec<f32>> {
        let logit = |(value, label): (&f32, &u8)| (value - 0.5) * if *label == 1 { 8.0 } else { -8.0 };
        Ok(images.values.iter().zip(&labels.labels).map(logit).collect())
    }

    fn inference_memory(&self, _: usize, _: [usize; 2]) -> Option<InferenceMemory> {
        Some(InferenceMemory { weights: 1 << 20, pass: 0, unshared: 0 })
    }

    fn reset(&mut self, _: Seed) -> Result<()> {
        unreachable!()
    }

    fn fit_step(&mut self, _: &RewardBatch, _: f64) -> Result<f64> {
        unreachable!()
    }

    fn state(&self) -> Result<Vec<u8>> {
        unreachable!()
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        unreachable!()
    }
}

fn segmenter() -> Segmenter {
    Segmenter {
        policy: Box::new(Bright),
        reward: Box::new(Clear),
        calibration: Calibration::NONE,
        preprocess: Preprocess::default(),
        validity: Validity::default(),
        classes: 2,
    }
}

fn image() -> Image {
    let grid = Grid::new([3, 150, 200], [0.5, 0.4], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
    let values = (0..grid.len()).map(|index| (index * 37 % 101) as f32 / 100.0).collect();
    Image::new(grid, 1, values).unwrap()
}

#[test]
fn any_portion_gives_the_same_where_a_voxel_is_seen_alone() {
    let (segmenter, image) = (segmenter(), image());
    let of = |portion| segmenter.segment(("scan", &image), portion, &mut |_, _| {}).unwrap();
    let whole = of(Portion::Volume);
    assert_eq!(of(Portion::Tiles { side: Portion::SIDE }), whole);
    assert_eq!(of(Portion::Tiles { side: 200 }), whole);
    let tiled = of(Portion::Tiles { side: 64 });
    assert_eq!(tiled.labels, whole.labels);
    let pairs = tiled.uncertainty.values().iter().zip(whole.uncertainty.values());
    assert!(pairs.into_iter().all(|(tiled, whole)| (tiled - whole).abs() < 1e-5));
}

#[test]
fn every_portion_is_told_once() {
    let mut told = Vec::new();
    let mut progress = |done, total| told.push((done, total));
    segmenter().segment(("scan", &image()), Portion::Tiles { side: 128 }, &mut progress).unwrap();
    // Two tiles in each direction of each of three planes, seen by two networks.
    assert_eq!(told, (0..36).map(|done| (done, 36)).collect::<Vec<_>>());
    told.clear();
    segmenter()
        .segment(("scan", &image()), Portion::Tiles { side: 256 }, &mut |done, total| told.push((done, total)))
        .unwrap();
    assert_eq!(told, [(0, 2), (1, 2)]);
}

#[test]
fn the_largest_portion_within_a_limit_is_taken() {
    let segmenter = segmenter();
    let grid = Grid::plane([4000, 5000], [0.1, 0.1]).unwrap();
    let bytes = |portion| segmenter.memory(&grid, 1, portion).unwrap().unwrap();
    let portion = segmenter.portion_within(3 << 30, &grid, 1).unwrap();
    let Portion::Tiles { side } = portion else { panic!("{portion:?}") };
    assert!(bytes(portion) <= 3 << 30, "{}", bytes(portion));
    assert!(bytes(Portion::Tiles { side: side + Portion::STEP }) > 3 << 30, "{side}");
    let error = segmenter.portion_within(100 << 20, &grid, 1).unwrap_err();
    let text = error.chain().collect::<Vec<_>>().join(": ");
    assert!(text.contains("4000 x 5000") && text.contains("limit of 100 MiB"), "{text}");
}
