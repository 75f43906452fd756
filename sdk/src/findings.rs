use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::Finding,
};

/// Refuses NaN and infinity, which JSON does not know and would quietly make a missing value.
pub(crate) fn require_finite(finding: &Finding) -> Result<()> {
    let numbers = [finding.value, finding.accepted.min, finding.accepted.max];
    match numbers.into_iter().flatten().find(|number| !number.is_finite()) {
        None => Ok(()),
        Some(number) => {
            let metric = &finding.metric;
            let message = format!(
                "the finding `{metric}` holds {number}; what cannot be measured is None with a note, and so is an open end"
            );
            Err(ComponentError::new(ErrorKind::NotFinite, message))
        }
    }
}
