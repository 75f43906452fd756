//! Folders of small images, for tests of data sources.

use std::{fs, path::Path};

use super::ImageKind;
use crate::{
    component::Result,
    domain::{Grid, Image, Label, LabelMap, LabelSet},
    io::nifti::{NiftiGeometry, ThirdAxis, write_image, write_labels},
};

/// Images with a cavity (1) and a wall (2).
#[derive(Debug)]
pub(super) struct Scan;

impl ImageKind for Scan {
    const THIRD_AXIS: ThirdAxis = ThirdAxis::Depth;

    fn labels() -> Result<LabelSet> {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        Ok(LabelSet::new(vec![label(0, "background"), label(1, "cavity"), label(2, "wall")])?)
    }
}

pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a text file.
    pub(super) fn text(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path().join(name).parent().unwrap()).unwrap();
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Writes an image of 2 x 3 pixels, all `value`.
    pub(super) fn image(&self, name: &str, value: f32) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_image(&path, &Image::new(grid(), 1, vec![value; 6]).unwrap(), &NiftiGeometry::for_grid(&grid())).unwrap();
    }

    /// Writes a label map of 2 x 3 pixels.
    pub(super) fn labels(&self, name: &str, labels: [u8; 6]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let map = LabelMap::new(grid(), labels.to_vec()).unwrap();
        write_labels(&path, &map, &NiftiGeometry::for_grid(&grid())).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }
}

fn grid() -> Grid {
    Grid::plane([2, 3], [0.5, 0.25]).unwrap()
}
