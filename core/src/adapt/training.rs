//! The target images that the policy is improved on.

use std::collections::BTreeMap;

use rand::RngExt;
use rayon::prelude::*;

use super::{
    AdaptError, Components, PreparedCase, StepContext,
    prepared::{prepare, stack},
    samples::read_cases,
};
use crate::{
    component::ComponentError,
    config::{Plan, Trusted},
    domain::{CaseEntry, CaseId, Image, ImageBatch, LabelBatch, LabelMap, Seed, Split},
    preprocess::Augment,
    random,
    run_dir::{Step, StepKind},
};

/// A changed image, and what stands in for its drawn labels.
pub(super) type View = (Image, Option<LabelMap>);

/// The target images of this and earlier collect steps, with what is held to be right for them.
pub(super) struct Training {
    pub cases: Vec<PreparedCase>,
    pseudo_references: Vec<Option<LabelMap>>,
    rehearsed: Trusted,
}

/// Some of the images, changed at random.
pub(super) struct Batch<'a> {
    training: &'a Training,
    plan: &'a Plan,
    chosen: &'a [usize],
    seed: Seed,
    pub images: ImageBatch,
    /// The same images, one by one.
    pub views: Vec<View>,
}

impl Training {
    /// Reads the images and what their last collect step held to be right.
    pub fn load(context: &mut StepContext<'_>, components: &Components) -> Result<Self, AdaptError> {
        let [pseudo_references, rehearsed] =
            context.plan.policy.trusted(context.step.iteration == context.plan.iterations);
        let mut right = held_right(context, pseudo_references)?;
        let target = &components.target;
        let entries: Vec<CaseEntry> =
            target.cases(Split::Train).iter().filter(|entry| right.contains_key(&entry.id)).cloned().collect();
        let cases = prepare(&entries, |id| target.image(id), &context.plan.preprocess, context.observer)?;
        let pseudo_references =
            cases.iter().map(|case| on_grid_of(case, right.remove(&case.id).flatten())).collect::<Result<_, _>>()?;
        Ok(Self { cases, pseudo_references, rehearsed })
    }

    /// The images to be rehearsed, with what is held to be right for them.
    pub fn rehearsed(&self, context: &StepContext<'_>) -> Result<Vec<(&PreparedCase, LabelMap)>, AdaptError> {
        let mut right = held_right(context, self.rehearsed)?;
        let mut pairs = Vec::new();
        for case in &self.cases {
            let labels = on_grid_of(case, right.remove(&case.id).flatten())?;
            pairs.extend(labels.map(|labels| (case, labels)));
        }
        Ok(pairs)
    }

    /// The chosen images, changed at random, and what stands in for their drawn labels, each with a
    /// chance of `pseudo_share`.
    pub fn batch<'a>(&'a self, chosen: &'a [usize], plan: &'a Plan, seed: Seed) -> Result<Batch<'a>, ComponentError> {
        let mut generator = random::generator(seed.named("replace"));
        let mut stands_in = || generator.random_bool(plan.policy.pseudo_share);
        let drawn: Vec<(usize, bool)> = chosen.iter().map(|&case| (case, stands_in())).collect();
        let augment = changes(plan);
        let view = |(case, stands_in): (usize, bool)| {
            let image = &self.cases[case].image;
            let none = LabelMap::background(*image.grid());
            let reference = self.pseudo_references[case].as_ref();
            let (image, labels) = augment.apply(image, reference.unwrap_or(&none), view_seed(seed, case));
            (image, reference.filter(|_| stands_in).map(|_| labels))
        };
        let views: Vec<View> = drawn.into_par_iter().map(view).collect();
        let images = ImageBatch::stack(views.iter().map(|(image, _)| image))?;
        Ok(Batch { training: self, plan, chosen, seed, images, views })
    }
}

impl Batch<'_> {
    /// The images as they were before they were changed.
    pub fn originals(&self) -> Result<ImageBatch, ComponentError> {
        stack(&self.training.cases, self.chosen)
    }

    /// The changed images with label maps of [`Batch::originals`], moved along.
    pub fn moved_along(&self, labels: &LabelBatch) -> Result<Vec<(Image, LabelMap)>, ComponentError> {
        let cases = &self.training.cases;
        let grids: Vec<_> = self.chosen.iter().map(|&case| *cases[case].image.grid()).collect();
        let augment = changes(self.plan);
        let view = |(labels, &case): (&LabelMap, &usize)| {
            augment.apply(&cases[case].image, labels, view_seed(self.seed, case))
        };
        Ok(labels.unstack(&grids)?.par_iter().zip(self.chosen).map(view).collect())
    }

    /// The names of the cases.
    pub fn names(&self) -> impl Iterator<Item = &CaseId> {
        self.chosen.iter().map(|&case| &self.training.cases[case].id)
    }
}

/// All cases collected so far, each with what its last collect step held to be right, where that is trusted.
fn held_right(context: &StepContext<'_>, trusted: Trusted) -> Result<BTreeMap<CaseId, Option<Vec<u8>>>, AdaptError> {
    let mut right = BTreeMap::new();
    for iteration in 1..=context.step.iteration {
        let folder = context.run.step_path(&Step::new(iteration, StepKind::Collect));
        right.extend(read_cases(&folder, trusted)?.into_iter().map(|seen| (seen.case, seen.right)));
    }
    Ok(right)
}

fn on_grid_of(case: &PreparedCase, labels: Option<Vec<u8>>) -> Result<Option<LabelMap>, ComponentError> {
    Ok(labels.map(|labels| LabelMap::new(*case.image.grid(), labels)).transpose()?)
}

fn view_seed(seed: Seed, case: usize) -> Seed {
    seed.named("augment").indexed(case)
}

/// How images are changed before they are learnt from.
fn changes(plan: &Plan) -> Augment {
    if plan.policy.augment { plan.pretrain.augment } else { Augment::default() }
}
