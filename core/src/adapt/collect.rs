//! Step 1: target images are segmented, judged, and turned into reward samples.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::{
    AdaptError, Components, PreparedCase, Progress, StepContext, batches,
    distort::{ToDistort, distort},
    labelled::Labelled,
    prepared::{prepare, shapes},
    samples::{Collected, read_cases},
    state::latest_policy,
    triage::{Agreement, Triage, triage},
};
use crate::{
    component::{ComponentError, Segmentation},
    config::{CollectSettings, Plan, Trusted},
    domain::{CaseEntry, CaseId, ImageBatch, LabelMap, SampleImage, SampleOrigin, Seed, Split},
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
        context.progress(Progress::images("segmenting and judging", done, cases.len()))?;
        let subjects: Vec<Subject<'_>> = batch.iter().map(|&index| Subject::of_target(&cases[index])).collect();
        collect_batch(components, &subjects, &rule, context.seed, &mut collected)?;
        done += batch.len();
    }
    if collected.sample_count() == 0 && components.reward.is_learnt() {
        return Err(AdaptError::Data(format!(
            "none of {} target images gave a reward sample: no segmentation was valid and none could be corrected. \
             Pretrain longer, start from a better checkpoint, or look at the validity settings",
            cases.len()
        )));
    }
    collect_source(context, components, &mut collected)?;
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

/// An image to be segmented.
pub(super) struct Subject<'a> {
    pub case: &'a PreparedCase,
    pub image: SampleImage,
}

impl<'a> Subject<'a> {
    pub fn of_target(case: &'a PreparedCase) -> Self {
        Self { case, image: SampleImage::of_target(&case.id) }
    }
}

/// Arg-max and drawn label maps of images of one shape.
struct Segmented {
    labels: Vec<LabelMap>,
    sampled: Vec<LabelMap>,
}

impl Segmented {
    fn new(components: &Components, subjects: &[Subject<'_>], seed: Seed) -> Result<Self, ComponentError> {
        let grids: Vec<_> = subjects.iter().map(|subject| *subject.case.image.grid()).collect();
        let images = ImageBatch::stack(subjects.iter().map(|subject| &subject.case.image))?;
        let first = subjects.first().map_or("", |subject| subject.case.id.as_str());
        let seed = seed.named("collect").named("sampled").named(first);
        let Segmentation { most_likely, drawn } = components.policy.segment_and_sample(&images, seed)?;
        Ok(Self { labels: most_likely.unstack(&grids)?, sampled: drawn.unstack(&grids)? })
    }
}

/// Segments target images of one shape, judges the results, and makes wrong label maps from right ones.
pub(super) fn collect_batch(
    components: &Components,
    subjects: &[Subject<'_>],
    rule: &Rule,
    seed: Seed,
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let Segmented { labels, sampled } = Segmented::new(components, subjects, seed)?;
    let judges = &components.judges;
    let judged: Vec<Result<Triage, ComponentError>> =
        labels.par_iter().map(|labels| triage(labels, judges, rule.agreement)).collect();
    let mut trusted = Vec::new();
    for (place, (judgement, labels)) in judged.into_iter().zip(labels).enumerate() {
        let Subject { case, image } = &subjects[place];
        match judgement? {
            Triage::Accepted => {
                let right = collected.keep(labels);
                collected.add_case(&case.id, ACCEPTED, Some(right));
                collected.add_sample(image, SampleOrigin::Distorted(SAMPLED.to_owned()), sampled[place].clone(), right);
                if rule.distort != Trusted::None {
                    trusted.push((place, right));
                }
            }
            Triage::Corrected(correction) => {
                let right = collected.keep(correction);
                collected.add_case(&case.id, CORRECTED, Some(right));
                let origin = SampleOrigin::Corrected(rule.corrector.clone());
                collected.add_sample(image, origin.clone(), labels, right);
                collected.add_sample(image, origin, sampled[place].clone(), right);
                if rule.distort == Trusted::Corrected {
                    trusted.push((place, right));
                }
            }
            Triage::Discarded(why) => {
                collected.add_case(&case.id, &format!("discarded: {}", json!(why).as_str().unwrap_or_default()), None);
            }
        }
    }
    distort(components, &ToDistort { subjects, right: &trusted, sampled: &sampled }, seed, collected)
}

/// Samples of changed source images, where an expert's label map is right and not a correction.
fn collect_source(
    context: &mut StepContext<'_>,
    components: &Components,
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let settings = context.plan.collect;
    if settings.source_cases == 0 {
        return Ok(());
    }
    let seed = context.seed.named("source");
    let labelled = Labelled::load(context, components, Split::Train)?;
    let mut order: Vec<usize> = (0..labelled.cases.len()).collect();
    order.sort_by_key(|&case| seed.named("order").named(labelled.cases[case].id.as_str()).0);
    order.truncate(settings.source_cases);
    let all = shapes(&labelled.cases);
    let chosen: Vec<[usize; 3]> = order.iter().map(|&case| all[case]).collect();
    let mut done = 0;
    for batch in batches::in_order(&chosen, settings.batch) {
        context.progress(Progress::images("segmenting source images", done, order.len()))?;
        done += batch.len();
        let cases: Vec<usize> = batch.iter().map(|&place| order[place]).collect();
        collect_labelled(components, &labelled, &cases, (context.plan, seed), collected)?;
    }
    Ok(())
}

fn collect_labelled(
    components: &Components,
    labelled: &Labelled,
    chosen: &[usize],
    (plan, seed): (&Plan, Seed),
    collected: &mut Collected,
) -> Result<(), AdaptError> {
    let view_of = |&case: &usize| {
        let view = seed.named("view").named(labelled.cases[case].id.as_str());
        (labelled.view(case, plan.pretrain.augment, view), view)
    };
    let views: Vec<((PreparedCase, LabelMap), Seed)> = chosen.par_iter().map(view_of).collect();
    let subjects: Vec<Subject<'_>> = views
        .iter()
        .map(|((case, _), view)| Subject { case, image: SampleImage::of_source(&case.id, *view) })
        .collect();
    let Segmented { labels, sampled } = Segmented::new(components, &subjects, seed)?;
    let mut right = Vec::new();
    for (place, (((_, reference), _), labels)) in views.iter().zip(labels).enumerate() {
        let image = &subjects[place].image;
        let number = collected.keep(reference.clone());
        collected.add_sample(image, SampleOrigin::Drawn, labels, number);
        collected.add_sample(image, SampleOrigin::Drawn, sampled[place].clone(), number);
        right.push((place, number));
    }
    distort(components, &ToDistort { subjects: &subjects, right: &right, sampled: &sampled }, seed, collected)
}
