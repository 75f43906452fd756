use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// What may stand in a configuration of type `T`: a JSON Schema (2020-12), with the comments of the type as
/// descriptions and what is left out as defaults.
#[must_use]
pub fn settings_schema<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<T>().to_value()
}
