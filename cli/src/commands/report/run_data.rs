//! What a run's files tell: whatever is there of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rl4seg_core::{
    adapt::{self, CaseResult, FrozenCase},
    config::Plan,
    domain::Label,
    run_dir::{self, Manifest, RunError, Step, StepKind, layout},
};
use serde_json::Value;

use super::{
    collected::{self, Counts},
    comparison::{Results, Row, rows},
    learning::{Epochs, epochs, files},
};
use crate::{
    commands::status::{self, Status},
    session,
};

/// The cases of one evaluation.
pub struct Evaluation {
    pub iteration: usize,
    pub cases: Vec<CaseResult>,
}

/// The file with the list of a run's cases.
pub struct CaseList {
    pub sha256: String,
    /// Whether it holds the SHA-256 of what each case held; those of earlier versions do not.
    pub knows_contents: bool,
}

/// A run as its files tell it.
pub struct RunData {
    pub root: PathBuf,
    pub manifest: Manifest,
    pub config: String,
    pub plan: Plan,
    pub status: Status,
    /// Of all finished iterations.
    pub evaluations: Vec<Evaluation>,
    /// What each case is for; empty before pretraining is finished.
    pub cases: Vec<FrozenCase>,
    /// The file that they are from.
    pub case_list: Option<CaseList>,
    pub epochs: Vec<(StepKind, Vec<Epochs>)>,
    /// What finished steps say of themselves.
    pub summaries: Vec<(Step, Value)>,
    /// What the reward data set of each iteration is made of.
    pub samples: Vec<(usize, Counts)>,
}

impl RunData {
    /// # Errors
    /// If `root` is not a run, or a file of it cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let plan = session::plan_of_run(root)?;
        let done = || Step::all(plan.iterations).filter(|step| run_dir::is_done(root, step));
        let of_step = |step: Step, file: &str| root.join(layout::step(&step)).join(file);
        let evaluation = |step: Step| {
            Ok(Evaluation {
                iteration: step.iteration,
                cases: run_dir::read_json_lines(&of_step(step, layout::CASES))?,
            })
        };
        let evaluations = done().filter(|step| step.kind == StepKind::Evaluate).map(evaluation);
        let summaries = done().map(|step| Ok((step, run_dir::read_json(&of_step(step, layout::STEP))?)));
        let kinds = [StepKind::Pretrain, StepKind::FitReward, StepKind::ImprovePolicy];
        let learnt = kinds.into_iter().map(|kind| Ok((kind, epochs(root, kind, plan.iterations)?)));
        Ok(Self {
            root: root.to_owned(),
            manifest: run_dir::read_manifest(root)?,
            config: run_dir::read_config(root)?,
            status: status::status(root)?,
            evaluations: evaluations.collect::<Result<_, RunError>>()?,
            cases: adapt::cases_of_run(root)?,
            case_list: case_list(root)?,
            epochs: learnt.collect::<Result<_, RunError>>()?,
            summaries: summaries.collect::<Result<_, RunError>>()?,
            samples: collected::samples(root, plan.iterations)?,
            plan,
        })
    }

    /// The structures by the names that evaluations know them by.
    pub fn structures(&self) -> Vec<Label> {
        let named = self.status.results.first().map(|result| &result.domains.target.structures);
        let numbered = named.into_iter().flatten().zip(1..);
        numbered.map(|(structure, value)| Label { value, name: structure.name.clone(), color: [0; 3] }).collect()
    }

    /// The results of a domain in an evaluation.
    pub fn of_domain<'a>(&self, evaluation: &'a Evaluation, domain: &str) -> Vec<&'a CaseResult> {
        evaluation.cases.iter().filter(|case| case.domain == domain).collect()
    }

    /// All measures of a domain before and after.
    pub fn comparison(&self, domain: &str) -> Vec<Row> {
        let (Some(first), Some(last)) = (self.evaluations.first(), self.evaluations.last()) else { return Vec::new() };
        let of_domain = self.cases.iter().filter(|case| case.domain == domain);
        let patients: BTreeMap<&str, &str> = of_domain.map(|case| (case.case.as_str(), case.group.as_str())).collect();
        let after = if self.evaluations.len() > 1 { self.of_domain(last, domain) } else { Vec::new() };
        rows(&Results { before: self.of_domain(first, domain), after, patients }, &self.structures())
    }
}

/// Nothing before pretraining is finished, or where an earlier version made none.
fn case_list(root: &Path) -> Result<Option<CaseList>> {
    let Some((_, path)) = files(root, StepKind::Pretrain, layout::CASES, 0).next() else { return Ok(None) };
    let list = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(CaseList { sha256: run_dir::sha256(&list), knows_contents: adapt::data_may_move(root)? }))
}
