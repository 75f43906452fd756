use super::Result;
use crate::domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet};

/// A set of cases: images and, for some, an expert's label map.
///
/// A source never writes to the data it reads.
pub trait DataSource: Send + Sync {
    /// The labels that its references use.
    fn labels(&self) -> &LabelSet;

    /// Its table of contents, in an order that never changes.
    ///
    /// # Errors
    /// If the data cannot be listed, or there is none.
    fn cases(&self) -> Result<Vec<CaseEntry>>;

    /// The image of a case.
    ///
    /// # Errors
    /// If the case is not there, cannot be read, or has no spacing.
    fn image(&self, id: &CaseId) -> Result<Image>;

    /// The same, and what else its file tells; of a source that does not say so, nothing.
    ///
    /// # Errors
    /// As [`DataSource::image`].
    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        Ok((self.image(id)?, ImageFacts::default()))
    }

    /// The expert's label map of a case, on the grid of its image; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read, has a label outside [`DataSource::labels`], or does not lie on the
    /// image's grid.
    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>>;
}
