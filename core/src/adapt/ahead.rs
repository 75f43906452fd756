//! The next batch is put together while the networks work on the last.

use std::sync::mpsc::sync_channel;

use super::AdaptError;
use crate::component::ComponentError;

/// Batches that wait to be used.
const WAITING: usize = 1;

/// Calls `use_batch` with what `make` gives for 0, 1, ..., `count` - 1, in this order. `make` runs on another
/// thread, ahead of `use_batch`; what it gives may depend on the number alone.
///
/// # Errors
/// The first of either; nothing is made or used after it.
pub(super) fn ahead<T: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T, ComponentError> + Send,
    mut use_batch: impl FnMut(usize, T) -> Result<(), AdaptError>,
) -> Result<(), AdaptError> {
    let (made, waiting) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..count {
                let batch = make(number);
                let failed = batch.is_err();
                if made.send(batch).is_err() || failed {
                    return;
                }
            }
        });
        for (number, batch) in waiting.into_iter().enumerate() {
            use_batch(number, batch?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::component::ErrorKind;

    #[test]
    fn everything_is_used_in_order() {
        let mut used = Vec::new();
        let outcome = ahead(
            50,
            |number| Ok(number * number),
            |number, square| {
                used.push((number, square));
                Ok(())
            },
        );
        assert!(outcome.is_ok());
        assert_eq!(used, (0..50).map(|number| (number, number * number)).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_it() {
        let made = AtomicUsize::new(0);
        let failing = |number| {
            made.fetch_add(1, Ordering::Relaxed);
            if number == 3 { Err(ComponentError::new(ErrorKind::Other, "three")) } else { Ok(number) }
        };
        let mut used = 0;
        let outcome = ahead(100, failing, |_, _| {
            used += 1;
            Ok(())
        });
        assert!(outcome.unwrap_err().to_string().contains("three"));
        assert_eq!((used, made.load(Ordering::Relaxed)), (3, 4));

        let made = AtomicUsize::new(0);
        let make = |number| {
            made.fetch_add(1, Ordering::Relaxed);
            Ok(number)
        };
        let outcome =
            ahead(100, make, |number, _| if number == 2 { Err(AdaptError::Data("full".to_owned())) } else { Ok(()) });
        assert!(outcome.unwrap_err().to_string().contains("full"));
        assert!(made.load(Ordering::Relaxed) <= 2 + WAITING + 3);
    }
}
