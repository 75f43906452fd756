//! Images anywhere, listed in a table.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ImageKind,
    files::{CaseFiles, CaseTable, listed_path, require_folder},
    rows::{Row, Rows},
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet},
    io::Reading,
};

const GROUP_COLUMNS: [&str; 2] = ["group", "patient"];
const SPACING_COLUMNS: [&str; 2] = ["spacing_y_mm", "spacing_x_mm"];
const COLUMNS: [&str; 8] =
    ["id", GROUP_COLUMNS[0], GROUP_COLUMNS[1], "image", "labels", "split", SPACING_COLUMNS[0], SPACING_COLUMNS[1]];

/// Settings of [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The folder with the table.
    pub root: PathBuf,
    /// The table, a CSV file; relative to `root`.
    #[serde(default = "cases_csv")]
    pub table: PathBuf,
    /// The labels that values of the files become, as `{ "255" = 1 }`; other values stand for themselves.
    #[serde(default)]
    pub read_as: BTreeMap<u32, u8>,
    /// Columns that are left alone, as `["age", "sex"]`.
    #[serde(default)]
    pub ignore_columns: Vec<String>,
}

fn cases_csv() -> PathBuf {
    "cases.csv".into()
}

/// A table with a row for each case.
///
/// | column | meaning |
/// |---|---|
/// | `id` | the name of the case; required |
/// | `group` or `patient` | the patient; required, and may repeat the id |
/// | `image` | the image's file, relative to the table or absolute; required |
/// | `labels` | the label map's file; empty where there is none |
/// | `split` | `train`, `validation` (or `val`), `test`; empty leaves it open |
/// | `spacing_y_mm`, `spacing_x_mm` | size of a pixel, for formats that do not tell it; a file that tells another is refused |
///
/// Labels are those of `K`. It is the component `table` of every plugin that exports it.
pub struct Table<K> {
    labels: LabelSet,
    table: CaseTable,
    /// Spacing `[y, x]` that a case's row gives.
    spacing_mm: BTreeMap<CaseId, [f64; 2]>,
    mapping: Vec<(u32, u8)>,
    kind: PhantomData<K>,
}

impl<K: ImageKind> Table<K> {
    /// Reads the table and sees that every file is there.
    ///
    /// # Errors
    /// If the folder, the table or a file is not there, the table is malformed or empty, has an unknown column, names a case twice or a
    /// path with `..`, or `read_as` says what is no value or no label.
    pub fn new(config: &TableConfig) -> Result<Self> {
        require_folder(&config.root)?;
        let labels = K::labels()?;
        let mapping = mapping(&config.read_as, &labels)?;
        let path = config.root.join(&config.table);
        let folder = path.parent().unwrap_or(&config.root);
        let rows = Rows::read(&path)?;
        check_columns(&path, &rows, &config.ignore_columns)?;
        let (mut cases, mut spacing_mm) = (Vec::new(), BTreeMap::new());
        for row in rows.iter() {
            let case = case(&row, folder)?;
            if let Some(spacing) = spacing(&row)? {
                spacing_mm.insert(case.entry.id.clone(), spacing);
            }
            cases.push(case);
        }
        Ok(Self { labels, table: CaseTable::new(path, cases)?, spacing_mm, mapping, kind: PhantomData })
    }

    fn reading(&self, id: &CaseId) -> Reading {
        let spacing_mm = self.spacing_mm.get(id).copied();
        Reading { third_axis: Some(K::THIRD_AXIS), spacing_mm, ..Reading::default() }
    }
}

impl<K: ImageKind> crate::Component for Table<K> {
    const ID: &'static str = "table";
    const DOC: &'static str = "A table of cases with the paths of their files";
    type Config = TableConfig;

    fn new(config: TableConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl<K: ImageKind> DataSource for Table<K> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.table.entries())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.table.get(id)?.image_by(&self.reading(id))
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        self.table.get(id)?.image_and_facts_by(&self.reading(id))
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.table.get(id)?.reference_by(&self.reading(id), &self.labels, &self.mapping)
    }
}

/// The pairs (value in a file, label) of `read_as`.
fn mapping(read_as: &BTreeMap<u32, u8>, labels: &LabelSet) -> Result<Vec<(u32, u8)>> {
    match read_as.iter().find(|(_, label)| usize::from(**label) >= labels.len()) {
        None => Ok(read_as.iter().map(|(&value, &label)| (value, label)).collect()),
        Some((value, label)) => {
            let message = format!("read_as has \"{value}\" = {label}; expected one of {labels}");
            Err(ComponentError::new(ErrorKind::Configuration, message))
        }
    }
}

