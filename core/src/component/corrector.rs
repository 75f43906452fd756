use super::Result;
use crate::domain::LabelMap;

/// Makes right label maps from wrong ones.
pub trait Corrector: Send + Sync {
    /// Learns what right label maps look like, from the experts' maps of the source domain.
    /// A corrector that learns nothing keeps this default.
    ///
    /// # Errors
    /// If there are too few references, or they do not fit together.
    fn fit(&mut self, references: &[LabelMap]) -> Result<()> {
        let _ = references;
        Ok(())
    }

    /// Corrections of `labels`, on the same grid, the most faithful first. The loop takes the
    /// first that the validity metrics accept.
    ///
    /// # Errors
    /// If the corrector was not fitted, or cannot judge such a label map.
    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>>;
}
