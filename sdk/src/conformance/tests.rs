use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::*;
use crate::{
    component::{
        Architecture, Channels, Corrector, DifferentiableNetwork, DistortionGenerator, DistortionRequest, Layer,
        NetworkArchitecture, NetworkDescription, NetworkInput, NetworkOutput, Operation, ParameterInfo, ParameterRole,
        ValidityMetric, WrongMap,
    },
    domain::{AcceptedRange, Finding, Grid, LabelMap, Seed},
    fixtures::label_map,
};

fn text(result: Result<()>) -> String {
    result.unwrap_err().chain().collect::<Vec<_>>().join(": ")
}

fn finding() -> Finding {
    let accepted = AcceptedRange { min: None, max: None };
    Finding { metric: "a".into(), value: Some(1.0), unit: "1".into(), accepted, plane: None, note: None }
}

/// Gives always this.
struct Fixed(Finding);

impl ValidityMetric for Fixed {
    fn assess(&self, _labels: &LabelMap) -> Result<Vec<Finding>> {
        Ok(vec![self.0.clone()])
    }
}

#[test]
fn what_a_finding_lacks_is_told() {
    let check = |finding: Finding| check_validity_metric(&Fixed(finding), &[label_map(&["12"])]);
    assert!(check(finding()).is_ok());
    assert!(check(Finding { value: None, note: Some("nothing to measure".into()), ..finding() }).is_ok());
    assert_eq!(check(Finding { value: Some(f64::NAN), ..finding() }).unwrap_err().kind(), ErrorKind::NotFinite);
    for (faulty, expected) in [
        (Finding { value: None, ..finding() }, "does not say why"),
        (Finding { unit: String::new(), ..finding() }, "lacks a name or a unit"),
        (Finding { plane: Some(1), ..finding() }, "plane"),
    ] {
        let found = text(check(faulty));
        assert!(found.contains(expected), "{found}");
    }
}

/// Judges as its function does.
struct By(fn(&LabelMap) -> Result<Vec<Finding>>);

impl ValidityMetric for By {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        self.0(labels)
    }
}

#[test]
fn a_metric_may_refuse_what_is_not_of_its_kind_but_not_its_example() {
    let only_small = By(|labels| match labels.labels().len() {
        0..100 => Ok(vec![finding()]),
        _ => Err(ComponentError::new(ErrorKind::Unsupported, "too large")),
    });
    assert!(check_validity_metric(&only_small, &[label_map(&["12"])]).is_ok());
    let large = LabelMap::background(Grid::plane([20, 20], [1.0, 1.0]).unwrap());
    assert!(text(check_validity_metric(&only_small, &[large])).contains("example 0"));
    let gives_up = By(|labels| match labels.grid().planes() {
        1 => Ok(vec![finding()]),
        _ => Err(ComponentError::new(ErrorKind::Panicked, "index 7 is out of bounds")),
    });
    let found = text(check_validity_metric(&gives_up, &[label_map(&["12"])]));
    assert!(found.contains("a sequence") && found.contains("index 7"), "{found}");
}

/// Tells how many other calls are under way.
struct Shared(AtomicUsize);

impl ValidityMetric for Shared {
    fn assess(&self, _labels: &LabelMap) -> Result<Vec<Finding>> {
        let others = self.0.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(5));
        self.0.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![Finding { value: Some(others as f64), ..finding() }])
    }
}

#[test]
fn a_metric_that_only_one_thread_may_ask_is_found_out() {
    let found = text(check_validity_metric(&Shared(AtomicUsize::new(0)), &[label_map(&["12"])]));
    assert!(found.contains("4 threads"), "{found}");
}

/// Gives one candidate more with each call, or one on another grid.
struct Counting {
    calls: AtomicU32,
    other_grid: bool,
}

impl Corrector for Counting {
    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        let count = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.other_grid {
            return Ok(vec![label_map(&["1"])]);
        }
        Ok(vec![LabelMap::background(*labels.grid()); count as usize])
    }
}

#[test]
fn a_corrector_that_changes_its_mind_or_the_grid_is_found_out() {
    for (other_grid, expected) in [(false, "differs"), (true, "different grids")] {
        let corrector = Counting { calls: AtomicU32::new(0), other_grid };
        let found = text(check_corrector(&corrector, &[label_map(&["12"])]));
        assert!(found.contains(expected), "{found}");
    }
}

/// Asks for one altered image.
struct Altered(fn(Seed) -> f32, AtomicU32);

impl DistortionGenerator for Altered {
    fn requests(&self, image: &Image, _accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        let value =
            self.0(seed) + self.1.fetch_add(u32::from(self.1.load(Ordering::SeqCst) > 0), Ordering::SeqCst) as f32;
        let altered = Image::new(*image.grid(), 1, vec![value; image.grid().len()])?;
        Ok(vec![DistortionRequest { name: "blank".to_owned(), wrong_map: WrongMap::OfAlteredImage(altered) }])
    }
}

