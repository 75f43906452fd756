//! Making a run directory, which several processes may do at the same time.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    RunError, layout,
    lock::{self, Lock},
};
use crate::io::{sync_folder_of, write_durably};

/// Removes a run that this process holds; at once for others, as far as it can be.
pub(super) fn remove(root: &Path) {
    let Ok(aside) = make_beside(root) else { return };
    let _ = fs::rename(root, &aside).and_then(|()| fs::remove_dir_all(&aside));
}

/// Puts a run together in a folder that is this process's alone, and renames that: whoever comes first has the run. Its lock is held
/// from before it is there under its name.
pub(super) fn create(root: &Path, manifest: &[u8], config_toml: &str) -> Result<Lock, RunError> {
    if root.exists() {
        return Err(taken(root));
    }
    let partial = make_beside(root)?;
    let appear = |lock| fs::rename(&partial, root).map(|()| lock).map_err(|error| RunError::write(root, error));
    let lock = put_together(&partial, manifest, config_toml).and_then(appear).map_err(|error| {
        // What was to be told is told already; the next who makes this run removes what is left.
        let _ = fs::remove_dir_all(&partial);
        if root.exists() { taken(root) } else { error }
    })?;
    sync_folder_of(root).map_err(|error| RunError::write(root, error))?;
    remove_left_by_others(root);
    Ok(lock)
}

/// Why nobody else can make the run that is there.
fn taken(root: &Path) -> RunError {
    let path = root.to_owned();
    lock::holder(root)
        .map_or_else(|| RunError::Exists { path: path.clone() }, |holder| RunError::Busy { path: path.clone(), holder })
}

/// Makes a folder that was not there before.
fn make_beside(root: &Path) -> Result<PathBuf, RunError> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent).map_err(|error| RunError::write(root, error))?;
    }
    let mut number = 1;
    loop {
        let partial = layout::beginning(root, number);
        match fs::create_dir(&partial) {
            Ok(()) => return Ok(partial),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(RunError::write(&partial, error)),
        }
    }
}

fn put_together(partial: &Path, manifest: &[u8], config_toml: &str) -> Result<Lock, RunError> {
    let lock = Lock::take(partial)?;
    let files = [(layout::CONFIG, config_toml.as_bytes()), (layout::JOURNAL, b""), (layout::MANIFEST, manifest)];
    for (name, bytes) in files {
        let path = partial.join(name);
        write_durably(&path, bytes).map_err(|error| RunError::write(&path, error))?;
    }
    Ok(lock)
}

/// Removes what processes that were killed have put together of this run. One that is at work still holds the lock of its folder, or
/// finds the folder gone and then that the run is taken. What cannot be removed is in nobody's way.
fn remove_left_by_others(root: &Path) {
    let Some(parent) = root.parent() else { return };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    for path in fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if layout::is_beginning(root, &path) && fs::remove_dir(&path).is_err() && path.join(layout::LOCK).is_file() {
            let Ok(_lock) = Lock::take(&path) else { continue };
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Barrier,
        thread::{self, ScopedJoinHandle},
    };

    use super::*;

    #[test]
    fn of_two_that_make_a_run_one_has_it_and_the_other_is_told() {
        for _ in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("run");
            let both = Barrier::new(2);
            let begin = || {
                both.wait();
                create(&root, b"{}", "seed = 1\n")
            };
            let made = thread::scope(|scope| [scope.spawn(begin), scope.spawn(begin)].map(ScopedJoinHandle::join));
            let [one, other] = made.map(Result::unwrap);
            let refused = if one.is_ok() { other.as_ref() } else { one.as_ref() }.unwrap_err();
            assert!(matches!(refused, RunError::Busy { holder: Some(_), .. }), "{refused}");
            assert!(one.is_ok() || other.is_ok());
            assert_eq!(fs::read(root.join(layout::CONFIG)).unwrap(), b"seed = 1\n");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn what_killed_processes_left_is_removed_and_what_is_at_work_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in
            ["run.1.partial", "run.2.partial", "run.4.partial", "run.01.partial", "run.partial", "other.1.partial"]
        {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("run.1.partial").join(layout::LOCK), r#"{"process":7,"host":"there"}"#).unwrap();
        let at_work = Lock::take(&at("run.2.partial")).unwrap();
        drop(create(&at("run"), b"{}", "").unwrap());
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["other.1.partial", "run", "run.01.partial", "run.2.partial", "run.partial"]);
        drop(at_work);
    }

    #[test]
    #[cfg(unix)]
    fn what_cannot_be_made_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let [root, link] = ["run", "link"].map(|name| folder.path().join(name));
        fs::create_dir(&root).unwrap();
        assert!(matches!(create(&root, b"{}", ""), Err(RunError::Exists { .. })));
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(
            matches!(create(&link, b"{}", ""), Err(RunError::Write { .. })),
            "a folder does not take a link's name"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
