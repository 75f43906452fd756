//! Lines over epochs and iterations, as SVG that the page's style sheet colours for light and dark.

use anyhow::anyhow;
use plotters::prelude::*;

const SIZE: (u32, u32) = (560, 340);
/// Colours that differ for every kind of colour vision (Okabe and Ito 2008); `report.css` knows them.
const COLORS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    /// By rising x.
    pub points: Vec<(f64, f64)>,
}

/// A picture of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub title: String,
    pub x: &'static str,
    pub y: String,
    pub series: Vec<Series>,
    /// Where an iteration begins.
    pub borders: Vec<f64>,
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

impl Chart {
    /// Whether there is a point.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    /// # Errors
    /// If it cannot be drawn.
    pub fn svg(&self) -> anyhow::Result<String> {
        let mut picture = String::new();
        self.draw(&mut picture).map_err(|error| anyhow!("{}: cannot be drawn: {error}", self.title))?;
        Ok(picture)
    }

    fn range(&self, of: fn(&(f64, f64)) -> f64, room: f64) -> std::ops::Range<f64> {
        let values = || self.series.iter().flat_map(|series| series.points.iter().map(of));
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let room = if high > low { room * (high - low) } else { 0.5 * low.abs().max(1e-3) };
        low - room..high + room
    }

    fn draw(&self, picture: &mut String) -> Drawn {
        let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
        let ys = self.range(|point| point.1, 0.08);
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(self.range(|point| point.0, 0.02), ys.clone())?;
        let digits = (1.0 - (ys.end - ys.start).log10()).ceil().clamp(0.0, 6.0) as usize;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x)
            .y_desc(&self.y)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|x| if (x - x.round()).abs() < 1e-9 { format!("{x:.0}") } else { String::new() })
            .y_label_formatter(&|y| format!("{y:.digits$}"))
            .label_style(("sans-serif", 14))
            .draw()?;
        for &border in &self.borders {
            chart.draw_series(DashedLineSeries::new(
                [(border, ys.start), (border, ys.end)],
                4,
                4,
                BLACK.mix(0.4).into(),
            ))?;
        }
        for (number, series) in self.series.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let line = LineSeries::new(series.points.iter().copied(), color.stroke_width(2));
            let mark = move |at: (i32, i32)| marker(number, at, color);
            chart.draw_series(line)?.label(series.name.as_str()).legend(move |(x, y)| {
                EmptyElement::at((x, y))
                    + PathElement::new([(0, 0), (18, 0)], color.stroke_width(2))
                    + marker(number, (9, 0), color)
            });
            chart.draw_series(series.points.iter().map(|&point| EmptyElement::at(point) + mark((0, 0))))?;
        }
        if self.series.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.8))
                .label_font(("sans-serif", 14))
                .draw()?;
        }
        area.present()?;
        Ok(())
    }
}

/// A form of its own for each line.
fn marker(number: usize, at: (i32, i32), color: RGBColor) -> Polygon<(i32, i32)> {
    let (x, y) = at;
    let corners: &[(i32, i32)] = match number % 4 {
        0 => &[(-3, -1), (-1, -3), (1, -3), (3, -1), (3, 1), (1, 3), (-1, 3), (-3, 1)],
        1 => &[(0, -5), (4, 3), (-4, 3)],
        2 => &[(-3, -3), (3, -3), (3, 3), (-3, 3)],
        _ => &[(0, -5), (4, 0), (0, 5), (-4, 0)],
    };
    Polygon::new(corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>(), color.filled())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_and_one_value_can_be_drawn() {
        for points in [vec![(1.0, 0.5)], vec![(1.0, 0.0), (2.0, 0.0)]] {
            let series = vec![Series { name: "loss".to_owned(), points }];
            let chart = Chart { title: "t".to_owned(), x: "epoch", y: "nats".to_owned(), series, borders: Vec::new() };
            let svg = chart.svg().unwrap();
            assert!(svg.starts_with("<svg") && svg.contains("epoch") && !svg.contains("NaN"), "{svg}");
        }
    }
}
