//! What the documents quote stands where they say.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Document, guide, root};

/// Stands in a quoted message for what differs from case to case.
const ANYTHING: char = '…';
/// A piece of a message between two of those that is shorter says nothing.
const SHORTEST: usize = 8;

/// All sources of the program and its plugins, as one text in which no string is broken over lines.
fn sources() -> String {
    let mut folders: Vec<PathBuf> = ["core/src", "cli/src", "sdk/src", "plugins"].map(|name| root().join(name)).into();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    joined(&text)
}

/// The text of strings that go on in the next line.
fn joined(text: &str) -> String {
    let mut pieces = text.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start()).replace("\\\"", "\"")
}

#[test]
fn quoted_messages_are_the_programs_own() {
    let sources = sources();
    let document = Document::read("docs/troubleshooting.md");
    let blocks = document.blocks();
    let quoted: Vec<&str> =
        blocks.iter().filter(|block| block.kind == "text").flat_map(|block| block.lines.clone()).collect();
    assert!(quoted.len() > 20, "{} messages", quoted.len());
    for message in quoted {
        let pieces = message.split(ANYTHING).map(str::trim).filter(|piece| piece.len() >= SHORTEST);
        let pieces: Vec<&str> = pieces.collect();
        assert!(!pieces.is_empty(), "`{message}` says nothing");
        for piece in pieces {
            assert!(sources.contains(piece), "no message says `{piece}`");
        }
    }
}

#[test]
fn quoted_code_stands_in_its_file() {
    let mut quoted = 0;
    for document in guide() {
        for block in document.blocks() {
            let Some(file) = block.lines.first().and_then(|line| line.strip_prefix("// examples/")) else { continue };
            let source = fs::read_to_string(Path::new(&root()).join("examples").join(file)).unwrap();
            let code = block.lines[1..].join("\n");
            assert!(source.contains(&code), "{}: examples/{file} does not hold\n{code}", document.name);
            quoted += 1;
        }
    }
    assert!(quoted > 5, "{quoted} quotations");
}
