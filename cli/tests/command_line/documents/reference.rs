//! docs/configuration.md is what the program tells of its types.

use super::Document;
use crate::program::rl4seg;

/// Behind this line the text is the program's own.
const FROM_HERE: &str = "<!-- below: rl4seg config reference --markdown -->\n\n";

#[test]
fn the_reference_of_the_configuration_is_that_of_the_types() {
    let document = Document::read("docs/configuration.md");
    let (_, written) = document.text.split_once(FROM_HERE).unwrap();
    let told = rl4seg(["config", "reference", "--markdown"]).done();
    assert!(
        written == told,
        "docs/configuration.md is not what `rl4seg config reference --markdown` writes; replace what stands below its marker"
    );
}

#[test]
fn a_key_is_looked_up_by_a_part_of_its_name() {
    let text = rl4seg(["config", "reference", "clip_range"]).done();
    assert!(text.contains("policy.clip_range (float, a number above 0, default 0.2)"), "{text}");
    let keys = rl4seg(["config", "reference", "policy.rule", "--json"]).json();
    assert_eq!(keys[0]["words"][0]["word"], "ppo", "{keys}");
    let error = rl4seg(["config", "reference", "policy.clip_rnage"]).refused();
    assert!(error.contains("did you mean `policy.clip_range`?"), "{error}");
}
