use std::{
    io::Read,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{error::LoadError, inspect::inspect, load::load};

/// The hidden subcommand that [`answer_probe`] answers: `PROGRAM __probe FILE`.
pub const PROBE_COMMAND: &str = "__probe";

/// What the child says at the end, so that an initialiser that ends the process with success is
/// not taken for one that works.
const TOKEN: &str = "rl4seg-probe-passed";
/// The exit status of a child that lived to refuse the file.
const REFUSED: i32 = 3;

/// Loads the library at `path` on trial, in this process. A program that offers [`PROBE_COMMAND`]
/// prints the text and exits with the status.
#[must_use]
pub fn answer_probe(path: &Path) -> (String, i32) {
    match inspect(path).and_then(|entry| load(path, &entry)) {
        Ok(_) => (TOKEN.to_owned(), 0),
        Err(error) => (error.to_string(), REFUSED),
    }
}

/// Loads the library at `path` in a child process of `program`, which offers [`PROBE_COMMAND`].
pub(super) fn probe(program: &Path, path: &Path, limit: Duration) -> Result<(), LoadError> {
    let mut child = Command::new(program)
        .arg(PROBE_COMMAND)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (answer, complaint) = (read(child.stdout.take()), read(child.stderr.take()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(LoadError::TimedOut { seconds: limit.as_secs_f64() });
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    judge(status, answer.join().unwrap_or_default().trim(), &complaint.join().unwrap_or_default())
}

fn judge(status: ExitStatus, answer: &str, complaint: &str) -> Result<(), LoadError> {
    match status.code() {
        // A library may print while it is loaded; the token comes last.
        Some(0) if answer.ends_with(TOKEN) => Ok(()),
        Some(REFUSED) => Err(LoadError::Probe(answer.to_owned())),
        _ => {
            let said = complaint.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            Err(LoadError::Crashed { how: status.to_string(), said: said.to_owned() })
        }
    }
}

/// Reads in a thread of its own, so that a child that writes much does not wait for its reader.
fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    const MOST_BYTES: u64 = 64 << 10;
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What could be read before an error is all there is to show.
            let _ = pipe.take(MOST_BYTES).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
