//! Results before and after, with intervals.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rl4seg_core::{
    adapt::CaseResult,
    domain::{Label, Seed, Verdict},
    measure::{Interval, StructureScore, bootstrap_by_patient},
};
use serde::Serialize;

type OfCase = dyn Fn(&CaseResult) -> Option<f64> + Sync + Send;
type OfScore = fn(&StructureScore) -> Option<f64>;

/// What can be measured on a case, and how it is told.
struct Measure {
    name: String,
    /// What it is called at the head of the page; absent where it does not stand there.
    headline: Option<&'static str>,
    unit: &'static str,
    digits: usize,
    more_is_better: bool,
    of: Box<OfCase>,
}

/// A measure before and after: means over the cases with 95 % bootstrap intervals over patients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub measure: String,
    /// As [`Measure::headline`].
    #[serde(skip)]
    pub headline: Option<&'static str>,
    /// Empty for shares and Dice.
    pub unit: &'static str,
    #[serde(skip)]
    pub digits: usize,
    /// Test cases. An interval is of fewer where some cannot be measured.
    pub cases: usize,
    pub before: Option<Interval>,
    /// Absent where only one evaluation is finished.
    pub after: Option<Interval>,
    /// After less before, case by case.
    pub change: Option<Interval>,
    /// Whether the whole interval of the change is on one side of 0: true if that is the better one.
    pub improved: Option<bool>,
}

/// The results of a domain: those of the first evaluation, and those of the last if there are several.
pub struct Results<'a> {
    pub before: Vec<&'a CaseResult>,
    pub after: Vec<&'a CaseResult>,
    /// Whose image each case is.
    pub patients: BTreeMap<&'a str, &'a str>,
}

/// All measures of a domain. Those that no case has are left out, but for those at the head of the page; so are structures that
/// are missing nowhere.
pub fn rows(results: &Results<'_>, structures: &[Label]) -> Vec<Row> {
    let rows = measures(structures).into_par_iter().map(|measure| results.row(measure));
    let tells = |row: &Row| {
        let [before, after] = [row.before, row.after].map(|found| found.map(|interval| interval.mean));
        let found = before.is_some() || after.is_some();
        let missing = !row.measure.starts_with(MISSING) || [before, after].into_iter().flatten().any(|mean| mean > 0.0);
        row.headline.is_some() || (found && missing)
    };
    rows.collect::<Vec<_>>().into_iter().filter(tells).collect()
}

/// How the share of cases is called in which a structure cannot be measured, as one of both label maps lacks it.
const MISSING: &str = "Missing in one of both";

/// Whether one of both label maps lacks the structure; nothing where both do.
fn is_missing(score: &StructureScore) -> Option<f64> {
    score.dice.map(|_| 100.0 * f64::from(u8::from(score.hausdorff_mm.is_none())))
}

fn measures(structures: &[Label]) -> Vec<Measure> {
    let mut measures = vec![
        Measure {
            name: "Anatomically valid".to_owned(),
            headline: Some("Anatomically valid"),
            unit: "%",
            digits: 1,
            more_is_better: true,
            of: Box::new(|case| Some(100.0 * f64::from(u8::from(case.verdict == Verdict::Valid)))),
        },
        Measure {
            name: "Dice, mean of the structures".to_owned(),
            headline: Some("Dice"),
            unit: "",
            digits: 3,
            more_is_better: true,
            of: Box::new(CaseResult::dice),
        },
        Measure {
            name: "Hausdorff distance, mean of the structures".to_owned(),
            headline: Some("Hausdorff distance"),
            unit: "mm",
            digits: 1,
            more_is_better: false,
            of: Box::new(CaseResult::hausdorff_mm),
        },
    ];
    let kinds: [(&str, &str, OfScore); 5] = [
        ("Dice", "", |score| score.dice),
        (MISSING, "%", is_missing),
        ("Hausdorff distance", "mm", |score| score.hausdorff_mm),
        ("95th percentile of surface distances", "mm", |score| score.hd95_mm),
        ("Mean surface distance", "mm", |score| score.assd_mm),
    ];
    for Label { name: structure, value, .. } in structures {
        let value = *value;
        measures.extend(kinds.map(|(name, unit, of)| Measure {
            name: format!("{name}, {structure}"),
            headline: None,
            unit,
            digits: if unit.is_empty() { 3 } else { 1 },
            more_is_better: unit.is_empty(),
            of: Box::new(move |case| of(case.structures.iter().flatten().find(|score| score.label == value)?)),
        }));
    }
    measures
}

