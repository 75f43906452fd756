//! The first files of a plugin: they compile, are tested and do something.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::{args::GlobalArgs, output};

/// What the plugin offers.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    /// Judges whether a label map is anatomically possible
    Metric,
    /// Makes wrong label maps from right ones
    Distortion,
    /// Makes right label maps from wrong ones
    Corrector,
    /// Lists and reads cases
    Source,
    /// Labels, data source, made-up images and preset for another kind of image
    Modality,
    /// The layers of actor, critic and reward network
    Network,
}

/// How a kind's template is used.
struct Template {
    source: &'static str,
    /// The component's name in the template.
    component: &'static str,
    /// What a run's configuration says, with `NAME` for the plugin.
    configuration: &'static str,
    /// What `plugins verify` needs to be told.
    settings: &'static str,
    /// Dependencies of its tests.
    dev_dependencies: &'static str,
    /// Of a modality.
    preset: Option<&'static str>,
}

impl Kind {
    fn template(self) -> Template {
        match self {
            Self::Metric => Template {
                source: include_str!("../../../../examples/templates/metric/src/lib.rs"),
                component: "pieces",
                configuration: "[[validity]]\ncomponent = \"NAME/pieces\"\nlabel = 1",
                settings: " --set pieces.label=1",
                dev_dependencies: "",
                preset: None,
            },
            Self::Distortion => Template {
                source: include_str!("../../../../examples/templates/distortion/src/lib.rs"),
                component: "shift",
                configuration: "[[distortion]]\ncomponent = \"NAME/shift\"\nmost_voxels = 5",
                settings: " --set shift.most_voxels=5",
                dev_dependencies: "",
                preset: None,
            },
            Self::Corrector => Template {
                source: include_str!("../../../../examples/templates/corrector/src/lib.rs"),
                component: "largest-piece",
                configuration: "[corrector]\ncomponent = \"NAME/largest-piece\"\nstructures = [1, 2]",
                settings: " --set 'largest-piece.structures=[1, 2]'",
                dev_dependencies: "",
                preset: None,
            },
            Self::Source => Template {
                source: include_str!("../../../../examples/templates/source/src/lib.rs"),
                component: "folder",
                configuration: "[source]\ncomponent = \"NAME/folder\"\nroot = \"data/source\"",
                settings: " --set folder.root=data/source",
                dev_dependencies: "\n[dev-dependencies]\ntempfile = \"3\"\n",
                preset: None,
            },
            Self::Modality => Template {
                source: include_str!("../../../../examples/templates/modality/src/lib.rs"),
                component: "phantom",
                configuration: "modality = \"NAME\"",
                settings: "",
                dev_dependencies: "",
                preset: Some(include_str!("../../../../examples/templates/modality/preset.toml")),
            },
            Self::Network => Template {
                source: include_str!("../../../../examples/templates/network/src/lib.rs"),
                component: "small-unet",
                configuration: "[network]\ncomponent = \"NAME/small-unet\"\nsettings = { width = 8 }",
                settings: " --set small-unet.width=8",
                dev_dependencies: "",
                preset: None,
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct Made {
    plugin: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

pub fn new(
    name: &str,
    kind: Kind,
    folder: Option<&Path>,
    sdk: Option<&Path>,
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    check_name(name)?;
    let sdk = sdk_folder(sdk)?;
    let folder = folder.map_or_else(|| PathBuf::from(name), Path::to_owned);
    ensure!(
        !folder.exists(),
        "{} is there already; choose another name, or another folder with --out",
        folder.display()
    );
    let template = kind.template();
    let mut files = Vec::new();
    let always = [
        ("Cargo.toml", manifest(name, &template, &sdk)),
        ("src/lib.rs", template.source.to_owned()),
        ("README.md", readme(name, &template)),
        (".gitignore", "/target\n".to_owned()),
        (".github/workflows/ci.yml", CI.to_owned()),
    ];
    let preset = template.preset.map(|preset| ("preset.toml", preset.to_owned()));
    for (file, text) in always.into_iter().chain(preset) {
        let path = folder.join(file);
        let parent = path.parent().context("a file without a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("{}: cannot be made", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
        files.push(path);
    }
    let made = Made { plugin: plugin_name(name).to_owned(), folder, files };
    output::result(global.json, &made, || {
        let folder = made.folder.display();
        format!(
            "{folder}: a plugin with the component `{}/{}`; {folder}/README.md says how to go on\n",
            made.plugin, template.component
        )
    })
}

/// As the SDK names a plugin after its crate.
fn plugin_name(krate: &str) -> &str {
    krate.strip_prefix("rl4seg-").unwrap_or(krate)
}

/// Names of crates that are names of plugins too.
fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    ensure!(
        begins && name.bytes().all(fits),
        "`{name}` is no name for a plugin; expected lower-case letters, digits and `-`, a letter first, as `lung-metrics`"
    );
    Ok(())
}

/// The SDK that this program was built with, unless another is named.
fn sdk_folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let built_with = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
    let folder = named.unwrap_or(&built_with);
    fs::canonicalize(folder).ok().filter(|folder| folder.join("Cargo.toml").is_file()).with_context(|| {
        format!("{}: there is no rl4seg-sdk; name the folder `sdk` of the repository with --sdk", folder.display())
    })
}

fn manifest(name: &str, template: &Template, sdk: &Path) -> String {
    format!(
        "[package]
name = \"{name}\"
version = \"0.1.0\"
edition = \"2024\"
rust-version = \"{}\"

[lib]
crate-type = [\"cdylib\", \"rlib\"]

[dependencies]
rl4seg-sdk = {{ path = {:?} }}
serde = {{ version = \"1\", features = [\"derive\"] }}
{}
# Stands alone, also within a folder of other crates.
[workspace]
",
        env!("CARGO_PKG_RUST_VERSION"),
        sdk.display().to_string(),
        template.dev_dependencies
    )
}

fn readme(name: &str, template: &Template) -> String {
    let library = format!("target/release/lib{}.so", name.replace('-', "_"));
    let (component, settings) = (template.component, template.settings);
    let plugin = plugin_name(name);
    let configuration = template.configuration.replace("NAME", plugin);
    let further = template.preset.map_or_else(String::new, |_| TRY_MODALITY.replace("NAME", plugin));
    format!(
        "# {name}

A plugin for [rl4seg](https://github.com/rl4seg/rl4seg) with the component `{plugin}/{component}`. Make it yours in
`src/lib.rs`.

```console
$ cargo test                                     # the component, and what all of its kind promise
$ cargo build --release
$ rl4seg plugins verify {library}{settings}
$ rl4seg plugins install {library}
```

On macOS the library ends in `.dylib`; on Windows it is `{}.dll`.

In the configuration of a run:

```toml
{configuration}
```
{further}",
        name.replace('-', "_")
    )
}

const TRY_MODALITY: &str = "
The whole loop runs on made-up images:

```console
$ rl4seg phantom --modality NAME --domain source --out data/source
$ rl4seg phantom --modality NAME --domain target --out data/target
$ rl4seg init --modality NAME --source data/source --target data/target
$ rl4seg adapt run.toml
```
";

const CI: &str = "name: ci
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      # The path of rl4seg-sdk in Cargo.toml must lead to it here too: check it out, or name its repository there.
      - run: cargo test
      - run: cargo build --release
";
