//! Step 1: target images are segmented, judged, and turned into reward samples.

use std::collections::BTreeMap;

use rand::RngExt;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{
    AdaptError, Components, PreparedCase, Progress, StepContext, batches,
    prepared::{prepare, shapes},
    samples::{Collected, read_cases},
    state::latest_policy,
    triage::{Agreement, Triage, triage},
};
use crate::{
    component::{ComponentError, DistortionRequest, WrongMap},
    config::{CollectSettings, Plan, Trusted},
    domain::{CaseEntry, CaseId, ImageBatch, LabelMap, SampleOrigin, Seed, Split},
    random,
    run_dir::{Step, StepKind},
};

/// The outcome of a case whose segmentation is held to be right.
pub(super) const ACCEPTED: &str = "accepted";
const CORRECTED: &str = "corrected";
/// The name of a label map that was drawn from the policy, as those are that it is rewarded for.
const SAMPLED: &str = "sampled";

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    let (_, policy) = latest_policy(context.run.root())?;
    components.policy.restore(&policy)?;
    fit_corrector(context, components)?;
    let chosen = choose(context, components)?;
    let target = &components.target;
    let cases = prepare(&chosen, |id| target.image(id), &context.plan.preprocess, context.observer)?;
    let rule = Rule::of(context.plan);
    let mut collected = Collected::default();
    let mut done = 0;
    for batch in batches::in_order(&shapes(&cases), context.plan.collect.batch) {
        context.observer.progress(Progress { what: "segmenting and judging", done, total: cases.len() });
        let chosen: Vec<&PreparedCase> = batch.iter().map(|&index| &cases[index]).collect();
        collect_batch(components, &chosen, &rule, context.seed, &mut collected)?;
        done += batch.len();
    }
    if collected.sample_count() == 0 {
        return Err(AdaptError::Data(format!(
            "none of {} target images gave a reward sample: no segmentation was valid and none could be corrected. \
             Pretrain longer, start from a better checkpoint, or look at the validity settings",
            cases.len()
        )));
    }
    collected.write(context.work)?;
    Ok(summary(&collected))
}

fn summary(collected: &Collected) -> Value {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for case in collected.cases() {
        *outcomes.entry(case.outcome.as_str()).or_default() += 1;
    }
    json!({ "cases": collected.cases().len(), "outcomes": outcomes, "samples": collected.sample_count() })
}

/// The corrector learns from the source's training references, on the network's grid.
fn fit_corrector(context: &StepContext<'_>, components: &mut Components) -> Result<(), AdaptError> {
    let source = &components.source;
    let references: Result<Vec<LabelMap>, ComponentError> = source
        .cases(Split::Train)
        .par_iter()
        .map(|entry| Ok(context.plan.preprocess.apply_labels(&source.reference(&entry.id)?)?))
        .collect();
    Ok(components.judges.corrector.fit(&references?)?)
}

/// The next images: those not collected yet, in a drawn order; when all were, those collected
/// longest ago.
fn choose(context: &StepContext<'_>, components: &Components) -> Result<Vec<CaseEntry>, AdaptError> {
    let mut last_seen: BTreeMap<CaseId, usize> = BTreeMap::new();
    for iteration in 1..context.step.iteration {
        let folder = context.run.step_path(&Step::new(iteration, StepKind::Collect));
        last_seen.extend(read_cases(&folder, Trusted::None)?.into_iter().map(|seen| (seen.case, iteration)));
    }
    let seed = context.plan.seed().named("collect order");
    let mut entries = components.target.cases(Split::Train).to_vec();
    entries.sort_by_key(|entry| (last_seen.get(&entry.id).copied().unwrap_or(0), seed.named(entry.id.as_str()).0));
    entries.truncate(context.plan.collect.cases);
    Ok(entries)
}

/// What a collect step goes by.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    agreement: Agreement,
    distort: Trusted,
    corrector: String,
}

impl Rule {
    pub fn of(plan: &Plan) -> Self {
        let CollectSettings { agreement, correction_agreement, distort, .. } = plan.collect;
        let agreement = Agreement { accepted: agreement, corrected: correction_agreement };
        Self { agreement, distort, corrector: plan.corrector.component.clone() }
    }
}

