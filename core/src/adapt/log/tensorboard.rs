//! Event files as TensorBoard reads them: records with checksums (TFRecord), each a protocol buffer `Event`.
//!
//! Only what scalars need is here; the numbers of fields are those of `tensorboard/compat/proto/event.proto` and
//! `summary.proto`.

use super::line::MetricsLine;
use crate::run_dir::{Step, StepKind, layout};

/// What the first record of every file says.
const VERSION: &[u8] = b"brain.Event:2";

/// The name of a step's file, `number` being its place in the run. TensorBoard reads the files of a folder in the order
/// of their names, and takes what is added to the last.
pub(super) fn name(number: usize, step: &Step) -> String {
    let step = layout::step(step).to_string_lossy().replace(['/', '\\'], ".");
    format!("events.out.tfevents.{number:04}.{step}")
}

/// The bytes of an event file.
pub(super) struct EventFile {
    bytes: Vec<u8>,
}

impl EventFile {
    /// A file that says what it is.
    pub fn new(time_ms: u64) -> Self {
        let mut event = wall_time(time_ms);
        field(&mut event, 3, VERSION);
        let mut file = Self { bytes: Vec::new() };
        file.record(&event);
        file
    }

    /// Adds the numbers of a line. Epochs go on counting over the iterations, `epochs_before` having been before this one.
    pub fn add(&mut self, time_ms: u64, line: &MetricsLine, epochs_before: usize) {
        let at = line.epoch.map_or(line.iteration, |epoch| epochs_before + epoch);
        let group = group(line);
        for (name, number) in &line.values {
            let Some(value) = number.as_f64() else { continue };
            let mut scalar = Vec::new();
            field(&mut scalar, 1, format!("{group}/{name}").as_bytes());
            scalar.push(key(2, FOUR_BYTES));
            scalar.extend((value as f32).to_le_bytes());
            let mut summary = Vec::new();
            field(&mut summary, 1, &scalar);
            let mut event = wall_time(time_ms);
            event.push(key(2, VARINT));
            varint(&mut event, at);
            field(&mut event, 5, &summary);
            self.record(&event);
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn record(&mut self, data: &[u8]) {
        let length = (data.len() as u64).to_le_bytes();
        for part in [&length[..], data] {
            self.bytes.extend(part);
            self.bytes.extend(masked_checksum(part).to_le_bytes());
        }
    }
}

/// What scalars are shown together: epochs of a step, and apart from them what the step came to.
fn group(line: &MetricsLine) -> String {
    let step = layout::name(line.step);
    let has_epochs = matches!(line.step, StepKind::Pretrain | StepKind::FitReward | StepKind::ImprovePolicy);
    if has_epochs && line.epoch.is_none() { format!("{step}-result") } else { step.to_owned() }
}

/// CRC-32C, turned and shifted so that a checksum of what holds checksums still says something.
fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

const VARINT: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const LENGTH_AND_BYTES: u8 = 2;
const FOUR_BYTES: u8 = 5;

/// What stands before a field; all numbers here are below 16.
fn key(number: u8, kind: u8) -> u8 {
    number << 3 | kind
}

/// An event's first field, seconds since 1970.
fn wall_time(time_ms: u64) -> Vec<u8> {
    let mut event = vec![key(1, EIGHT_BYTES)];
    event.extend((time_ms as f64 / 1e3).to_le_bytes());
    event
}

fn field(message: &mut Vec<u8>, number: u8, content: &[u8]) {
    message.push(key(number, LENGTH_AND_BYTES));
    varint(message, content.len());
    message.extend(content);
}

/// Seven bits a byte, the lowest first.
fn varint(message: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Number;

    use super::*;

    /// The first record as TensorFlow 2 writes it, at 1 s.
    #[test]
    fn a_file_begins_as_one_of_tensorflow() {
        let bytes = EventFile::new(1000).into_bytes();
        let length = [0x18, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(bytes[..8], length);
        // The checksum of this length, as in every event file of TensorFlow and PyTorch.
        assert_eq!(bytes[8..12], [0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(bytes[12..36], *b"\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0dbrain.Event:2");
        assert_eq!(bytes.len(), 40);
    }

    /// The check value of CRC-32C (RFC 3720) is e3069283.
    #[test]
    fn checksums_are_masked() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_checksum(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn a_scalar_holds_its_tag_its_step_and_its_value() {
        let values = BTreeMap::from([("loss".to_owned(), Number::from_f64(0.5).unwrap())]);
        let line = MetricsLine { iteration: 2, step: StepKind::FitReward, epoch: Some(3), values };
        let mut file = EventFile { bytes: Vec::new() };
        file.add(1000, &line, 297);
        let event = b"\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02\x2a\x18\x0a\x16\x0a\x0ffit-reward/loss\x15\0\0\0\x3f";
        assert_eq!(file.bytes[12..file.bytes.len() - 4], event[..]);
    }

    #[test]
    fn what_a_step_came_to_stands_apart_from_its_epochs() {
        let line = |step, epoch| MetricsLine { iteration: 1, step, epoch, values: BTreeMap::new() };
        assert_eq!(group(&line(StepKind::FitReward, Some(1))), "fit-reward");
        assert_eq!(group(&line(StepKind::FitReward, None)), "fit-reward-result");
        assert_eq!(group(&line(StepKind::Evaluate, None)), "evaluate");
    }
}
