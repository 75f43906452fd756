//! Codes of structures in SNOMED CT, by their names.

use super::elements::Code;

pub(super) const ANATOMY: Code = Code { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" };
/// What a structure is whose name is not known here; its name stands in SegmentLabel in any case.
const TISSUE: Code = Code { value: "85756007", scheme: "SCT", meaning: "Tissue" };

const fn code(value: &'static str, meaning: &'static str) -> Code {
    Code { value, scheme: "SCT", meaning }
}

const KNOWN: [(&[&str], Code); 14] = [
    (&["left ventricle", "lv", "left ventricular cavity", "lv cavity"], code("87878005", "Left ventricle")),
    (&["myocardium", "left ventricular myocardium", "lv myocardium"], code("74281007", "Myocardium")),
    (&["left atrium", "la"], code("82471001", "Left atrium")),
    (&["right ventricle", "rv", "right ventricular cavity", "rv cavity"], code("53085002", "Right ventricle")),
    (&["right atrium", "ra"], code("73829009", "Right atrium")),
    (&["heart"], code("80891009", "Heart")),
    (&["aorta"], code("15825003", "Aorta")),
    (&["left lung"], code("44029006", "Left lung")),
    (&["right lung"], code("3341006", "Right lung")),
    (&["lung", "lungs"], code("39607008", "Lung")),
    (&["liver"], code("10200004", "Liver")),
    (&["spleen"], code("78961009", "Spleen")),
    (&["kidney", "kidneys"], code("64033007", "Kidney")),
    (&["prostate"], code("41216001", "Prostate")),
];

/// The code of a structure; tissue where its name is not known.
pub(super) fn of(name: &str) -> Code {
    let plain = name.to_lowercase().replace(['-', '_'], " ");
    KNOWN.iter().find(|(names, _)| names.contains(&plain.as_str())).map_or(TISSUE, |(_, code)| *code)
}
