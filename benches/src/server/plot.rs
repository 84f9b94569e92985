//! The plot: a bar for each load and server, with the range of the rounds.

use super::Figure;
use super::guest::PROGRAMS;
use super::load::LOADS;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const COLOURS: [RGBColor; 3] = [RGBColor(0, 60, 200), RGBColor(210, 60, 30), RGBColor(80, 160, 255)];
const SIZE: (u32, u32) = (760, 420);

/// Draws the figures of each program, by load.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn draw(figures: &[[Figure; LOADS.len()]], file: &Path) -> Result<()> {
    let fail = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", file.display());
    let most = figures.iter().flatten().map(|figure| figure.range.1).fold(0.0, f64::max);
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| fail(&error))?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Instructions of a request, by connections", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..LOADS.len() as f64, 0.0..most * 1.1)
        .map_err(|error| fail(&error))?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().disable_x_axis().y_label_formatter(&|y| format!("{y:.0}"));
    mesh.draw().map_err(|error| fail(&error))?;
    for (place, ((program, loads), colour)) in PROGRAMS.iter().zip(figures).zip(COLOURS).enumerate() {
        let left = |load: usize| load as f64 + 0.1 + place as f64 * 0.26;
        let bars = (0..).zip(loads).map(|(load, figure)| {
            Rectangle::new([(left(load), 0.0), (left(load) + 0.24, figure.median)], colour.filled())
        });
        let drawn = chart.draw_series(bars).map_err(|error| fail(&error))?;
        drawn.label(program.name).legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        let ranges = (0..).zip(loads).map(|(load, figure)| {
            PathElement::new([(left(load) + 0.12, figure.range.0), (left(load) + 0.12, figure.range.1)], BLACK)
        });
        chart.draw_series(ranges).map_err(|error| fail(&error))?;
        let values = (0..).zip(loads).map(|(load, figure)| {
            let text = format!("{:.1} k", figure.median / 1000.0);
            Text::new(text, (left(load) + 0.01, figure.range.1 + most * 0.05), ("sans-serif", 13))
        });
        chart.draw_series(values).map_err(|error| fail(&error))?;
    }
    let names = LOADS.iter().enumerate().map(|(load, name)| {
        EmptyElement::at((load as f64 + 0.15, 0.0)) + Text::new(name.name(), (0, 8), ("sans-serif", 14))
    });
    chart.draw_series(names).map_err(|error| fail(&error))?;
    let mut legend = chart.configure_series_labels();
    legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE).border_style(BLACK);
    legend.draw().map_err(|error| fail(&error))?;
    area.present().map_err(|error| fail(&error))
}
