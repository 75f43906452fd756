//! What every target is: bytes, opened as a file of one kind.

use std::panic;

#[doc(hidden)]
pub use libfuzzer_sys::fuzz_target;
use rl4seg_hostile::Counting;
#[doc(hidden)]
pub use rl4seg_hostile::{Kind, Trial};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The target of a [`Kind`]. A panic that gets out ends it, and so does memory that the file's size does not explain.
#[macro_export]
macro_rules! target {
    ($kind:ident) => {
        thread_local! {
            static TRIAL: $crate::Trial = $crate::Trial::new($crate::Kind::$kind);
        }

        $crate::fuzz_target!(
            init: $crate::let_decoders_panic(),
            |bytes: &[u8]| TRIAL.with(|trial| drop(trial.open(bytes)))
        );
    };
}

/// Panics of other people's decoders are caught and become errors of the file; libFuzzer would take each for a crash. A panic of this
/// project's own code is one, caught or not.
#[doc(hidden)]
pub fn let_decoders_panic() {
    let crash = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let is_theirs = |file: &str| file.contains("/registry/") || file.contains("/rustc/");
        if !panic.location().is_some_and(|place| is_theirs(place.file())) {
            crash(panic);
        }
    }));
}
