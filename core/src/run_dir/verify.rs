//! Whether a run's files are those that were written.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Event, RunError, Step, is_done, journal, layout,
    order::{finished_steps, last_iteration},
    read_config, read_manifest, sums,
};

/// The first schema whose steps have sums.
const WITH_SUMS: u32 = 2;

/// What became of a run's files since they were written.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many files were read.
    pub files: usize,
    /// The steps that are complete, in order.
    pub steps: Vec<String>,
    /// How many steps the configuration asks for; nothing where it was changed.
    pub planned: Option<usize>,
    /// Steps that an earlier version wrote, which kept no sums: nothing is known of their files.
    pub without_sums: Vec<String>,
    /// Files that follow from the steps and do not say yet what the last steps say, as where a process was killed between both. Whoever
    /// takes the run on adds the rest.
    pub behind: Vec<PathBuf>,
    /// What is not as it was.
    pub differences: Vec<Difference>,
}

/// Something that is not as it was.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is now.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.what)
    }
}

/// What is compared of a configuration.
#[derive(Deserialize)]
struct Settings {
    seed: Option<u64>,
    iterations: Option<usize>,
}

/// Reads every file of every finished step of the run at `root` again and compares its SHA-256 with that of when it was written,
/// the configuration's and its seed with the manifest's, and the steps that are there with those that the journal tells of. Writes
/// nothing and takes no lock.
///
/// # Errors
/// If `root` is not a run, or a file cannot be read.
pub fn verify(root: &Path) -> Result<Verification, RunError> {
    let manifest = read_manifest(root)?;
    let mut found = Verification::default();
    match read_config(root) {
        Ok(text) => found.compare_settings(&text, manifest.seed, root),
        Err(RunError::Content { path, .. }) => found.differs(&path, "was changed since the run was begun"),
        Err(error) => return Err(error),
    }
    let told = found.told_finished(root)?;
    let last = told.iter().map(|step| step.iteration).fold(last_iteration(root)?, usize::max);
    let mut missing = None;
    for step in Step::all(last) {
        let folder = root.join(layout::step(&step));
        if !is_done(root, &step) {
            if folder.exists() {
                found.differs(&folder.join(layout::STEP), "is gone");
            } else if told.contains(&step) {
                found.differs(&folder, "is gone: the journal says that the step was finished");
            } else {
                missing = missing.or(Some(step));
            }
            continue;
        }
        if let Some(missing) = missing.take() {
            found.differs(&root.join(layout::step(&missing)), "is gone: a later step is there");
        }
        found.steps.push(step.to_string());
        if folder.join(layout::SUMS).is_file() {
            found.compare(&folder)?;
        } else if manifest.schema < WITH_SUMS {
            found.without_sums.push(step.to_string());
        } else {
            found.differs(&folder.join(layout::SUMS), "is gone");
        }
    }
    Ok(found)
}

impl Verification {
    pub(crate) fn differs(&mut self, path: &Path, what: &str) {
        self.differences.push(Difference { path: path.to_owned(), what: what.to_owned() });
    }

    fn compare_settings(&mut self, text: &str, seed: u64, root: &Path) {
        self.files += 1;
        let Ok(settings) = toml::from_str::<Settings>(text) else { return };
        self.planned = settings.iterations.map(|iterations| Step::all(iterations).count());
        if let Some(expected) = settings.seed.filter(|expected| *expected != seed) {
            let what = format!(
                "has the seed {seed}, and {} has {expected}: it was changed since the run was begun",
                layout::CONFIG
            );
            self.differs(&root.join(layout::MANIFEST), &what);
        }
    }

