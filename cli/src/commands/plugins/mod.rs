//! Plugins: what there is, and which of them are the user's own.

mod install;
mod made_up;
mod new;
mod one;
mod show;
mod verify;

use std::path::PathBuf;

use rl4seg_core::{config::Override, plugin::Catalog};

use crate::{args::GlobalArgs, catalog};

/// Show the plugins that are loaded, install and remove them
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Example:
  rl4seg plugins list
  rl4seg plugins inspect echo
  rl4seg plugins new my-metric --kind metric
  rl4seg plugins install target/release/libmy_metric.so
  rl4seg plugins remove my-metric

A plugin that is loaded has your rights: it can read and write what you can. Install what you trust.")]
pub enum Command {
    /// List all plugins, and the files that were refused
    #[command(after_help = "Example:\n  rl4seg plugins list --plugin-path my-plugins")]
    List,
    /// Show one plugin in full
    #[command(after_help = "Example:\n  rl4seg plugins inspect echo\n  rl4seg plugins inspect libmy_metric.so")]
    Inspect {
        /// The name of a plugin, or the path of its library
        #[arg(value_name = "NAME|PATH")]
        plugin: String,
    },
    /// Write the first files of a plugin: a crate that compiles, with a component, its test and a README
    #[command(after_help = "Example:\n  rl4seg plugins new lung-metrics --kind metric")]
    New {
        /// The name of the crate and of the plugin
        name: String,
        /// What it offers
        #[arg(long, value_enum)]
        kind: new::Kind,
        /// The folder to be made [default: NAME]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// The folder of rl4seg-sdk [default: that of the sources this program was built from]
        #[arg(long, value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Check that a plugin's components keep what every component promises
    ///
    /// They are called as a run calls them, through the loaded library: with label maps and images of every kind, again
    /// and again, and by several threads. The data sources of a modality are asked about images that it makes up, unless
    /// --set says otherwise. Exit code 1 if a promise is broken, or a component could not be checked.
    #[command(after_help = "\
Example:
  rl4seg plugins verify target/release/libmy_metric.so
  rl4seg plugins verify echo --set cases-csv.root=data/source")]
    Verify {
        /// The name of a plugin, or the path of its library
        #[arg(value_name = "NAME|PATH")]
        plugin: String,
        /// A setting that a component needs to be made; may be given several times
        #[arg(long = "set", value_name = "COMPONENT.KEY=VALUE")]
        settings: Vec<Override>,
    },
    /// Check one component. Called by `verify` in a process of its own.
    #[command(name = one::COMMAND, hide = true)]
    VerifyOne { plugin: String, index: usize, settings: String },
    /// Copy a plugin's library into your plugin folder, from where every command loads it
    ///
    /// The library is first loaded on trial, in a process of its own.
    #[command(after_help = "Example:\n  rl4seg plugins install target/release/libmy_metric.so")]
    Install {
        /// The library: .so, .dylib or .dll
        #[arg(value_name = "PATH")]
        library: PathBuf,
        /// Put it in place of an installed plugin of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Delete a plugin's library from your plugin folder
    #[command(after_help = "Example:\n  rl4seg plugins remove my-metric\n  rl4seg plugins remove libbroken.so")]
    Remove {
        /// The name of an installed plugin, or of a file in the plugin folder that is refused
        #[arg(value_name = "NAME|FILE")]
        plugin: String,
    },
}

pub fn run(command: &Command, global: &GlobalArgs) -> anyhow::Result<()> {
    match command {
        Command::List => show::list(&Catalog::discover(&catalog::search(global)?), global.json),
        Command::Inspect { plugin } => show::inspect(plugin, global),
        Command::New { name, kind, out, sdk } => new::new(name, *kind, out.as_deref(), sdk.as_deref(), global),
        Command::Verify { plugin, settings } => verify::verify(plugin, settings, global),
        Command::VerifyOne { plugin, index, settings } => one::verify(plugin, *index, settings, global),
        Command::Install { library, replace } => install::install(library, *replace, global),
        Command::Remove { plugin } => install::remove(plugin, global),
    }
}
