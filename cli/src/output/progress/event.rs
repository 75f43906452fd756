//! What machines read on standard error: one JSON object a line.

use std::time::Duration;

use rl4seg_core::run_dir::Step;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{super::note, Reading, clock};

/// Writes an event. The fields of `content` stand beside its name and the time.
pub fn event(name: &str, content: &impl Serialize) {
    let mut fields = Map::from_iter([("event".to_owned(), json!(name)), ("time".to_owned(), json!(clock::now()))]);
    if let Ok(Value::Object(content)) = serde_json::to_value(content) {
        fields.extend(content);
    }
    note(&Value::Object(fields).to_string());
}

/// What an event is about.
pub enum Subject {
    /// A piece of work by its name.
    Task(String),
    /// A step of a run.
    Step(Step),
}

#[derive(Serialize)]
struct Progress<'a> {
    #[serde(flatten)]
    subject: Value,
    what: &'a str,
    done: usize,
    total: usize,
    unit: &'a str,
    per_second: Option<f64>,
    seconds_left: Option<f64>,
    /// Of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_seconds_left: Option<f64>,
}

impl Subject {
    pub fn progress(&self, (what, unit): (&str, &str), reading: &Reading, run_left: Option<Duration>) {
        let Reading { done, total, per_second } = *reading;
        let seconds_left = reading.left().as_ref().map(Duration::as_secs_f64);
        let run_seconds_left = run_left.as_ref().map(Duration::as_secs_f64);
        let subject = self.fields();
        event("progress", &Progress { subject, what, done, total, unit, per_second, seconds_left, run_seconds_left });
    }

    /// The names that `metrics.jsonl` has too.
    pub fn fields(&self) -> Value {
        match self {
            Self::Task(task) => json!({ "task": task }),
            Self::Step(step) => json!({ "iteration": step.iteration, "step": step.kind }),
        }
    }
}
