//! Calls into plugins that are under way, so that one that never answers can be named.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Calls by their number, counted from the start of the program.
static CALLS: Mutex<Calls> = Mutex::new(Calls { next: 0, under_way: BTreeMap::new() });

struct Calls {
    next: u64,
    under_way: BTreeMap<u64, (Arc<str>, Instant)>,
}

fn calls() -> MutexGuard<'static, Calls> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that is under way until this is dropped.
#[must_use]
pub(super) struct UnderWay(u64);

impl UnderWay {
    /// A call of a component, `plugin/name`, that begins now.
    pub(super) fn begin(component: &Arc<str>) -> Self {
        let mut calls = calls();
        let number = calls.next;
        calls.next += 1;
        calls.under_way.insert(number, (Arc::clone(component), Instant::now()));
        Self(number)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        calls().under_way.remove(&self.0);
    }
}

/// A call into a plugin that has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongCall {
    /// Tells calls apart; later calls have larger numbers.
    pub number: u64,
    /// `plugin/name`.
    pub component: String,
    /// Since the call began.
    pub elapsed: Duration,
}

/// The calls that have been under way for `least` or longer, in the order in which they began. A plugin's call cannot
/// be stopped from outside: all that a program can do is to say so, or to end.
#[must_use]
pub fn long_calls(least: Duration) -> Vec<LongCall> {
    let calls = calls();
    let elapsed = calls.under_way.iter().map(|(&number, (component, began))| LongCall {
        number,
        component: component.to_string(),
        elapsed: began.elapsed(),
    });
    elapsed.filter(|call| call.elapsed >= least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_while_it_is_under_way() {
        let component: Arc<str> = "watched/one".into();
        let known = |least| long_calls(least).into_iter().filter(|call| call.component == "watched/one").count();
        let call = UnderWay::begin(&component);
        let another = UnderWay::begin(&component);
        assert_eq!([known(Duration::ZERO), known(Duration::from_secs(3600))], [2, 0]);
        drop(call);
        assert_eq!(known(Duration::ZERO), 1);
        drop(another);
        assert_eq!(known(Duration::ZERO), 0);
    }
}
