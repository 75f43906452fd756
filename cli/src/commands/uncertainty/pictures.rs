//! The measures as people would rather see them, as SVG.

use anyhow::anyhow;
use plotters::prelude::*;

use super::measures::{Agreement, Case, line};

const SIZE: (u32, u32) = (640, 520);
const RIGHT: RGBColor = RGBColor(52, 120, 184);
const WRONG: RGBColor = RGBColor(196, 62, 52);

/// A picture with the name of its file.
pub struct Picture {
    pub name: &'static str,
    pub svg: String,
}

/// `reliability.svg`, `confidence.svg` and `dice.svg`.
pub fn draw(agreement: &Agreement, cases: &[Case]) -> anyhow::Result<Vec<Picture>> {
    let pictures = [
        ("reliability.svg", reliability as fn(&Agreement, &[Case], &mut String) -> Drawn),
        ("confidence.svg", confidence),
        ("dice.svg", dice),
    ];
    let drawn = pictures.into_iter().map(|(name, draw)| {
        let mut svg = String::new();
        draw(agreement, cases, &mut svg).map_err(|error| anyhow!("{name}: cannot be drawn: {error}"))?;
        Ok(Picture { name, svg })
    });
    drawn.collect()
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Accuracy over confidence; the diagonal is perfect calibration.
fn reliability(measures: &Agreement, _: &[Case], picture: &mut String) -> Drawn {
    let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("Reliability, expected calibration error {:.3}", measures.ece);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("confidence").y_desc("share of right voxels").draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], BLACK.mix(0.4)))?;
    let points = || measures.reliability.iter().map(|bin| (bin.confidence, bin.accuracy));
    chart.draw_series(LineSeries::new(points(), RIGHT.stroke_width(2)))?;
    let most = measures.reliability.iter().map(|bin| bin.voxels).max().unwrap_or(1) as f64;
    chart.draw_series(measures.reliability.iter().map(|bin| {
        let radius = 3.0 + 9.0 * (bin.voxels as f64 / most).sqrt();
        Circle::new((bin.confidence, bin.accuracy), radius as i32, RIGHT.mix(0.6).filled())
    }))?;
    area.present()?;
    Ok(())
}

/// How confident the network is of right and of wrong labels.
fn confidence(measures: &Agreement, _: &[Case], picture: &mut String) -> Drawn {
    let histogram = &measures.confidence_histogram;
    let share = |counts: &[usize]| {
        let all = counts.iter().sum::<usize>().max(1) as f64;
        counts.iter().map(|&count| count as f64 / all).collect::<Vec<f64>>()
    };
    let (right, wrong) = (share(&histogram.right), share(&histogram.wrong));
    let bins = right.len() as f64;
    let highest = right.iter().chain(&wrong).copied().fold(0.0, f64::max);
    let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Confidence of right and of wrong voxels", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..1.0, 0.0..1.05 * highest)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("confidence").y_desc("share of them").draw()?;
    for (name, shares, color) in [("right", &right, RIGHT), ("wrong", &wrong, WRONG)] {
        let bars = shares.iter().enumerate().map(|(bin, &share)| {
            let edge = |bin: usize| bin as f64 / bins;
            Rectangle::new([(edge(bin), 0.0), (edge(bin + 1), share)], color.mix(0.5).filled())
        });
        chart
            .draw_series(bars)?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.mix(0.5).filled()));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).border_style(BLACK.mix(0.4)).draw()?;
    area.present()?;
    Ok(())
}

/// Dice over uncertainty, a dot for each case; influential ones are red and named.
fn dice(measures: &Agreement, cases: &[Case], picture: &mut String) -> Drawn {
    let points = || cases.iter().filter_map(|case| Some((case, case.foreground_uncertainty?, case.dice?)));
    // The names of cases stand to the right of their dots.
    let most = 1.2 * points().map(|(_, x, _)| x).fold(1e-3, f64::max);
    let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let correlation =
        measures.dice_correlation_of_foreground.map_or(String::new(), |r| format!(", correlation {r:.2}"));
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("Dice and uncertainty of the cases{correlation}"), ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..most, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("uncertainty for each segmented voxel")
        .y_desc("Dice")
        .draw()?;
    if let Some(fit) = line(cases) {
        let at = |x: f64| (x, fit.intercept + fit.slope * x);
        chart.draw_series(LineSeries::new([at(0.0), at(most)], BLACK.mix(0.4)))?;
    }
    chart.draw_series(points().map(|(case, x, y)| {
        let color = if case.influential { WRONG } else { RIGHT };
        Circle::new((x, y), 4, color.mix(0.7).filled())
    }))?;
    chart.draw_series(
        points()
            .filter(|(case, ..)| case.influential)
            .map(|(case, x, y)| Text::new(case.case.to_string(), (x, y), ("sans-serif", 11).into_font())),
    )?;
    area.present()?;
    Ok(())
}
