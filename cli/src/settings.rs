//! The keys of a component's configuration, read from its JSON Schema.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::table;

/// Deeper tables than this are not opened: a schema may contain itself.
const DEEPEST: usize = 4;

/// One key of a configuration.
#[derive(Debug, PartialEq, Serialize)]
pub struct Setting {
    /// `a.b` is a key of the table `a`, `a[].b` of each table in the list `a`, `a.*.b` of each table in the table `a`.
    pub key: String,
    /// In the words of TOML.
    #[serde(rename = "type")]
    pub of_type: String,
    pub required: bool,
    pub default: Option<Value>,
    /// The comment on the key.
    pub doc: String,
    /// The words that may stand there, with the comment on each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
}

/// A word that is the value of a key.
#[derive(Debug, PartialEq, Serialize)]
pub struct Word {
    pub word: String,
    pub doc: String,
}

impl Setting {
    /// The comment on the key, and on each word that may stand there.
    pub fn meaning(&self) -> String {
        let words = self.words.iter().map(|Word { word, doc }| format!("`{word}`: {doc}"));
        std::iter::once(self.doc.clone()).chain(words).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// What stands for the key where it is left out.
    pub fn default_text(&self) -> String {
        match &self.default {
            Some(default) => toml_text(default),
            None if self.required => "required".to_owned(),
            None => "-".to_owned(),
        }
    }
}

/// The keys that `schema` speaks of, in its order.
pub fn settings(schema: &Value) -> Vec<Setting> {
    let mut found = Vec::new();
    Reader { root: schema }.tables(schema, "", 0, &mut found);
    found
}

/// The keys as a table for people.
pub fn settings_text(settings: &[Setting]) -> String {
    let rows = settings
        .iter()
        .map(|setting| vec![setting.key.clone(), setting.of_type.clone(), setting.default_text(), setting.meaning()]);
    table(&["key", "type", "default", "meaning"], rows)
}

/// A default as it would be written in a configuration.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let set = entries.iter().filter(|(_, value)| !value.is_null());
            let set: Vec<String> = set.map(|(key, value)| format!("{key} = {}", toml_text(value))).collect();
            format!("{{ {} }}", set.join(", "))
        }
        other => other.to_string(),
    }
}

struct Reader<'a> {
    root: &'a Value,
}

impl<'a> Reader<'a> {
    /// What `schema` refers to, if it is a reference.
    fn resolved(&self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..DEEPEST {
            let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
            let Some(found) = target.and_then(|pointer| self.root.pointer(pointer)) else { break };
            schema = found;
        }
        schema
    }