impl Results<'_> {
    fn row(&self, measure: Measure) -> Row {
        let change = self.change(&measure);
        let bounds = change.as_ref().and_then(Interval::bounds);
        let improved = bounds.filter(|[low, high]| *low > 0.0 || *high < 0.0);
        Row {
            before: self.mean(&self.before, &measure),
            after: self.mean(&self.after, &measure),
            change,
            improved: improved.map(|[low, _]| (low > 0.0) == measure.more_is_better),
            measure: measure.name,
            headline: measure.headline,
            cases: self.before.len().max(self.after.len()),
            unit: measure.unit,
            digits: measure.digits,
        }
    }

    /// A case without a patient, as in a run whose list of cases is not there, is one of its own.
    fn patient<'b>(&'b self, case: &'b CaseResult) -> &'b str {
        self.patients.get(case.case.as_str()).copied().unwrap_or(case.case.as_str())
    }

    fn mean(&self, cases: &[&CaseResult], measure: &Measure) -> Option<Interval> {
        let values = cases.iter().filter_map(|case| Some((self.patient(case), (measure.of)(case)?)));
        bootstrap_by_patient(&values.collect::<Vec<_>>(), Seed(0))
    }

    fn change(&self, measure: &Measure) -> Option<Interval> {
        let before: BTreeMap<&str, f64> =
            self.before.iter().filter_map(|case| Some((case.case.as_str(), (measure.of)(case)?))).collect();
        let differences = self
            .after
            .iter()
            .filter_map(|case| Some((self.patient(case), (measure.of)(case)? - before.get(case.case.as_str())?)));
        bootstrap_by_patient(&differences.collect::<Vec<_>>(), Seed(0))
    }
}

#[cfg(test)]
mod tests {
    use rl4seg_core::domain::CaseId;

    use super::*;

    fn case(name: &str, dice: f64, hausdorff_mm: f64) -> CaseResult {
        let score = StructureScore {
            label: 1,
            dice: Some(dice),
            hausdorff_mm: Some(hausdorff_mm),
            hd95_mm: None,
            assd_mm: None,
        };
        CaseResult {
            domain: "target".to_owned(),
            case: CaseId(name.to_owned()),
            verdict: Verdict::Valid,
            findings: Vec::new(),
            structures: Some(vec![score]),
            mean_reward: None,
        }
    }

    #[test]
    fn changes_are_paired_and_less_distance_is_better() {
        let before = [case("a", 0.2, 9.0), case("b", 0.8, 7.0)];
        let after = [case("b", 0.9, 6.0), case("a", 0.3, 8.0)];
        let results = Results {
            before: before.iter().collect(),
            after: after.iter().collect(),
            patients: [("a", "p"), ("b", "q")].into(),
        };
        let heart = [Label { value: 1, name: "heart".to_owned(), color: [0; 3] }];
        let rows = rows(&results, &heart);
        let row = |name: &str| rows.iter().find(|row| row.measure.starts_with(name)).unwrap();
        let dice = row("Dice, heart");
        // Both cases gain the same, however far they lie apart.
        assert!((dice.change.unwrap().low - 0.1).abs() < 1e-12 && dice.improved == Some(true), "{dice:?}");
        assert!(dice.before.unwrap().low < 0.3 && dice.before.unwrap().high > 0.7);
        assert_eq!(row("Hausdorff distance, heart").improved, Some(true));
        assert_eq!(row("Anatomically valid").improved, None);
        assert!(rows.iter().all(|row| !row.measure.starts_with("95th")));
    }

    /// A network that misses a structure has no distance there, and must not look better for it.
    #[test]
    fn what_is_missing_is_told_beside_the_distances() {
        let (mut missed, found) = (case("a", 0.0, 0.0), case("b", 0.8, 7.0));
        missed.structures.as_mut().unwrap()[0].hausdorff_mm = None;
        let heart = [Label { value: 1, name: "heart".to_owned(), color: [0; 3] }];
        let rows_of = |before: Vec<&CaseResult>, after: Vec<&CaseResult>| {
            rows(&Results { before, after, patients: [("a", "p"), ("b", "q")].into() }, &heart)
        };
        let now_found = case("a", 0.8, 7.0);
        let rows = rows_of(vec![&missed, &found], vec![&now_found, &found]);
        let row = |name: &str| rows.iter().find(|row| row.measure.starts_with(name)).unwrap();
        let distance = row("Hausdorff distance, heart");
        let of = |found: Option<Interval>| found.map(|interval| interval.cases);
        assert_eq!((of(distance.before), of(distance.after), of(distance.change)), (Some(1), Some(2), Some(1)));
        assert_eq!(distance.cases, 2);
        assert_eq!(row("Missing in one of both, heart").before.unwrap().mean, 50.0);
        let of_none = rows_of(vec![&missed], Vec::new());
        let headlines: Vec<_> = of_none.iter().filter_map(|row| Some((row.headline?, row.before.is_some()))).collect();
        assert_eq!(headlines, [("Anatomically valid", true), ("Dice", true), ("Hausdorff distance", false)]);
        assert!(rows_of(vec![&found], Vec::new()).iter().all(|row| !row.measure.starts_with(MISSING)));
    }

    #[test]
    fn one_patient_does_not_show_that_anything_improved() {
        let (before, after) = ([case("a", 0.2, 9.0), case("b", 0.8, 7.0)], [case("a", 0.3, 8.0), case("b", 0.9, 6.0)]);
        let patients = [("a", "p"), ("b", "p")].into();
        let results = Results { before: before.iter().collect(), after: after.iter().collect(), patients };
        for row in rows(&results, &[]) {
            assert_eq!((row.improved, row.change.and_then(|change| change.bounds())), (None, None), "{row:?}");
        }
    }
}
