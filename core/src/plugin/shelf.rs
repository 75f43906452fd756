use std::collections::BTreeMap;

use crate::{
    component::{ComponentError, ComponentKind, ErrorKind, Result},
    near_name,
};

/// Makes a component from its configuration, a JSON object.
pub(super) type Make<T> = Box<dyn Fn(&str) -> Result<Box<T>> + Send + Sync>;

/// All components of one kind, by id.
pub(super) struct Shelf<T: ?Sized> {
    kind: ComponentKind,
    makers: BTreeMap<String, Make<T>>,
}

impl<T: ?Sized> Shelf<T> {
    pub fn new(kind: ComponentKind) -> Self {
        Self { kind, makers: BTreeMap::new() }
    }

    pub fn put(&mut self, id: String, make: Make<T>) {
        self.makers.insert(id, make);
    }

    /// Makes the component `id`, or `None` if there is no such.
    pub fn make(&self, id: &str, config: &str) -> Option<Result<Box<T>>> {
        let make = self.makers.get(id)?;
        let quoted = format!("`{id}`");
        // What a plugin refuses names the component already.
        let told = |error: ComponentError| {
            let is_named = error.chain().any(|cause| cause.contains(&quoted));
            if is_named { error } else { error.context(format!("making the {} {quoted}", self.kind.name())) }
        };
        Some(make(config).map_err(told))
    }

    /// The error for an id that is not here.
    pub fn missing(&self, id: &str) -> ComponentError {
        let kind = self.kind.name();
        let mut message = format!("there is no {kind} `{id}`");
        let near = near_name::nearest_component(id, self.makers.keys().map(String::as_str));
        message.push_str(&near_name::did_you_mean(near));
        let known: Vec<String> = self.makers.keys().map(|id| format!("`{id}`")).collect();
        if known.is_empty() {
            message.push_str(&format!(" (no plugin that is loaded offers a {kind})"));
        } else {
            message.push_str(&format!(" (there is: {})", known.join(", ")));
        }
        ComponentError::new(ErrorKind::NotFound, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(ids: &[&str]) -> Shelf<str> {
        let mut shelf = Shelf::new(ComponentKind::DataSource);
        for id in ids {
            shelf.put((*id).to_owned(), Box::new(|config| Ok(config.into())));
        }
        shelf
    }

    #[test]
    fn an_unknown_id_is_answered_with_what_there_is() {
        let message = shelf(&["echo/camus", "echo/phantom"]).missing("echo/camsu").to_string();
        assert!(message.contains("did you mean `echo/camus`?"), "{message}");
        assert!(message.contains("`echo/phantom`"), "{message}");
        assert!(shelf(&["echo/camus"]).missing("camus").to_string().contains("did you mean `echo/camus`?"));
        assert!(!shelf(&["echo/camus"]).missing("nifti").to_string().contains("did you mean"));
        assert!(shelf(&[]).missing("nifti").to_string().contains("no plugin"));
    }

    #[test]
    fn an_error_says_what_was_being_made() {
        let mut shelf = Shelf::<str>::new(ComponentKind::DataSource);
        shelf.put("a".to_owned(), Box::new(|_| Err(ComponentError::new(ErrorKind::Configuration, "no root"))));
        let error = shelf.make("a", "{}").unwrap().unwrap_err();
        assert_eq!(error.chain().collect::<Vec<_>>(), ["making the data source `a`", "no root"]);
        assert!(shelf.make("b", "{}").is_none());
    }
}