    /// The forms that a value may take, without `null`, which stands for what is left out.
    fn forms(&self, schema: &'a Value, depth: usize) -> Vec<&'a Value> {
        let schema = self.resolved(schema);
        let several = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
        match several {
            Some(several) if depth < DEEPEST => {
                several.iter().flat_map(|form| self.forms(form, depth + 1)).filter(|form| !is_null(form)).collect()
            }
            _ => vec![schema],
        }
    }

    /// The keys of every table that a value of `schema` is or holds.
    fn tables(&self, schema: &'a Value, prefix: &str, depth: usize, found: &mut Vec<Setting>) {
        if depth > DEEPEST {
            return;
        }
        for form in self.forms(schema, 0) {
            if let Some(properties) = form.get("properties").and_then(Value::as_object) {
                let required: Vec<&str> =
                    form["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let first = found.len();
                self.keys(properties, &required, prefix, depth, found);
                // The comment on a variant of a Rust enum is that on its only key.
                if let Some(only) = found.get_mut(first).filter(|key| properties.len() == 1 && key.doc.is_empty()) {
                    only.doc = doc(form);
                }
            }
            let inner = [("items", "[]."), ("additionalProperties", ".*.")];
            for (key, step) in inner {
                if let Some(of) = form.get(key).filter(|of| of.is_object()) {
                    let prefix = format!("{}{step}", prefix.trim_end_matches('.'));
                    self.tables(of, &prefix, depth + 1, found);
                }
            }
        }
    }

    fn keys(
        &self,
        properties: &'a Map<String, Value>,
        required: &[&str],
        prefix: &str,
        depth: usize,
        found: &mut Vec<Setting>,
    ) {
        for (name, schema) in properties {
            let key = format!("{prefix}{name}");
            found.push(Setting {
                key: key.clone(),
                of_type: self.type_of(schema, depth),
                required: required.contains(&name.as_str()),
                default: schema.get("default").filter(|default| !default.is_null()).cloned(),
                doc: doc(schema),
                words: self.words(schema),
            });
            self.tables(schema, &format!("{key}."), depth + 1, found);
        }
    }

    /// The words among the forms of a value that have a comment.
    fn words(&self, schema: &'a Value) -> Vec<Word> {
        let forms = self.forms(schema, 0).into_iter();
        let word = |form: &Value| Some(Word { word: form["const"].as_str()?.to_owned(), doc: doc(form) });
        forms.filter_map(word).filter(|word| !word.doc.is_empty()).collect()
    }

    /// The type of a value in the words of TOML.
    fn type_of(&self, schema: &'a Value, depth: usize) -> String {
        let mut types: Vec<String> =
            self.forms(schema, 0).into_iter().map(|form| self.type_of_form(form, depth)).collect();
        types.dedup();
        types.join(" | ")
    }

    fn type_of_form(&self, form: &'a Value, depth: usize) -> String {
        if let Some(only) = form.get("const") {
            return only.to_string();
        }
        if let Some(values) = form.get("enum").and_then(Value::as_array) {
            return values
                .iter()
                .filter(|value| !value.is_null())
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join(" | ");
        }
        let named = match form.get("type") {
            Some(Value::Array(types)) => types.iter().find(|name| *name != "null"),
            other => other,
        };
        match named.and_then(Value::as_str) {
            Some("array") if depth <= DEEPEST => self.list(form, depth),
            Some("object") => match form.get("additionalProperties").filter(|of| of.is_object()) {
                Some(of) if depth <= DEEPEST => format!("table of {}", in_brackets(self.type_of(of, depth + 1))),
                _ => "table".to_owned(),
            },
            Some("number") => "float".to_owned(),
            Some(other) => other.to_owned(),
            None => "any".to_owned(),
        }
    }

    fn list(&self, form: &'a Value, depth: usize) -> String {
        let items = form.get("items").map_or_else(|| "any".to_owned(), |items| self.type_of(items, depth + 1));
        let of = in_brackets(items);
        match (form["minItems"].as_u64(), form["maxItems"].as_u64()) {
            (Some(least), Some(most)) if least == most => format!("list of {least} {of}"),
            _ => format!("list of {of}"),
        }
    }
}

/// What stands behind `list of`.
fn in_brackets(of_type: String) -> String {
    if of_type.contains(" | ") { format!("({of_type})") } else { of_type }
}

fn is_null(form: &Value) -> bool {
    form["type"] == "null"
}

/// The comment on a key in one line, without what makes links in Rust's documentation.
fn doc(schema: &Value) -> String {
    let doc = schema["description"].as_str().unwrap_or_default();
    doc.split_whitespace().collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(schema: &Value) -> Vec<(String, String, String)> {
        let row = |setting: Setting| {
            let default = setting.default.as_ref().map_or_else(String::new, toml_text);
            (setting.key, setting.of_type, if setting.required { "required".to_owned() } else { default })
        };
        settings(schema).into_iter().map(row).collect()
    }

    fn rows(expected: &[[&str; 3]]) -> Vec<(String, String, String)> {
        expected.iter().map(|[key, of, default]| ((*key).into(), (*of).into(), (*default).into())).collect()
    }

    #[test]
    fn keys_have_the_types_of_toml() {
        let schema = json!({
            "type": "object",
            "properties": {
                "root": { "type": "string", "description": "The\nfolder of [`Source`]." },
                "size": { "type": ["integer", "null"], "default": null },
                "stds": { "type": "array", "items": { "type": "number" }, "default": [0.5, 1.0] },
                "spacing": { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 },
                "kind": { "oneOf": [{ "const": "leak", "type": "string" }, { "type": "string", "enum": ["hole"] }] },
                "of": { "anyOf": [{ "type": "integer" }, { "type": "array", "items": { "type": "integer" } }] },
                "views": { "type": "array", "items": { "type": "string", "enum": ["2CH", "4CH"] } },
                "free": true,
            },
            "required": ["root"],
        });
        let expected = rows(&[
            ["free", "any", ""],
            ["kind", "\"leak\" | \"hole\"", ""],
            ["of", "integer | list of integer", ""],
            ["root", "string", "required"],
            ["size", "integer", ""],
            ["spacing", "list of 2 float", ""],
            ["stds", "list of float", "[0.5, 1.0]"],
            ["views", "list of (\"2CH\" | \"4CH\")", ""],
        ]);
        assert_eq!(read(&schema), expected);
        let root = settings(&schema).into_iter().find(|setting| setting.key == "root").unwrap();
        assert_eq!(root.doc, "The folder of `Source`.");
    }

    #[test]
    fn tables_are_opened_wherever_they_stand() {
        let range = json!({ "type": "object", "properties": { "min": { "type": ["number", "null"] } } });
        let schema = json!({
            "properties": {
                "a": { "$ref": "#/$defs/Range", "default": { "min": 0.5, "max": null } },
                "b": { "anyOf": [{ "$ref": "#/$defs/Range" }, { "type": "null" }] },
                "c": { "type": "array", "items": { "$ref": "#/$defs/Range" } },
                "d": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Range" } },
            },
            "$defs": { "Range": range },
        });
        let expected = rows(&[
            ["a", "table", "{ min = 0.5 }"],
            ["a.min", "float", ""],
            ["b", "table", ""],
            ["b.min", "float", ""],
            ["c", "list of table", ""],
            ["c[].min", "float", ""],
            ["d", "table of table", ""],
            ["d.*.min", "float", ""],
        ]);
        assert_eq!(read(&schema), expected);
    }

    #[test]
    fn a_schema_that_contains_itself_comes_to_an_end() {
        let schema = json!({ "properties": { "inner": { "$ref": "#" }, "same": { "$ref": "#/properties/same" } } });
        assert!(settings(&schema).len() > 1);
        assert_eq!(settings(&json!(true)), []);
        let loops = json!({ "properties": { "x": { "anyOf": [{ "$ref": "#/properties/x" }] } } });
        assert_eq!(read(&loops), rows(&[["x", "any", ""]]));
    }
}
