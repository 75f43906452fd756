//! What a command asks for on a terminal where it was not given.

use std::{
    io::{IsTerminal, stderr, stdin},
    path::{Path, PathBuf},
};

use anyhow::Context;
use dialoguer::{Input, Select};
use rl4seg_core::plugin::Catalog;

use crate::{args::GlobalArgs, catalog};

/// Questions to the user, on standard error.
pub struct Asking;

impl Asking {
    /// Whether somebody is there to answer.
    pub fn is_possible(global: &GlobalArgs) -> bool {
        stdin().is_terminal() && stderr().is_terminal() && !global.json
    }

    /// The name of a modality that there is a plugin for.
    pub fn modality(&self, catalog: &Catalog, given: Option<&str>) -> anyhow::Result<String> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        let known: Vec<_> = catalog::modalities(catalog).collect();
        anyhow::ensure!(!known.is_empty(), "{}", catalog::NO_MODALITY);
        let items: Vec<String> = known.iter().map(|modality| format!("{}: {}", modality.id, modality.doc)).collect();
        let question =
            Select::new().with_prompt("The kind of images (arrow keys, then Enter)").items(&items).default(0);
        let chosen = question.interact().context("asking for --modality")?;
        Ok(known[chosen].id.clone())
    }

    /// A folder that is there.
    pub fn folder(&self, flag: &str, question: &str, given: Option<&Path>) -> anyhow::Result<PathBuf> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        let is_folder = |text: &String| match Path::new(text.trim()).is_dir() {
            true => Ok(()),
            false => Err(format!("{text}: there is no such folder")),
        };
        let asked = Input::<String>::new().with_prompt(question).validate_with(is_folder).interact_text();
        Ok(asked.with_context(|| format!("asking for --{flag}"))?.trim().into())
    }
}
