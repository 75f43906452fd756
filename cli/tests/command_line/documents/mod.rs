//! What README.md and docs/ say is so: commands run, links lead somewhere, quotations stand where they are said to.

mod commands;
mod links;
mod quotations;
mod reference;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text of the repository.
struct Document {
    /// From the repository's root.
    name: String,
    text: String,
}

/// A fenced block.
struct Block<'a> {
    /// What stands behind the fence, as `console`.
    kind: &'a str,
    lines: Vec<&'a str>,
}

/// The repository's root.
fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

impl Document {
    fn read(name: &str) -> Self {
        Self { name: name.to_owned(), text: fs::read_to_string(root().join(name)).unwrap() }
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let mut is_inside = false;
        for line in self.text.lines() {
            match line.strip_prefix("```") {
                Some(kind) if !is_inside => {
                    blocks.push(Block { kind, lines: Vec::new() });
                    is_inside = true;
                }
                Some(_) => is_inside = false,
                None if is_inside => blocks.last_mut().unwrap().lines.push(line),
                None => {}
            }
        }
        assert!(!is_inside, "{}: a fenced block has no end", self.name);
        blocks
    }
}

/// Files of a folder with this ending, from the repository's root, in the order of names.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(ending));
    names.sort();
    names.into_iter().map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }).collect()
}

/// README.md and docs/.
fn guide() -> Vec<Document> {
    let names = [files("docs", ".md"), vec!["README.md".to_owned()]].concat();
    names.iter().map(|name| Document::read(name)).collect()
}
