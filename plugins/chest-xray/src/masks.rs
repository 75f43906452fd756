//! Radiographs as PNG with a mask a structure, as JSRT with the masks of SCR (Shiraishi et al. 2000; van Ginneken et
//! al. 2006) and Montgomery (Jaeger et al. 2014) are spread.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rl4seg_sdk::{
    prelude::*,
    sources::{ImageKind, require_folder},
};

use crate::{ChestXray, HEART, LEFT_LUNG, RIGHT_LUNG, gray_png::GrayPng};

/// Settings of [`PngMasks`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct PngMasksConfig {
    /// The folder that all others lie in.
    pub root: PathBuf,
    /// Size of a pixel in mm, `[y, x]`: PNG does not say. JSRT: 0.175; Montgomery: 0.0875.
    pub spacing_mm: [f64; 2],
    /// The folder with the images, `ID.png`.
    #[serde(default = "images")]
    pub images: PathBuf,
    /// For each structure a folder with its masks, `ID.png`; none where nobody drew any.
    #[serde(default = "masks")]
    pub masks: Option<MaskFolders>,
    /// Masks overlap where a heart lies before a lung: whether the heart is taken there. Else it is refused.
    #[serde(default)]
    pub heart_over_lungs: bool,
}

/// The folders of the masks.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct MaskFolders {
    /// Of the patient's right lung.
    pub right_lung: PathBuf,
    /// Of the patient's left lung.
    pub left_lung: PathBuf,
    /// Of the heart.
    pub heart: PathBuf,
}

fn images() -> PathBuf {
    "images".into()
}

fn masks() -> Option<MaskFolders> {
    let [right_lung, left_lung, heart] = ["right lung", "left lung", "heart"].map(|name| Path::new("masks").join(name));
    Some(MaskFolders { right_lung, left_lung, heart })
}

/// A folder of radiographs. Each is of a patient of its own, as in both data sets.
pub struct PngMasks {
    config: PngMasksConfig,
    labels: LabelSet,
    cases: BTreeMap<CaseId, CaseEntry>,
}

