//! How a failure is told: one block of text, the causes below what was attempted.

use std::io;

/// The text for standard error. A cause that its own effect already tells is left out.
pub fn describe(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    let mut text = format!("error: {told}");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !told.contains(&cause) {
            text.push_str(&format!("\n  caused by: {}", cause.replace('\n', "\n  ")));
            told = cause;
        }
    }
    text
}

/// Whether whoever read our output has stopped reading, as `head` does. That is no failure.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let pipes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    pipes.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn causes_stand_below_and_none_is_told_twice() {
        let error = anyhow!("the disk is full").context("writing a.nii.gz: the disk is full").context("predict");
        assert_eq!(describe(&error), "error: predict\n  caused by: writing a.nii.gz: the disk is full");
    }

    #[test]
    fn only_a_pipe_that_nobody_reads_is_forgiven() {
        let broken = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing").unwrap_err();
        assert!(is_broken_pipe(&broken));
        assert!(!is_broken_pipe(&anyhow!(io::Error::from(io::ErrorKind::NotFound))));
    }
}
