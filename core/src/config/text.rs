use std::{
    fs,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use toml::{Table, Value};

use super::{ConfigError, RawConfig};
use crate::near_name::in_words;

/// A key and the value that replaces what the file says, as `policy.clip_range=0.1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    key: String,
    value: Value,
}

impl FromStr for Override {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let fault = |reason: String| ConfigError::Override { text: text.to_owned(), reason };
        let (key, value) = text.split_once('=').ok_or_else(|| fault("expected KEY=VALUE".to_owned()))?;
        let value = value.trim();
        let parsed = toml::from_str::<Table>(&format!("value = {value}"));
        let value = match parsed {
            Ok(mut table) => table.remove("value").unwrap_or_else(|| Value::String(value.to_owned())),
            Err(_) if is_plain(value) || names_a_path(key.trim()) => Value::String(value.to_owned()),
            Err(error) => return Err(fault(format!("`{value}` is not a TOML value: {}", error.message()))),
        };
        Ok(Self { key: key.trim().to_owned(), value })
    }
}

impl Override {
    /// Replaces a value by a text, as it is.
    #[must_use]
    pub fn text(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: Value::String(value.to_owned()) }
    }

    /// The key that is replaced, as `policy.clip_range`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same, where the value is a path that begins in `folder` unless it is absolute.
    #[must_use]
    pub fn within(&self, folder: &Path) -> Self {
        let value = match &self.value {
            Value::String(path) => Value::String(without_dots(&folder.join(path)).to_string_lossy().into_owned()),
            other => other.clone(),
        };
        Self { key: self.key.clone(), value }
    }

    /// Puts the value in its place in `table`.
    ///
    /// # Errors
    /// If the key is empty or leads through a value that is no table.
    pub fn apply(&self, table: &mut Table) -> Result<(), ConfigError> {
        let fault = |reason: String| self.fault(reason);
        let mut parts: Vec<&str> = self.key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        if last.is_empty() {
            return Err(fault("the key is empty".to_owned()));
        }
        let mut here = table;
        for part in parts {
            let entry = here.entry(part).or_insert_with(|| Value::Table(Table::new()));
            here = entry.as_table_mut().ok_or_else(|| fault(format!("`{part}` is not a table")))?;
        }
        here.insert(last.to_owned(), self.value.clone());
        Ok(())
    }

    fn fault(&self, reason: String) -> ConfigError {
        ConfigError::Override { text: format!("{}={}", self.key, self.value), reason }
    }
}

/// Whether a value that is no TOML can be nothing but a text.
fn is_plain(value: &str) -> bool {
    value.chars().all(|c| c.is_alphanumeric() || "-_./:".contains(c))
}

/// Whether the value of a key is a path, in which a shell leaves blanks without quotes.
fn names_a_path(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default();
    PATH_KEYS.contains(&last) || ["output", "checkpoint"].contains(&last)
}

/// Settings of a component that name a file or a folder, whatever the component.
pub const PATH_KEYS: [&str; 2] = ["root", "path"];

/// Reads a configuration file, applies `overrides`, and makes its paths absolute: those in it are
/// relative to the folder it lies in.
///
/// # Errors
/// If it cannot be read, is not TOML, lacks a key or has an unknown one.
pub fn read(path: &Path, overrides: &[Override]) -> Result<RawConfig, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let mut config = parse(path, &text, overrides)?;
    let file = fs::canonicalize(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let absolute = |path: &Path| without_dots(&folder.join(path));
    config.output = absolute(&config.output);
    if let Some(checkpoint) = &mut config.pretrain.checkpoint {
        *checkpoint = absolute(checkpoint);
    }
    let tables = [&mut config.source, &mut config.target, &mut config.corrector].into_iter();
    for table in tables.chain(&mut config.validity).chain(&mut config.distortion) {
        for key in PATH_KEYS {
            if let Some(Value::String(path)) = table.settings.get_mut(key) {
                *path = absolute(Path::new(&*path)).to_string_lossy().into_owned();
            }
        }
    }
    Ok(config)
}

