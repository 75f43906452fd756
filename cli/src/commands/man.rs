use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use serde_json::json;

use crate::{
    args::GlobalArgs,
    output::{self, utf8},
};

/// Write the manual: the page of rl4seg, or those of all its commands into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rl4seg man | man -l -
  rl4seg man --out ~/.local/share/man/man1")]
pub struct Args {
    /// The folder for the pages of all commands, `rl4seg.1`, `rl4seg-adapt.1` and so on
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut command = crate::args::Args::command();
    command.build();
    let Some(out) = &args.out else {
        let page = page(&command)?;
        return std::io::stdout().lock().write_all(&page).context("writing the page to standard output");
    };
    let folder = utf8(out)?;
    fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let mut pages = Vec::new();
    write_pages(&command, out, &mut pages)?;
    output::result(global.json, &json!({ "folder": folder, "pages": pages }), || {
        format!("{} pages in {}", pages.len(), out.display())
    })
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).context("writing a page of the manual")?;
    Ok(page)
}

/// The page of a command and those of the commands below it.
fn write_pages(command: &Command, out: &Path, pages: &mut Vec<String>) -> anyhow::Result<()> {
    let name = format!("{}.1", command.get_display_name().unwrap_or(command.get_name()));
    let path = out.join(&name);
    fs::write(&path, page(command)?).with_context(|| format!("{}: cannot be written", path.display()))?;
    pages.push(name);
    let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    for below in below {
        write_pages(below, out, pages)?;
    }
    Ok(())
}
