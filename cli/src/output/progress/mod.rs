//! How work that takes long shows itself on standard error.

mod estimate;
mod event;
mod meter;
mod run;

use std::{
    io::IsTerminal,
    sync::LazyLock,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

pub use estimate::Estimate;
use event::{Subject, event};
use meter::{Meter, Reading};
pub use run::RunProgress;

use super::{clock, note};
use crate::interrupt::Interrupted;

/// Time between two lines in a log.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// Time between two events of the same work.
const BETWEEN_EVENTS: Duration = Duration::from_secs(1);

/// The bars on the terminal, for what is to be written without tearing them.
pub static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How work that takes long shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// One line that changes, on a terminal.
    Bar,
    /// A line with the time now and then, in a log.
    Lines,
    /// A JSON object a line, for machines.
    Events,
    /// Not at all.
    Nothing,
}

impl Shown {
    /// What standard error is good for.
    pub fn to_people() -> Self {
        if std::io::stderr().is_terminal() { Self::Bar } else { Self::Lines }
    }

    /// What people read at the end of the program. Machines were told by an event.
    pub fn last_word(self, text: &str) {
        if self != Self::Events {
            note(text);
        }
    }

    /// Tells machines that work was stopped; people are told by its end.
    pub fn interrupted(self, interrupted: Interrupted) -> anyhow::Error {
        if self == Self::Events {
            event("interrupted", &interrupted);
        }
        interrupted.into()
    }

    /// Tells people something.
    pub fn tell(self, text: &str) {
        match self {
            Self::Bar => note(text),
            Self::Lines => note(&format!("{} {text}", clock::now())),
            Self::Events => event("note", &json!({ "message": text })),
            Self::Nothing => {}
        }
    }
}

/// Shows how far a long piece of work is, how fast, and how long it will take.
pub struct Counter {
    shown: Shown,
    title: String,
    subject: Subject,
    bar: Option<ProgressBar>,
    meter: Meter,
    last: Instant,
    last_what: String,
}

impl Counter {
    /// Starts to count what is called `title`.
    pub fn new(title: impl Into<String>, shown: Shown) -> Self {
        let title = title.into();
        Self::of(Subject::Task(title.clone()), title, shown)
    }

    fn of(subject: Subject, title: String, shown: Shown) -> Self {
        let now = Instant::now();
        let bar = (shown == Shown::Bar).then(|| bar(&title));
        Self { shown, subject, title, bar, meter: Meter::new(now), last: now, last_what: String::new() }
    }

    /// `done` of `total` are done of what is called `what`; both are numbers of `unit`, as `images`.
    pub fn at(&mut self, what: &str, done: usize, total: usize, unit: &str) {
        self.with_outlook((what, unit), (done, total), |_| None);
    }

    /// The same, with what else there is to do: its time from that of the present work.
    fn with_outlook(
        &mut self,
        (what, unit): (&str, &str),
        (done, total): (usize, usize),
        outlook: impl Fn(&Reading) -> Option<Duration>,
    ) {
        let now = Instant::now();
        let reading = self.meter.read(now, done, total);
        let outlook = outlook(&reading);
        let text = || format!("{what}{}{}", reading.pace(unit), estimate::text(outlook));
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message(text());
        }
        if !self.is_due(now, what) {
            return;
        }
        match self.shown {
            Shown::Lines => self.shown.tell(&format!("{}: {} %, {}", self.title, reading.percent(), text())),
            Shown::Events => {
                self.subject.progress((what, unit), &reading, outlook);
            }
            Shown::Bar | Shown::Nothing => {}
        }
    }

    /// Whether it is time for a line or an event.
    fn is_due(&mut self, now: Instant, what: &str) -> bool {
        let passed = now - self.last;
        let due = match self.shown {
            Shown::Lines => passed >= BETWEEN_LINES,
            Shown::Events => passed >= BETWEEN_EVENTS || what != self.last_what,
            Shown::Bar | Shown::Nothing => false,
        };
        if due {
            self.last = now;
            what.clone_into(&mut self.last_what);
        }
        due
    }

    /// Leaves one line about the finished work.
    pub fn finish(&mut self, outcome: &str) {
        self.clear();
        match (self.shown, &self.subject) {
            (Shown::Events, Subject::Task(task)) => {
                event("finished", &json!({ "task": task, "outcome": outcome }));
            }
            (Shown::Events, Subject::Step(_)) => {}
            _ => self.shown.tell(&format!("{}: {outcome}", self.title)),
        }
    }

    /// Takes the bar away.
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            BARS.remove(&bar);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(title: &str) -> ProgressBar {
    let template = "{prefix}: {wide_msg} {bar:20.cyan} {percent:>3} %  {elapsed}";
    let bar = BARS.add(ProgressBar::no_length().with_prefix(title.to_owned()));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
