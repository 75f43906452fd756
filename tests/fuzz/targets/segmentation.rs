#![no_main]

rl4seg_fuzz::target!(Segmentation);
