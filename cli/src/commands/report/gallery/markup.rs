//! The gallery as HTML. It is whole without its script, but for the pictures.

use maud::{Markup, PreEscaped, html};
use rl4seg_core::domain::{Label, Verdict};
use serde::Serialize;

use super::{Entry, Gallery, Picture};
use crate::{commands::check, output::number};

/// What can be switched on and off: the key, which is also the layer's initial, its name, and what it is.
const LAYERS: [(&str, &str, &str); 5] = [
    ("i", "Image", "the image itself"),
    ("l", "Labels", "the result: a colour for each structure"),
    ("u", "Uncertainty", "the more uncertain a label is, the more the place is covered"),
    ("t", "Truth", "the outline of the expert's label map"),
    ("f", "Faults", "holes and separate pieces that make the result invalid"),
];

/// What the script needs beside the markup.
#[derive(Serialize)]
struct ForScript<'a> {
    labels: &'a [Label],
    pictures: Vec<Option<ForPicture<'a>>>,
}

#[derive(Serialize)]
struct ForPicture<'a> {
    #[serde(flatten)]
    picture: &'a Picture,
    /// Where its bytes lie in the text of all pictures.
    at: [usize; 2],
    /// The structures of each reason.
    reasons: Vec<&'a [u8]>,
}

/// The section's content: controls, and a card for each case.
pub fn gallery(gallery: &Gallery) -> Markup {
    html! {
        (controls(gallery))
        (legend(gallery))
        p #count role="status" aria-live="polite" { (gallery.entries.len()) " of " (gallery.entries.len()) " cases" }
        ol #cards { @for (number, entry) in gallery.entries.iter().enumerate() { (card(number, entry)) } }
        p #none hidden { "No case is left. Take back a filter." }
        p .only-print #print-note {}
        dialog #large aria-label="A case, large" {
            div .large-picture { canvas {} }
            div .large-text {}
            div .large-buttons {
                button type="button" data-step="-1" { "← Previous" }
                button type="button" data-step="1" { "Next →" }
                button type="button" data-close { "Close (Esc)" }
            }
        }
        noscript { p .note { "Pictures, sorting and filters need JavaScript, which is switched off here." } }
    }
}

/// What the script reads, and the script itself; stands at the end of the page.
pub fn scripts(gallery: &Gallery) -> anyhow::Result<Markup> {
    let mut start = 0;
    let mut text = String::new();
    let for_picture = |entry: &'_ Entry| {
        let picture = entry.picture.as_ref()?;
        text.push_str(&picture.bytes);
        let at = [start, text.len()];
        start = text.len();
        Some((at, start))
    };
    let places: Vec<Option<([usize; 2], usize)>> = gallery.entries.iter().map(for_picture).collect();
    let pictures = gallery.entries.iter().zip(&places).map(|(entry, place)| {
        let reasons = entry.reasons.iter().map(|reason| reason.labels.as_slice()).collect();
        Some(ForPicture { picture: entry.picture.as_ref()?, at: place.as_ref()?.0, reasons })
    });
    let data = ForScript { labels: &gallery.labels, pictures: pictures.collect() };
    Ok(html! {
        script #gallery-data type="application/json" { (PreEscaped(in_script(&data)?)) }
        script #gallery-bytes type="text/plain" { (PreEscaped(text)) }
        script { (PreEscaped(include_str!("../report.js"))) }
    })
}

/// JSON that cannot end the script element that it stands in.
fn in_script(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?.replace('<', "\\u003c"))
}

