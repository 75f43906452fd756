//! Making a configuration file out of a modality's preset, comments kept.

use std::{fmt, path::Path};

use anyhow::Context;
use rl4seg_core::component::Modality;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

/// A configuration file in the making.
pub struct Configuration(DocumentMut);

impl Configuration {
    /// The preset of a modality with the keys that are the same in every one. `[source]` and
    /// `[target]` are missing.
    pub fn of_preset(modality: &Modality) -> anyhow::Result<Self> {
        let head = format!(
            "# The kind of images: `rl4seg plugins list` shows all.\nmodality = {}\n\
             # The run directory, relative to this file.\noutput = \"run\"\n\n",
            value(modality.id.as_str())
        );
        let document = (head + &modality.preset).parse();
        Ok(Self(document.with_context(|| format!("the preset of the modality `{}` cannot be read", modality.id))?))
    }

    /// Leaves out what the preset says about the method: the published numbers are the defaults. Distortions of plugins,
    /// `plugin/name`, were not published.
    pub fn take_published_method(&mut self) {
        for table in ["pretrain", "collect", "reward", "policy"] {
            self.0.remove(table);
        }
        self.0.remove("iterations");
        if let Some(distortions) = self.0.get_mut("distortion").and_then(Item::as_array_of_tables_mut) {
            distortions
                .retain(|table| table.get("component").and_then(Item::as_str).is_none_or(|id| !id.contains('/')));
        }
    }

    /// Says where the cases of a domain are.
    pub fn set_domain(&mut self, domain: &str, component: &str, root: &Path) {
        let mut table = Table::new();
        table["component"] = value(component);
        table["root"] = value(root.to_string_lossy().as_ref());
        self.0[domain] = Item::Table(table);
    }

    /// Sets a key of the uppermost table; what stands beside it stays.
    pub fn set(&mut self, key: &str, number: i64) {
        match self.0.get_mut(key) {
            Some(item) => replace(item, &value(number)),
            None => self.0[key] = value(number),
        }
    }

    /// Images are in [0, 1] already: nothing is done to their intensities.
    pub fn take_intensities_as_they_are(&mut self) -> anyhow::Result<()> {
        if let Some(preprocess) = self.0.get_mut("preprocess").and_then(Item::as_table_like_mut) {
            preprocess.remove("clahe");
        }
        self.overlay("[preprocess]\nrescale = \"none\"\n")
    }

    /// Images of several ranges: each is stretched to [0, 1] by itself.
    pub fn stretch_intensities(&mut self) -> anyhow::Result<()> {
        self.overlay("[preprocess]\nrescale = \"min-max\"\n")
    }

    /// Resamples all images to `spacing`, mm, `[y, x]`.
    pub fn set_spacing(&mut self, spacing: [f64; 2]) -> anyhow::Result<()> {
        self.overlay(&format!("[preprocess]\nspacing_mm = [{:?}, {:?}]\n", spacing[0], spacing[1]))
    }

    /// Crops or pads all images to `size`, `[y, x]`.
    pub fn set_size(&mut self, size: [usize; 2]) -> anyhow::Result<()> {
        self.overlay(&format!("[preprocess]\nsize = [{}, {}]\n", size[0], size[1]))
    }

    /// Replaces and adds what `other` says; everything else stays.
    pub fn overlay(&mut self, other: &str) -> anyhow::Result<()> {
        let other: DocumentMut = other.parse()?;
        overlay(self.0.as_table_mut(), other.as_table());
        Ok(())
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn overlay(here: &mut dyn TableLike, other: &dyn TableLike) {
    for (key, theirs) in other.iter() {
        match here.get_mut(key) {
            Some(ours) => replace(ours, theirs),
            None => {
                here.insert(key, theirs.clone());
            }
        }
    }
}

/// Puts `theirs` in the place of `ours`: tables key by key, values without losing a comment.
fn replace(ours: &mut Item, theirs: &Item) {
    match (ours, theirs) {
        (Item::Table(ours), Item::Table(theirs)) => overlay(ours, theirs),
        (Item::Value(ours), Item::Value(theirs)) => {
            let decor = ours.decor().clone();
            *ours = theirs.clone();
            *ours.decor_mut() = decor;
        }
        (ours, theirs) => *ours = theirs.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str) -> Configuration {
        Configuration(text.parse().unwrap())
    }

    #[test]
    fn comments_survive_and_only_what_is_said_changes() {
        let mut made = configuration("# top\nseed = 1 # why\n\n[policy]\n# k\nepochs = 5\nbatch = 8\n");
        made.overlay("seed = 2\n[policy]\nepochs = 1\n[network]\nwidth = 4\n").unwrap();
        assert_eq!(
            made.to_string(),
            "# top\nseed = 2 # why\n\n[policy]\n# k\nepochs = 1\nbatch = 8\n[network]\nwidth = 4\n"
        );
    }

    #[test]
    fn a_path_with_quotes_and_backslashes_reads_back_the_same() {
        let mut made = configuration("seed = 1\n");
        let root = r#"C:\data "new""#;
        made.set_domain("source", "echo/camus", Path::new(root));
        let table: toml::Table = toml::from_str(&made.to_string()).unwrap();
        assert_eq!(table["source"]["root"].as_str(), Some(root));
    }
}
