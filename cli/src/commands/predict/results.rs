//! What a call of `predict` has so far. The tables are kept up to date, so that little is lost whatever ends the program.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rl4seg_core::{domain::LabelSet, io::IoError};
use serde_json::{Value, to_value};

use super::{
    Args,
    images::Task,
    review,
    tables::{self, Failure, Row},
};
use crate::{failure, interrupt::Interrupted, output::note};

/// The tables are written again when what they lack is more than one in so many of the images.
const LACKING: usize = 20;

/// Keeps other calls from writing to a folder as long as it is held: of two tables one would be lost. Nothing where the system locks
/// no folders, as Windows.
///
/// # Errors
/// If another call holds it.
pub fn hold(folder: &Path) -> anyhow::Result<Option<File>> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another call of predict writes there now; wait until it has ended, or choose another --out",
            folder.display()
        ),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The results of a call, and what could not be segmented.
pub struct Results<'a> {
    folder: &'a Path,
    force: bool,
    images: usize,
    pub rows: Vec<Row>,
    failed: Vec<(String, anyhow::Error)>,
    /// How many rows the tables have.
    saved: usize,
    page: Option<PathBuf>,
}

impl<'a> Results<'a> {
    /// Nothing yet. Rows of what is to be replaced are taken out of the tables, so that none tells of what is not there.
    pub fn begin(args: &'a Args, images: &[Task]) -> anyhow::Result<Self> {
        let replaced: BTreeSet<String> = images.iter().map(|image| image.output.name()).collect();
        let results = Self {
            folder: &args.out,
            force: args.force,
            images: images.len(),
            rows: Vec::new(),
            failed: Vec::new(),
            saved: 0,
            page: None,
        };
        tables::write(&args.out, &[], &replaced).with_context(|| results.unwritten())?;
        Ok(results)
    }

    /// Takes what an image came to.
    ///
    /// # Errors
    /// If results cannot be written, as on a full disk: those of the images after it could not be either.
    pub fn take(&mut self, image: String, result: anyhow::Result<Row>) -> anyhow::Result<()> {
        match result {
            Ok(row) => self.rows.push(row),
            Err(error) if is_unwritten(&error) => {
                // If the tables cannot be written either, `--missing` does again what they lack.
                let _ = self.write_tables();
                self.tell_failures();
                return Err(error.context(self.unwritten()));
            }
            Err(error) => self.failed.push((image, error)),
        }
        if (self.rows.len() - self.saved) * LACKING >= self.rows.len() {
            self.save()?;
        }
        Ok(())
    }

    /// Writes the tables, and the page to review.
    pub fn finish(&mut self, labels: &LabelSet) -> anyhow::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.save()?;
        let others = tables::listed(self.folder)?.len().saturating_sub(self.rows.len());
        let page = review::write(self.folder, &self.rows, labels, (others, self.force));
        self.page = Some(page.with_context(|| self.unwritten())?);
        Ok(())
    }

    fn save(&mut self) -> anyhow::Result<()> {
        self.write_tables().map_err(|error| {
            self.tell_failures();
            error.context(self.unwritten())
        })
    }

    fn write_tables(&mut self) -> anyhow::Result<()> {
        tables::write(self.folder, &self.rows, &BTreeSet::new())?;
        self.saved = self.rows.len();
        Ok(())
    }

    /// What to do where nothing more can be written.
    fn unwritten(&self) -> String {
        let kept = Interrupted::Images { done: self.saved, total: self.images };
        format!(
            "{}: the results cannot be written; make room, or see that the folder can be written to\n{kept}",
            self.folder.display()
        )
    }

    /// Images that were looked at.
    pub fn seen(&self) -> usize {
        self.rows.len() + self.failed.len()
    }

    /// A row for each image, also for those that failed.
    pub fn for_machines(&self) -> anyhow::Result<Vec<Value>> {
        let failures =
            self.failed.iter().map(|(image, error)| Failure { image: image.clone(), error: format!("{error:#}") });
        let values = self.rows.iter().map(to_value).chain(failures.map(to_value));
        Ok(values.collect::<Result<_, _>>()?)
    }

    /// The scores, and where to look.
    pub fn text(&self) -> String {
        let page = self.page.as_ref().map(|page| format!("\nto review, the worst first: {}", page.display()));
        tables::text(&self.rows) + &page.unwrap_or_default()
    }

    /// Tells of each image that failed.
    pub fn tell_failures(&self) {
        self.failed.iter().for_each(|(_, error)| note(&failure::describe(error)));
    }

    /// Tells of all images that failed but for the last, which is the error.
    pub fn failure(mut self) -> anyhow::Result<()> {
        let count = self.failed.len();
        let Some((_, last)) = self.failed.pop() else { return Ok(()) };
        self.tell_failures();
        Err(last.context(format!("{count} of {} images could not be segmented", self.images)))
    }
}

/// Whether results could not be written.
fn is_unwritten(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(IoError::Write { .. })))
}
