//! Python functions as metrics of this process.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod shared;

use rl4seg_python::PythonMetric;
use rl4seg_sdk::{
    component::{ComponentError, ErrorKind},
    conformance,
    domain::{Finding, Grid, LabelMap, SlowAxis, Verdict},
    fixtures::label_map,
    prelude::{Component, ValidityMetric},
};
use serde_json::{Value, json};
use shared::{MARGIN, margin_settings, settings_of};

fn made(settings: &Value) -> Result<PythonMetric, ComponentError> {
    PythonMetric::new(serde_json::from_value(settings.clone()).unwrap())
}

fn metric(function: &str, more: Value) -> PythonMetric {
    made(&settings_of(function, more)).unwrap()
}

/// The answer called `which` in `answers.py`.
fn answer(which: &str, mut more: Value) -> Result<Vec<Finding>, ComponentError> {
    more["settings"] = json!({"which": which});
    metric("answers:give", more).assess(&label_map(&["1"]))
}

fn chain(error: &ComponentError) -> String {
    error.chain().collect::<Vec<_>>().join("\n")
}

fn value(findings: &[Finding], name: &str) -> Option<f64> {
    findings.iter().find(|finding| finding.metric == name).unwrap_or_else(|| panic!("{name}: {findings:?}")).value
}

#[test]
fn the_example_judges_in_millimetres() {
    let metric = made(&margin_settings()).unwrap();
    let grid = Grid::plane([5, 5], [2.0, 0.5]).unwrap();
    let drawn = label_map(&[".....", ".11..", ".12..", ".....", "....."]);
    let findings = metric.assess(&LabelMap::new(grid, drawn.labels().to_vec()).unwrap()).unwrap();
    assert_eq!(value(&findings, "margin_of_lv"), Some(0.5));
    assert_eq!(value(&findings, "margin_of_myo"), Some(1.0));
    assert_eq!((findings[0].metric.as_str(), findings[0].value), (MARGIN, Some(0.0)));
    assert_eq!(findings[0].note.as_deref(), Some("lv is 0.5 mm from the border"));
    assert_eq!(Verdict::of(&findings), Verdict::Invalid);
    assert_eq!(Verdict::of(&metric.assess(&drawn).unwrap()), Verdict::Valid);
    assert_eq!(Verdict::of(&metric.assess(&label_map(&["...."])).unwrap()), Verdict::Invalid);
}

#[test]
fn the_example_keeps_the_contract() {
    conformance::check_configuration::<PythonMetric>(&margin_settings().to_string()).unwrap();
    let metric = made(&margin_settings()).unwrap();
    conformance::check_validity_metric(&metric, &[label_map(&[".....", ".11..", ".12..", "....."])]).unwrap();
}