/// The same path without `.` and `..`, so that one place has one spelling.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn parse(path: &Path, text: &str, overrides: &[Override]) -> Result<RawConfig, ConfigError> {
    let fault = |message: String| ConfigError::Parse { path: path.to_owned(), message };
    let of_file = || toml::from_str(text).map_err(|error| fault(in_words(error.to_string().trim_end())));
    if overrides.is_empty() {
        return of_file();
    }
    let table: Table = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
    let changed = |count: usize| {
        let mut table = table.clone();
        overrides[..count].iter().try_for_each(|change| change.apply(&mut table))?;
        Ok(table.try_into::<RawConfig>())
    };
    let error = match changed(overrides.len())? {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    // What is wrong with the file itself is told with its line; else it is the first change after which it does not fit.
    of_file()?;
    let mut to_blame = (overrides.last(), error);
    for count in 1..overrides.len() {
        if let Err(error) = changed(count)? {
            to_blame = (overrides.get(count - 1), error);
            break;
        }
    }
    let (change, error) = to_blame;
    let reason = in_words(error.message());
    Err(change.map_or_else(|| fault(reason.clone()), |change| change.fault(reason.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = r#"
modality = "echo"
output = "run"
distortion = [{ component = "contrast" }]
validity = [{ component = "echo/anatomy" }]
corrector = { component = "morphology" }
[source]
component = "echo/camus"
root = "data"
[target]
component = "echo/camus"
root = "/data/target"
"#;

    fn parsed(text: &str, overrides: &[&str]) -> Result<RawConfig, ConfigError> {
        let overrides: Vec<Override> = overrides.iter().map(|text| text.parse().unwrap()).collect();
        parse(Path::new("run.toml"), text, &overrides)
    }

    #[test]
    fn a_place_has_one_spelling() {
        assert_eq!(without_dots(Path::new("/data/run/../echo/./source")), Path::new("/data/echo/source"));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let text = SHORTEST.replace("\"echo/anatomy\"", "\"python/metric\", path = \"../metrics\", function = \"a:b\"");
        fs::write(&file, text).unwrap();
        let config = read(&file, &[]).unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned).unwrap();
        assert_eq!(config.output, folder.join("run"));
        assert_eq!(text(&config.source.settings["root"]), folder.join("data").to_string_lossy());
        assert_eq!(text(&config.target.settings["root"]), "/data/target");
        let metric = &config.validity[0].settings;
        assert_eq!(text(&metric["path"]), folder.parent().unwrap().join("metrics").to_string_lossy());
        assert_eq!(text(&metric["function"]), "a:b");
    }

    #[test]
    fn defaults_are_filled_in() {
        let config = parsed(SHORTEST, &[]).unwrap();
        assert_eq!(config.policy.clip_range, 0.2);
        assert_eq!(config.network.width, 32);
    }

    #[test]
    fn an_override_replaces_a_value_and_may_be_a_bare_word() {
        let config = parsed(SHORTEST, &["policy.clip_range=0.1", "policy.rule=reinforce", "seed=9"]).unwrap();
        assert_eq!(config.policy.clip_range, 0.1);
        assert_eq!(config.seed, 9);
        assert_eq!(config.policy.rule, crate::component::UpdateRule::Reinforce);
        assert!("novalue".parse::<Override>().is_err());
        assert!(parsed(SHORTEST, &["seed.deeper=1", "modality.x=1"]).is_err());
    }

    #[test]
    fn a_path_may_hold_blanks_and_begins_where_it_is_told() {
        let given: Override = "target.root=our scans/2024".parse().unwrap();
        assert_eq!(given.within(Path::new("/data/.")), Override::text("target.root", "/data/our scans/2024"));
        assert_eq!(given.within(Path::new("/data")).within(Path::new("/x")), given.within(Path::new("/data")));
        assert!("seed=our scans".parse::<Override>().is_err());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name_and_line() {
        let error = parsed(&format!("{SHORTEST}\n[policy]\nclip = 0.1\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("clip") && error.contains("line"), "{error}");
        assert!(error.contains("did you mean `clip_range`?"), "{error}");
    }

    #[test]
    fn an_override_that_does_not_fit_is_named_and_no_line_is_counted() {
        let fault = |overrides: &[&str]| parsed(SHORTEST, overrides).unwrap_err().to_string();
        let error = fault(&["seed=9", "policy.clip_rang=0.1", "network.width=8"]);
        assert!(error.starts_with("--set policy.clip_rang=0.1: unknown field"), "{error}");
        assert!(error.ends_with("did you mean `clip_range`?"), "{error}");
        let error = fault(&["policy.epochs=\"many\""]);
        assert!(error.starts_with("--set policy.epochs=\"many\": invalid type"), "{error}");
        assert!(!error.contains("line"), "{error}");
        let error = fault(&["policy.shrink_perturb.shrink=0.5"]);
        assert!(error.contains("missing field `std`"), "{error}");
        let error = parsed(&format!("{SHORTEST}\n[policy]\nclip = 0.1\n"), &["seed=9"]).unwrap_err().to_string();
        assert!(error.starts_with("run.toml: ") && error.contains("line"), "{error}");
    }

    #[test]
    fn overrides_may_fit_together_alone() {
        let both = ["policy.shrink_perturb.shrink=0.5", "policy.shrink_perturb.std=0.01"];
        assert!(parsed(SHORTEST, &both).unwrap().policy.shrink_perturb.is_some());
    }

    #[test]
    fn a_written_configuration_reads_back_the_same() {
        let config = parsed(SHORTEST, &["policy.shrink_perturb={shrink=0.5,std=0.01}"]).unwrap();
        let again = parsed(&toml::to_string(&config).unwrap(), &[]).unwrap();
        assert_eq!(again, config);
    }
}
