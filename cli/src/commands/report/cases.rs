//! The target's test cases of a run, with pictures where they can be made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use rl4seg_core::{
    adapt::{self, CaseMaps, CaseResult, ReviewedCase},
    component::{ComponentError, DataSource, ErrorKind},
    domain::{CaseId, Finding, Image, LabelSet, Split, Verdict},
};

use super::{
    gallery::{Entry, Gallery, Names, Picture, Shown, from_right, longest_side},
    run_data::RunData,
};
use crate::{
    args::GlobalArgs, catalog, commands::uncertainty::measures::Measures, networks::DeviceArg, output::number, session,
};

/// What a run can do now, case by case.
pub struct Cases {
    pub gallery: Gallery,
    /// The iteration whose policy made them.
    pub iteration: usize,
    /// Absent where no reward network was fitted yet.
    pub measures: Option<Measures>,
    /// Why there are no pictures.
    pub without_pictures: Option<String>,
}

/// Segments the target's test cases again, since a run keeps no label map of them. Where that cannot be done, as the data are
/// elsewhere now, the results that the run did keep are shown. Nothing where it has none yet.
pub fn gather(run: &RunData, most: usize, device: &DeviceArg, global: &GlobalArgs) -> Option<Cases> {
    match look(run, most, device, global) {
        Ok(cases) => Some(cases),
        Err(error) => kept(run, most, format!("{error:#}")),
    }
}

fn look(run: &RunData, most: usize, device: &DeviceArg, global: &GlobalArgs) -> Result<Cases> {
    let (iteration, _) = adapt::latest_policy(&run.root)?;
    session::require_data(&run.root, &run.plan)?;
    let catalog = catalog::load(global)?;
    let labels = &catalog::modality(&catalog, &run.plan.modality)?.labels;
    let target = &run.plan.target;
    let source = catalog.data_source(&target.component, &target.settings_json())?;
    let names = Names::of(labels, &run.plan);
    let tested = run.cases.iter().filter(|case| case.domain == "target" && case.split == Split::Test).count();
    let longest = longest_side(tested.min(most));
    let pictures = Mutex::new(BTreeMap::new());
    let see = |maps: &CaseMaps<'_>| {
        let picture = picture(maps, source.as_ref(), &names, longest)?;
        pictures.lock().unwrap_or_else(PoisonError::into_inner).insert(maps.case.clone(), picture);
        Ok(())
    };
    let reviewed = session::review_maps(&run.root, &catalog, device, global.shown(), &see)?;
    let mut pictures = pictures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let before = Before::of(run);
    let entry = |case: &ReviewedCase| Entry {
        uncertainty: uncertainty(case),
        picture: pictures.remove(&case.result.case),
        ..before.entry(&case.result, &names)
    };
    let entries = reviewed.iter().map(entry).collect();
    let is_judged = reviewed.iter().any(|case| case.voxels > 0);
    Ok(Cases {
        gallery: Gallery::new(labels, entries, most),
        iteration,
        measures: is_judged.then(|| Measures::of(run.root.clone(), iteration, &reviewed)),
        without_pictures: None,
    })
}

/// Of each segmented voxel, as `rl4seg uncertainty` ranks by; infinite where nothing is segmented.
fn uncertainty(case: &ReviewedCase) -> Option<f64> {
    let of_each = || if case.segmented > 0 { case.uncertainty / case.segmented as f64 } else { f64::INFINITY };
    (case.voxels > 0).then(of_each)
}

fn picture(
    maps: &CaseMaps<'_>,
    source: &dyn DataSource,
    names: &Names,
    longest: usize,
) -> Result<Picture, ComponentError> {
    let image: Image = source.image(maps.case)?;
    let faults: Vec<Finding> =
        maps.findings.iter().filter(|finding| finding.verdict() != Verdict::Valid).cloned().collect();
    let shown = Shown {
        image: &image,
        labels: maps.labels,
        reference: maps.reference,
        uncertainty: maps.right.map(from_right),
        faults: names.places(&faults, maps.labels),
        plane: faults.iter().find_map(|finding| finding.plane),
        longest,
    };
    Picture::of(&shown).map_err(|error| ComponentError::new(ErrorKind::Other, format!("{error:#}")))
}

/// The results of the last evaluation.
fn kept(run: &RunData, most: usize, why: String) -> Option<Cases> {
    let last = run.evaluations.last()?;
    let labels = std::iter::once(("background".to_owned(), 0))
        .chain(run.structures().into_iter().map(|label| (label.name, label.value)))
        .map(|(name, value)| rl4seg_core::domain::Label { value, name, color: [0; 3] });
    let labels = LabelSet::new(labels.collect()).ok()?;
    let names = Names::of(&labels, &run.plan);
    let before = Before::of(run);
    let entries = run.of_domain(last, "target").into_iter().map(|case| before.entry(case, &names)).collect();
    Some(Cases {
        gallery: Gallery::new(&labels, entries, most),
        iteration: last.iteration,
        measures: None,
        without_pictures: Some(why),
    })
}

/// Dice of each case before the adaptation.
struct Before<'a>(BTreeMap<&'a CaseId, f64>);

impl<'a> Before<'a> {
    fn of(run: &'a RunData) -> Self {
        let first = run.evaluations.first().filter(|_| run.evaluations.len() > 1);
        let cases = first.map(|first| run.of_domain(first, "target")).unwrap_or_default();
        Self(cases.into_iter().filter_map(|case| Some((&case.case, case.dice()?))).collect())
    }

    fn entry(&self, case: &CaseResult, names: &Names) -> Entry {
        let hausdorff = case.hausdorff_mm().map(|mm| ("Hausdorff".to_owned(), format!("{} mm", number(Some(mm), 1))));
        Entry {
            name: case.case.to_string(),
            verdict: case.verdict,
            dice: case.dice(),
            dice_before: self.0.get(&case.case).copied(),
            uncertainty: None,
            reasons: names.reasons(&case.findings),
            numbers: hausdorff.into_iter().collect(),
            picture: None,
        }
    }
}
