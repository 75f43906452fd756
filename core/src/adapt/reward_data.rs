//! The reward samples in memory, with their images, split by case.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{
    AdaptError, Components, PreparedCase, StepContext, batches,
    labelled::Labelled,
    prepared::{prepare, shapes},
    samples::read_samples,
};
use crate::{
    component::{ComponentError, RewardBatch, RewardModel},
    config::Plan,
    domain::{CaseEntry, CaseId, ImageBatch, LabelBatch, RewardSample, SampleImage, SampleOrigin, Seed, Split},
    run_dir::{Step, StepKind},
};

/// The samples and the images they belong to.
pub(super) struct RewardData {
    cases: Vec<PreparedCase>,
    samples: Vec<RewardSample>,
    /// For each sample, the index of its image in `cases`.
    image: Vec<usize>,
}

/// Which voxels of a sample are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voxels {
    All,
    /// Those that are not background in the judged or in the right label map.
    Foreground,
}

/// The numbers of the samples in each part. No case is in two parts.
pub(super) struct Parts {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

fn load_target(
    context: &mut StepContext<'_>,
    components: &Components,
    named: &BTreeSet<SampleImage>,
) -> Result<Vec<PreparedCase>, AdaptError> {
    let target = &components.target;
    let is_named = |entry: &&CaseEntry| named.contains(&SampleImage::of_target(&entry.id));
    let entries: Vec<CaseEntry> = target.cases(Split::Train).iter().filter(is_named).cloned().collect();
    prepare(&entries, |id| target.image(id), &context.plan.preprocess, context.observer)
}

/// Changes source images again as they were changed when they were collected.
fn load_source(
    context: &mut StepContext<'_>,
    components: &Components,
    named: &BTreeSet<SampleImage>,
) -> Result<Vec<(SampleImage, PreparedCase)>, AdaptError> {
    let views: Vec<(&SampleImage, Seed)> = named.iter().filter_map(|image| Some((image, image.source_view?))).collect();
    if views.is_empty() {
        return Ok(Vec::new());
    }
    let labelled = Labelled::load(context, components, Split::Train)?;
    let places: BTreeMap<&CaseId, usize> =
        labelled.cases.iter().enumerate().map(|(place, case)| (&case.id, place)).collect();
    let augment = context.plan.pretrain.augment;
    let changed = views.into_par_iter().filter_map(|(image, seed)| {
        let place = *places.get(&image.case)?;
        Some((image.clone(), labelled.view(place, augment, seed).0))
    });
    Ok(changed.collect())
}

/// At most `most` of all iterations' samples. The oldest iterations lose samples first, evenly over what they
/// hold, so that none of its cases and kinds goes before the others.
fn newest<T>(of_iterations: Vec<Vec<T>>, most: usize) -> Vec<T> {
    let mut surplus = of_iterations.iter().map(Vec::len).sum::<usize>().saturating_sub(most);
    let mut kept = Vec::new();
    for samples in of_iterations {
        let len = samples.len();
        let keep = len - surplus.min(len);
        surplus -= len - keep;
        let stays = |number: usize| (number + 1) * keep / len > number * keep / len;
        kept.extend(samples.into_iter().enumerate().filter(|&(number, _)| stays(number)).map(|(_, sample)| sample));
    }
    kept
}

/// Whose image a sample is of: whether the source's, and which case.
fn case_of(sample: &RewardSample) -> (bool, &CaseId) {
    (sample.image.source_view.is_some(), &sample.image.case)
}

impl RewardData {
    /// The samples of this and all earlier iterations.
    pub fn load(context: &mut StepContext<'_>, components: &Components) -> Result<Self, AdaptError> {
        let mut of_iterations = Vec::new();
        for iteration in 1..=context.step.iteration {
            of_iterations.push(read_samples(&context.run.step_path(&Step::new(iteration, StepKind::Collect)))?);
        }
        let samples = newest(of_iterations, context.plan.collect.max_samples);
        let named: BTreeSet<SampleImage> = samples.iter().map(|sample| sample.image.clone()).collect();
        let mut cases = load_target(context, components, &named)?;
        let mut places: BTreeMap<SampleImage, usize> =
            cases.iter().enumerate().map(|(place, case)| (SampleImage::of_target(&case.id), place)).collect();
        for (image, case) in load_source(context, components, &named)? {
            places.insert(image, cases.len());
            cases.push(case);
        }
        let place = |sample: &RewardSample| {
            let SampleImage { case, source_view } = &sample.image;
            let domain = if source_view.is_some() { "source" } else { "target" };
            let lost = || AdaptError::Data(format!("the {domain} data set no longer has the training case {case}"));
            places.get(&sample.image).copied().ok_or_else(lost)
        };
        let image = samples.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { cases, samples, image })
    }

