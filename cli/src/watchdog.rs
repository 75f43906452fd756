//! Says which plugin does not answer or takes much memory, and ends the program where the user wants that.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, process,
    str::FromStr,
    sync::OnceLock,
    thread,
    time::Duration,
};

use anyhow::Context;
use rl4seg_core::plugin::{LongCall, long_calls};

use crate::{measure::held_bytes, output::note};

/// The longest time that a call into a plugin may take, in seconds.
const TIME_VARIABLE: &str = "RL4SEG_PLUGIN_TIME_LIMIT";
/// The most that memory may grow during a call into a plugin, in MiB.
const MEMORY_VARIABLE: &str = "RL4SEG_PLUGIN_MEMORY_LIMIT";
/// When a call is long enough to be spoken of.
const PATIENCE: Duration = Duration::from_secs(60);
/// When a call has taken enough memory to be spoken of, and as much as a component may take that is checked: label maps
/// and images of a million voxels are some MiB.
const MUCH_MEMORY: u64 = 4 << 30;
const INTERVAL: Duration = Duration::from_millis(200);

/// The component that this process does nothing but check.
static CHECKED: OnceLock<String> = OnceLock::new();

/// Counts all memory that is taken from now on as `component`'s, and limits it where the user does not.
pub fn checks(component: &str) {
    // A process checks one component.
    let _ = CHECKED.set(component.to_owned());
}

/// Watches the calls into plugins until the program ends.
pub fn start() -> anyhow::Result<()> {
    let seconds = above_zero::<f64>(TIME_VARIABLE, "seconds")?;
    let time = seconds.map(Duration::try_from_secs_f64).transpose();
    let time = time.with_context(|| format!("the variable {TIME_VARIABLE}"))?;
    let memory = above_zero::<u32>(MEMORY_VARIABLE, "whole MiB")?.map(|mib| u64::from(mib) << 20);
    let watch = move || {
        let growth = Growth { held: held_bytes().unwrap_or_default(), ..Growth::default() };
        let mut watch = Watch { time, memory, growth, ..Watch::default() };
        loop {
            thread::sleep(INTERVAL);
            watch.look();
        }
    };
    thread::Builder::new().name("watchdog".to_owned()).spawn(watch).context("cannot start a thread")?;
    Ok(())
}

/// The number in an environment variable, if it is set.
fn above_zero<T: FromStr + PartialOrd + Default>(variable: &str, unit: &str) -> anyhow::Result<Option<T>> {
    let Some(text) = env::var_os(variable).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.to_str().and_then(|text| text.parse::<T>().ok()).filter(|number| *number > T::default());
    number
        .map(Some)
        .with_context(|| format!("the variable {variable} is `{}`; expected {unit}, above 0", text.to_string_lossy()))
}

#[derive(Default)]
struct Watch {
    time: Option<Duration>,
    memory: Option<u64>,
    growth: Growth,
    slow: BTreeSet<u64>,
    large: BTreeSet<u64>,
}

impl Watch {
    fn look(&mut self) {
        for call in long_calls(self.time.map_or(PATIENCE, |limit| limit.min(PATIENCE))) {
            tell(slow(&call, self.time), self.slow.insert(call.number));
        }
        let Some(held) = held_bytes() else { return };
        let mut calls = long_calls(Duration::ZERO);
        let mut limit = self.memory;
        if let Some(component) = CHECKED.get() {
            calls.push(LongCall { number: u64::MAX, component: component.clone(), elapsed: Duration::ZERO });
            limit = limit.or(Some(MUCH_MEMORY));
        }
        for (call, bytes) in self.growth.during(&calls, held) {
            if bytes >= limit.unwrap_or(MUCH_MEMORY) {
                tell(large(call, bytes, limit), self.large.insert(call.number));
            }
        }
    }
}

/// What is said of a call: the last word of the program, or a note.
#[derive(Debug, PartialEq)]
enum Said {
    End(String),
    Note(String),
}

