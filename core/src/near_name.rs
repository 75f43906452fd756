//! The name that was probably meant where one is not known, and what else messages about settings lack.

/// The one of `known` that is most like `wanted`; nothing where none is alike.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// A beginning that is shorter may be that of anything.
    const LEAST_BEGINNING: usize = 3;
    let known: Vec<&str> = known.into_iter().collect();
    let goes_on = |name: &&&str| wanted.len() >= LEAST_BEGINNING && name.starts_with(wanted);
    if let Some(name) = known.iter().find(goes_on) {
        return Some(name);
    }
    let distances = known.into_iter().map(|name| (strsim::damerau_levenshtein(name, wanted), name));
    let (distance, name) = distances.min()?;
    (distance <= wanted.len().div_ceil(3)).then_some(name)
}

/// `; did you mean ...?` with the name that was found, or nothing, to stand behind a message about one that is not known.
#[must_use]
pub fn did_you_mean(found: Option<&str>) -> String {
    found.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The component's id that was probably meant: that of the same name in another plugin, or one that is alike, with or without the name
/// of its plugin before `/`.
#[must_use]
pub fn nearest_component<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let all_of_name = |name: &str| known.iter().copied().filter(|id| name_of(id) == name).collect::<Vec<_>>();
    let of_name = |name: &str| all_of_name(name).first().copied();
    nearest(wanted, all_of_name(name_of(wanted)))
        .or_else(|| of_name(name_of(wanted)))
        .or_else(|| nearest(wanted, known.iter().copied()))
        .or_else(|| of_name(nearest(wanted, known.iter().map(|id| name_of(id)))?))
}

/// What a component is called within its plugin.
fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// A message of serde's for who knows no Rust: with the nearest of the names that it lists where it does not know one, and with the type
/// that it expected in words.
#[must_use]
pub fn in_words(message: &str) -> String {
    with_near_name(&with_type_in_words(message))
}

/// What serde calls the types of settings, at the end of its messages.
const TYPES: [(&str, &str); 11] = [
    ("usize", "a whole number of at least 0"),
    ("u64", "a whole number of at least 0"),
    ("u32", "a whole number of at least 0"),
    ("i64", "a whole number"),
    ("i32", "a whole number"),
    ("f64", "a number"),
    ("f32", "a number"),
    ("a boolean", "`true` or `false`"),
    ("a string", "a text"),
    ("a sequence", "a list"),
    ("a map", "a table of keys and values"),
];

fn with_type_in_words(message: &str) -> String {
    let in_words = |(name, words): &(&str, &str)| {
        let before = message.strip_suffix(name)?.strip_suffix("expected ")?;
        Some(format!("{before}expected {words}"))
    };
    TYPES.iter().find_map(in_words).unwrap_or_else(|| message.to_owned())
}

fn with_near_name(message: &str) -> String {
    let near = || {
        let (_, rest) = ["unknown field `", "unknown variant `"].iter().find_map(|start| message.split_once(start))?;
        let (unknown, rest) = rest.split_once('`')?;
        let known = rest.split_once("expected ")?.1.split('`').skip(1).step_by(2);
        Some(did_you_mean(nearest(unknown, known)))
    };
    format!("{message}{}", near().unwrap_or_default())
}

/// What is wrong with settings that came as JSON, which no user wrote: without its lines and columns.
#[must_use]
pub fn settings_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    in_words(text.strip_suffix(&place).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_found_without_the_name_of_its_plugin() {
        let known = ["echo/camus", "echo/images", "cardiac-mr/acdc", "cardiac-mr/images"];
        for (wanted, found) in [
            ("cardiac-mr/camus", "echo/camus"),
            ("ecko/images", "echo/images"),
            ("echo/imagse", "echo/images"),
            ("imagse", "echo/images"),
            ("acdc", "cardiac-mr/acdc"),
        ] {
            assert_eq!(nearest_component(wanted, known), Some(found), "{wanted}");
        }
        assert_eq!(nearest_component("nifti", known), None);
    }

    #[test]
    fn a_name_that_is_like_none_is_not_taken_for_one() {
        assert_eq!(nearest("clip_rang", ["clip_range", "batch"]), Some("clip_range"));
        assert_eq!(nearest("clip", ["batch", "clip_range"]), Some("clip_range"));
        assert_eq!(nearest("zzzzzz", ["a", "b"]), None);
        assert_eq!(nearest("a", []), None);
    }

    #[test]
    fn serdes_own_list_is_searched() {
        let message = "unknown variant `acepted`, expected one of `none`, `accepted`, `corrected`";
        assert_eq!(with_near_name(message), format!("{message}; did you mean `accepted`?"));
        assert_eq!(with_near_name("invalid type"), "invalid type");
    }

    #[test]
    fn types_are_told_in_words() {
        #[derive(serde::Deserialize)]
        #[allow(dead_code, reason = "only their types matter")]
        struct Settings {
            #[serde(default)]
            epochs: usize,
            #[serde(default)]
            rate: f32,
            #[serde(default)]
            known: bool,
            #[serde(default)]
            names: Vec<String>,
        }
        for (text, expected) in [
            (r#"{"epochs": "many"}"#, r#"invalid type: string "many", expected a whole number of at least 0"#),
            (r#"{"epochs": -1}"#, "invalid value: integer `-1`, expected a whole number of at least 0"),
            (r#"{"rate": "usize"}"#, r#"invalid type: string "usize", expected a number"#),
            (r#"{"known": 1}"#, "invalid type: integer `1`, expected `true` or `false`"),
            (r#"{"names": "a"}"#, r#"invalid type: string "a", expected a list"#),
            (r#"{"names": [1]}"#, "invalid type: integer `1`, expected a text"),
        ] {
            assert_eq!(settings_fault(&serde_json::from_str::<Settings>(text).err().unwrap()), expected);
        }
    }

    #[test]
    fn columns_of_json_are_not_told() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Settings {
            #[allow(dead_code, reason = "only its name matters")]
            root: String,
        }
        let error = serde_json::from_str::<Settings>(r#"{"rot": "a"}"#).unwrap_err();
        assert_eq!(settings_fault(&error), "unknown field `rot`, expected `root`; did you mean `root`?");
    }
}
