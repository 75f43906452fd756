use std::collections::BTreeSet;

use super::{broken, require, require_intensities, steady};
use crate::{
    component::{DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId},
};

/// A data source lists cases that can be told apart, reads each the same each time, by any number of threads, and gives references
/// that lie on their image's grid and hold its labels alone.
///
/// # Errors
/// The first broken promise.
pub fn check_data_source(source: &(impl DataSource + ?Sized)) -> Result<()> {
    let cases = source.cases()?;
    require(!cases.is_empty(), || "it lists no cases".to_owned())?;
    require(source.cases()? == cases, || "the second list of cases differs from the first".to_owned())?;
    let mut ids = BTreeSet::new();
    for case in &cases {
        require(ids.insert(&case.id), || format!("it lists the case `{}` twice", case.id))?;
        check_case(source, case).map_err(|error| error.context(format!("case `{}`", case.id)))?;
    }
    match source.image(&CaseId("no such case".to_owned())) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.context("a case that is not there should be an error of kind NotFound")),
        Ok(_) => broken("it gives an image for a case that is not there"),
    }
}

fn check_case(source: &(impl DataSource + ?Sized), case: &CaseEntry) -> Result<()> {
    let read = || {
        let image = source.image(&case.id)?;
        require_intensities(&image)?;
        Ok(image)
    };
    let image = match steady(read)? {
        Some(image) => image,
        None => source.image(&case.id)?,
    };
    let reference = source.reference(&case.id)?;
    require(reference.is_some() == case.has_reference, || {
        format!("has_reference is {}, but the reference says otherwise", case.has_reference)
    })?;
    require(source.reference(&case.id)? == reference, || "the second reference differs from the first".to_owned())?;
    if let Some(reference) = reference {
        reference.grid().require_same(image.grid(), ["the reference", "the image"])?;
        reference.require_labels(source.labels())?;
    }
    Ok(())
}