/// Ends the program, or says what has not been said.
fn tell(said: Said, is_new: bool) {
    match said {
        Said::End(text) => {
            note(&text);
            process::exit(1);
        }
        Said::Note(text) if is_new => note(&text),
        Said::Note(_) => {}
    }
}

fn slow(call: &LongCall, limit: Option<Duration>) -> Said {
    let LongCall { component, elapsed, .. } = call;
    let seconds = elapsed.as_secs_f64();
    match limit.filter(|limit| elapsed >= limit) {
        Some(_) => Said::End(format!(
            "error: `{component}` has not answered for {seconds:.0} s, longer than {TIME_VARIABLE} allows; what was \
             finished is kept"
        )),
        None => Said::Note(format!(
            "note: `{component}` was called {seconds:.0} s ago and has not answered; {TIME_VARIABLE}=N ends the program \
             after N seconds"
        )),
    }
}

fn large(call: &LongCall, bytes: u64, limit: Option<u64>) -> Said {
    let grew = format!("the program's memory grew by {} MiB while `{}` was at work", bytes >> 20, call.component);
    match limit {
        Some(limit) => Said::End(format!(
            "error: {grew}; {MEMORY_VARIABLE} allows {} MiB, and what was finished is kept",
            limit >> 20
        )),
        None => Said::Note(format!("note: {grew}; {MEMORY_VARIABLE}=N ends the program where it is more than N MiB")),
    }
}

/// How much more memory the program holds than it did during each call that is under way, and just before.
#[derive(Default)]
struct Growth {
    /// At the last look.
    held: u64,
    /// The least since each call, by its number, and just before it.
    before: BTreeMap<u64, u64>,
}

impl Growth {
    /// Looks at all the calls that are under way; `held` is what the program holds now.
    fn during<'a>(&mut self, calls: &'a [LongCall], held: u64) -> Vec<(&'a LongCall, u64)> {
        self.before.retain(|number, _| calls.iter().any(|call| call.number == *number));
        let last = std::mem::replace(&mut self.held, held);
        let grown = |call: &'a LongCall| {
            let least = self.before.entry(call.number).or_insert(last);
            *least = held.min(*least);
            (call, held - *least)
        };
        calls.iter().map(grown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u64, seconds: u64) -> LongCall {
        LongCall { number, component: "lungs/pieces".to_owned(), elapsed: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_call_that_does_not_answer_is_named_and_a_limit_offered() {
        let Said::Note(text) = slow(&call(0, 61), None) else { panic!("no limit was set") };
        assert!(text.contains("`lungs/pieces` was called 61 s ago") && text.contains("RL4SEG_PLUGIN_TIME_LIMIT=N"));
        let limit = Some(Duration::from_secs(100));
        assert!(matches!(slow(&call(0, 61), limit), Said::Note(_)));
        assert!(matches!(slow(&call(0, 100), limit), Said::End(_)));
    }

    #[test]
    fn a_call_that_takes_much_memory_is_named_and_a_limit_offered() {
        let Said::Note(text) = large(&call(0, 1), 5 << 30, None) else { panic!("no limit was set") };
        assert!(text.contains("grew by 5120 MiB while `lungs/pieces`"), "{text}");
        assert!(text.contains("RL4SEG_PLUGIN_MEMORY_LIMIT=N"), "{text}");
        let Said::End(text) = large(&call(0, 1), 5 << 30, Some(1 << 30)) else { panic!("a limit was set") };
        assert!(text.starts_with("error: ") && text.contains("allows 1024 MiB"), "{text}");
    }

    #[test]
    fn memory_counts_from_just_before_a_call_on() {
        let mut growth = Growth::default();
        let mut during = |numbers: &[u64], held| {
            let calls: Vec<_> = numbers.iter().map(|&number| call(number, 0)).collect();
            growth.during(&calls, held).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
        };
        assert!(during(&[], 100).is_empty());
        assert_eq!(during(&[1], 150), [50]);
        assert_eq!(during(&[1, 2], 160), [60, 10]);
        // The first is over, and gave back more than it had taken.
        assert_eq!(during(&[2, 3], 90), [0, 0]);
        assert_eq!(during(&[3], 95), [5]);
    }
}
