//! What segmenting an image is told to take is what it takes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and tells what it measured"
)]

use burn::tensor::Device;
use rl4seg_core::{
    adapt::{Calibration, Portion, Segmenter, Validity},
    domain::{Grid, Image, Seed, SlowAxis},
    nn::{self, NetworkPolicy, NetworkReward, NetworkSettings},
    preprocess::Preprocess,
};
use rl4seg_hostile::{Counting, measured};

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
        let told = segmenter.memory(image.grid(), 1, portion).unwrap().unwrap();
        (told, segmenter.segment(("scan", &image), portion, &mut |_, _| {}).unwrap())
    });
    println!("width {width}, {shape:?}, {portion:?}: {} MiB told, {} MiB taken", told >> 20, taken >> 20);
    taken as f64 / told as f64
}

#[test]
fn no_more_is_taken_than_was_told_and_no_less_than_three_fifths() {
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
