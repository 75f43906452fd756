//! A link to a file of the repository leads to one, and a link into a text to one of its headings.

use std::{fs, path::Path};

use super::{Document, files, root};

/// The targets of the links in a text, `[words](target)`, outside of fenced blocks.
fn targets(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The name by which a heading can be linked to, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn has_heading(file: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(file).unwrap();
    let headings = text.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#')));
    headings.into_iter().any(|heading| anchor(heading) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let plugins = ["echo", "cardiac-mr", "chest-xray", "python"].map(|name| format!("plugins/{name}/README.md"));
    let names = [files("", ".md"), files("docs", ".md"), plugins.to_vec()].concat();
    let mut dead = Vec::new();
    for document in names.iter().map(|name| Document::read(name)) {
        let file = root().join(&document.name);
        for target in targets(&document.text) {
            if target.starts_with("https://") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let led_to = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            if !led_to.exists() || !(heading.is_empty() || has_heading(&led_to, heading)) {
                dead.push(format!("{}: {target}", document.name));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_chapter_is_in_the_summary() {
    let summary = Document::read("docs/SUMMARY.md").text;
    for chapter in files("docs", ".md") {
        let name = chapter.strip_prefix("docs/").unwrap();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn a_heading_has_the_name_that_it_is_linked_by() {
    assert_eq!(anchor(" `[policy]`"), "policy");
    assert_eq!(anchor(" 1. Look at the folders"), "1-look-at-the-folders");
}
