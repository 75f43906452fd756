//! The cases of a run and what each is for, written down before anything is computed. A run goes on with the same cases alone: one
//! that came, went, or is for something else now would make test cases of what was trained on.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{AdaptError, Components, digest::Content, epochs::kept_part};
use crate::{
    domain::{CaseEntry, CaseId, Split},
    run_dir::{RunError, Step, StepKind, is_done, json_lines, layout, parse_json_lines, read, read_json_lines, saved},
};

const PRETRAIN: Step = Step { iteration: 0, kind: StepKind::Pretrain };
const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];
/// Differences that an error names.
const MOST_NAMED: usize = 3;

/// A case, whose it is, what it is for, and what it held when it was first read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrozenCase {
    /// `source` or `target`.
    pub domain: String,
    /// Its name.
    pub case: String,
    /// The patient.
    pub group: String,
    /// What it is for.
    pub split: Split,
    /// What it held when it was first read.
    #[serde(flatten)]
    content: Content,
}

/// The cases of the run at `root`; none before its pretraining is finished.
///
/// # Errors
/// If the list cannot be read.
pub fn cases_of_run(root: &Path) -> Result<Vec<FrozenCase>, RunError> {
    folder_of_list(root).map_or_else(|| Ok(Vec::new()), |folder| read_json_lines(&folder.join(layout::CASES)))
}

/// Whether the data of the run at `root` may lie elsewhere than when it was begun: it knows what each of its cases held, so that it
/// would find out if that changed, or it has learnt of none yet.
///
/// # Errors
/// If its list of cases cannot be read.
pub fn data_may_move(root: &Path) -> Result<bool, RunError> {
    let Some((list, path)) = list_of_run(root)? else { return Ok(!is_done(root, &PRETRAIN)) };
    Ok(parsed(&list, &path)?.iter().all(|case| case.content.image.is_some()))
}

/// The folder with the run's list of cases; none before its pretraining is finished, or where an earlier version made none.
fn folder_of_list(root: &Path) -> Option<PathBuf> {
    let folder = root.join(layout::step(&PRETRAIN));
    (is_done(root, &PRETRAIN) && folder.join(layout::CASES).exists()).then_some(folder)
}

/// The run's list of cases, also as pretraining under way keeps it, and the file that it is in.
fn list_of_run(root: &Path) -> Result<Option<(Vec<u8>, PathBuf)>, RunError> {
    if let Some(folder) = folder_of_list(root) {
        let path = folder.join(layout::CASES);
        return Ok(Some((read(&path)?, path)));
    }
    let kept = saved(root, &PRETRAIN)?;
    Ok(kept.and_then(|(checkpoint, path)| Some((kept_part(&checkpoint, layout::CASES)?.to_vec(), path))))
}

fn parsed(list: &[u8], path: &Path) -> Result<Vec<FrozenCase>, RunError> {
    parse_json_lines(&String::from_utf8_lossy(list), path)
}

/// What the cases of both domains hold.
#[derive(Default)]
pub(super) struct Seen {
    pub source: BTreeMap<CaseId, Content>,
    pub target: BTreeMap<CaseId, Content>,
}

/// The cases of both domains as they are listed in a run, one JSON object a line.
pub(super) fn list(components: &Components, seen: &Seen) -> Result<Vec<u8>, RunError> {
    json_lines(&cases(components, seen))
}

/// Refuses data that are not those that the run was begun with: now, where a case came, went, or is of another patient or for
/// something else; and where it is read, if it holds something else. Tells what they hold, once that is written down.
///
/// # Errors
/// If they are not, or the list cannot be read.
pub(super) fn check(root: &Path, components: &mut Components) -> Result<Option<Seen>, AdaptError> {
    let Some(folder) = folder_of_list(root) else { return Ok(None) };
    let path = folder.join(layout::CASES);
    require_same(&read(&path)?, &path, components).map(Some)
}

