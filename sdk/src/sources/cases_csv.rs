use std::{
    collections::BTreeMap,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ImageKind,
    files::{CaseFiles, CaseTable, require_folder},
    rows::{Row, Rows},
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet},
};

/// Largest relative difference between the column `px` and the spacing in an image's header.
const SPACING_TOLERANCE: f64 = 1e-4;

/// Settings of [`CasesCsv`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CasesCsvConfig {
    /// The folder with `cases.csv`, `img` and `gt`.
    pub root: PathBuf,
}

/// A folder with one row a case in `cases.csv`, images in `img` and label maps in `gt`.
///
/// | column | meaning |
/// |---|---|
/// | `id` | the name of the case; required |
/// | `group`, `patient` or `dicom_uuid` | the patient: the first of the three that is there |
/// | `split` or `split_0` | `train` (or `pred`), `validation` (or `val`), `test`; empty leaves it open |
/// | `px` | spacing in mm; if given, images whose header says otherwise are refused |
/// | `study`, `view`, `dicom_uuid`, `instant` | where the files lie, see below |
///
/// The files of a case are `<id>.nii.gz` in `img` and `gt`, or else
/// `<study>/<view in lower case>/<dicom_uuid>_<instant>.nii.gz`. A case without a file in `gt` has
/// no reference. Labels are those of `K`. It is the component `cases-csv` of every plugin that exports it.
pub struct CasesCsv<K> {
    labels: LabelSet,
    table: CaseTable,
    /// Spacing in mm that a case's row claims.
    claimed_spacing: BTreeMap<CaseId, f64>,
    kind: PhantomData<K>,
}

impl<K: ImageKind> CasesCsv<K> {
    /// Reads the table and sees that every image is there.
    ///
    /// # Errors
    /// If the folder or `cases.csv` is not there, the table is malformed or empty, names a case
    /// twice, or a case's image is missing.
    pub fn new(config: &CasesCsvConfig) -> Result<Self> {
        require_folder(&config.root)?;
        let path = config.root.join("cases.csv");
        let rows = Rows::read(&path)?;
        rows.require_column(&["id"])?;
        rows.require_column(&GROUP_COLUMNS)?;
        let mut cases = Vec::new();
        let mut claimed_spacing = BTreeMap::new();
        for row in rows.iter() {
            let case = case(&row, &config.root)?;
            if let Some(spacing) = row.length("px", "a spacing above 0, in mm")? {
                claimed_spacing.insert(case.entry.id.clone(), spacing);
            }
            cases.push(case);
        }
        Ok(Self { labels: K::labels()?, table: CaseTable::new(path, cases)?, claimed_spacing, kind: PhantomData })
    }
}

impl<K: ImageKind> crate::Component for CasesCsv<K> {
    const ID: &'static str = "cases-csv";
    const DOC: &'static str = "A table of cases (cases.csv) with the folders img/ and gt/";
    type Config = CasesCsvConfig;

    fn new(config: CasesCsvConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl<K: ImageKind> DataSource for CasesCsv<K> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.table.entries())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        Ok(self.image_and_facts(id)?.0)
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        let case = self.table.get(id)?;
        let (image, facts) = case.image_and_facts(K::THIRD_AXIS)?;
        if let Some(&claimed) = self.claimed_spacing.get(id) {
            let spacing = image.grid().spacing_mm();
            if spacing.iter().any(|found| (found - claimed).abs() > SPACING_TOLERANCE * claimed) {
                let message = format!(
                    "{}: the header's spacing [y, x] is {spacing:?} mm, but column px of cases.csv says {claimed} mm; \
                     mend whichever is wrong",
                    case.image.display()
                );
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
        }
        Ok((image, facts))
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.table.get(id)?.reference(K::THIRD_AXIS, &self.labels, &[])
    }
}

const GROUP_COLUMNS: [&str; 3] = ["group", "patient", "dicom_uuid"];
const SPLIT_COLUMNS: [&str; 2] = ["split", "split_0"];

fn case(row: &Row<'_>, root: &Path) -> Result<CaseFiles> {
    for column in ["id", "study", "view", "dicom_uuid", "instant"] {
        row.require_inside(column)?;
    }
    let id = CaseId(row.required("id")?.to_owned());
    let group = row.group(&GROUP_COLUMNS)?.to_owned();
    let (image, labels) = files(row, root, &id);
    let labels = Some(labels).filter(|path| path.is_file());
    let entry = CaseEntry { id, group, split: row.split(&SPLIT_COLUMNS)?, has_reference: labels.is_some() };
    Ok(CaseFiles { entry, image, labels })
}

