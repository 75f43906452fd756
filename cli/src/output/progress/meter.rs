use std::time::{Duration, Instant};

use indicatif::HumanDuration;

/// Tells how fast work is and how long it will take, from what was done since it took its present size.
///
/// The first piece does not count: it waits for files, and on a GPU for kernels that are compiled.
#[derive(Debug)]
pub struct Meter {
    total: usize,
    since: Instant,
    from: usize,
    past_first: bool,
}

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub done: usize,
    pub total: usize,
    /// Pieces a second; none while there is nothing to tell it from.
    pub per_second: Option<f64>,
}

impl Meter {
    pub fn new(now: Instant) -> Self {
        Self { total: 0, since: now, from: 0, past_first: false }
    }

    /// `done` of `total` pieces are done.
    pub fn read(&mut self, now: Instant, done: usize, total: usize) -> Reading {
        if total != self.total || done < self.from {
            *self = Self { total, since: now, from: done, past_first: false };
        } else if !self.past_first && done > self.from {
            (self.since, self.from, self.past_first) = (now, done, true);
        }
        let seconds = (now - self.since).as_secs_f64();
        let counted = done - self.from;
        let per_second = (counted > 0 && seconds > 0.0).then(|| counted as f64 / seconds);
        Reading { done, total, per_second }
    }
}

impl Reading {
    /// How long the rest will take.
    pub fn left(&self) -> Option<Duration> {
        let left = self.total.saturating_sub(self.done) as f64;
        self.per_second.and_then(|rate| Duration::try_from_secs_f64(left / rate).ok())
    }

    pub fn percent(&self) -> usize {
        100 * self.done / self.total.max(1)
    }

    /// For people, as `, 12.3 images/s, about 5 seconds to go`; nothing where nothing is known.
    pub fn pace(&self, unit: &str) -> String {
        let rate = self.per_second.map(|rate| format!(", {} {unit}/s", digits(rate)));
        let left = self.left().map(|left| format!(", about {} to go", HumanDuration(left)));
        rate.unwrap_or_default() + &left.unwrap_or_default()
    }
}

/// Three digits or so.
fn digits(rate: f64) -> String {
    let after_the_point = if rate >= 100.0 {
        0
    } else if rate >= 1.0 {
        1
    } else {
        3
    };
    format!("{rate:.after_the_point$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_piece_does_not_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut meter = Meter::new(start);
        assert_eq!(meter.read(at(0), 0, 100).pace("batches"), "");
        assert_eq!(meter.read(at(30), 1, 100).pace("batches"), "", "kernels were compiled");
        let reading = meter.read(at(35), 51, 100);
        assert_eq!((reading.percent(), reading.left()), (51, Some(Duration::from_millis(4900))));
        assert_eq!(reading.pace("batches"), ", 10.0 batches/s, about 5 seconds to go");
    }

    #[test]
    fn work_of_another_size_is_measured_afresh() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut meter = Meter::new(start);
        for done in 0..10 {
            meter.read(at(done), done as usize, 10);
        }
        assert_eq!(meter.read(at(60), 0, 1000).per_second, None);
        meter.read(at(61), 1, 1000);
        assert_eq!(meter.read(at(65), 2, 1000).pace("images"), ", 0.250 images/s, about 67 minutes to go");
        assert_eq!(meter.read(at(66), 0, 1000).per_second, None, "it began anew");
    }

    #[test]
    fn rates_have_about_three_digits() {
        assert_eq!([1234.5, 12.34, 0.01234].map(digits), ["1234", "12.3", "0.012"]);
    }
}
