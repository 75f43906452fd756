//! Wrong label maps from right ones: distortion generators ask, the loop answers.

use std::collections::BTreeMap;

use rand::RngExt;

use super::{AdaptError, Components, collect::Subject, samples::Collected};
use crate::{
    component::{DistortionRequest, WrongMap},
    domain::{Image, ImageBatch, LabelMap, SampleOrigin, Seed},
    random,
};

/// What the distortions of one batch work on.
pub(super) struct ToDistort<'a> {
    /// The whole batch.
    pub subjects: &'a [Subject<'a>],
    /// Place in the batch, and the number of the label map held to be right.
    pub right: &'a [(usize, usize)],
    /// Drawn segmentations of the whole batch, for requests of another case's map.
    pub sampled: &'a [LabelMap],
}

/// A request, and where its answer goes.
struct Asked {
    place: usize,
    right: usize,
    request: DistortionRequest,
}

/// Adds what the distortion generators make of the label maps held to be right.
pub(super) fn distort(
    components: &Components,
    batch: &ToDistort<'_>,
    seed: Seed,
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let mut asked = Vec::new();
    for &(place, right) in batch.right {
        let case = batch.subjects[place].case;
        let seed = seed.named("distort").named(case.id.as_str());
        for (number, generator) in components.distortions.iter().enumerate() {
            let requests = generator.requests(&case.image, collected.map(right), seed.indexed(number))?;
            asked.extend(requests.into_iter().map(|request| Asked { place, right, request }));
        }
    }
    let wrong = answer(components, batch, &asked)?;
    for (asked, wrong) in asked.into_iter().zip(wrong) {
        let subject = &batch.subjects[asked.place];
        wrong.grid().require_same(subject.case.image.grid(), [&asked.request.name, "the label map to be distorted"])?;
        if !wrong.is_background() {
            collected.add_sample(&subject.image, SampleOrigin::Distorted(asked.request.name), wrong, asked.right);
        }
    }
    Ok(())
}

/// Runs the networks for all requests of a batch: altered images together, and one noisy policy
/// for all requests of the same name, which takes the noise of the first of them.
fn answer(components: &Components, batch: &ToDistort<'_>, asked: &[Asked]) -> Result<Vec<LabelMap>, AdaptError> {
    let mut answers: Vec<Option<LabelMap>> = vec![None; asked.len()];
    let altered: Vec<(usize, &Image)> = asked
        .iter()
        .enumerate()
        .filter_map(|(number, asked)| match &asked.request.wrong_map {
            WrongMap::OfAlteredImage(image) => Some((number, image)),
            _ => None,
        })
        .collect();
    for chunk in altered.chunks(batch.subjects.len().max(1)) {
        let grids: Vec<_> = chunk.iter().map(|(_, image)| *image.grid()).collect();
        let images = ImageBatch::stack(chunk.iter().map(|(_, image)| *image))?;
        let maps = components.policy.segment(&images)?.unstack(&grids)?;
        for ((number, _), map) in chunk.iter().zip(maps) {
            answers[*number] = Some(map);
        }
    }
    answer_noisy(components, batch, asked, &mut answers)?;
    for (number, asked) in asked.iter().enumerate() {
        match &asked.request.wrong_map {
            WrongMap::OfAlteredImage(_) | WrongMap::OfNoisyPolicy { .. } => {}
            WrongMap::Given(labels) => answers[number] = Some(labels.clone()),
            WrongMap::OfAnotherCase { seed } => answers[number] = another(batch, asked.place, *seed),
        }
    }
    Ok(answers
        .into_iter()
        .enumerate()
        .map(|(number, map)| map.unwrap_or_else(|| nothing(batch, asked, number)))
        .collect())
}

/// To perturb a network costs as much as many segmentations, so a batch shares the noise.
fn answer_noisy(
    components: &Components,
    batch: &ToDistort<'_>,
    asked: &[Asked],
    answers: &mut [Option<LabelMap>],
) -> Result<(), AdaptError> {
    let mut by_name: BTreeMap<&str, (f64, Seed, Vec<usize>)> = BTreeMap::new();
    for (number, asked) in asked.iter().enumerate() {
        if let WrongMap::OfNoisyPolicy { std, seed } = asked.request.wrong_map {
            by_name.entry(&asked.request.name).or_insert((std, seed, Vec::new())).2.push(number);
        }
    }
    for (std, seed, numbers) in by_name.into_values() {
        let of = |number: &usize| &batch.subjects[asked[*number].place].case.image;
        let grids: Vec<_> = numbers.iter().map(|number| *of(number).grid()).collect();
        let images = ImageBatch::stack(numbers.iter().map(of))?;
        let maps = components.policy.segment_perturbed(&images, std, seed)?.unstack(&grids)?;
        for (number, map) in numbers.into_iter().zip(maps) {
            answers[number] = Some(map);
        }
    }
    Ok(())
}

/// A drawn segmentation of another case of the batch; of the case itself where it is alone.
fn another(batch: &ToDistort<'_>, place: usize, seed: Seed) -> Option<LabelMap> {
    let all = 0..batch.sampled.len();
    let others: Vec<usize> = all.filter(|&other| batch.sampled.len() == 1 || other != place).collect();
    let drawn = others[random::generator(seed).random_range(0..others.len())];
    LabelMap::new(*batch.subjects[place].case.image.grid(), batch.sampled[drawn].labels().to_vec()).ok()
}

/// An empty map is skipped, as the published code skips empty segmentations.
fn nothing(batch: &ToDistort<'_>, asked: &[Asked], number: usize) -> LabelMap {
    LabelMap::background(*batch.subjects[asked[number].place].case.image.grid())
}
