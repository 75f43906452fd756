use rl4seg_sdk::domain::{Grid, Verdict};

use super::*;

/// A label map drawn as text: `.` background, `o` left ventricle, `#` myocardium.
fn map(rows: &[&str], spacing_mm: [f64; 2]) -> LabelMap {
    let grid = Grid::plane([rows.len(), rows[0].len()], spacing_mm).unwrap();
    LabelMap::new(grid, rows.concat().bytes().map(label).collect()).unwrap()
}

fn label(drawn: u8) -> u8 {
    match drawn {
        b'.' => 0,
        b'o' => LEFT_VENTRICLE,
        b'#' => MYOCARDIUM,
        other => panic!("{}", char::from(other)),
    }
}

fn value(findings: &[Finding], metric: &str) -> Option<f64> {
    findings.iter().find(|finding| finding.metric == metric).unwrap().value
}

/// Small, so everything is larger than the noise that the metric forgives.
const HEART: [&str; 8] = [
    "............",
    "...######...",
    "..########..",
    "..##oooo##..",
    "..##oooo##..",
    "..##oooo##..",
    "..##oooo##..",
    "............",
];

#[test]
fn a_heart_is_valid_at_any_spacing() {
    for spacing in [[1.0, 1.0], [0.3, 0.3], [0.154, 0.308]] {
        let findings = Anatomy::default().assess(&map(&HEART, spacing)).unwrap();
        assert_eq!(Verdict::of(&findings), Verdict::Valid, "{spacing:?}: {findings:#?}");
        assert_eq!(value(&findings, "width_ratio_between_lv_and_myo"), Some(1.0));
        assert!((value(&findings, "frontier_ratio_between_lv_and_bg_no_atr").unwrap() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn areas_are_in_mm2() {
    let mut rows = HEART;
    rows[4] = "..##o.oo##..";
    rows[7] = "o...........";
    let findings = Anatomy::default().assess(&map(&rows, [0.5, 2.0])).unwrap();
    assert_eq!(value(&findings, "holes_in_lv"), Some(1.0));
    assert_eq!(value(&findings, "disconnectivity_in_lv"), Some(1.0));
    assert_eq!(Verdict::of(&findings), Verdict::Invalid);
    let findings = Anatomy::default().assess(&map(&rows, [1.0, 3.0])).unwrap();
    assert_eq!(value(&findings, "holes_in_epi"), Some(3.0));
}

#[test]
fn the_erosion_ratio_of_square_pixels_does_not_depend_on_their_size() {
    let ratio = |spacing| {
        let findings = Anatomy::default().assess(&map(&HEART, spacing)).unwrap();
        value(&findings, "erosion_ratio_before_myo_split").unwrap()
    };
    assert!((ratio([1.0, 1.0]) - ratio([0.37, 0.37])).abs() < 1e-12);
}

#[test]
fn what_is_absent_is_not_measured() {
    let without_myo = HEART.map(|row| row.replace('#', "."));
    let findings = Anatomy::default().assess(&map(&without_myo.each_ref().map(String::as_str), [1.0, 1.0])).unwrap();
    assert_eq!(value(&findings, "erosion_ratio_before_myo_split"), None);
    assert_eq!(value(&findings, "width_ratio_between_lv_and_myo"), None);
    assert_ne!(Verdict::of(&findings), Verdict::Valid);

    let empty = Anatomy::default().assess(&map(&["...."; 4], [1.0, 1.0])).unwrap();
    assert_eq!(value(&empty, "lv_absent"), Some(1.0));
    assert_eq!(value(&empty, "frontier_ratio_between_lv_and_bg_no_atr"), None);
    assert_eq!(Verdict::of(&empty), Verdict::Invalid);
}

#[test]
fn an_image_full_of_one_structure_has_an_answer() {
    for drawn in ["####", "oooo"] {
        let findings = Anatomy::default().assess(&map(&[drawn; 4], [1.0, 1.0])).unwrap();
        assert_ne!(Verdict::of(&findings), Verdict::Valid, "{drawn}");
        assert_eq!(value(&findings, "erosion_ratio_before_myo_split"), None, "{drawn}");
    }
}

#[test]
fn frames_are_judged_one_by_one() {
    let heart = map(&HEART, [1.0, 1.0]);
    let [height, width] = heart.grid().plane_shape();
    let grid = Grid::new([2, height, width], [1.0, 1.0], SlowAxis::Time { interval_ms: None }).unwrap();
    let frames = [heart.labels(), &vec![0; height * width]].concat();
    let findings = Anatomy::default().assess(&LabelMap::new(grid, frames).unwrap()).unwrap();
    let verdict = |frame| Verdict::of(findings.iter().filter(|finding| finding.plane == Some(frame)));
    assert_eq!(findings.len(), 18);
    assert_eq!((verdict(0), verdict(1)), (Verdict::Valid, Verdict::Invalid));
}

#[test]
fn a_volume_and_an_unknown_label_are_refused() {
    let grid = Grid::new([1, 2, 2], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 1.0 }).unwrap();
    assert!(Anatomy::default().assess(&LabelMap::background(grid)).is_err());
    let grid = Grid::plane([2, 2], [1.0, 1.0]).unwrap();
    assert!(Anatomy::default().assess(&LabelMap::new(grid, vec![0, 1, 2, 3]).unwrap()).is_err());
}
