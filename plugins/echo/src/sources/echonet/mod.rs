//! EchoNet-Dynamic (Ouyang et al. 2020, Nature 580): four-chamber videos, the left ventricle traced in two frames of each.

mod avi;
mod frame;
mod lists;
mod tracing;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rl4seg_sdk::schemars::JsonSchema;
use rl4seg_sdk::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Grid, Image, LabelMap, LabelSet, Split},
    sources::require_folder,
};
use serde::{Deserialize, Serialize};

use self::{avi::Video, lists::Listed, tracing::Tracing};
use crate::labels::labels;

/// Settings of [`EchonetDynamic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct EchonetDynamicConfig {
    /// The folder with `FileList.csv`, `VolumeTracings.csv` and `Videos`.
    pub root: PathBuf,
    /// Size of a pixel in mm, `[y, x]`. The data set does not tell it, and its videos, which were scaled to 112 x 112 pixels, do not
    /// share one: lengths in mm that are measured on them are as good as this number.
    pub spacing_mm: [f64; 2],
    /// Whether the tracings become references although they lack the myocardium. Such references can judge the cavity alone; a network
    /// that learns from them learns that there is no myocardium.
    #[serde(default)]
    pub cavity_only: bool,
    /// Whether a video is refused whose traced volumes do not fit its ejection fraction.
    #[serde(default = "yes")]
    pub check_volumes: bool,
}

fn yes() -> bool {
    true
}

/// The traced frames of a folder with `FileList.csv`, `VolumeTracings.csv` and `Videos/*.avi`.
///
/// A case is a frame, called `VIDEO_frame012` (frames are counted from 0), its group is the video. Intensities are grey values over
/// 255. The tracing is filled as the data set's authors do: the outline through the chords' ends.
///
/// **Cases have no reference unless `cavity_only` is set**: nobody traced the myocardium, and a reference without it would teach and
/// judge wrongly. Videos without a tracing have no case.
pub struct EchonetDynamic {
    config: EchonetDynamicConfig,
    labels: LabelSet,
    cases: BTreeMap<CaseId, Frame>,
}

struct Frame {
    video: String,
    split: Split,
    number: usize,
    tracing: Tracing,
}

impl EchonetDynamic {
    /// Reads both tables, and sees that every video with a tracing is there.
    ///
    /// # Errors
    /// If something is not there or malformed, a tracing is of no listed video or beyond its end, `spacing_mm` is no spacing, or traced
    /// volumes do not fit the ejection fraction.
    pub fn new(config: EchonetDynamicConfig) -> Result<Self> {
        require_folder(&config.root)?;
        Grid::plane([1, 1], config.spacing_mm)?;
        let path = config.root.join("VolumeTracings.csv");
        let videos = lists::videos(&config.root.join("FileList.csv"), config.check_volumes)?;
        let mut source = Self { labels: labels()?, cases: BTreeMap::new(), config };
        let mut misfits = Vec::new();
        let tracings = lists::tracings(&path)?;
        let traced = tracings.len();
        for (video, tracings) in tracings {
            let listed = videos
                .get(&video)
                .ok_or_else(|| inconsistent(&path, &format!("{video} is traced, but FileList.csv does not list it")))?;
            let misfit = lists::misfit(listed, &tracings, source.aspect());
            misfits.extend(misfit.map(|misfit| format!("{video}: {misfit}")));
            source.add(&path, &video, listed, tracings)?;
        }
        match misfits.first() {
            None if source.cases.is_empty() => Err(inconsistent(&path, "there is no case")),
            None => Ok(source),
            Some(first) => Err(inconsistent(
                &path,
                &format!(
                    "{} of {traced} videos have tracings that do not fit their ejection fraction; the first is {first}; leave them out of \
                     the table, or take them as they are with check_volumes = false",
                    misfits.len()
                ),
            )),
        }
    }

    fn aspect(&self) -> f64 {
        let [y, x] = self.config.spacing_mm;
        y / x
    }

    fn add(&mut self, path: &Path, video: &str, listed: &Listed, tracings: BTreeMap<usize, Tracing>) -> Result<()> {
        if !self.file(video).is_file() {
            let message =
                format!("{}: there is no such file; {} has its tracing", self.file(video).display(), path.display());
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        for (number, tracing) in tracings {
            if number >= listed.frames {
                let detail = format!(
                    "{video}, frame {number}: FileList.csv says that it has {} frames, counted from 0",
                    listed.frames
                );
                return Err(inconsistent(path, &detail));
            }
            let id = CaseId(format!("{video}_frame{number:03}"));
            self.cases.insert(id, Frame { video: video.to_owned(), split: listed.split, number, tracing });
        }
        Ok(())
    }

    fn file(&self, video: &str) -> PathBuf {
        self.config.root.join("Videos").join(format!("{video}.avi"))
    }

    fn get(&self, id: &CaseId) -> Result<&Frame> {
        self.cases.get(id).ok_or_else(|| {
            let message = format!("{}: there is no case `{id}`", self.config.root.display());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

impl DataSource for EchonetDynamic {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        let entry = |(id, frame): (&CaseId, &Frame)| CaseEntry {
            id: id.clone(),
            group: frame.video.clone(),
            split: Some(frame.split),
            has_reference: self.config.cavity_only,
        };
        Ok(self.cases.iter().map(entry).collect())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        let frame = self.get(id)?;
        let video = Video::read(&self.file(&frame.video))?;
        let grey = frame::grey(&video, frame.number)?;
        let grid = Grid::plane(video.format().shape, self.config.spacing_mm)?;
        Ok(Image::new(grid, 1, grey.into_iter().map(|value| f32::from(value) / 255.0).collect())?)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let frame = self.get(id)?;
        if !self.config.cavity_only {
            return Ok(None);
        }
        // What a header says of the size is believed only where a frame fills it.
        let grid = *self.image(id)?.grid();
        Ok(Some(LabelMap::new(grid, frame.tracing.fill(grid.plane_shape()))?))
    }
}

fn inconsistent(path: &Path, detail: &str) -> ComponentError {
    ComponentError::new(ErrorKind::Inconsistent, format!("{}: {detail}", path.display()))
}

#[cfg(test)]
mod tests;