#[test]
fn an_altered_image_holds_numbers_alone_and_follows_from_the_seed() {
    let image = Image::new(Grid::plane([1, 2], [1.0, 1.0]).unwrap(), 1, vec![0.0, 1.0]).unwrap();
    let examples = [(image, label_map(&["12"]))];
    let check = |generator: Altered| check_distortion_generator(&generator, &examples);
    assert!(check(Altered(|seed| (seed.0 % 7) as f32, AtomicU32::new(0))).is_ok());
    assert!(text(check(Altered(|_| f32::NAN, AtomicU32::new(0)))).contains("NaN"));
    assert!(text(check(Altered(|_| 0.0, AtomicU32::new(1)))).contains("differs"));
}

#[test]
fn the_questions_are_of_every_kind() {
    let maps = label_maps(&[0, 5, 9]).unwrap();
    assert_eq!(maps.len(), 28);
    assert!(maps.iter().any(|(_, map)| map.is_background()) && maps.iter().any(|(_, map)| map.labels().contains(&9)));
    assert!(maps.iter().all(|(_, map)| map.labels().iter().all(|label| [0, 5, 9].contains(label))));
    assert!(maps.iter().any(|(_, map)| map.grid().planes() > 1));
}

/// Gives logits = weight · the image's first channel + bias, but for its fault.
#[derive(Clone, Copy, PartialEq)]
enum Linear {
    Sound,
    WrongGradient,
    NoBiasGradient,
    Nan,
    Short,
    PlanesMixed,
    SameNames,
}

impl DifferentiableNetwork for Linear {
    fn describe(&self, channels: Channels) -> Result<NetworkDescription> {
        let bias = if *self == Self::SameNames { "weight" } else { "bias" };
        let parameter = |name: &str, role| ParameterInfo { name: name.to_owned(), role, shape: vec![channels.output] };
        let parameters = vec![parameter("weight", ParameterRole::Kernel), parameter(bias, ParameterRole::Bias)];
        Ok(NetworkDescription { parameters, least_side: 1 })
    }

    fn forward(&self, input: &NetworkInput<'_>) -> Result<NetworkOutput> {
        let mut logits = Vec::new();
        for plane in input.images.chunks_exact(input.voxels() * input.channels.input) {
            for (weight, bias) in input.parameters[0].iter().zip(input.parameters[1]) {
                logits.extend(plane[..input.voxels()].iter().map(|value| weight * value + bias));
            }
        }
        match self {
            Self::Nan => logits[1] = f32::NAN,
            Self::Short => logits.truncate(1),
            Self::PlanesMixed if input.shape[0] > 1 => logits.rotate_left(1),
            _ => {}
        }
        Ok(NetworkOutput { logits, seen: Vec::new() })
    }

    fn backward(&self, input: &NetworkInput<'_>, slope: &[f32]) -> Result<Vec<Vec<f32>>> {
        let outputs = input.channels.output;
        let mut gradients = vec![vec![0.0; outputs]; 2];
        for (index, slope) in slope.chunks_exact(input.voxels()).enumerate() {
            let image = &input.images[index / outputs * input.voxels() * input.channels.input..];
            gradients[0][index % outputs] += dot(image, slope);
            gradients[1][index % outputs] += slope.iter().sum::<f32>();
        }
        match self {
            Self::WrongGradient => gradients[0].iter_mut().for_each(|value| *value *= 1.2),
            Self::NoBiasGradient => gradients.truncate(1),
            _ => {}
        }
        Ok(gradients)
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[test]
fn a_network_whose_answers_and_gradients_do_not_belong_together_is_found_out() {
    assert_eq!(check_differentiable_network(&Linear::Sound).unwrap().answered, 4);
    for (faulty, expected) in [
        (Linear::WrongGradient, "the gradient of `weight` says"),
        (Linear::NoBiasGradient, "the gradient of 1 parameters"),
        (Linear::Nan, "a value is NaN"),
        (Linear::Short, "1 values; expected 384"),
        (Linear::PlanesMixed, "depend on the planes beside"),
        (Linear::SameNames, "a name of its own"),
    ] {
        let found = text(check_differentiable_network(&faulty).map(drop));
        assert!(found.contains(expected), "{found}");
    }
}

/// Gives the logits this many channels, and layers another name with each call.
struct Layered(usize, Option<AtomicU32>);

impl NetworkArchitecture for Layered {
    fn architecture(&self, channels: Channels) -> Result<Architecture> {
        let call = self.1.as_ref().map_or(0, |calls| calls.fetch_add(1, Ordering::SeqCst));
        let channels = channels.output.max(self.0);
        let operation = Operation::Convolution { channels, kernel: 1 };
        Ok(Architecture::new(vec![Layer::new(format!("layer{call}"), &["image"], operation)]))
    }
}

#[test]
fn layers_that_do_not_fit_or_change_are_found_out() {
    assert_eq!(check_network_architecture(&Layered(0, None)).unwrap().answered, 4);
    assert!(text(check_network_architecture(&Layered(7, None)).map(drop)).contains("the last layer gives 7 channels"));
    let fickle = Layered(0, Some(AtomicU32::new(0)));
    assert!(text(check_network_architecture(&fickle).map(drop)).contains("differs"));
}
