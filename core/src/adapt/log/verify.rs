//! Whether what follows from the steps of a run is what they say.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{MetricsLine, cases, of_steps, to_text};
use crate::{
    adapt::EvaluateSummary,
    domain::{Label, LabelSet},
    run_dir::{self, RunError, Step, StepKind, Verification, finished_steps, layout, read_json, read_manifest},
};

/// The first schema whose runs have these files.
const WITH_LOGS: u32 = 2;

/// As [`run_dir::verify`]. The numbers of all steps and the table of the test cases, which follow from the steps, are put together
/// again and compared too, unless a file of a step was changed: they say nothing then.
///
/// # Errors
/// If `root` is not a run, or a file cannot be read.
pub fn verify(root: &Path) -> Result<Verification, RunError> {
    // Read first, so that a process at work on the run cannot add what the steps did not say yet.
    let [metrics, table] = [layout::METRICS, layout::CASES_TABLE].map(|name| File::read(root.join(name)));
    let (metrics, table) = (metrics?, table?);
    let mut found = run_dir::verify(root)?;
    let is_changed =
        |step: &String| found.differences.iter().any(|difference| difference.path.starts_with(root.join(step)));
    if found.steps.iter().any(is_changed) {
        return Ok(found);
    }
    let steps = finished_steps(root)?;
    let of_steps = to_text(&of_steps(root, &steps)?)?;
    metrics.compare(&mut found, root, |content| match content.strip_prefix(&of_steps[..]) {
        Some(rest) if are_epochs_of_the_next(rest, root) => Said::All,
        None if of_steps.starts_with(content) => Said::NotAll,
        _ => Said::Otherwise,
    })?;
    let expected = cases_table(root, &steps)?;
    table.compare(&mut found, root, |content| match expected.strip_prefix(content) {
        Some([]) => Said::All,
        Some(_) => Said::NotAll,
        None => Said::Otherwise,
    })?;
    Ok(found)
}

/// What a file says of what the steps say.
enum Said {
    All,
    /// It ends too early.
    NotAll,
    Otherwise,
}

/// A file that follows from the steps.
struct File {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

impl File {
    fn read(path: PathBuf) -> Result<Self, RunError> {
        match fs::read(&path) {
            Ok(content) => Ok(Self { path, content: Some(content) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path, content: None }),
            Err(source) => Err(RunError::Read { path, source }),
        }
    }

