//! What every page has: one file that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::gallery::{self, Gallery};

/// How a page begins.
pub const START: &str = "<!DOCTYPE html>";

/// Nothing may be loaded from anywhere, whatever a page holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// A part of a page.
pub struct Section {
    /// What links to it say.
    pub id: &'static str,
    pub title: &'static str,
    pub content: Markup,
}

/// A whole page.
///
/// # Errors
/// If the gallery's data cannot be written as JSON.
pub fn page(title: &str, head: &Markup, sections: &[Section], gallery: Option<&Gallery>) -> anyhow::Result<String> {
    let scripts = gallery.map(gallery::scripts).transpose()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("rl4seg ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(include_str!("report.css"))) }
            }
            body {
                a .skip href="#content" { "Skip to the content" }
                header { (head) }
                nav aria-label="Sections" { @for section in sections { a href={ "#" (section.id) } { (section.title) } } }
                main #content { @for section in sections {
                    section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                        h2 id={ (section.id) "-title" } { (section.title) }
                        (section.content)
                    }
                } }
                footer { "Made by rl4seg " (env!("CARGO_PKG_VERSION")) ". A research tool, not a medical device: nothing here is a diagnosis." }
                @if let Some(scripts) = scripts { (scripts) }
            }
        }
    };
    Ok(page.into_string())
}