/// Image and label map of a case, in whichever of the two layouts has the image.
fn files(row: &Row<'_>, root: &Path, id: &CaseId) -> (PathBuf, PathBuf) {
    let in_folder = |name: &str| (root.join("img").join(name), root.join("gt").join(name));
    let flat = in_folder(&format!("{id}.nii.gz"));
    if flat.0.is_file() {
        return flat;
    }
    let [study, view, dicom, instant] = ["study", "view", "dicom_uuid", "instant"].map(|column| row.cell(column));
    let (Some(study), Some(view), Some(dicom), Some(instant)) = (study, view, dicom, instant) else {
        return flat;
    };
    in_folder(&format!("{study}/{}/{dicom}_{instant}.nii.gz", view.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        domain::{Grid, Label, Split},
        io::nifti::{NiftiGeometry, ThirdAxis, write_image},
    };

    #[derive(Debug)]
    struct Scan;

    impl ImageKind for Scan {
        const THIRD_AXIS: ThirdAxis = ThirdAxis::Time;

        fn labels() -> Result<LabelSet> {
            let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
            Ok(LabelSet::new(vec![label(0, "background"), label(1, "cavity"), label(2, "wall")])?)
        }
    }

    fn write_plane(path: &Path, grid: &Grid, value: f32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = Image::new(*grid, 1, vec![value; grid.len()]).unwrap();
        write_image(path, &image, &NiftiGeometry::for_grid(grid)).unwrap();
    }

    /// A folder with this table, and an image and a label map of each of `names`.
    fn folder(table: &str, names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cases.csv"), table).unwrap();
        let grid = Grid::plane([3, 5], [0.5, 0.5]).unwrap();
        for name in names {
            write_plane(&folder.path().join("img").join(name), &grid, 0.5);
            write_plane(&folder.path().join("gt").join(name), &grid, 2.0);
        }
        folder
    }

    fn open(folder: &tempfile::TempDir) -> Result<CasesCsv<Scan>> {
        CasesCsv::new(&CasesCsvConfig { root: folder.path().to_owned() })
    }

    fn refusal(table: &str, names: &[&str]) -> String {
        open(&folder(table, names)).err().unwrap().to_string()
    }

    #[test]
    fn both_layouts_are_found() {
        let table = "id,study,view,dicom_uuid,instant,px,split_0\n\
                     a,st1,A4C,u1,ED,0.5,pred\n\
                     b,st1,A4C,u2,ES,0.50001,val\n";
        let folder = folder(table, &["a.nii.gz", "st1/a4c/u2_ES.nii.gz"]);
        let source = open(&folder).unwrap();
        let cases = source.cases().unwrap();
        assert_eq!(cases.iter().map(|case| case.group.as_str()).collect::<Vec<_>>(), ["u1", "u2"]);
        assert_eq!(cases.iter().filter_map(|case| case.split).collect::<Vec<_>>(), [Split::Train, Split::Validation]);
        for case in &cases {
            assert_eq!(source.image(&case.id).unwrap().values(), [0.5; 15]);
            assert_eq!(source.reference(&case.id).unwrap().unwrap().labels(), [2; 15]);
        }
    }

    #[test]
    fn a_case_without_a_label_map_has_no_reference() {
        let folder = folder("id,group\na,p\n", &["a.nii.gz"]);
        fs::remove_file(folder.path().join("gt/a.nii.gz")).unwrap();
        let source = open(&folder).unwrap();
        let case = source.cases().unwrap().remove(0);
        assert_eq!((case.has_reference, case.split), (false, None));
        assert_eq!(source.reference(&case.id).unwrap(), None);
    }

    #[test]
    fn a_table_that_cannot_be_used_is_refused_with_its_place() {
        let files = ["a.nii.gz", "b.nii.gz"];
        assert!(refusal("group\np\n", &files).contains("a column id"));
        assert!(refusal("id\na\n", &files).contains("a column group or patient"));
        assert!(refusal("id,group\n", &files).contains("there is no case"));
        assert!(refusal("id,group\na,p\na,p\n", &files).contains("case `a` stands there twice"));
        assert!(refusal("id,group\na,p\nc,p\n", &files).contains("c.nii.gz"));
        assert!(refusal("id,group\na,\n", &files).contains("line 2"));
        assert!(refusal("id,group\n../img/a,p\n", &files).contains("a name within the folder"));
        assert!(refusal("id,group,px\na,p,nan\n", &files).contains("column px: `nan`"));
        let error = refusal("id,group,split\na,p,train\nb,p,holdout\n", &files);
        assert!(error.contains("line 3, column split: `holdout`"), "{error}");
    }

    #[test]
    fn a_missing_folder_or_table_is_named() {
        let empty = tempfile::tempdir().unwrap();
        assert!(open(&empty).err().unwrap().to_string().contains("cases.csv"));
        let root = empty.path().join("nowhere");
        assert!(CasesCsv::<Scan>::new(&CasesCsvConfig { root }).err().unwrap().to_string().contains("no such folder"));
    }

    #[test]
    fn a_row_that_contradicts_the_header_is_refused() {
        let folder = folder("id,group,px\na,p,0.51\n", &["a.nii.gz"]);
        let error = open(&folder).unwrap().image(&CaseId("a".to_owned())).unwrap_err();
        assert!(error.to_string().contains("px"), "{error}");
    }

    #[test]
    fn a_label_map_of_another_shape_is_refused() {
        let folder = folder("id,group\na,p\n", &["a.nii.gz"]);
        write_plane(&folder.path().join("gt/a.nii.gz"), &Grid::plane([5, 3], [0.5, 0.5]).unwrap(), 1.0);
        let error = open(&folder).unwrap().reference(&CaseId("a".to_owned())).unwrap_err();
        assert!(error.to_string().contains("shape"), "{error}");
    }
}
