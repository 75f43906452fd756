//! Who works on a run.

use std::{
    fmt,
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{RunError, layout};

/// How often a run is asked for that is held, and how long is waited in between: who asks whether it is, as `rl4seg status`, holds it
/// for a moment.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A process that works on a run, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its number on its machine.
    pub process: u32,
    /// The machine's name.
    pub host: String,
}

impl Holder {
    fn this() -> Self {
        Self { process: std::process::id(), host: hostname::get().unwrap_or_default().to_string_lossy().into_owned() }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

/// The right to write to a run. The system takes it back when the process ends, however it ends; the name of the process stays in
/// the file then.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    left_by: Option<Holder>,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// If another process has it; names that. If there are no locks.
    pub fn take(root: &Path) -> Result<Self, RunError> {
        let path = root.join(layout::LOCK);
        let failed = |error| RunError::write(&path, error);
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        match lock(&file) {
            Ok(()) => {
                let left_by = read(&mut file);
                write(&mut file, &Holder::this()).map_err(failed)?;
                Ok(Self { file, left_by })
            }
            Err(TryLockError::WouldBlock) => Err(RunError::Busy { path: root.to_owned(), holder: read(&mut file) }),
            Err(TryLockError::Error(source)) => Err(RunError::NoLocks { path, source }),
        }
    }

    /// The process that had it and ended without giving it back.
    pub fn left_by(&self) -> Option<&Holder> {
        self.left_by.as_ref()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next then takes this process for one that was killed, which does no harm.
        let _ = self.file.set_len(0);
    }
}

/// Tells who works on the run at `root` now, if anyone does; as far as that process says who it is.
pub(super) fn holder(root: &Path) -> Option<Option<Holder>> {
    let mut file = File::open(root.join(layout::LOCK)).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| read(&mut file))
}

fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            done => return done,
        }
    }
    file.try_lock()
}

/// Nothing where the file does not say, as where it was being written.
fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(holder)?)
}
