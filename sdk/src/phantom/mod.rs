//! Made-up images, so that the users and the tests of a modality need no download.
//!
//! A modality implements [`Phantom`]: label map and image of one made-up case. [`PhantomSource`] makes a data
//! source of it, the component `phantom`, with patients, splits and the two domains. [`domain_table!`](crate::domain_table)
//! holds the numbers of both domains side by side.

mod draws;
mod smoothing;
mod source;
mod table;

use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{Image, LabelMap, LabelSet, Seed},
};

pub use draws::{Between, Count, Normal, Probability, Uniform, count, normal, uniform};
pub use smoothing::{noise_loss, smooth};
pub use source::{Domain, PhantomConfig, PhantomSource};

/// How often an anatomy is drawn before it is given up.
const ATTEMPTS: usize = 64;

/// Which image of which patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shot {
    /// The number of the patient, from 0.
    pub patient: usize,
    /// Which of [`Phantom::IMAGES`].
    pub image: usize,
}

/// Patients of one domain and their scanner. A shot is the same whenever it is asked for.
pub trait Phantom: Sized + Send + Sync + 'static {
    /// One sentence for `rl4seg plugins inspect`.
    const DOC: &'static str;
    /// What is imaged of each patient, in order: what case ids end in. At least one.
    const IMAGES: &'static [&'static str];

    /// The structures that are labelled.
    ///
    /// # Errors
    /// If they do not make a set.
    fn labels() -> Result<LabelSet>;

    /// Patients and scanner at `severity`: 0 is the source domain, 1 the target, up to 1.5. All is drawn from
    /// `seed`; images have `size` × `size` pixels.
    fn new(severity: f32, seed: Seed, size: usize) -> Self;

    /// The image, as a data source of the modality would give it.
    ///
    /// # Errors
    /// If no draw gives a valid anatomy.
    fn image(&self, shot: Shot) -> Result<Image>;

    /// Its label map.
    ///
    /// # Errors
    /// As [`Phantom::image`].
    fn label_map(&self, shot: Shot) -> Result<LabelMap>;
}

/// Draws until something fits: `draw` is given the number of the attempt, and gives nothing where it does not.
///
/// # Errors
/// Those of `draw`, or if 64 attempts gave nothing; `what` says what was drawn.
pub fn draw_until_fit<T>(what: &str, mut draw: impl FnMut(usize) -> Result<Option<T>>) -> Result<T> {
    for attempt in 0..ATTEMPTS {
        if let Some(drawn) = draw(attempt)? {
            return Ok(drawn);
        }
    }
    let message = format!(
        "no {what} in {ATTEMPTS} draws; expected one within a few: choose a larger `size` or a smaller `severity`"
    );
    Err(ComponentError::new(ErrorKind::Configuration, message))
}
