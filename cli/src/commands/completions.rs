use std::io::Write;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

/// Write what a shell needs to complete the commands and flags of rl4seg
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rl4seg completions bash > ~/.local/share/bash-completion/completions/rl4seg
  rl4seg completions zsh > ~/.zfunc/_rl4seg     # with `fpath+=~/.zfunc` before compinit
  rl4seg completions fish > ~/.config/fish/completions/rl4seg.fish
  rl4seg completions powershell >> $PROFILE")]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    let command = crate::args::Args::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut visible(&command), name, &mut script);
    std::io::stdout().lock().write_all(&script).context("writing the completions to standard output")
}

/// The same command without what is hidden from users, which not every shell's script would leave out.
fn visible(command: &Command) -> Command {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set()).map(visible);
    let shown = Command::new(command.get_name().to_owned()).args(command.get_arguments().cloned()).subcommands(below);
    match command.get_about() {
        Some(about) => shown.about(about.clone()),
        None => shown,
    }
}
