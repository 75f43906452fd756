use serde::{Deserialize, Serialize};

use crate::domain::LabelSet;

/// What a plugin knows about a kind of image, so that its users can start from one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modality {
    /// The word, as `echo`.
    pub id: String,
    /// One sentence for `rl4seg plugins inspect`.
    pub doc: String,
    /// The structures that are segmented.
    pub labels: LabelSet,
    /// A run configuration in TOML, comments included, that lacks only `[source]` and `[target]`.
    pub preset: String,
    /// The data sources of this plugin that can read a folder (configuration `{"root": DIR}`), in
    /// the order in which `rl4seg init` tries them.
    pub folder_sources: Vec<String>,
    /// The data source that makes up images (configuration
    /// `{"domain": "source"|"target", "seed", "size", "train", "validation", "test"}`), if there is one.
    pub phantom: Option<String>,
}