impl PngMasks {
    /// Lists the images.
    ///
    /// # Errors
    /// If a folder is not there, there is no image, or an image has masks of some structures only.
    pub fn new(config: PngMasksConfig) -> Result<Self> {
        let folder = config.root.join(&config.images);
        require_folder(&folder)?;
        if let Some(masks) = &config.masks {
            for (_, masks) in masks.by_label() {
                require_folder(&config.root.join(masks))?;
            }
        }
        let mut source = Self { config, labels: ChestXray::labels()?, cases: BTreeMap::new() };
        let unreadable = |error| ComponentError::new(ErrorKind::Unreadable, format!("{}: {error}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".png") else { continue };
            let id = CaseId(id.to_owned());
            let has_reference = source.has_reference(&id)?;
            source.cases.insert(id.clone(), CaseEntry { group: id.to_string(), id, split: None, has_reference });
        }
        if source.cases.is_empty() {
            let message = format!("{}: there is no image; expected ID.png", folder.display());
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        Ok(source)
    }

    fn mask_files(&self, id: &CaseId) -> Vec<(u8, PathBuf)> {
        let Some(masks) = &self.config.masks else { return Vec::new() };
        let file = |folder: &PathBuf| self.config.root.join(folder).join(format!("{id}.png"));
        masks.by_label().map(|(label, folder)| (label, file(folder))).to_vec()
    }

    fn has_reference(&self, id: &CaseId) -> Result<bool> {
        let files = self.mask_files(id);
        let missing: Vec<&PathBuf> = files.iter().map(|(_, file)| file).filter(|file| !file.is_file()).collect();
        if missing.is_empty() || missing.len() == files.len() {
            return Ok(missing.is_empty() && !files.is_empty());
        }
        let message = format!("{}: there is no such file, but case `{id}` has other masks", missing[0].display());
        Err(ComponentError::new(ErrorKind::Inconsistent, message))
    }

    fn known(&self, id: &CaseId) -> Result<&CaseEntry> {
        self.cases.get(id).ok_or_else(|| {
            let message = format!("{}: there is no case `{id}`", self.config.root.display());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }

    fn image_file(&self, id: &CaseId) -> PathBuf {
        self.config.root.join(&self.config.images).join(format!("{id}.png"))
    }

    /// Adds a mask to a label map; refuses what lies on another structure, unless it may.
    fn lay(&self, map: &mut [u8], label: u8, path: &Path, mask: &GrayPng) -> Result<()> {
        let inside = mask.values.iter().copied().max().filter(|&most| most <= 1).unwrap_or(mask.full_scale);
        if let Some(value) = mask.values.iter().find(|&&value| value != 0 && value != inside) {
            let message = format!(
                "{}: a pixel is {value}; expected 0 or {inside}: masks that were scaled or saved as JPEG are spoilt",
                path.display()
            );
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
        let mut overlap = 0;
        for (voxel, _) in map.iter_mut().zip(&mask.values).filter(|&(_, &value)| value != 0) {
            overlap += usize::from(*voxel != 0);
            *voxel = label;
        }
        if overlap == 0 || (label == HEART && self.config.heart_over_lungs) {
            return Ok(());
        }
        let message = format!(
            "{}: {overlap} of its pixels belong to another mask of the same image too; mend the masks, or set \
             heart_over_lungs = true where the heart is drawn over the lungs",
            path.display()
        );
        Err(ComponentError::new(ErrorKind::Inconsistent, message))
    }
}

impl MaskFolders {
    /// The heart comes last, because it lies over the lungs.
    fn by_label(&self) -> [(u8, &PathBuf); 3] {
        [(RIGHT_LUNG, &self.right_lung), (LEFT_LUNG, &self.left_lung), (HEART, &self.heart)]
    }
}

impl Component for PngMasks {
    const ID: &'static str = "png-masks";
    const DOC: &'static str = "PNG images with a PNG mask for each structure, as JSRT and Montgomery are spread";
    type Config = PngMasksConfig;

    fn new(config: PngMasksConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl DataSource for PngMasks {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.cases.values().cloned().collect())
    }

    /// Grey values over the largest that the file can hold.
    fn image(&self, id: &CaseId) -> Result<Image> {
        self.known(id)?;
        let png = GrayPng::read(&self.image_file(id))?;
        let grid = Grid::plane(png.shape, self.config.spacing_mm)?;
        let values = png.values.iter().map(|&value| f32::from(value) / f32::from(png.full_scale));
        Ok(Image::new(grid, 1, values.collect())?)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        if !self.known(id)?.has_reference {
            return Ok(None);
        }
        let image = self.image_file(id);
        let shape = GrayPng::read(&image)?.shape;
        let mut map = vec![0; shape[0] * shape[1]];
        for (label, path) in self.mask_files(id) {
            let mask = GrayPng::read(&path)?;
            if mask.shape != shape {
                let message = format!(
                    "{}: {:?} rows and columns; expected {shape:?} as in {}",
                    path.display(),
                    mask.shape,
                    image.display()
                );
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
            self.lay(&mut map, label, &path, &mask)?;
        }
        Ok(Some(LabelMap::new(Grid::plane(shape, self.config.spacing_mm)?, map)?))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::BufWriter};

    use png::{BitDepth, ColorType, Encoder};
    use rl4seg_sdk::conformance;

    use super::*;

    fn write(path: &Path, shape: [u32; 2], color: ColorType, values: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut encoder = Encoder::new(BufWriter::new(File::create(path).unwrap()), shape[1], shape[0]);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(values).unwrap();
    }

    fn write_gray(path: &Path, values: &[u8]) {
        write(path, [2, 4], ColorType::Grayscale, values);
    }

    /// A case with masks, and one without.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write_gray(&file("images/a.png"), &[0, 51, 255, 0, 0, 0, 0, 0]);
        write_gray(&file("images/b.png"), &[9; 8]);
        write_gray(&file("masks/right lung/a.png"), &[255, 255, 0, 0, 255, 0, 0, 0]);
        write_gray(&file("masks/left lung/a.png"), &[0, 0, 0, 255, 0, 0, 0, 255]);
        write_gray(&file("masks/heart/a.png"), &[0, 0, 255, 0, 0, 0, 255, 0]);
        folder
    }

    fn open(folder: &tempfile::TempDir, heart_over_lungs: bool) -> Result<PngMasks> {
        PngMasks::new(PngMasksConfig {
            root: folder.path().to_owned(),
            spacing_mm: [0.2, 0.175],
            images: images(),
            masks: masks(),
            heart_over_lungs,
        })
    }

    #[test]
    fn images_and_masks_become_cases() {
        let folder = folder();
        let source = open(&folder, false).unwrap();
        let cases = source.cases().unwrap();
        assert_eq!(cases.iter().map(|case| case.has_reference).collect::<Vec<_>>(), [true, false]);
        let image = source.image(&cases[0].id).unwrap();
        assert_eq!((image.grid().plane_shape(), image.grid().spacing_mm()), ([2, 4], [0.2, 0.175]));
        assert_eq!(image.values()[..3], [0.0, 0.2, 1.0]);
        assert_eq!(source.reference(&cases[0].id).unwrap().unwrap().labels(), [1, 1, 3, 2, 1, 0, 3, 2]);
        assert_eq!(source.reference(&cases[1].id).unwrap(), None);
        conformance::check_data_source(&source).unwrap();
    }

    #[test]
    fn masks_that_overlap_are_refused_unless_the_heart_may_lie_over_the_lungs() {
        let folder = folder();
        let a = CaseId("a".to_owned());
        write_gray(&folder.path().join("masks/heart/a.png"), &[0, 255, 255, 0, 0, 0, 255, 0]);
        let error = open(&folder, false).unwrap().reference(&a).unwrap_err().to_string();
        assert!(error.contains("heart/a.png: 1 of its pixels") && error.contains("heart_over_lungs"), "{error}");
        assert_eq!(open(&folder, true).unwrap().reference(&a).unwrap().unwrap().labels()[..3], [1, 3, 3]);
        write_gray(&folder.path().join("masks/left lung/a.png"), &[255, 0, 0, 255, 0, 0, 0, 255]);
        assert!(open(&folder, true).unwrap().reference(&a).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let folder = folder();
        let a = CaseId("a".to_owned());
        let heart = folder.path().join("masks/heart/a.png");
        let refusal = || open(&folder, false).unwrap().reference(&a).unwrap_err().to_string();
        write_gray(&heart, &[0, 0, 127, 0, 0, 0, 255, 0]);
        assert!(refusal().contains("a pixel is 127; expected 0 or 255"));
        write(&heart, [4, 2], ColorType::Grayscale, &[0; 8]);
        assert!(refusal().contains("[4, 2] rows and columns; expected [2, 4]"));
        write(&heart, [2, 4], ColorType::Rgb, &[0; 24]);
        assert!(refusal().contains("Rgb"));
        fs::write(&heart, b"no picture").unwrap();
        assert!(refusal().contains("cannot be read as PNG"));
        fs::remove_file(&heart).unwrap();
        assert!(open(&folder, false).err().unwrap().to_string().contains("case `a` has other masks"));
        fs::remove_dir_all(folder.path().join("masks/heart")).unwrap();
        assert!(open(&folder, false).err().unwrap().to_string().contains("no such folder"));
    }
}