#[test]
fn the_kit_sees_through_the_bridge() {
    let metric = metric("answers:give", json!({"settings": {"which": "nan"}}));
    let error = conformance::check_validity_metric(&metric, &[label_map(&["1"])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinite);
}

#[test]
fn axes_and_spacing_are_in_one_order() {
    let metric = metric("asked:seen", json!({}));
    let seen = |shape: [usize; 3], slow| {
        let grid = Grid::new(shape, [0.5, 0.25], slow).unwrap();
        let mut labels = vec![0; grid.len()];
        *labels.last_mut().unwrap() = 7;
        metric.assess(&LabelMap::new(grid, labels).unwrap()).unwrap()
    };
    let plane = seen([1, 2, 3], SlowAxis::Single);
    let expected = [("dimensions", 2.0), ("size_0", 2.0), ("size_1", 3.0), ("spacing_0", 0.5), ("spacing_1", 0.25)];
    for (name, expected) in expected.into_iter().chain([("writable", 1.0), ("uint8", 1.0), ("last", 7.0)]) {
        assert_eq!(value(&plane, name), Some(expected), "{name}");
    }
    let volume = seen([4, 2, 3], SlowAxis::Depth { spacing_mm: 8.0 });
    let expected = [("dimensions", 3.0), ("size_0", 4.0), ("size_2", 3.0), ("spacing_0", 8.0), ("spacing_2", 0.25)];
    for (name, expected) in expected.into_iter().chain([("last", 7.0)]) {
        assert_eq!(value(&volume, name), Some(expected), "{name}");
    }
    // Frames have no distance in mm.
    let sequence = seen([4, 2, 3], SlowAxis::Time { interval_ms: Some(20.0) });
    assert_eq!((value(&sequence, "dimensions"), value(&sequence, "spacing_0")), (Some(3.0), None));
}

#[test]
fn slices_are_asked_about_one_by_one() {
    let metric = metric("asked:seen", json!({"slices": true}));
    let grid = Grid::new([2, 1, 2], [0.5, 0.25], SlowAxis::Time { interval_ms: None }).unwrap();
    let findings = metric.assess(&LabelMap::new(grid, vec![0, 1, 0, 2]).unwrap()).unwrap();
    let last = findings.iter().filter(|finding| finding.metric == "last");
    let last: Vec<_> = last.map(|finding| (finding.plane, finding.value)).collect();
    assert_eq!(last, [(Some(0), Some(1.0)), (Some(1), Some(2.0))]);
    assert_eq!(value(&findings, "dimensions"), Some(2.0));
}

#[test]
fn a_function_owns_what_it_is_given() {
    let more = json!({"labels": ["background", "lv"], "settings": {"weights": [1, 2]}});
    let metric = metric("asked:rude", more);
    let labels = label_map(&[".11", "..1"]);
    for _ in 0..3 {
        let findings = metric.assess(&labels).unwrap();
        assert_eq!(Verdict::of(&findings), Verdict::Valid);
        let values = ["voxels", "weights", "kept"].map(|name| value(&findings, name));
        assert_eq!(values, [Some(3.0), Some(2.0), Some(0.0)]);
    }
    assert_eq!(labels, label_map(&[".11", "..1"]));
}

#[test]
fn threads_get_their_own_answers() {
    let metric = metric("asked:slow", json!({}));
    std::thread::scope(|scope| {
        for thread in 1..=8_u8 {
            let metric = &metric;
            scope.spawn(move || {
                let labels = LabelMap::new(Grid::plane([64, 1], [1.0, 1.0]).unwrap(), vec![thread; 64]).unwrap();
                for _ in 0..50 {
                    let findings = metric.assess(&labels).unwrap();
                    assert_eq!(value(&findings, "total"), Some(f64::from(thread) * 64.0));
                }
            });
        }
    });
}

#[test]
fn numbers_of_numpy_are_numbers() {
    let findings = answer("numbers", json!({"measured": {"a": {"unit": "mm", "max": 1.0}}})).unwrap();
    let values = ["a", "b", "c", "d"].map(|name| value(&findings, name));
    assert_eq!(values, [Some(0.5), Some(2.0), Some(0.25), Some(3.0)]);
    let units: Vec<_> = findings.iter().map(|finding| finding.unit.as_str()).collect();
    assert_eq!(units, ["1", "mm", "1", "1", "1"]);
    assert_eq!(Verdict::of(&findings), Verdict::Valid);
}

#[test]
fn verdict_and_ranges_decide_together() {
    let verdict = |which, more| Verdict::of(&answer(which, more).unwrap());
    assert_eq!(verdict("judged", json!({})), Verdict::Invalid);
    assert_eq!(verdict("undecided", json!({})), Verdict::Unmeasurable);
    assert_eq!(verdict("unmeasured", json!({})), Verdict::Unmeasurable);
    assert_eq!(verdict("values alone", json!({"measured": {"area": {"max": 5}}})), Verdict::Valid);
    assert_eq!(verdict("values alone", json!({"measured": {"area": {"max": 3}}})), Verdict::Invalid);
    assert_eq!(verdict("numbers", json!({"measured": {"b": {"min": 3}}})), Verdict::Invalid);
}

#[test]
fn what_is_no_answer_is_refused() {
    for (which, said) in [
        ("nothing", "returned NoneType None; expected a dict of numbers by name"),
        ("list", "returned list [1, 2]; expected"),
        ("four", "returned tuple ({}, True, '', 1); expected"),
        ("number for dict", "returned tuple (1.0, True); expected"),
        ("number for verdict", "returned tuple ({}, 1); expected"),
        ("number for reason", "returned tuple ({}, False, 7); expected"),
        ("no reason", "verdict None without a reason"),
        ("text", "returned str '4' for `area`; expected an int"),
        ("array", "returned numpy.ndarray array([1.]) for `area`; expected an int"),
        ("bool", "returned bool True for `area`; expected an int"),
        ("huge", "no 64-bit number\nOverflowError: "),
        ("unnamed", "a value named str ''"),
        ("numbered", "a value named int 3"),
        ("own name", "a value named str 'answers:give'"),
        ("values alone", "without a verdict"),
    ] {
        let error = answer(which, json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPromise, "{which}: {error}");
        assert!(chain(&error).contains("`answers:give` returned") && chain(&error).contains(said), "{}", chain(&error));
    }
    for (which, said) in [("nan", "NaN"), ("infinite", "inf")] {
        let error = answer(which, json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFinite);
        assert!(
            error.to_string().contains(&format!("returned {said} for `area`; expected a finite number")),
            "{error}"
        );
    }
}

#[test]
fn a_measured_value_must_be_there() {
    let error = answer("judged", json!({"measured": {"aera": {"min": 1}}})).unwrap_err();
    assert!(error.to_string().contains("no `aera`, which `measured` names; it returned `area`"), "{error}");
}

#[test]
fn an_exception_tells_type_line_and_causes() {
    let failed = |function: &str| metric(function, json!({})).assess(&label_map(&["1"])).unwrap_err();
    let error = failed("failing:chained");
    let messages: Vec<&str> = error.chain().collect();
    assert_eq!(messages[0], "`failing:chained` failed");
    assert!(messages[1].starts_with("ValueError: no thickness (at "), "{messages:?}");
    assert!(messages[1].ends_with("failing.py:12 in chained)"), "{messages:?}");
    assert!(messages[2].starts_with("KeyError: 'wall' (at "), "{messages:?}");
    assert!(messages[2].ends_with("failing.py:5 in inner)"), "{messages:?}");
    assert_eq!(messages.len(), 3);
    assert!(chain(&failed("failing:leaves")).contains("SystemExit: 3"));
    assert!(chain(&failed("failing:silent")).contains("\nAssertionError (at "));
    assert!(chain(&failed("failing:unprintable")).contains("Unprintable: its message cannot be read"));
    assert_eq!(failed("failing:own_cause").chain().count(), 17);
}

#[test]
fn what_cannot_be_found_is_said() {
    for (function, more, said) in [
        ("no_such_module:f", json!({}), "cannot import `no_such_module` from ["),
        ("needy:f", json!({}), "No module named 'no_such_package_of_anybody' (at "),
        ("misspelt:f", json!({}), "SyntaxError: "),
        ("asked:saw", json!({}), "has no `saw`; it has `Judge`, `rude`, `seen`, `slow`"),
        ("asked:Judge.never", json!({}), "has no `never`; it has `always`"),
        ("asked:number", json!({}), "which is a float; expected a function"),
        ("asked:seen", json!({"path": "no/such/folder"}), "path is \"no/such/folder\", seen from "),
        (
            "asked:rude",
            json!({}),
            "takes (labels, spacing, label_names, weights) and would be called with (labels, spacing)",
        ),
        ("asked:seen", json!({"settings": {"most": 1}}), "would be called with (labels, spacing, most=)"),
    ] {
        let error = made(&settings_of(function, more)).err().unwrap();
        assert!(chain(&error).contains(said), "{function}: {}", chain(&error));
    }
    metric("asked:Judge.always", json!({})).assess(&label_map(&["1"])).unwrap();
}

#[test]
fn a_module_does_not_stand_in_for_another_of_its_name() {
    let folder = |file: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), "def f(labels, spacing):\n    return {}, True\n").unwrap();
        folder
    };
    let found =
        |function: &str, folder: &tempfile::TempDir| made(&json!({"function": function, "path": folder.path()}));
    let (first, second, standard) = (folder("twin.py"), folder("twin.py"), folder("json.py"));
    found("twin:f", &first).unwrap();
    found("twin:f", &first).unwrap();
    assert_eq!(found("twin:f", &second).err().unwrap().kind(), ErrorKind::Inconsistent);
    let error = found("json:f", &standard).err().unwrap().to_string();
    assert!(
        error.contains("json.py cannot be imported: Python has loaded another") && error.contains("json/__init__.py")
    );
}

/// Runs in a process of its own, which `a_python_without_numpy_is_said` starts.
#[test]
#[ignore = "needs a Python without NumPy, which another test makes"]
fn without_numpy() {
    let error = made(&margin_settings()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for said in ["NumPy cannot be imported by Python 3.", "-m pip install numpy", "ImportError: hidden"] {
        assert!(chain(&error).contains(said), "{}", chain(&error));
    }
}

#[test]
fn a_python_without_numpy_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("numpy.py"), "raise ImportError('hidden')\n").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "without_numpy"]).env("PYTHONPATH", folder.path());
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