/// The same, of a list from the file at `path`.
pub(super) fn require_same(list: &[u8], path: &Path, components: &mut Components) -> Result<Seen, AdaptError> {
    let before = parsed(list, path)?;
    let differences = differences(&before, &cases(components, &Seen::default()));
    if differences.is_empty() {
        let of = |domain: &str| -> BTreeMap<CaseId, Content> {
            let cases = before.iter().filter(|case| case.domain == domain);
            cases.map(|case| (CaseId(case.case.clone()), case.content.clone())).collect()
        };
        let seen = Seen { source: of(SOURCE), target: of(TARGET) };
        components.source.expect(seen.source.clone());
        components.target.expect(seen.target.clone());
        return Ok(seen);
    }
    let more = differences.len().saturating_sub(MOST_NAMED);
    let named = differences.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!(
        "the data are not those that the run was begun with: {named}{more}. Put them back, or begin another run"
    );
    Err(RunError::Content { path: path.to_owned(), message }.into())
}

/// Refuses data that are not those of the run at `root`, now or where they are read, as if that run went on: for data that lie
/// elsewhere, and for another run that is to come to the same. Does nothing before that run's pretraining has kept an epoch.
///
/// # Errors
/// If a case came, went, or is of another patient or for something else, or the list cannot be read.
pub fn expect_cases_of(root: &Path, components: &mut Components) -> Result<(), AdaptError> {
    list_of_run(root)?.map_or(Ok(()), |(list, path)| require_same(&list, &path, components).map(drop))
}

const SOURCE: &str = "source";
const TARGET: &str = "target";

fn cases(components: &Components, seen: &Seen) -> Vec<FrozenCase> {
    let frozen = |domain: &str, seen: &BTreeMap<CaseId, Content>, split, entry: &CaseEntry| FrozenCase {
        domain: domain.to_owned(),
        case: entry.id.to_string(),
        group: entry.group.clone(),
        split,
        content: seen.get(&entry.id).cloned().unwrap_or_default(),
    };
    let mut cases = Vec::new();
    for split in SPLITS {
        cases.extend(components.source.cases(split).iter().map(|entry| frozen(SOURCE, &seen.source, split, entry)));
        cases.extend(components.target.cases(split).iter().map(|entry| frozen(TARGET, &seen.target, split, entry)));
    }
    cases.sort();
    cases
}

fn differences(before: &[FrozenCase], now: &[FrozenCase]) -> Vec<String> {
    let find = |cases: &[FrozenCase], wanted: &FrozenCase| {
        cases.iter().find(|case| (&case.domain, &case.case) == (&wanted.domain, &wanted.case)).cloned()
    };
    let mut told = Vec::new();
    for case in before {
        let name = format!("{} case {}", case.domain, case.case);
        match find(now, case) {
            None => told.push(format!("{name} is gone")),
            Some(other) if other.group != case.group => {
                told.push(format!("{name} was of {} and is of {}", case.group, other.group));
            }
            Some(other) if other.split != case.split => {
                let [was, is] = [case.split, other.split].map(|split| format!("{split:?}").to_lowercase());
                told.push(format!("{name} was for {was} and is for {is}"));
            }
            Some(_) => {}
        }
    }
    let came = now.iter().filter(|case| find(before, case).is_none());
    told.extend(came.map(|case| format!("{} case {} is new", case.domain, case.case)));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, group: &str, split: Split) -> FrozenCase {
        FrozenCase {
            domain: "target".to_owned(),
            case: name.to_owned(),
            group: group.to_owned(),
            split,
            content: Content::default(),
        }
    }

    #[test]
    fn what_changed_is_told_case_by_case() {
        let before = [case("a", "p", Split::Train), case("b", "p", Split::Train), case("c", "q", Split::Test)];
        let now = [case("b", "p", Split::Test), case("c", "r", Split::Test), case("d", "s", Split::Train)];
        let told = differences(&before, &now);
        let expected = [
            "target case a is gone",
            "target case b was for train and is for test",
            "target case c was of q and is of r",
            "target case d is new",
        ];
        assert_eq!(told, expected);
        assert!(differences(&before, &before).is_empty());
    }
}