    /// Notes where its content is not what it should be. A file that is not there says nothing.
    fn compare(self, found: &mut Verification, root: &Path, said: impl Fn(&[u8]) -> Said) -> Result<(), RunError> {
        if self.content.is_none() && read_manifest(root)?.schema < WITH_LOGS {
            return Ok(());
        }
        found.files += usize::from(self.content.is_some());
        match said(&self.content.unwrap_or_default()) {
            Said::All => {}
            Said::NotAll => found.behind.push(self.path),
            Said::Otherwise => {
                let root = root.display();
                let what = format!("does not say what the steps say; `rl4seg adapt {root}` writes it anew");
                found.differs(&self.path, &what);
            }
        }
        Ok(())
    }
}

/// Whether these lines tell of epochs of the first step that is not finished; the last line may be torn.
fn are_epochs_of_the_next(lines: &[u8], root: &Path) -> bool {
    let whole = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    lines[..whole].split_inclusive(|&byte| byte == b'\n').all(|line| {
        let line = serde_json::from_slice::<MetricsLine>(line);
        line.is_ok_and(|line| line.epoch.is_some() && is_next(line.step(), root))
    })
}

fn is_next(step: Step, root: &Path) -> bool {
    Step::all(step.iteration).find(|step| !run_dir::is_done(root, step)) == Some(step)
}

/// The table of the test cases, by the names of structures that the first evaluation has.
fn cases_table(root: &Path, steps: &[Step]) -> Result<Vec<u8>, RunError> {
    let Some(first) = steps.iter().find(|step| step.kind == StepKind::Evaluate) else { return Ok(Vec::new()) };
    let summary: EvaluateSummary = read_json(&root.join(layout::step(first)).join(layout::SUMMARY))?;
    let names = summary.source.structures.into_iter().map(|structure| structure.name);
    let labels = (0..).zip(std::iter::once(String::from("background")).chain(names));
    let labels = labels.map(|(value, name)| Label { value, name, color: [0; 3] }).collect();
    let labels = LabelSet::new(labels).map_err(|error| RunError::Encode(error.to_string()))?;
    cases::table(root, steps.iter().copied(), &labels)
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use crate::run_dir::{Manifest, RunDir};

    /// A run whose pretraining is finished, with a file of its numbers.
    fn run(folder: &Path) -> PathBuf {
        let root = folder.join("run");
        let config = "seed = 1\niterations = 1\n";
        let run = RunDir::create(&root, &Manifest::new("cpu", 1, config, Vec::new()), config).unwrap();
        let step = Step::new(0, StepKind::Pretrain);
        run.journal().unwrap().started(step).unwrap();
        let work = run.begin(&step).unwrap();
        work.write(layout::METRICS, b"{\"epoch\":1,\"loss\":0.5}\n").unwrap();
        work.commit(&serde_json::json!({ "epochs": 1 })).unwrap();
        fs::write(root.join(layout::METRICS), to_text(&of_steps(&root, &[step]).unwrap()).unwrap()).unwrap();
        root
    }

    fn differences(root: &Path) -> Vec<String> {
        let told = verify(root).unwrap().differences.into_iter();
        told.map(|difference| format!("{} {}", difference.path.strip_prefix(root).unwrap().display(), difference.what))
            .collect()
    }

    #[test]
    fn numbers_that_no_step_says_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path());
        let path = root.join(layout::METRICS);
        let right = fs::read_to_string(&path).unwrap();
        let found = verify(&root).unwrap();
        assert_eq!((found.files, found.steps.len(), found.planned, found.differences.len()), (5, 1, Some(6), 0));
        let differs =
            format!("metrics.jsonl does not say what the steps say; `rl4seg adapt {}` writes it anew", root.display());
        for wrong in [right.replace("0.5", "0.4"), right.repeat(2)] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(differences(&root), [differs.as_str()]);
        }
    }

    #[test]
    fn a_file_that_ends_before_the_steps_do_is_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path());
        let path = root.join(layout::METRICS);
        let right = fs::read_to_string(&path).unwrap();
        let behind = || {
            let found = verify(&root).unwrap();
            assert_eq!(found.differences, []);
            found.behind
        };
        assert!(behind().is_empty());
        for length in [right.len() - 1, 10, 0] {
            fs::write(&path, &right[..length]).unwrap();
            assert_eq!(behind(), slice::from_ref(&path));
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(behind(), slice::from_ref(&path));
    }

    #[test]
    fn epochs_of_the_step_that_comes_next_may_stand_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path());
        let path = root.join(layout::METRICS);
        let right = fs::read_to_string(&path).unwrap();
        let line = |step: &str| format!("{{\"iteration\":0,\"step\":\"{step}\",\"epoch\":1,\"loss\":0.5}}\n");
        fs::write(&path, format!("{right}{}{}", line("evaluate"), "{\"iter")).unwrap();
        assert!(differences(&root).is_empty());
        fs::write(&path, right + &line("pretrain")).unwrap();
        assert_eq!(differences(&root).len(), 1);
    }

    #[test]
    fn what_follows_from_changed_files_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path());
        fs::write(root.join("iteration-000/pretrain").join(layout::METRICS), b"{\"epoch\":1,\"loss\":0.4}\n").unwrap();
        assert_eq!(differences(&root), ["iteration-000/pretrain/metrics.jsonl was changed since it was written"]);
    }
}