    /// Splits by case. Each case draws a number from the run's seed and its name, so it stays in its part
    /// when others join; only where a part would have no case of the target is the one next to it taken in.
    pub fn split(&self, plan: &Plan) -> Result<Parts, AdaptError> {
        let (test_share, validation_share) = (plan.reward.test, plan.reward.validation);
        let limits = [test_share, test_share + (1.0 - test_share) * validation_share];
        let drawn = self.draws(plan.seed().named("reward split"), false);
        if drawn.len() < 3 {
            return Err(AdaptError::Data(format!(
                "reward samples are of {} target images, and training, validation and test need one each: add target \
                 images for training, or raise collect.cases if there are more than that",
                drawn.len()
            )));
        }
        let below = |limit: f64| drawn.partition_point(|&(number, _)| number < limit);
        let test = below(limits[0]).clamp(1, drawn.len() - 2);
        let validation = below(limits[1]).clamp(test + 1, drawn.len() - 1);
        let of_target = drawn.iter().enumerate().map(|(rank, &(_, case))| (case, [rank < test, rank < validation]));
        let of_source = self.draws(plan.seed().named("reward split").named("source"), true);
        let of_source = of_source.iter().map(|&(number, case)| (case, limits.map(|limit| number < limit)));
        let place: BTreeMap<(bool, &CaseId), [bool; 2]> = of_target.chain(of_source).collect();
        let mut parts = Parts { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
        for (number, sample) in self.samples.iter().enumerate() {
            let part = match place[&case_of(sample)] {
                [true, _] => &mut parts.test,
                [false, true] => &mut parts.validation,
                [false, false] => &mut parts.train,
            };
            part.push(number);
        }
        Ok(parts)
    }

    /// The cases of a domain with the numbers they draw, from 0 to 1, the smallest first.
    fn draws(&self, seed: Seed, of_source: bool) -> Vec<(f64, (bool, &CaseId))> {
        let cases: BTreeSet<(bool, &CaseId)> =
            self.samples.iter().map(case_of).filter(|case| case.0 == of_source).collect();
        let draw = |case: &CaseId| seed.named(case.as_str()).0 as f64 / u64::MAX as f64;
        let mut drawn: Vec<_> = cases.into_iter().map(|case| (draw(case.1), case)).collect();
        drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
        drawn
    }

    /// The shapes `[slow, y, x]` of the chosen samples.
    pub fn shapes(&self, chosen: &[usize]) -> Vec<[usize; 3]> {
        let all = shapes(&self.cases);
        chosen.iter().map(|&number| all[self.image[number]]).collect()
    }

    /// Whose image a sample is of.
    pub fn case(&self, number: usize) -> &CaseId {
        &self.samples[number].image.case
    }

    /// What made the judged label map of a sample.
    pub fn origin(&self, number: usize) -> &SampleOrigin {
        &self.samples[number].origin
    }

    /// The chosen samples, of one shape, as the reward network takes them.
    pub fn batch(&self, chosen: &[usize]) -> Result<RewardBatch, ComponentError> {
        let images = ImageBatch::stack(chosen.iter().map(|&number| &self.cases[self.image[number]].image))?;
        let labels = LabelBatch::stack(chosen.iter().map(|&number| &self.samples[number].judged))?;
        let correctness = chosen.iter().flat_map(|&number| self.samples[number].correctness()).collect();
        Ok(RewardBatch { images, labels, correctness })
    }

    /// Logits of the chosen samples' voxels, and whether their labels are right.
    pub fn judged(
        &self,
        context: &StepContext<'_>,
        reward: &dyn RewardModel,
        chosen: &[usize],
        wanted: Voxels,
    ) -> Result<(Vec<f32>, Vec<bool>), AdaptError> {
        let (mut logits, mut correct) = (Vec::new(), Vec::new());
        for places in batches::in_order(&self.shapes(chosen), context.plan.reward.batch) {
            context.go_on()?;
            let numbers: Vec<usize> = places.iter().map(|&place| chosen[place]).collect();
            let batch = self.batch(&numbers)?;
            let found = reward.logits(&batch.images, &batch.labels)?;
            for (logits_of_sample, &number) in found.chunks_exact(batch.images.voxels()).zip(&numbers) {
                let RewardSample { judged, right, .. } = &self.samples[number];
                let labels = judged.labels().iter().zip(right.labels());
                for (&logit, (&judged, &right)) in logits_of_sample.iter().zip(labels) {
                    if wanted == Voxels::All || judged != 0 || right != 0 {
                        logits.push(logit);
                        correct.push(judged == right);
                    }
                }
            }
        }
        Ok((logits, correct))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::RawConfig,
        domain::{Grid, LabelMap},
    };

    fn sample(case: usize, view: Option<Seed>) -> RewardSample {
        let labels = LabelMap::background(Grid::plane([1, 1], [1.0, 1.0]).unwrap());
        let image = SampleImage { case: CaseId(format!("c{case}")), source_view: view };
        RewardSample { image, origin: SampleOrigin::Drawn, judged: labels.clone(), right: labels }
    }

    /// Two samples of each case.
    fn data(cases: impl Iterator<Item = (usize, Option<Seed>)>) -> RewardData {
        let samples = cases.flat_map(|(case, view)| [sample(case, view), sample(case, view)]).collect();
        RewardData { cases: Vec::new(), samples, image: Vec::new() }
    }

    fn parts(data: &RewardData) -> BTreeMap<(bool, CaseId), usize> {
        let text = r#"
modality = "echo"
output = "run"
distortion = [{ component = "contrast" }]
validity = [{ component = "echo/anatomy" }]
corrector = { component = "morphology" }
source = { component = "echo/camus" }
target = { component = "echo/camus", root = "ours" }
"#;
        let plan = toml::from_str::<RawConfig>(text).unwrap().check().unwrap();
        let Parts { train, validation, test } = data.split(&plan).unwrap();
        let mut found = BTreeMap::new();
        for (part, numbers) in [train, validation, test].iter().enumerate() {
            assert!(!numbers.is_empty());
            for &number in numbers {
                let (of_source, case) = case_of(&data.samples[number]);
                assert!(*found.entry((of_source, case.clone())).or_insert(part) == part, "{case:?} is in two parts");
            }
        }
        found
    }

    #[test]
    fn a_case_is_in_one_part_and_stays_there_when_others_join() {
        let few = parts(&data((0..60).map(|case| (case, None))));
        let more = parts(&data((0..120).map(|case| (case, None)).chain((0..40).map(|case| (case, Some(Seed(1)))))));
        assert_eq!(more.len(), 160);
        assert!(few.iter().all(|(case, part)| more[case] == *part));
    }

    #[test]
    fn many_source_cases_leave_no_part_without_a_target_case() {
        let few = (0..3).map(|case| (case, None));
        let parts = parts(&data(few.chain((0..200).map(|case| (case, Some(Seed(1)))))));
        let of_target: BTreeSet<usize> =
            parts.iter().filter(|((of_source, _), _)| !of_source).map(|(_, &part)| part).collect();
        assert_eq!(of_target.len(), 3);
    }

    #[test]
    fn the_oldest_iteration_loses_samples_first_and_evenly() {
        let iterations = || vec![(0..10).collect::<Vec<usize>>(), (10..14).collect()];
        assert_eq!(newest(iterations(), 20).len(), 14);
        assert_eq!(newest(iterations(), 9), [1, 3, 5, 7, 9, 10, 11, 12, 13]);
        assert_eq!(newest(iterations(), 2), [11, 13]);
    }

    #[test]
    fn every_part_has_a_case_where_there_are_three() {
        assert_eq!(parts(&data((0..3).map(|case| (case, None)))).len(), 3);
    }
}
