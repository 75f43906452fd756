use super::*;
use crate::domain::{Grid, Verdict};

const STRUCTURES: &str = r#""structures": {"inner": 1, "ring": 2, "both": [1, 2], "outside": 0}"#;

fn topology(rules: &str) -> Result<Topology> {
    let json = format!("{{{STRUCTURES}, \"rules\": [{rules}]}}");
    Topology::new(&configuration(ID, &json)?)
}

fn grid(rows: &[&str], spacing_mm: [f64; 2]) -> LabelMap {
    let labels = rows.iter().flat_map(|row| row.bytes().map(|byte| if byte == b'.' { 0 } else { byte - b'0' }));
    LabelMap::new(Grid::plane([rows.len(), rows[0].len()], spacing_mm).unwrap(), labels.collect()).unwrap()
}

/// The value of one rule on a map of 2 mm × 1 mm voxels.
fn value(rule: &str, rows: &[&str]) -> Option<f64> {
    let findings = topology(rule).unwrap().assess(&grid(rows, [2.0, 1.0])).unwrap();
    assert_eq!(findings.len(), 1);
    findings[0].value
}

const HEART: [&str; 6] = [
    "........", //
    ".222222.", ".211112.", ".21..12.", ".2....2.", "........",
];

#[test]
fn every_measure_gives_what_it_says() {
    for (rule, expected) in [
        (r#"{"measure": "components", "of": "inner", "max": 1}"#, 1.0),
        (r#"{"measure": "components", "of": "inner", "max": 1, "connectivity": "faces"}"#, 1.0),
        (r#"{"measure": "size", "of": "inner", "min": 1}"#, 12.0),
        (r#"{"measure": "size", "of": "both", "min": 1}"#, 36.0),
        (r#"{"measure": "ratio", "of": "inner", "with": "ring", "min": 0}"#, 0.5),
        (r#"{"measure": "inside", "of": "inner", "with": "ring", "min": 0}"#, 0.0),
        (r#"{"measure": "holes", "of": "both", "max": 0}"#, 0.0),
    ] {
        assert_eq!(value(rule, &HEART), Some(expected), "{rule}");
    }
}

#[test]
fn contact_goes_by_length() {
    // Of the inner structure's border 4 mm lie above (four faces of 1 mm) and 2 · 2 · 2 mm at the sides: these are with
    // the ring. Below it lie 2 mm under the legs, 2 mm under the bridge and, between the legs, 2 · 2 mm.
    let contact = value(r#"{"measure": "contact", "of": "inner", "with": "ring", "min": 0.5}"#, &HEART).unwrap();
    assert!((contact - 12.0 / 20.0).abs() < 1e-12, "{contact}");
    let open = value(r#"{"measure": "contact", "of": "inner", "with": "outside", "max": 0.5}"#, &HEART).unwrap();
    assert!((open - 8.0 / 20.0).abs() < 1e-12, "{open}");
}

#[test]
fn pieces_holes_and_gaps_are_found() {
    let broken = [
        "1.......", //
        ".22222..", ".2...2..", ".2.1.2..", ".2...2..", ".22222..", ".......2",
    ];
    for (rule, expected) in [
        (r#"{"measure": "components", "of": "inner", "max": 1}"#, 2.0),
        (r#"{"measure": "outside-largest", "of": "ring", "max": 0}"#, 2.0),
        (r#"{"measure": "outside-largest", "of": "ring", "max": 0, "ignore_up_to": 2}"#, 0.0),
        (r#"{"measure": "holes", "of": "ring", "max": 0}"#, 18.0),
        (r#"{"measure": "holes", "of": "both", "max": 0}"#, 16.0),
        (r#"{"measure": "gaps", "of": ["ring", "inner"], "max": 0}"#, 16.0),
        (r#"{"measure": "inside", "of": "inner", "with": "ring", "min": 1}"#, 0.5),
    ] {
        assert_eq!(value(rule, &broken), Some(expected), "{rule}");
    }
    let own_hole = [
        ".......", //
        ".22222.", ".2.222.", ".22222.", ".......",
    ];
    assert_eq!(value(r#"{"measure": "gaps", "of": ["ring", "inner"], "max": 0}"#, &own_hole), Some(0.0));
    assert_eq!(value(r#"{"measure": "holes", "of": "ring", "max": 0}"#, &own_hole), Some(2.0));
}

#[test]
fn corners_join_or_do_not() {
    let corners = ["11....", "..11..", "......"];
    assert_eq!(value(r#"{"measure": "components", "of": "inner", "max": 1}"#, &corners), Some(1.0));
    let faces = r#"{"measure": "components", "of": "inner", "max": 1, "connectivity": "faces"}"#;
    assert_eq!(value(faces, &corners), Some(2.0));
}

#[test]
fn what_is_a_share_of_nothing_is_unmeasurable() {
    let empty = ["...", "..."];
    for rule in [
        r#"{"measure": "ratio", "of": "inner", "with": "ring", "min": 0}"#,
        r#"{"measure": "inside", "of": "inner", "with": "ring", "min": 0}"#,
        r#"{"measure": "contact", "of": "inner", "with": "ring", "min": 0}"#,
    ] {
        let findings = topology(rule).unwrap().assess(&grid(&empty, [1.0, 1.0])).unwrap();
        assert_eq!(Verdict::of(&findings), Verdict::Unmeasurable);
        assert!(findings[0].note.as_ref().unwrap().starts_with("there is no "), "{findings:?}");
    }
    assert_eq!(value(r#"{"measure": "size", "of": "inner", "min": 1}"#, &empty), Some(0.0));
}

#[test]
fn a_volume_is_one_piece_or_slices() {
    let volume = Grid::new([3, 1, 3], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 5.0 }).unwrap();
    let labels = LabelMap::new(volume, vec![1, 0, 0, 1, 0, 1, 0, 0, 1]).unwrap();
    let rule = r#"{"measure": "components", "of": "inner", "max": 1}, {"measure": "size", "of": "inner", "max": 9},
                  {"measure": "components", "of": "inner", "max": 1, "slices": true}"#;
    let findings = topology(rule).unwrap().assess(&labels).unwrap();
    let seen: Vec<_> = findings.iter().map(|found| (found.plane, found.value, found.unit.as_str())).collect();
    assert_eq!(
        seen,
        [
            (None, Some(2.0), "1"),
            (None, Some(20.0), "mm3"),
            (Some(0), Some(1.0), "1"),
            (Some(1), Some(2.0), "1"),
            (Some(2), Some(1.0), "1"),
        ]
    );
}

#[test]
fn a_faulty_rule_is_pointed_at() {
    for (rule, parts) in [
        (r#"{"measure": "size", "of": "inner"}"#, ["rule 2", "neither `min` nor `max`"]),
        (r#"{"measure": "size", "of": "inmer", "min": 1}"#, ["rule 2", "`inmer`"]),
        (r#"{"measure": "bulk", "of": "inner", "min": 1}"#, ["rule 2", "bulk"]),
        (r#"{"name": "big", "measure": "size", "of": "inner", "min": 2, "max": 1}"#, ["rule 2 (`big`)", "min ≤ max"]),
        (r#"{"measure": "contact", "of": "inner", "min": 1}"#, ["rule 2", "lacks `with`"]),
        (r#"{"measure": "size", "of": "inner", "with": "ring", "min": 1}"#, ["rule 2", "does not use"]),
        (r#"{"measure": "gaps", "of": "inner", "max": 0}"#, ["rule 2", "one structure"]),
        (r#"{"measure": "size", "of": "inner", "least": 1}"#, ["rule 2", "least"]),
        (r#"{"measure": "holes", "of": "inner", "max": 0, "ignore_up_to": -1}"#, ["rule 2", "from 0 on"]),
        (r#"{"measure": "size", "of": [], "max": 0}"#, ["rule 2", "empty list"]),
        (
            r#"{"measure": "ratio", "of": "inner", "with": "ring", "max": 1, "connectivity": "full"}"#,
            ["rule 2", "does not use"],
        ),
    ] {
        let good = r#"{"measure": "size", "of": "inner", "min": 1}"#;
        let error = topology(&format!("{good}, {rule}")).unwrap_err();
        let message = error.chain().collect::<Vec<_>>().join(": ");
        assert!(parts.iter().all(|part| message.contains(part)), "{rule}: {message}");
    }
    assert!(topology("").unwrap_err().to_string().contains("rules"));
    let empty: Result<TopologyConfig> = configuration(ID, r#"{"structures": {"a": []}, "rules": [{}]}"#);
    assert!(Topology::new(&empty.unwrap()).unwrap_err().to_string().contains("structures.a"));
}
