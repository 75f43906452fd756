//! What every component promises, as checks for its tests and for `rl4seg plugins verify`.
//!
//! A check returns the first broken promise. In a test it runs on the component as it is; nothing is loaded.
//!
//! | promise | whose |
//! |---|---|
//! | the same question has the same answer, however often and from however many threads it is asked | all |
//! | any label map or image is answered or refused by an error: empty, of one structure, tiny, huge, a sequence, a volume, with unequal spacing | all |
//! | a seed decides everything that is random | distortions |
//! | answers lie on the grid of the question | distortions, correctors, data sources |
//! | no number is NaN or infinite, no finding is without a name, a unit, or a reason for having no value | metrics |
//! | layers fit together for the channels of each network of the loop | network architectures |
//! | gradients are those of what it answers; with running statistics a plane's logits do not depend on the others | differentiable networks |
//! | references hold the data set's labels alone | data sources |
//! | a setting that it does not know is refused | all, [`check_configuration`] |

mod correctors;
mod distortions;
mod inputs;
mod metrics;
mod networks;
mod sources;

use crate::{
    Component,
    component::{ComponentError, ErrorKind, Result},
    definition::make,
    domain::Image,
};

pub use correctors::{check_corrector, question_corrector};
pub use distortions::{check_distortion_generator, question_distortion_generator};
pub use inputs::{images, label_maps};
pub use metrics::{check_validity_metric, question_validity_metric};
pub use networks::{check_differentiable_network, check_network_architecture};
pub use sources::check_data_source;

/// How many questions of every kind a component was asked, and how many it did not refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All.
    pub asked: usize,
    /// Those that were answered.
    pub answered: usize,
}

impl Coverage {
    fn add(&mut self, was_answered: bool) {
        self.asked += 1;
        self.answered += usize::from(was_answered);
    }
}

/// How many threads ask at a time.
const THREADS: usize = 4;

/// `config`, a JSON object, makes the component; the same with a key that it does not know is refused.
///
/// # Errors
/// The first broken promise.
pub fn check_configuration<T: Component>(config: &str) -> Result<()> {
    make::<T>(config).map_err(|error| error.context("the configuration should be accepted"))?;
    let inside = config.trim().strip_suffix('}').unwrap_or_default().trim_end();
    let comma = if inside.ends_with('{') { "" } else { "," };
    match make::<T>(&format!("{inside}{comma}\"no_such_key\":0}}")) {
        Ok(_) => broken("an unknown key is accepted; derive the configuration with `deny_unknown_fields`"),
        Err(_) => Ok(()),
    }
}

/// The answer to a question that has to be answered the same again, and by several threads at a time. An error that is no
/// panic is an answer.
fn steady<T: PartialEq + Send>(ask: impl Fn() -> Result<T> + Sync) -> Result<Option<T>> {
    let first = answered(ask())?;
    require(answered(ask())? == first, || "the second answer differs from the first".to_owned())?;
    let at_once: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(&ask)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for answer in at_once {
        let Ok(answer) = answer else { return broken("it panics") };
        require(answered(answer)? == first, || {
            format!("asked by {THREADS} threads at a time it answers otherwise than by one")
        })?;
    }
    Ok(first)
}

/// Whether an error is no refusal.
fn is_broken(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Panicked | ErrorKind::NotFinite | ErrorKind::BrokenPromise)
}

/// `None` where the question was refused.
///
/// # Errors
/// If the component panicked, or gave what is no number.
fn answered<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_broken(error.kind()) => Err(error),
        Err(_) => Ok(None),
    }
}

fn require_intensities(image: &Image) -> Result<()> {
    require(image.values().iter().all(|value| value.is_finite()), || "an intensity is NaN or infinite".to_owned())
}

fn require(holds: bool, broken_promise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { broken(broken_promise()) }
}

fn broken<T>(promise: impl Into<String>) -> Result<T> {
    Err(ComponentError::new(ErrorKind::BrokenPromise, promise))
}

#[cfg(test)]
mod tests;
