//! What segmenting and training are told to take is what they take.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and tells what it measured"
)]

use std::sync::Mutex;

use burn::tensor::Device;
use rl4seg_core::{
    adapt::{Calibration, PROGRAM, Portion, Segmenter, Validity},
    component::{ImitationStep, Policy, PolicyUpdate, RewardBatch, RewardModel, TrainingMemory, UpdateRule},
    domain::{Grid, Image, ImageBatch, LabelBatch, Rollout, Seed, SlowAxis},
    nn::{self, NetworkPolicy, NetworkReward, NetworkSettings},
    preprocess::Preprocess,
};
use rl4seg_hostile::{Counting, held, measured};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn segmenter(width: usize) -> Segmenter {
    let settings = NetworkSettings::new(width, 1, 3);
    let device = Device::flex();
    Segmenter {
        policy: Box::new(NetworkPolicy::new(&settings, Seed(1), &device).unwrap()),
        reward: Box::new(NetworkReward::new(&settings, Seed(2), &device).unwrap()),
        calibration: Calibration::NONE,
        preprocess: Preprocess::default(),
        validity: Validity::default(),
        classes: 3,
    }
}

fn image(shape: [usize; 3]) -> Image {
    let slow = if shape[0] == 1 { SlowAxis::Single } else { SlowAxis::Depth { spacing_mm: 2.0 } };
    let grid = Grid::new(shape, [0.5, 0.5], slow).unwrap();
    Image::new(grid, 1, (0..grid.len()).map(|index| (index * 37 % 101) as f32 / 100.0).collect()).unwrap()
}

/// The share of what was told that was taken.
fn share(width: usize, shape: [usize; 3], portion: Portion) -> f64 {
    nn::release_memory();
    let ((told, _), taken) = measured(|| {
        let segmenter = segmenter(width);
        let image = image(shape);
        let told = segmenter.memory(image.grid(), 1, portion).unwrap().unwrap() - PROGRAM;
        (told, segmenter.segment(("scan", &image), portion, &mut |_, _| {}).unwrap())
    });
    println!("width {width}, {shape:?}, {portion:?}: {} MiB told, {} MiB taken", told >> 20, taken >> 20);
    taken as f64 / told as f64
}

/// Memory is counted for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn no_more_is_taken_than_was_told_and_no_less_than_three_fifths() {
    let _alone = ALONE.lock();
    let tiles = |side| Portion::Tiles { side };
    for (width, shape, portion) in [
        (16, [1, 384, 512], tiles(Portion::SIDE)),
        (16, [1, 384, 512], tiles(256)),
        (32, [16, 128, 128], tiles(Portion::SIDE)),
        (8, [2, 640, 640], tiles(320)),
        (4, [40, 300, 300], tiles(256)),
    ] {
        let share = share(width, shape, portion);
        assert!((0.6..=1.0).contains(&share), "{share}");
    }
}

/// Images of a batch and label maps for them.
fn batch(batch: usize, side: usize) -> (ImageBatch, LabelBatch) {
    let (shape, voxels) = ([1, side, side], batch * side * side);
    let values = (0..voxels).map(|index| (index * 37 % 101) as f32 / 100.0).collect();
    let labels = (0..voxels).map(|index| (index / 7 % 3) as u8).collect();
    (ImageBatch { batch, channels: 1, shape, values }, LabelBatch { batch, shape, labels })
}

fn rollout(policy: &mut NetworkPolicy, images: ImageBatch) -> Rollout {
    let actions = policy.act(&images, &vec![None; images.batch], Seed(3)).unwrap();
    let rewards = vec![0.5; images.batch * images.voxels()];
    Rollout { is_pseudo_reference: vec![false; images.batch], images, actions, rewards }
}

const UPDATE: PolicyUpdate = PolicyUpdate {
    rule: UpdateRule::Ppo,
    update_epochs: 1,
    clip_range: 0.2,
    entropy_coef: 0.3,
    divergence_coef: 0.1,
    actor_learning_rate: 1e-4,
    critic_learning_rate: 1e-4,
    max_grad_norm: 0.5,
};

/// The share of what training was told to take that was taken: of a policy and of a reward network.
fn shares_of_training(width: usize, count: usize, side: usize) -> [f64; 2] {
    let settings = NetworkSettings::new(width, 1, 3);
    let (images, labels) = batch(count, side);
    let of = |told: TrainingMemory, taken: usize, what: &str| {
        let told = told.held + told.step;
        println!("{what}, width {width}, {count} of {side}²: {} MiB told, {} MiB taken", told >> 20, taken >> 20);
        taken as f64 / told as f64
    };
    nn::release_memory();
    let (told, taken) = measured(|| {
        let mut policy = NetworkPolicy::new(&settings, Seed(1), &Device::flex()).unwrap();
        policy.freeze_reference().unwrap();
        let step = ImitationStep { learning_rate: 1e-3, label_smoothing: 0.0 };
        policy.imitate(&images, &labels, &step).unwrap();
        let experience = rollout(&mut policy, images.clone());
        policy.update(&experience, &UPDATE).unwrap();
        policy.training_memory(count, [side, side]).unwrap()
    });
    let policy = of(told, taken, "policy");
    nn::release_memory();
    let (told, taken) = measured(|| {
        let mut reward = NetworkReward::new(&settings, Seed(2), &Device::flex()).unwrap();
        let correctness = vec![1.0; count * side * side];
        reward.fit_step(&RewardBatch { images, labels, correctness }, 1e-3).unwrap();
        reward.training_memory(count, [side, side]).unwrap()
    });
    [policy, of(told, taken, "reward network")]
}

#[test]
fn training_takes_no_more_than_was_told_and_no_less_than_three_fifths() {
    let _alone = ALONE.lock();
    for (width, count, side) in [(8, 8, 128), (16, 2, 256), (32, 4, 64)] {
        for share in shares_of_training(width, count, side) {
            assert!((0.6..=1.0).contains(&share), "{share}");
        }
    }
}

#[test]
fn a_thousand_steps_take_no_more_than_a_hundred() {
    let _alone = ALONE.lock();
    let (images, labels) = batch(2, 32);
    let settings = NetworkSettings::new(2, 1, 3);
    let mut policy = NetworkPolicy::new(&settings, Seed(1), &Device::flex()).unwrap();
    let mut reward = NetworkReward::new(&settings, Seed(2), &Device::flex()).unwrap();
    policy.freeze_reference().unwrap();
    let judged = RewardBatch { images: images.clone(), labels: labels.clone(), correctness: vec![1.0; 2 * 32 * 32] };
    let step = ImitationStep { learning_rate: 1e-3, label_smoothing: 0.0 };
    // Four steps of optimisers each time.
    let mut steps = |count: usize| {
        for _ in 0..count / 4 {
            policy.imitate(&images, &labels, &step).unwrap();
            let experience = rollout(&mut policy, images.clone());
            policy.update(&experience, &UPDATE).unwrap();
            reward.fit_step(&judged, 1e-3).unwrap();
        }
    };
    // What is held in between depends on which thread was faster.
    let mut held_after = |count: usize| {
        steps(count);
        nn::release_memory();
        held()
    };
    held_after(40);
    let first = held_after(100);
    let later = held_after(1000);
    println!("{first} bytes are held after a hundred steps, {later} after a thousand more");
    assert!(later < first + 1000, "{first} bytes, then {later}: a step that keeps one byte would show");
}