fn controls(gallery: &Gallery) -> Markup {
    let has_dice = gallery.entries.iter().any(|entry| entry.dice.is_some());
    let has_uncertainty = gallery.entries.iter().any(|entry| entry.uncertainty.is_some());
    html! {
        form #controls aria-label="Cases shown" {
            fieldset {
                legend { "Show on the image" }
                div .layers { @for (key, name, what) in LAYERS.iter().filter(|(key, ..)| has_layer(gallery, key)) {
                    button type="button" data-layer=(key) aria-pressed=(is_on(gallery, key)) aria-keyshortcuts=(key) title=(what) {
                        (name) " " kbd { (key.to_uppercase()) }
                    }
                } }
            }
            fieldset {
                legend { "Order" }
                label { "By "
                    select #order {
                        option value="worst" { "worst first" }
                        @if has_uncertainty { option value="uncertainty" { "uncertainty" } }
                        @if has_dice { option value="dice" { "Dice" } }
                        option value="verdict" { "validity" }
                        option value="name" { "name" }
                    }
                }
                button type="button" #direction aria-pressed="false" { "Reverse" }
            }
            fieldset {
                legend { "Filter" }
                label { "Validity "
                    select #verdict {
                        option value="" { "all" }
                        option value="invalid" { "invalid" }
                        option value="unmeasurable" { "unmeasurable" }
                        option value="valid" { "valid" }
                    }
                }
                @if has_uncertainty { label { "Uncertainty from " input #uncertainty-from type="number" min="0" step="0.01"; } }
                @if has_dice { label { "Dice up to " input #dice-to type="number" min="0" max="1" step="0.01"; } }
                label { "Name " input #name type="search" placeholder="part of it"; }
                button type="reset" { "Clear" }
            }
        }
    }
}

/// Whether a layer is shown at first. Beside the truth uncertainty would be too much.
fn is_on(gallery: &Gallery, key: &str) -> &'static str {
    if key == "u" && has_layer(gallery, "t") { "false" } else { "true" }
}

fn has_layer(gallery: &Gallery, key: &str) -> bool {
    let any = |has: fn(&Picture) -> bool| gallery.entries.iter().filter_map(|entry| entry.picture.as_ref()).any(has);
    match key {
        "u" => any(|picture| picture.uncertainty),
        "t" => any(|picture| picture.truth),
        "f" => any(|picture| picture.faults),
        _ => any(|_| true),
    }
}

/// Forms besides colours tell things apart.
fn legend(gallery: &Gallery) -> Markup {
    html! {
        ul .legend aria-label="Legend" {
            @for Label { name, color: [red, green, blue], .. } in &gallery.labels {
                li { span .swatch style=(format!("--color: rgb({red} {green} {blue})")) {} (name) }
            }
            @if has_layer(gallery, "u") { li { span .swatch .uncertain {} "uncertain" } }
            @if has_layer(gallery, "t") { li { span .swatch .truth {} "truth (dashed)" } }
            @if has_layer(gallery, "f") { li { span .swatch .fault {} "hole or separate piece (hatched)" } }
        }
    }
}

fn card(number: usize, entry: &Entry) -> Markup {
    let verdict = check::verdict(entry.verdict);
    html! {
        li .card data-number=(number) data-name=(entry.name) data-verdict=(verdict) data-dice=[entry.dice] data-uncertainty=[entry.uncertainty] {
            @if let Some(picture) = &entry.picture {
                button type="button" .picture aria-label=(format!("Enlarge {}", entry.name)) style=(format!("--ratio: {}", picture.ratio)) {
                    canvas role="img" aria-label=(described(entry)) {}
                }
            } @else { div .picture .absent { "no picture" } }
            h3 { (entry.name) }
            p .verdict data-verdict=(verdict) { (sign(entry.verdict)) " " (verdict) }
            dl {
                @if let Some(dice) = entry.dice {
                    div { dt { "Dice" } dd { (number3(Some(dice))) @if let Some(before) = entry.dice_before { span .before { " before " (number3(Some(before))) } } } }
                }
                @if let Some(uncertainty) = entry.uncertainty {
                    div { dt { "Uncertainty" } dd { @if uncertainty.is_finite() { (number3(Some(uncertainty))) } @else { "nothing segmented" } } }
                }
                @for (name, value) in &entry.numbers { div { dt { (name) } dd { (value) } } }
                @if let Some(Picture { plane: [plane, planes], .. }) = entry.picture.as_ref().filter(|picture| picture.plane[1] > 1) {
                    div { dt { "Plane" } dd { (plane) " of " (planes) } }
                }
            }
            @if !entry.reasons.is_empty() {
                ul .reasons aria-label="Why it is not valid" {
                    @for (place, reason) in entry.reasons.iter().enumerate() {
                        li {
                            @if reason.labels.is_empty() { (reason.text) }
                            @else { button type="button" data-reason=(place) aria-pressed="false" title="Show the structure" { (reason.text) } }
                        }
                    }
                }
            }
        }
    }
}

/// A sign for those who do not tell colours apart.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "✓",
        Verdict::Invalid => "✕",
        Verdict::Unmeasurable => "?",
    }
}

fn described(entry: &Entry) -> String {
    let dice = entry.dice.map_or_else(String::new, |dice| format!(", Dice {dice:.3}"));
    format!("{}: segmentation on the image, {}{dice}", entry.name, check::verdict(entry.verdict))
}

fn number3(value: Option<f64>) -> String {
    number(value, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_script_cannot_end_it() {
        let text = in_script(&["</script><b>", "<!--"]).unwrap();
        assert_eq!(text, r#"["\u003c/script>\u003cb>","\u003c!--"]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), ["</script><b>", "<!--"]);
    }
}