    /// The steps that the journal tells of as finished. Where one was begun anew since, it or those after it may have been removed.
    fn told_finished(&mut self, root: &Path) -> Result<Vec<Step>, RunError> {
        let lines = match journal::read_lines(root) {
            Err(RunError::Read { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                self.differs(&path, "is gone");
                return Ok(Vec::new());
            }
            lines => lines?,
        };
        let path = root.join(layout::JOURNAL);
        if lines.is_empty() && !finished_steps(root)?.is_empty() {
            self.differs(&path, "is empty: what it told of the steps is gone");
        }
        let mut told = Vec::new();
        for (index, line) in lines.into_iter().enumerate() {
            let Some(entry) = line else {
                self.differs(&path, &format!("was changed since it was written: line {} is no event", index + 1));
                continue;
            };
            told.retain(|step| !entry.event.undoes(step));
            if let Event::Finished { step, .. } = entry.event {
                told.push(step);
            }
        }
        Ok(told)
    }

    fn compare(&mut self, folder: &Path) -> Result<(), RunError> {
        let (then, now) = (sums::read(folder)?, sums::of_files(folder)?);
        self.files += now.len() + 1;
        for (name, sum) in &then {
            match now.get(name) {
                None => self.differs(&folder.join(name), "is gone"),
                Some(found) if found != sum => self.differs(&folder.join(name), "was changed since it was written"),
                Some(_) => {}
            }
        }
        for name in now.keys().filter(|name| !then.contains_key(*name)) {
            self.differs(&folder.join(name), "did not come from the run");
        }
        Ok(())
    }
}

/// The files of `step` in which two runs differ; named as they are in `root`.
///
/// # Errors
/// If a file cannot be read.
pub fn compare(root: &Path, other: &Path, step: &Step) -> Result<Vec<Difference>, RunError> {
    let folder = root.join(layout::step(step));
    let (ours, theirs) = (sums::of_files(&folder)?, sums::of_files(&other.join(layout::step(step)))?);
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differing = names.into_iter().filter_map(|name| {
        let what = match (ours.get(name), theirs.get(name)) {
            (Some(ours), Some(theirs)) if ours == theirs => return None,
            (Some(_), Some(_)) => "has other bytes",
            (Some(_), None) => "is there once only",
            (None, _) => "is not there",
        };
        Some(Difference { path: folder.join(name), what: what.to_owned() })
    });
    Ok(differing.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run_dir::{Manifest, RunDir, SCHEMA, StepKind};

    fn run(folder: &Path, schema: u32) -> PathBuf {
        let root = folder.join("run");
        let manifest = Manifest { schema, ..Manifest::new("cpu", 1, "seed = 1\n", Vec::new()) };
        let run = RunDir::create(&root, &manifest, "seed = 1\n").unwrap();
        let opened = Event::Opened { version: "0.0.0".to_owned(), device: "cpu".to_owned() };
        run.journal().unwrap().record(opened).unwrap();
        for kind in [StepKind::Pretrain, StepKind::Evaluate] {
            let work = run.begin(&Step::new(0, kind)).unwrap();
            work.write("a.bin", b"1").unwrap();
            work.commit(&1).unwrap();
        }
        root
    }

    fn differences(root: &Path) -> Vec<String> {
        let told = |difference: Difference| {
            format!("{} {}", difference.path.strip_prefix(root).unwrap().display(), difference.what)
        };
        verify(root).unwrap().differences.into_iter().map(told).collect()
    }

    #[test]
    fn what_was_changed_taken_or_added_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path(), SCHEMA);
        let found = verify(&root).unwrap();
        assert_eq!((found.files, found.steps.len(), found.differences.len()), (7, 2, 0));
        let pretrain = root.join("iteration-000/pretrain");
        fs::write(pretrain.join("a.bin"), b"2").unwrap();
        fs::write(pretrain.join("b.bin"), b"2").unwrap();
        fs::remove_file(root.join("iteration-000/evaluate/a.bin")).unwrap();
        fs::write(root.join(layout::CONFIG), b"seed = 2\n").unwrap();
        let expected = [
            "config.toml was changed since the run was begun",
            "iteration-000/pretrain/a.bin was changed since it was written",
            "iteration-000/pretrain/b.bin did not come from the run",
            "iteration-000/evaluate/a.bin is gone",
        ];
        assert_eq!(differences(&root), expected);
        fs::remove_dir_all(pretrain).unwrap();
        assert!(differences(&root).contains(&"iteration-000/pretrain is gone: a later step is there".to_owned()));
    }

    #[test]
    fn the_last_steps_are_missed_where_the_journal_tells_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path(), SCHEMA);
        let mut journal = RunDir::open(&root).unwrap().journal().unwrap();
        for step in Step::all(0) {
            journal.started(step).unwrap();
            journal.finished(step).unwrap();
        }
        assert!(differences(&root).is_empty());
        fs::remove_dir_all(root.join("iteration-000/evaluate")).unwrap();
        let gone = "iteration-000/evaluate is gone: the journal says that the step was finished";
        assert_eq!(differences(&root), [gone]);
        journal.started(Step::new(0, StepKind::Evaluate)).unwrap();
        assert!(differences(&root).is_empty(), "it is done again");
        fs::remove_file(root.join(layout::JOURNAL)).unwrap();
        assert_eq!(differences(&root), ["journal.jsonl is gone"]);
    }

    #[test]
    fn a_journal_that_was_emptied_or_changed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path(), SCHEMA);
        let path = root.join(layout::JOURNAL);
        let told = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{told}{{\"time")).unwrap();
        assert!(differences(&root).is_empty(), "a line in the making");
        fs::write(&path, format!("{told}\n{told}")).unwrap();
        let changed = "journal.jsonl was changed since it was written: line 2 is no event";
        assert_eq!(differences(&root), [changed]);
        fs::write(&path, "").unwrap();
        assert_eq!(differences(&root), ["journal.jsonl is empty: what it told of the steps is gone"]);
    }

    #[test]
    fn the_seed_of_the_manifest_is_the_configurations() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let config = "seed = 1\niterations = 1\n";
        drop(RunDir::create(&root, &Manifest::new("cpu", 7, config, Vec::new()), config).unwrap());
        assert_eq!(verify(&root).unwrap().planned, Some(6));
        let seeds = "manifest.json has the seed 7, and config.toml has 1: it was changed since the run was begun";
        assert_eq!(differences(&root), [seeds]);
    }

    #[test]
    fn a_step_without_sums_is_told_of_or_missed() {
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path(), SCHEMA);
        fs::remove_file(root.join("iteration-000/pretrain").join(layout::SUMS)).unwrap();
        assert_eq!(differences(&root), ["iteration-000/pretrain/SHA256SUMS is gone"]);
        let folder = tempfile::tempdir().unwrap();
        let root = run(folder.path(), WITH_SUMS - 1);
        fs::remove_file(root.join("iteration-000/pretrain").join(layout::SUMS)).unwrap();
        let found = verify(&root).unwrap();
        assert_eq!((found.without_sums.len(), found.differences.len()), (1, 0));
    }
}
