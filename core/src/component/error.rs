use std::{error::Error, fmt};

use crate::domain::DomainError;

/// What a component's call comes to.
pub type Result<T> = std::result::Result<T, ComponentError>;

/// What kind of failure it is. Code branches on this, people read the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, a case or a component that is not there.
    NotFound,
    /// It is there but cannot be read.
    Unreadable,
    /// It was read and contradicts itself or what belongs to it.
    Inconsistent,
    /// A setting that is missing, unknown or out of range.
    Configuration,
    /// The component does not do what was asked.
    Unsupported,
    /// The component panicked.
    Panicked,
    /// What the component gave is not what those of its kind promise, as a label map on another grid.
    BrokenPromise,
    /// A computation gave NaN or infinity.
    NotFinite,
    /// Anything else.
    Other,
}

/// A failure of a component: what kind, what happened, and the chain of causes.
#[derive(Debug)]
pub struct ComponentError {
    kind: ErrorKind,
    message: String,
    source: Option<Box<ComponentError>>,
}

impl ComponentError {
    /// An error without a cause. The message names the file or field, what was found, what was
    /// expected and how to mend it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Puts what was being attempted in front; the kind stays.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        Self { kind: self.kind, message: message.into(), source: Some(Box::new(self)) }
    }

    /// The same error, of another kind.
    #[must_use]
    pub fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// Puts a chain of messages, outermost first, together again.
    #[must_use]
    pub fn from_chain(kind: ErrorKind, messages: Vec<String>) -> Self {
        let chain = messages
            .into_iter()
            .rev()
            .fold(None, |source: Option<Box<Self>>, message| Some(Box::new(Self { kind, message, source })));
        chain.map_or_else(|| Self::new(kind, "no message was given"), |error| *error)
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The messages, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |error| error.source.as_deref()).map(|error| error.message.as_str())
    }
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ComponentError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<DomainError> for ComponentError {
    fn from(error: DomainError) -> Self {
        Self::new(ErrorKind::Inconsistent, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_survives_the_round_trip() {
        let error = ComponentError::new(ErrorKind::Unreadable, "cut short").context("reading a.nii.gz");
        let texts: Vec<String> = error.chain().map(str::to_owned).collect();
        let again = ComponentError::from_chain(error.kind(), texts.clone());
        assert_eq!(again.chain().collect::<Vec<_>>(), texts);
        assert_eq!(again.kind(), ErrorKind::Unreadable);
    }
}
