use std::collections::BTreeMap;

use super::{ComponentError, ErrorKind, Result};

/// Everything that the further training of a network depends on, in named parts, each bytes of the network's own making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainingState(pub BTreeMap<String, Vec<u8>>);

impl TrainingState {
    /// The part of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn part(&self, name: &str) -> Result<&[u8]> {
        let missing = || {
            let message = format!("the training state has no part `{name}`; it has {:?}", self.0.keys());
            ComponentError::new(ErrorKind::Inconsistent, message)
        };
        self.0.get(name).map(Vec::as_slice).ok_or_else(missing)
    }
}
