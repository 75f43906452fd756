use std::{num::NonZeroUsize, path::PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::{commands, output::Shown};

/// Adapts a segmentation network to a new image domain that has no labels.
#[derive(Debug, Parser)]
#[command(name = "rl4seg", version, max_term_width = 100, after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLE: &str = "\
Example:
  rl4seg demo                                   the whole loop on synthetic images
  rl4seg init --modality echo --source a --target b
  rl4seg adapt run.toml
  rl4seg predict run scan.nii.gz --out results";

/// Flags that mean the same with every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print the result as JSON on standard output, and progress as a JSON object a line on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Use this many CPU threads; results do not depend on it [default: all]
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Look for plugins in this folder too; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub plugin_path: Vec<PathBuf>,
}

impl GlobalArgs {
    /// Sets up what a process has one of.
    pub fn apply(&self) -> anyhow::Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
        pool.build_global().with_context(|| format!("cannot start {threads} threads"))
    }

    /// How progress is shown.
    pub fn shown(&self) -> Shown {
        match (self.quiet, self.json) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Events,
            (false, false) => Shown::to_people(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(commands::demo::Args),
    Init(commands::init::Args),
    Adapt(commands::adapt::Args),
    Status(commands::status::Args),
    Verify(commands::verify::Args),
    Reproduce(commands::reproduce::Args),
    Report(commands::report::Args),
    Predict(commands::predict::Args),
    Uncertainty(commands::uncertainty::Args),
    Compare(commands::compare::Args),
    Check(commands::check::Args),
    #[command(subcommand)]
    Config(commands::config::Command),
    #[command(subcommand)]
    Data(commands::data::Command),
    Phantom(commands::phantom::Args),
    #[command(subcommand)]
    Bench(commands::bench::Command),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
    #[command(subcommand)]
    Plugins(commands::plugins::Command),
}

impl Command {
    /// Does it.
    pub fn run(&self, global: &GlobalArgs) -> anyhow::Result<()> {
        match self {
            Self::Demo(args) => commands::demo::run(args, global),
            Self::Init(args) => commands::init::run(args, global),
            Self::Adapt(args) => commands::adapt::run(args, global),
            Self::Status(args) => commands::status::run(args, global),
            Self::Verify(args) => commands::verify::run(args, global),
            Self::Reproduce(args) => commands::reproduce::run(args, global),
            Self::Report(args) => commands::report::run(args, global),
            Self::Predict(args) => commands::predict::run(args, global),
            Self::Uncertainty(args) => commands::uncertainty::run(args, global),
            Self::Compare(args) => commands::compare::run(args, global),
            Self::Check(args) => commands::check::run(args, global),
            Self::Config(command) => commands::config::run(command, global),
            Self::Data(command) => commands::data::run(command, global),
            Self::Phantom(args) => commands::phantom::run(args, global),
            Self::Bench(command) => commands::bench::run(command, global),
            Self::Doctor(args) => commands::doctor::run(args, global),
            Self::Completions(args) => commands::completions::run(args),
            Self::Man(args) => commands::man::run(args, global),
            Self::Plugins(command) => commands::plugins::run(command, global),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_shows_an_example() {
        let command = Args::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            let help = sub.clone().render_help().to_string();
            assert!(help.contains("Example:"), "{}", sub.get_name());
        }
    }

    /// A longer line is broken where it is shown, and could not be copied.
    const LONGEST: usize = 100;

    /// The commands of the examples of `command` and of those below it, without what is the shell's.
    fn examples(command: &clap::Command) -> Vec<String> {
        let after = command.get_after_long_help().or(command.get_after_help());
        let after = after.map(ToString::to_string).unwrap_or_default();
        let too_long = |line: &&str| line.trim().starts_with("rl4seg ") && line.len() > LONGEST;
        assert_eq!(after.lines().find(too_long), None);
        let after = after.split("\\\n").map(str::trim_start).collect::<String>();
        let lines = after.lines().map(str::trim).filter(|line| line.starts_with("rl4seg "));
        let of_shell = [" > ", " >> ", " 2> ", " | ", "   "];
        let own = lines.map(|line| of_shell.iter().fold(line, |line, end| line.split(end).next().unwrap()).to_owned());
        own.chain(command.get_subcommands().flat_map(examples)).collect()
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut command = Args::command();
        command.build();
        let examples = examples(&command);
        assert!(examples.len() > 30, "{examples:?}");
        for example in examples {
            let parsed = Args::try_parse_from(example.split_whitespace());
            assert!(parsed.is_ok(), "{example}: {}", parsed.err().unwrap());
        }
    }
}