/// Segments images of one shape, judges the results, and makes wrong label maps from right ones.
pub(super) fn collect_batch(
    components: &Components,
    cases: &[&PreparedCase],
    rule: &Rule,
    seed: Seed,
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let grids: Vec<_> = cases.iter().map(|case| *case.image.grid()).collect();
    let images = ImageBatch::stack(cases.iter().map(|case| &case.image))?;
    let segmented = components.policy.segment(&images)?.unstack(&grids)?;
    let judges = &components.judges;
    let judged: Vec<Result<Triage, ComponentError>> =
        segmented.par_iter().map(|labels| triage(labels, judges, rule.agreement)).collect();
    let sampled = components.policy.segment_sampled(&images, batch_seed(seed, cases))?.unstack(&grids)?;
    let mut trusted = Vec::new();
    for (place, (judgement, labels)) in judged.into_iter().zip(segmented).enumerate() {
        let id = &cases[place].id;
        match judgement? {
            Triage::Accepted => {
                let right = collected.keep(labels);
                collected.add_case(id, ACCEPTED, Some(right));
                collected.add_sample(id, SampleOrigin::Distorted(SAMPLED.to_owned()), sampled[place].clone(), right);
                if rule.distort != Trusted::None {
                    trusted.push((place, right));
                }
            }
            Triage::Corrected(correction) => {
                let right = collected.keep(correction);
                collected.add_case(id, CORRECTED, Some(right));
                let origin = SampleOrigin::Corrected(rule.corrector.clone());
                collected.add_sample(id, origin.clone(), labels, right);
                collected.add_sample(id, origin, sampled[place].clone(), right);
                if rule.distort == Trusted::Corrected {
                    trusted.push((place, right));
                }
            }
            Triage::Discarded(why) => {
                collected.add_case(id, &format!("discarded: {}", json!(why).as_str().unwrap_or_default()), None);
            }
        }
    }
    distort(components, &ToDistort { cases, right: &trusted, sampled: &sampled }, seed, collected)
}

fn batch_seed(seed: Seed, cases: &[&PreparedCase]) -> Seed {
    let first = cases.first().map_or("", |case| case.id.as_str());
    seed.named("collect").named("sampled").named(first)
}

/// What the distortions of one batch work on.
struct ToDistort<'a> {
    /// The whole batch.
    cases: &'a [&'a PreparedCase],
    /// Place in the batch, and the number of the label map held to be right.
    right: &'a [(usize, usize)],
    /// Drawn segmentations of the whole batch, for requests of another case's map.
    sampled: &'a [LabelMap],
}

/// A request, and where its answer goes.
struct Asked {
    place: usize,
    right: usize,
    request: DistortionRequest,
}

fn distort(
    components: &Components,
    batch: &ToDistort<'_>,
    seed: Seed,
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let mut asked = Vec::new();
    for &(place, right) in batch.right {
        let case = batch.cases[place];
        let seed = seed.named("distort").named(case.id.as_str());
        for (number, generator) in components.distortions.iter().enumerate() {
            let requests = generator.requests(&case.image, collected.map(right), seed.indexed(number))?;
            asked.extend(requests.into_iter().map(|request| Asked { place, right, request }));
        }
    }
    let wrong = answer(components, batch, &asked)?;
    for (asked, wrong) in asked.into_iter().zip(wrong) {
        let case = batch.cases[asked.place];
        wrong.grid().require_same(case.image.grid(), [&asked.request.name, "the label map to be distorted"])?;
        if !wrong.is_background() {
            collected.add_sample(&case.id, SampleOrigin::Distorted(asked.request.name), wrong, asked.right);
        }
    }
    Ok(())
}

/// Runs the networks for all requests of a batch: altered images together, and one noisy policy
/// for all requests of the same name, which takes the noise of the first of them.
fn answer(components: &Components, batch: &ToDistort<'_>, asked: &[Asked]) -> Result<Vec<LabelMap>, AdaptError> {
    let mut answers: Vec<Option<LabelMap>> = vec![None; asked.len()];
    let altered: Vec<(usize, &crate::domain::Image)> = asked
        .iter()
        .enumerate()
        .filter_map(|(number, asked)| match &asked.request.wrong_map {
            WrongMap::OfAlteredImage(image) => Some((number, image)),
            _ => None,
        })
        .collect();
    for chunk in altered.chunks(batch.cases.len().max(1)) {
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
        let of = |number: &usize| &batch.cases[asked[*number].place].image;
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
    LabelMap::new(*batch.cases[place].image.grid(), batch.sampled[drawn].labels().to_vec()).ok()
}

/// An empty map is skipped, as the published code skips empty segmentations.
fn nothing(batch: &ToDistort<'_>, asked: &[Asked], number: usize) -> LabelMap {
    LabelMap::background(*batch.cases[asked[number].place].image.grid())
}
