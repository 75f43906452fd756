use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use rl4seg_core::{
    adapt::{Observer, Progress},
    run_dir::Step,
};
use serde_json::Value;

use super::{note, warning};

/// Time between two lines in a log.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows how far a long piece of work is and how long it will take: a bar on a terminal, a line
/// now and then in a log, or nothing.
pub struct Counter {
    look: Look,
    title: String,
}

enum Look {
    Bar(ProgressBar),
    Lines(Pace),
    Hidden,
}

impl Counter {
    /// Starts to count. `shown` is false where the user asked for silence.
    pub fn new(title: impl Into<String>, shown: bool) -> Self {
        let title = title.into();
        let look = match shown {
            false => Look::Hidden,
            true if std::io::stderr().is_terminal() => Look::Bar(bar(&title)),
            true => Look::Lines(Pace::new(Instant::now())),
        };
        Self { look, title }
    }

    /// `done` of `total` are done of what is called `what`.
    pub fn at(&mut self, what: &str, done: usize, total: usize) {
        match &mut self.look {
            Look::Hidden => {}
            Look::Bar(bar) => {
                if bar.length() != Some(total as u64) {
                    bar.set_length(total as u64);
                    bar.reset_eta();
                }
                bar.set_position(done as u64);
                bar.set_message(what.to_owned());
            }
            Look::Lines(pace) => {
                if let Some(line) = pace.line(Instant::now(), what, done, total) {
                    note(&format!("{}: {line}", self.title));
                }
            }
        }
    }

    /// Leaves one line about the finished work.
    pub fn finish(&self, outcome: &str) {
        if let Look::Bar(bar) = &self.look {
            bar.finish_and_clear();
        }
        if !matches!(self.look, Look::Hidden) {
            note(&format!("{}: {outcome}", self.title));
        }
    }
}

fn bar(title: &str) -> ProgressBar {
    let template = "{prefix}: {wide_msg} {bar:24} {percent:>3} %  {elapsed} gone, about {eta} to go";
    let bar = ProgressBar::no_length().with_prefix(title.to_owned());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Decides when a log gets a line, and estimates what is left from what was done since the work
/// took its present size.
struct Pace {
    last_line: Instant,
    total: usize,
    since: Instant,
    done_then: usize,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { last_line: now, total: 0, since: now, done_then: 0 }
    }

    fn line(&mut self, now: Instant, what: &str, done: usize, total: usize) -> Option<String> {
        if total != self.total || done < self.done_then {
            *self = Self { last_line: self.last_line, total, since: now, done_then: done };
        }
        if now - self.last_line < BETWEEN_LINES {
            return None;
        }
        self.last_line = now;
        let percent = 100 * done / total.max(1);
        let left = self.left(now, done).map_or(String::new(), |left| format!(", about {} to go", HumanDuration(left)));
        Some(format!("{what}, {percent} %{left}"))
    }

    fn left(&self, now: Instant, done: usize) -> Option<Duration> {
        let done_since = done.checked_sub(self.done_then).filter(|&count| count > 0)?;
        let a_piece = (now - self.since).as_secs_f64() / done_since as f64;
        Some(Duration::from_secs_f64(a_piece * self.total.saturating_sub(done) as f64))
    }
}

/// Shows the steps of a run.
pub struct RunProgress {
    shown: bool,
    counter: Counter,
    started: Instant,
}

impl RunProgress {
    /// Shows nothing until a step begins.
    pub fn new(shown: bool) -> Self {
        Self { shown, counter: Counter::new("", false), started: Instant::now() }
    }
}

impl Observer for RunProgress {
    fn step_started(&mut self, step: &Step, index: usize, total: usize) {
        self.counter = Counter::new(format!("[{}/{total}] {step}", index + 1), self.shown);
        self.started = Instant::now();
    }

    fn progress(&mut self, progress: Progress<'_>) {
        self.counter.at(progress.what, progress.done, progress.total);
    }

    fn step_finished(&mut self, _: &Step, summary: &Value) {
        if let Some(warning) = warning::about(summary) {
            note(&warning);
        }
        self.counter.finish(&format!("done in {:.1} s", self.started.elapsed().as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_a_line_now_and_then_with_an_estimate() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.line(at(1), "epoch 1 of 2", 0, 100), None);
        assert_eq!(pace.line(at(4), "epoch 1 of 2", 30, 100), None);
        let line = pace.line(at(6), "epoch 1 of 2", 50, 100);
        assert_eq!(line.as_deref(), Some("epoch 1 of 2, 50 %, about 5 seconds to go"));
        assert_eq!(pace.line(at(7), "epoch 2 of 2", 60, 100), None);
    }

    #[test]
    fn work_of_another_size_is_estimated_afresh() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.line(start, "loading", 0, 10);
        assert_eq!(pace.line(start + Duration::from_secs(60), "training", 0, 1000).as_deref(), Some("training, 0 %"));
    }
}
