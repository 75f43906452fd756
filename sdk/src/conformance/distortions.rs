use super::{
    Coverage,
    inputs::{images, label_maps},
    require, require_intensities, steady,
};
use crate::{
    component::{DistortionGenerator, DistortionRequest, Result, WrongMap},
    domain::{Image, LabelMap, Seed},
};

/// A generator answers each of `examples`, an image and its accepted label map, and keeps the promises of
/// [`question_distortion_generator`] with them and with images and label maps of every other kind.
///
/// # Errors
/// The first broken promise.
pub fn check_distortion_generator(
    generator: &(impl DistortionGenerator + ?Sized),
    examples: &[(Image, LabelMap)],
) -> Result<()> {
    for (index, (image, accepted)) in examples.iter().enumerate() {
        let what = format!("example {index}");
        check(generator, (image, accepted), &what)?;
        generator.requests(image, accepted, Seed(0)).map_err(|error| error.context(what))?;
    }
    let values: Vec<u8> = examples.iter().flat_map(|(_, accepted)| accepted.labels()).copied().collect();
    question_distortion_generator(generator, &values).map(|_| ())
}

/// For images and label maps of every kind ([`images`], [`label_maps`]) with these labels a seed decides what a generator
/// asks, however often and from however many threads it is called, on the grid it was given, without NaN, and under
/// names. What is not of its kind it may refuse.
///
/// # Errors
/// The first broken promise.
pub fn question_distortion_generator(
    generator: &(impl DistortionGenerator + ?Sized),
    values: &[u8],
) -> Result<Coverage> {
    let mut coverage = Coverage::default();
    for (what, labels) in label_maps(values)? {
        for image in images(labels.grid())? {
            coverage.add(check(generator, (&image, &labels), &what)?);
        }
    }
    Ok(coverage)
}

/// Whether there was an answer for every seed.
fn check(
    generator: &(impl DistortionGenerator + ?Sized),
    (image, accepted): (&Image, &LabelMap),
    what: &str,
) -> Result<bool> {
    let mut is_answered = true;
    for seed in [Seed(0), Seed(u64::MAX)] {
        let requests = steady(|| {
            let requests = generator.requests(image, accepted, seed)?;
            requests.iter().try_for_each(require_numbers)?;
            Ok(requests)
        });
        let requests = requests.map_err(|error| error.context(format!("{what}, {seed:?}")))?;
        is_answered &= requests.is_some();
        for request in requests.iter().flatten() {
            check_request(request, image, accepted)
                .map_err(|error| error.context(format!("{what}, request `{}` of {seed:?}", request.name)))?;
        }
    }
    Ok(is_answered)
}

/// NaN differs from itself, so it is looked for before answers are compared.
fn require_numbers(request: &DistortionRequest) -> Result<()> {
    match &request.wrong_map {
        WrongMap::OfAlteredImage(altered) => require_intensities(altered),
        WrongMap::OfNoisyPolicy { std, .. } => {
            require(std.is_finite() && *std >= 0.0, || format!("the standard deviation is {std}"))
        }
        _ => Ok(()),
    }
}

fn check_request(request: &DistortionRequest, image: &Image, accepted: &LabelMap) -> Result<()> {
    require(!request.name.is_empty(), || "it has no name".to_owned())?;
    match &request.wrong_map {
        WrongMap::Given(labels) => {
            Ok(labels.grid().require_same(accepted.grid(), ["the wrong label map", "the accepted one"])?)
        }
        WrongMap::OfAlteredImage(altered) => {
            altered.grid().require_same(image.grid(), ["the altered image", "the original"])?;
            require(altered.channels() == image.channels(), || "the number of channels changed".to_owned())
        }
        _ => Ok(()),
    }
}
