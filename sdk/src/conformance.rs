//! What every component promises, as checks for its tests.
//!
//! A check returns the first broken promise. They run on the component as it is; nothing is loaded.

use std::collections::BTreeSet;

use crate::{
    Component,
    component::{
        ComponentError, Corrector, DataSource, DistortionGenerator, DistortionRequest, ErrorKind, Result,
        ValidityMetric, WrongMap,
    },
    definition::make,
    domain::{CaseEntry, CaseId, Image, LabelMap, Seed},
    findings::require_finite,
};

/// `config`, a JSON object, makes the component; the same with a key that it does not know is refused.
///
/// # Errors
/// The first broken promise.
pub fn check_configuration<T: Component>(config: &str) -> Result<()> {
    make::<T>(config).map_err(|error| error.context("the configuration should be accepted"))?;
    let inside = config.trim().strip_suffix('}').unwrap_or_default().trim_end();
    let comma = if inside.ends_with('{') { "" } else { "," };
    match make::<T>(&format!("{inside}{comma}\"no_such_key\":0}}")) {
        Ok(_) => broken("an unknown key is accepted; derive the configuration with `deny_unknown_fields`"),
        Err(_) => Ok(()),
    }
}

/// A metric judges each of `examples`, and a map of background alone on the same grid, twice the same,
/// without NaN, and says why where there is no value.
///
/// # Errors
/// The first broken promise.
pub fn check_validity_metric(metric: &impl ValidityMetric, examples: &[LabelMap]) -> Result<()> {
    for (index, example) in examples.iter().enumerate() {
        for (what, labels) in [("", example.clone()), (", emptied", LabelMap::background(*example.grid()))] {
            check_findings(metric, &labels).map_err(|error| error.context(format!("example {index}{what}")))?;
        }
    }
    Ok(())
}

fn check_findings(metric: &impl ValidityMetric, labels: &LabelMap) -> Result<()> {
    let findings = metric.assess(labels)?;
    for finding in &findings {
        require_finite(finding)?;
        let name = &finding.metric;
        require(!name.is_empty() && !finding.unit.is_empty(), || {
            format!("the finding `{name}` lacks a name or a unit")
        })?;
        require(finding.value.is_some() || finding.note.is_some(), || {
            format!("the finding `{name}` has no value and does not say why")
        })?;
        require(finding.plane.is_none_or(|plane| plane < labels.grid().planes()), || {
            format!("the finding `{name}` is of plane {:?} of {}", finding.plane, labels.grid().planes())
        })?;
    }
    require(metric.assess(labels)? == findings, || "the second assessment differs from the first".to_owned())
}

/// A data source lists cases that can be told apart, reads each twice the same, and gives references
/// that lie on their image's grid and hold its labels alone.
///
/// # Errors
/// The first broken promise.
pub fn check_data_source(source: &impl DataSource) -> Result<()> {
    let cases = source.cases()?;
    require(!cases.is_empty(), || "it lists no cases".to_owned())?;
    require(source.cases()? == cases, || "the second list of cases differs from the first".to_owned())?;
    let mut ids = BTreeSet::new();
    for case in &cases {
        require(ids.insert(&case.id), || format!("it lists the case `{}` twice", case.id))?;
        check_case(source, case).map_err(|error| error.context(format!("case `{}`", case.id)))?;
    }
    match source.image(&CaseId("no such case".to_owned())) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.context("a case that is not there should be an error of kind NotFound")),
        Ok(_) => broken("it gives an image for a case that is not there"),
    }
}

fn check_case(source: &impl DataSource, case: &CaseEntry) -> Result<()> {
    let image = source.image(&case.id)?;
    require_intensities(&image)?;
    require(source.image(&case.id)? == image, || "the second image differs from the first".to_owned())?;
    let reference = source.reference(&case.id)?;
    require(reference.is_some() == case.has_reference, || {
        format!("has_reference is {}, but the reference says otherwise", case.has_reference)
    })?;
    require(source.reference(&case.id)? == reference, || "the second reference differs from the first".to_owned())?;
    if let Some(reference) = reference {
        reference.grid().require_same(image.grid(), ["the reference", "the image"])?;
        reference.require_labels(source.labels())?;
    }
    Ok(())
}

/// A generator asks the same for the same seed, on the grid it was given, without NaN, and under
/// names.
///
/// # Errors
/// The first broken promise.
pub fn check_distortion_generator(
    generator: &impl DistortionGenerator,
    image: &Image,
    accepted: &LabelMap,
) -> Result<()> {
    for seed in [Seed(0), Seed(1), Seed(u64::MAX)] {
        let requests = generator.requests(image, accepted, seed)?;
        for request in &requests {
            check_request(request, image, accepted)
                .map_err(|error| error.context(format!("distortion request `{}` of {seed:?}", request.name)))?;
        }
        let again = generator.requests(image, accepted, seed)?;
        require(again == requests, || format!("{seed:?} gives other requests the second time"))?;
    }
    Ok(())
}

