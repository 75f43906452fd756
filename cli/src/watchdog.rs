//! Says which plugin does not answer, and ends the program where the user wants that.

use std::{collections::BTreeSet, env, process, thread, time::Duration};

use anyhow::Context;
use rl4seg_core::plugin::{LongCall, long_calls};

use crate::output::note;

/// The longest time that a call into a plugin may take, in seconds.
const LIMIT_VARIABLE: &str = "RL4SEG_PLUGIN_TIME_LIMIT";
/// When a call is long enough to be spoken of.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(200);

/// Watches the calls into plugins until the program ends.
pub fn start() -> anyhow::Result<()> {
    let limit = limit()?;
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(limit)).context("cannot start a thread")?;
    Ok(())
}

fn limit() -> anyhow::Result<Option<Duration>> {
    let Some(text) = env::var_os(LIMIT_VARIABLE).filter(|text| !text.is_empty()) else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse::<f64>().ok());
    let limit = seconds.filter(|&seconds| seconds > 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.map(Some).with_context(|| {
        format!("the variable {LIMIT_VARIABLE} is `{}`; expected seconds, above 0", text.to_string_lossy())
    })
}

fn watch(limit: Option<Duration>) {
    let mut spoken_of = BTreeSet::new();
    loop {
        thread::sleep(INTERVAL);
        for LongCall { number, component, elapsed } in long_calls(limit.map_or(PATIENCE, |limit| limit.min(PATIENCE))) {
            let seconds = elapsed.as_secs_f64();
            if limit.is_some_and(|limit| elapsed >= limit) {
                note(&format!(
                    "error: `{component}` has not answered for {seconds:.0} s, longer than {LIMIT_VARIABLE} allows; \
                     what was finished is kept"
                ));
                process::exit(1);
            }
            if spoken_of.insert(number) {
                note(&format!(
                    "note: `{component}` was called {seconds:.0} s ago and has not answered; {LIMIT_VARIABLE}=N ends the \
                     program after N seconds"
                ));
            }
        }
    }
}
