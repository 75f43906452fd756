//! A modality: what is labelled, where its images come from, and made-up images to try it with.

use rl4seg_sdk::{
    METHOD_PRESET, domain_table,
    io::nifti::ThirdAxis,
    phantom::{Normal, Phantom, PhantomSource, Shot, Uniform, normal, smooth, uniform},
    plugin_name,
    prelude::*,
    random::generator,
    sources::{CasesCsv, ImageKind},
};

const ORGAN: u8 = 1;
/// Side of the made-up images, mm.
const FIELD_OF_VIEW_MM: f32 = 200.0;

/// What all images have in common.
struct Scan;

impl ImageKind for Scan {
    const THIRD_AXIS: ThirdAxis = ThirdAxis::Depth;

    fn labels() -> Result<LabelSet> {
        let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
        Ok(LabelSet::new(vec![label(0, "background", [0; 3]), label(ORGAN, "organ", [220, 60, 60])])?)
    }
}

/// What `rl4seg` has to know to start from the plugin's name.
fn modality() -> Result<Modality> {
    let name = plugin_name(env!("CARGO_PKG_NAME"));
    Ok(Modality {
        id: name.to_owned(),
        doc: "An organ, brighter than what is around it".to_owned(),
        labels: Scan::labels()?,
        preset: [include_str!("../preset.toml"), METHOD_PRESET].concat(),
        folder_sources: vec![format!("{name}/cases-csv")],
        phantom: Some(format!("{name}/phantom")),
    })
}

domain_table! {
    /// The scanner and its patients.
    struct Parameters;

    /// Half the width and half the height of the organ, mm.
    extent_mm: Normal = normal(40.0, 5.0, 25.0, 55.0) => normal(38.0, 9.0, 20.0, 60.0);
    /// Distance from the middle of the image along each axis, mm.
    offset_mm: Normal = normal(0.0, 8.0, -20.0, 20.0) => normal(0.0, 14.0, -30.0, 30.0);
    /// How much brighter the organ is than what is around it.
    contrast: Uniform = uniform(0.3, 0.4) => uniform(0.12, 0.3);
    /// Standard deviation of the noise.
    noise: Uniform = uniform(0.02, 0.05) => uniform(0.06, 0.15);
}

/// Made-up patients: an ellipse in noise.
struct Ellipse {
    parameters: Parameters,
    seed: Seed,
    size: usize,
}

impl Phantom for Ellipse {
    const DOC: &'static str = "Made-up images of a source and a shifted target domain, with label maps";
    const IMAGES: &'static [&'static str] = &["scan"];

    fn labels() -> Result<LabelSet> {
        Scan::labels()
    }

    fn new(severity: f32, seed: Seed, size: usize) -> Self {
        Self { parameters: Parameters::at_severity(severity), seed, size }
    }

    fn label_map(&self, shot: Shot) -> Result<LabelMap> {
        let rng = &mut generator(self.seed.indexed(shot.patient).named("anatomy"));
        let spacing = FIELD_OF_VIEW_MM / self.size as f32;
        let centre = [0; 2].map(|_| FIELD_OF_VIEW_MM / 2.0 + self.parameters.offset_mm.draw(rng));
        let extent = [0; 2].map(|_| self.parameters.extent_mm.draw(rng));
        let label = |index: usize| {
            let place = [index / self.size, index % self.size].map(|at| (at as f32 + 0.5) * spacing);
            let [y, x] = [0, 1].map(|axis| (place[axis] - centre[axis]) / extent[axis]);
            if y.hypot(x) < 1.0 { ORGAN } else { 0 }
        };
        let grid = Grid::plane([self.size; 2], [f64::from(spacing); 2])?;
        Ok(LabelMap::new(grid, (0..grid.len()).map(label).collect())?)
    }

    fn image(&self, shot: Shot) -> Result<Image> {
        let labels = self.label_map(shot)?;
        let rng = &mut generator(self.seed.indexed(shot.patient).named("image"));
        let (contrast, noise) = (self.parameters.contrast.draw(rng), self.parameters.noise.draw(rng));
        let mut pixels: Vec<f32> =
            labels.labels().iter().map(|&label| 0.4 + if label == ORGAN { contrast } else { 0.0 }).collect();
        smooth(&mut pixels, self.size, [1.0; 2]);
        for pixel in &mut pixels {
            *pixel = (*pixel + normal(0.0, noise, -1.0, 1.0).draw(rng)).clamp(0.0, 1.0);
        }
        Ok(Image::new(*labels.grid(), 1, pixels)?)
    }
}

export_plugin! {
    modality: modality;
    data_sources: [CasesCsv<Scan>, PhantomSource<Ellipse>];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{
        conformance,
        phantom::{Domain, PhantomConfig},
    };

    use super::*;

    #[test]
    fn the_phantom_keeps_what_data_sources_promise_and_shows_the_organ() {
        for domain in [Domain::Source, Domain::Target] {
            let config = PhantomConfig { domain, seed: 1, size: 64, train: 4, validation: 1, test: 1, severity: None };
            let source = PhantomSource::<Ellipse>::new(&config).unwrap();
            conformance::check_data_source(&source).unwrap();
            for case in source.cases().unwrap() {
                assert!(!source.reference(&case.id).unwrap().unwrap().is_background());
            }
        }
    }

    #[test]
    fn the_modality_names_its_own_components() {
        let modality = modality().unwrap();
        assert_eq!(modality.folder_sources, [format!("{}/cases-csv", modality.id)]);
    }
}
