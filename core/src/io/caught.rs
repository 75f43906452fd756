/// What `work` comes to; a panic in it is an error too, since foreign code meets whatever stands in a file.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    outcome.unwrap_or_else(|_| Err("what it holds cannot be decoded; it may be damaged".to_owned()))
}