/// Refuses columns that are unknown or stand twice: a slip in the name of an optional one would go unseen.
fn check_columns(path: &Path, rows: &Rows, ignored: &[String]) -> Result<()> {
    for needed in [&["id"][..], &GROUP_COLUMNS, &["image"]] {
        rows.require_column(needed)?;
    }
    for (index, column) in rows.columns().iter().enumerate() {
        if ignored.contains(column) {
            continue;
        }
        let twice = rows.columns().iter().skip(index + 1).any(|later| later == column);
        if twice || !COLUMNS.contains(&column.as_str()) {
            let message = format!(
                "{}: column `{column}` {}; expected {}; name others in ignore_columns = [\"{column}\"]",
                path.display(),
                if twice { "stands there twice" } else { "is unknown" },
                COLUMNS.join(", ")
            );
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
    }
    Ok(())
}

fn case(row: &Row<'_>, folder: &Path) -> Result<CaseFiles> {
    row.require_inside("id")?;
    let id = CaseId(row.required("id")?.to_owned());
    let group = row.group(&GROUP_COLUMNS)?.to_owned();
    let file = |column: &str, name: &str| {
        listed_path(folder, name)
            .map_err(|_| row.refuse(column, name, "a path without `..`, relative to the table, or an absolute one"))
    };
    let image = file("image", row.required("image")?)?;
    let labels = row.cell("labels").filter(|name| !name.is_empty());
    let labels = labels.map(|name| file("labels", name)).transpose()?;
    let entry = CaseEntry { id, group, split: row.split(&["split"])?, has_reference: labels.is_some() };
    Ok(CaseFiles { entry, image, labels })
}

/// Spacing `[y, x]` in mm, where the row gives it.
fn spacing(row: &Row<'_>) -> Result<Option<[f64; 2]>> {
    let [y, x] = SPACING_COLUMNS.map(|column| row.length(column, "a spacing above 0, in mm"));
    match (y?, x?) {
        (Some(y), Some(x)) => Ok(Some([y, x])),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(row.refuse(SPACING_COLUMNS[0], "", "a spacing too, in mm")),
        (Some(_), None) => Err(row.refuse(SPACING_COLUMNS[1], "", "a spacing too, in mm")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conformance,
        domain::Split,
        sources::made_folder::{Folder, Scan},
    };

    fn folder(table: &str) -> Folder {
        let folder = Folder::new();
        folder.text("lists/cases.csv", table);
        folder.image("lists/a.nii.gz", 1.0);
        folder.image("lists/deep/b.nii", 2.0);
        folder.labels("lists/a_seg.nii.gz", [0, 255, 2, 0, 255, 2]);
        folder
    }

    fn open(folder: &Folder, more: &str) -> Result<Table<Scan>> {
        let json = format!(r#"{{ "root": {:?}, "table": "lists/cases.csv" {more} }}"#, folder.path());
        Table::new(&serde_json::from_str(&json).unwrap())
    }

    fn refusal(table: &str) -> String {
        open(&folder(table), "").err().unwrap().to_string()
    }

    #[test]
    fn paths_are_relative_to_the_table_or_absolute() {
        let elsewhere = Folder::new();
        elsewhere.image("c.nii", 3.0);
        let absolute = elsewhere.path().join("c.nii");
        let rows = format!("1,p,./a.nii.gz,a_seg.nii.gz,train\n2,p,deep/b.nii,,val\n3,q,{},,\n", absolute.display());
        let folder = folder(&format!("id,patient,image,labels,split\n{rows}"));
        let source = open(&folder, r#", "read_as": { "255": 1 }"#).unwrap();
        let cases = source.cases().unwrap();
        let told: Vec<_> = cases.iter().map(|case| (case.group.as_str(), case.split, case.has_reference)).collect();
        assert_eq!(told, [("p", Some(Split::Train), true), ("p", Some(Split::Validation), false), ("q", None, false)]);
        assert_eq!(source.reference(&cases[0].id).unwrap().unwrap().labels(), [0, 1, 2, 0, 1, 2]);
        assert_eq!(source.image(&cases[2].id).unwrap().values(), [3.0; 6]);
        conformance::check_data_source(&source).unwrap();
        assert!(open(&folder, "").unwrap().reference(&cases[0].id).unwrap_err().to_string().contains("label 255"));
    }

    #[test]
    fn a_spacing_that_a_file_contradicts_is_refused() {
        let header = "id,group,image,spacing_y_mm,spacing_x_mm\n";
        let folder = folder(&format!("{header}1,p,a.nii.gz,0.5,0.25\n2,p,deep/b.nii,0.5,0.5\n3,q,a.nii.gz,,\n"));
        let source = open(&folder, "").unwrap();
        let image = |id: &str| source.image(&CaseId(id.to_owned()));
        assert!(image("1").is_ok() && image("3").is_ok());
        assert!(image("2").unwrap_err().to_string().contains("b.nii"));
        let error = refusal(&format!("{header}1,p,a.nii.gz,0.5,\n"));
        assert!(error.contains("line 2, column spacing_x_mm"), "{error}");
        assert!(refusal(&format!("{header}1,p,a.nii.gz,0,1\n")).contains("column spacing_y_mm: `0`"));
    }

    #[test]
    fn a_table_that_cannot_be_used_is_refused_with_its_place() {
        assert!(refusal("id,group\n1,p\n").contains("a column image"));
        assert!(refusal("id,image\n1,a.nii.gz\n").contains("a column group or patient"));
        assert!(refusal("id,group,image\n1,p,../a.nii.gz\n").contains("line 2, column image"));
        assert!(refusal("id,group,image,labels\n1,p,a.nii.gz,../x\n").contains("column labels"));
        assert!(refusal("id,group,image,labels\n1,p,a.nii.gz,no.nii\n").contains("no.nii"));
        assert!(refusal("id,group,image\n1,p,no.nii\n").contains("no.nii"));
        assert!(refusal("id,group,image\n../1,p,a.nii.gz\n").contains("column id"));
        assert!(refusal("id,group,image\n1,,a.nii.gz\n").contains("the patient"));
        assert!(refusal("id,group,image\n1,p,a.nii.gz\n1,p,a.nii.gz\n").contains("stands there twice"));
        assert!(refusal("id,id,group,image\n1,2,p,a.nii.gz\n").contains("column `id` stands there twice"));
        let table = "id,group,image,label\n1,p,a.nii.gz,a_seg.nii.gz\n";
        assert!(refusal(table).contains("ignore_columns = [\"label\"]"));
        assert!(open(&folder(table), r#", "ignore_columns": ["label"]"#).is_ok());
        let table = "id,group,image\n1,p,a.nii.gz\n";
        let error = open(&folder(table), r#", "read_as": { "255": 3 }"#).err().unwrap().to_string();
        assert!(error.contains("\"255\" = 3; expected one of"), "{error}");
    }
}
