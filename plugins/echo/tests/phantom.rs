//! What phantoms look like, against the statistics of the benchmark whose recipe they follow.

use rl4seg_echo::{
    anatomy::Anatomy,
    labels::{LEFT_VENTRICLE, MYOCARDIUM},
    phantom::{EchoPhantom, Instant, Parameters, View},
};
use rl4seg_sdk::{
    component::{Result, ValidityMetric},
    domain::{Image, LabelMap, Seed, Verdict},
};

/// Means over images: grey values (0 to 255, before CLAHE) in ventricle, wall and background, and
/// areas of ventricle and wall in mm².
type Statistics = [f64; 5];

const PATIENTS: usize = 24;

/// The mean of the grey values where `labels` has `label`.
fn mean_grey(image: &Image, labels: &LabelMap, label: u8) -> f64 {
    let inside = image.values().iter().zip(labels.labels()).filter(|&(_, &found)| found == label);
    let (sum, count) = inside.fold((0.0, 0), |(sum, count), (&value, _)| (sum + 255.0 * f64::from(value), count + 1));
    sum / f64::from(count)
}

fn area_mm2(labels: &LabelMap, label: u8) -> f64 {
    let [height, width] = labels.grid().spacing_mm();
    labels.labels().iter().filter(|&&found| found == label).count() as f64 * height * width
}

fn statistics(parameters: Parameters) -> Result<Statistics> {
    let phantom = EchoPhantom::drawn_from(parameters, Seed(11), 128);
    let mut sums = [0.0; 5];
    for patient in 0..PATIENTS {
        for instant in [Instant::EndDiastole, Instant::EndSystole] {
            let view = View { patient, instant };
            let (image, labels) = (phantom.unequalised(view)?, phantom.labels(view)?);
            let found = [
                mean_grey(&image, &labels, LEFT_VENTRICLE),
                mean_grey(&image, &labels, MYOCARDIUM),
                mean_grey(&image, &labels, 0),
                area_mm2(&labels, LEFT_VENTRICLE),
                area_mm2(&labels, MYOCARDIUM),
            ];
            sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        }
    }
    Ok(sums.map(|sum| sum / (2 * PATIENTS) as f64))
}

/// Bands are three standard errors wide: the benchmark's deviations between images, over √48.
fn check(found: Statistics, expected: Statistics, deviations: Statistics) {
    for index in 0..found.len() {
        let band = 3.0 * deviations[index] / (2.0 * PATIENTS as f64).sqrt();
        assert!((found[index] - expected[index]).abs() < band, "{index}: {found:?} against {expected:?}, band {band}");
    }
}

#[test]
fn the_source_has_the_statistics_of_the_benchmark() {
    check(
        statistics(Parameters::SOURCE).unwrap(),
        [104.7, 174.7, 104.3, 2684.0, 1965.0],
        [11.5, 9.8, 8.4, 625.0, 174.0],
    );
}

#[test]
fn the_target_has_the_statistics_of_the_benchmark() {
    check(
        statistics(Parameters::TARGET).unwrap(),
        [110.7, 150.5, 95.6, 2786.0, 2000.0],
        [28.9, 28.3, 17.2, 590.0, 202.0],
    );
}

#[test]
fn ventricles_contract() {
    let phantom = EchoPhantom::drawn_from(Parameters::SOURCE, Seed(3), 64);
    let total = |instant| -> f64 {
        let labels = (0..PATIENTS).map(|patient| phantom.labels(View { patient, instant }).unwrap());
        labels.map(|labels| area_mm2(&labels, LEFT_VENTRICLE)).sum()
    };
    assert!(total(Instant::EndSystole) < 0.8 * total(Instant::EndDiastole));
}

#[test]
fn resolutions_show_the_same_scene() {
    let view = View { patient: 0, instant: Instant::EndDiastole };
    let [coarse, fine] = [64, 256].map(|size| {
        let phantom = EchoPhantom::drawn_from(Parameters::TARGET, Seed(5), size);
        let (image, labels) = (phantom.unequalised(view).unwrap(), phantom.labels(view).unwrap());
        [area_mm2(&labels, LEFT_VENTRICLE), area_mm2(&labels, MYOCARDIUM), mean_grey(&image, &labels, MYOCARDIUM)]
    });
    for (coarse, fine) in coarse.iter().zip(fine) {
        assert!((coarse / fine - 1.0).abs() < 0.04, "{coarse} against {fine}");
    }
}

#[test]
fn label_maps_are_valid_at_every_size_and_severity() {
    for (size, severity) in [(32, 1.5), (64, 1.0), (128, 0.0), (128, 1.5)] {
        let phantom = EchoPhantom::drawn_from(Parameters::at_severity(severity), Seed(9), size);
        for patient in 0..PATIENTS {
            let labels = phantom.labels(View { patient, instant: Instant::EndSystole }).unwrap();
            let findings = Anatomy::default().assess(&labels).unwrap();
            assert_eq!(Verdict::of(&findings), Verdict::Valid, "{size} {severity} {patient}: {findings:?}");
        }
    }
}
