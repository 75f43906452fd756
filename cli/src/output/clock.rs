use std::time::SystemTime;

/// The time in UTC, as `2026-03-01T09:30:00Z` (RFC 3339).
#[allow(clippy::disallowed_methods, reason = "a log tells the time, and no result depends on it")]
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
