//! A contact sheet: the middle plane of each case, small, with its labels drawn on it.

use base64::{Engine, engine::general_purpose::STANDARD};
use rl4seg_core::domain::{Image, LabelMap, LabelSet};

use super::cases::Case;

/// How a sheet begins.
pub const START: &str = "<svg";

/// Pixels along the longer side of a picture.
const SIDE: usize = 120;
/// Pictures in a row.
const COLUMNS: usize = 8;
/// Room for a picture and its name.
const CELL: [usize; 2] = [SIDE + 36, SIDE + 10];
/// Cases on a sheet; a browser is slow with thousands.
const MOST: usize = 400;
/// Characters of a name that are shown.
const NAME: usize = 20;
/// How much of a label's colour is mixed into the image.
const TINT: f32 = 0.4;
/// Share of pixels that may be darker than black and brighter than white.
const CLIPPED: f64 = 0.01;

/// Red, green and blue of a small picture.
#[derive(Debug)]
pub struct Thumbnail {
    /// Rows and columns.
    shape: [usize; 2],
    pixels: Vec<u8>,
}

impl Thumbnail {
    /// The middle plane, in the proportions of its spacing.
    pub fn of(image: &Image, labels: Option<&LabelMap>, set: &LabelSet) -> Self {
        let grid = image.grid();
        let [rows, columns] = grid.plane_shape();
        let [height, width] = [rows as f64 * grid.spacing_mm()[0], columns as f64 * grid.spacing_mm()[1]];
        let scale = SIDE as f64 / height.max(width);
        let shape = [height, width].map(|length| ((length * scale).round() as usize).max(1));
        let middle = grid.planes() / 2;
        let plane = &image.values()[middle * grid.plane_len()..][..grid.plane_len()];
        let [dark, bright] = window(plane);
        let labels = labels.filter(|labels| labels.grid().shape() == grid.shape()).map(|labels| labels.plane(middle));
        let colors: Vec<[u8; 3]> = set.iter().map(|label| label.color).collect();
        let mut pixels = Vec::with_capacity(3 * shape[0] * shape[1]);
        for row in 0..shape[0] {
            for column in 0..shape[1] {
                let index = row * rows / shape[0] * columns + column * columns / shape[1];
                let gray = ((plane[index] - dark) / (bright - dark) * 255.0).clamp(0.0, 255.0);
                let label = labels.map_or(0, |labels| usize::from(labels[index]));
                let color = colors.get(label).filter(|_| label > 0);
                pixels.extend([0, 1, 2].map(|channel| {
                    color.map_or(gray, |color| (1.0 - TINT) * gray + TINT * f32::from(color[channel])) as u8
                }));
            }
        }
        Self { shape, pixels }
    }

    fn png(&self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.shape[1] as u32, self.shape[0] as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().ok()?.write_image_data(&self.pixels).ok()?;
        Some(STANDARD.encode(bytes))
    }
}

/// Intensities that are shown black and white.
pub fn window(plane: &[f32]) -> [f32; 2] {
    let mut sorted = plane.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let [dark, bright] = [at(CLIPPED), at(1.0 - CLIPPED)];
    if bright > dark { [dark, bright] } else { [dark, dark + 1.0] }
}

/// The sheet as SVG. Cases with a problem have a red frame, and tell it when they are pointed at.
pub fn draw(cases: &[Case]) -> String {
    let shown = cases.len().min(MOST);
    let rows = shown.div_ceil(COLUMNS);
    let (width, height) = (COLUMNS * CELL[1] + 10, rows * CELL[0] + 30);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"10\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"16\" font-size=\"12\">{shown} of {} cases</text>\n",
        cases.len()
    );
    for (index, case) in cases.iter().take(MOST).enumerate() {
        svg.push_str(&cell(case, [index / COLUMNS * CELL[0] + 24, index % COLUMNS * CELL[1] + 10]));
    }
    svg + "</svg>\n"
}

fn cell(case: &Case, [top, left]: [usize; 2]) -> String {
    let picture = case.thumbnail.as_ref().and_then(|thumbnail| Some((thumbnail.shape, thumbnail.png()?)));
    let picture = picture.map_or_else(
        || format!("<rect x=\"{left}\" y=\"{top}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"#ddd\"/>"),
        |([rows, columns], png)| {
            format!("<image x=\"{left}\" y=\"{top}\" width=\"{columns}\" height=\"{rows}\" href=\"data:image/png;base64,{png}\"/>")
        },
    );
    let frame = if case.problems.is_empty() {
        String::new()
    } else {
        format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#c43e34\" stroke-width=\"3\"/>"
        )
    };
    let told = escaped(&std::iter::once(&case.case).chain(&case.problems).cloned().collect::<Vec<_>>().join("\n"));
    let name: String = if case.case.chars().count() > NAME {
        format!("…{}", case.case.chars().skip(case.case.chars().count() - NAME + 1).collect::<String>())
    } else {
        case.case.clone()
    };
    let line = top + SIDE + 13;
    format!("<g><title>{told}</title>{picture}{frame}<text x=\"{left}\" y=\"{line}\">{}</text></g>\n", escaped(&name))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use rl4seg_core::domain::{Grid, Label};

    use super::*;

    #[test]
    fn a_plane_is_shown_in_its_proportions_with_its_labels() {
        let grid = Grid::plane([2, 2], [1.0, 0.5]).unwrap();
        let image = Image::new(grid, 1, vec![0.0, 1.0, 0.0, 1.0]).unwrap();
        let labels = LabelMap::new(grid, vec![0, 0, 0, 1]).unwrap();
        let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
        let set = LabelSet::new(vec![label(0, "background", [0; 3]), label(1, "cavity", [0, 0, 255])]).unwrap();
        let thumbnail = Thumbnail::of(&image, Some(&labels), &set);
        assert_eq!(thumbnail.shape, [SIDE, SIDE / 2]);
        assert_eq!(thumbnail.pixels[..3], [0, 0, 0]);
        assert_eq!(thumbnail.pixels[3 * (SIDE / 2 - 1)..][..3], [255, 255, 255]);
        let last = thumbnail.pixels.last_chunk::<3>().unwrap();
        assert!(last[0] < 160 && last[2] == 255, "{last:?}");
    }

    #[test]
    fn what_is_told_cannot_break_the_picture() {
        assert_eq!(escaped("a<b & c>"), "a&lt;b &amp; c&gt;");
    }
}