fn check_request(request: &DistortionRequest, image: &Image, accepted: &LabelMap) -> Result<()> {
    require(!request.name.is_empty(), || "it has no name".to_owned())?;
    match &request.wrong_map {
        WrongMap::Given(labels) => {
            Ok(labels.grid().require_same(accepted.grid(), ["the wrong label map", "the accepted one"])?)
        }
        WrongMap::OfAlteredImage(altered) => {
            altered.grid().require_same(image.grid(), ["the altered image", "the original"])?;
            require(altered.channels() == image.channels(), || "the number of channels changed".to_owned())?;
            require_intensities(altered)
        }
        WrongMap::OfNoisyPolicy { std, .. } => {
            require(std.is_finite() && *std >= 0.0, || format!("the standard deviation is {std}"))
        }
        _ => Ok(()),
    }
}

/// A corrector, fitted if it needs that, gives the same candidates twice, on the grid it was given.
/// A map of background alone may be an error, but no panic.
///
/// # Errors
/// The first broken promise.
pub fn check_corrector(corrector: &impl Corrector, examples: &[LabelMap]) -> Result<()> {
    for (index, example) in examples.iter().enumerate() {
        check_candidates(corrector, example).map_err(|error| error.context(format!("example {index}")))?;
        // Whether there is a right map for an empty one is the corrector's to say.
        let _ = corrector.candidates(&LabelMap::background(*example.grid()));
    }
    Ok(())
}

fn check_candidates(corrector: &impl Corrector, labels: &LabelMap) -> Result<()> {
    let candidates = corrector.candidates(labels)?;
    for candidate in &candidates {
        candidate.grid().require_same(labels.grid(), ["the correction", "the label map to correct"])?;
    }
    require(corrector.candidates(labels)? == candidates, || "the second candidates differ from the first".to_owned())
}

fn require_intensities(image: &Image) -> Result<()> {
    require(image.values().iter().all(|value| value.is_finite()), || "an intensity is NaN or infinite".to_owned())
}

fn require(holds: bool, broken_promise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { broken(broken_promise()) }
}

fn broken(promise: impl Into<String>) -> Result<()> {
    Err(ComponentError::new(ErrorKind::Inconsistent, promise))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{
        domain::{AcceptedRange, Finding, Grid},
        fixtures::label_map,
    };

    struct Fixed(Option<f64>);

    impl ValidityMetric for Fixed {
        fn assess(&self, _labels: &LabelMap) -> Result<Vec<Finding>> {
            let accepted = AcceptedRange { min: None, max: None };
            let note = self.0.is_none().then(|| "nothing to measure".to_owned());
            Ok(vec![Finding { metric: "a".into(), value: self.0, unit: "1".into(), accepted, plane: None, note }])
        }
    }

    #[test]
    fn a_metric_may_have_no_value_but_not_nan() {
        let example = [label_map(&["12"])];
        assert!(check_validity_metric(&Fixed(Some(1.0)), &example).is_ok());
        assert!(check_validity_metric(&Fixed(None), &example).is_ok());
        assert_eq!(check_validity_metric(&Fixed(Some(f64::NAN)), &example).unwrap_err().kind(), ErrorKind::NotFinite);
    }

    /// Breaks one promise after the other.
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
        for (other_grid, text) in [(false, "differ"), (true, "different grids")] {
            let corrector = Counting { calls: AtomicU32::new(0), other_grid };
            let error = check_corrector(&corrector, &[label_map(&["12"])]).unwrap_err();
            assert!(error.chain().any(|message| message.contains(text)), "{error:?}");
        }
    }

    struct Blank(f32);

    impl DistortionGenerator for Blank {
        fn requests(&self, image: &Image, _accepted: &LabelMap, _seed: Seed) -> Result<Vec<DistortionRequest>> {
            let altered = Image::new(*image.grid(), 1, vec![self.0; image.grid().len()])?;
            Ok(vec![DistortionRequest { name: "blank".to_owned(), wrong_map: WrongMap::OfAlteredImage(altered) }])
        }
    }

    #[test]
    fn an_altered_image_holds_numbers_alone() {
        let image = Image::new(Grid::plane([1, 2], [1.0, 1.0]).unwrap(), 1, vec![0.0, 1.0]).unwrap();
        let accepted = label_map(&["12"]);
        assert!(check_distortion_generator(&Blank(0.0), &image, &accepted).is_ok());
        assert!(check_distortion_generator(&Blank(f32::NAN), &image, &accepted).is_err());
    }
}
