//! Which steps of a run are there.

use std::{fs, path::Path};

use super::{RunError, Step, is_done, layout};

/// The steps of the run at `root` that are complete, in order.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn finished_steps(root: &Path) -> Result<Vec<Step>, RunError> {
    Ok(Step::all(last_iteration(root)?).filter(|step| is_done(root, step)).collect())
}

/// Refuses a run of which a step is not there although one that follows from it is: done again now, it would be of a later
/// policy than its own, and what is there would not follow from it.
///
/// # Errors
/// If it is so, or the folder cannot be read.
pub fn require_in_order(root: &Path) -> Result<(), RunError> {
    let finished = finished_steps(root)?;
    let Some(last) = finished.last() else { return Ok(()) };
    let Some(missing) = Step::all(last.iteration).find(|step| !finished.contains(step)).filter(|step| step < last)
    else {
        return Ok(());
    };
    let later: Vec<String> = finished.iter().filter(|step| **step > missing).map(Step::to_string).collect();
    let message = format!(
        "{missing} is not there, and what follows from it is: {}. Put its folder back, or remove those too, and `rl4seg adapt {}` \
         makes all of them anew",
        later.join(", "),
        root.display()
    );
    Err(RunError::Content { path: root.to_owned(), message })
}

/// The last iteration that has a folder.
pub(super) fn last_iteration(root: &Path) -> Result<usize, RunError> {
    let failed = |source| RunError::Read { path: root.to_owned(), source };
    let mut last = 0;
    for entry in fs::read_dir(root).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(layout::ITERATION)?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(root: &Path, step: &Step) {
        let folder = root.join(layout::step(step));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(layout::STEP), "{}").unwrap();
    }

    #[test]
    fn a_run_ends_where_a_step_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        require_in_order(root).unwrap();
        let steps: Vec<Step> = Step::all(1).collect();
        for step in &steps {
            finish(root, step);
            require_in_order(root).unwrap();
        }
        for (index, missing) in steps.iter().enumerate().take(steps.len() - 1) {
            fs::remove_dir_all(root.join(layout::step(missing))).unwrap();
            let error = require_in_order(root).unwrap_err().to_string();
            assert!(error.contains(&format!("{missing} is not there")), "{error}");
            assert!(
                error.contains(&steps[index + 1].to_string()) && error.contains("iteration-001/evaluate"),
                "{error}"
            );
            finish(root, missing);
        }
        fs::remove_dir_all(root.join(layout::step(&steps[5]))).unwrap();
        require_in_order(root).unwrap();
    }
}
