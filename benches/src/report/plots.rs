//! The plots.

use crate::entrants::NAMES;
use crate::rows::{Row, Rows};
use crate::work::{SCALES, Work};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (900, 480);

/// A line a peer: black for raw assembly, ours in blues.
const COLOURS: [RGBColor; 18] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 60, 200),
    RGBColor(80, 160, 255),
    RGBColor(0, 130, 110),
    RGBColor(90, 200, 170),
    RGBColor(210, 60, 30),
    RGBColor(200, 120, 0),
    RGBColor(150, 40, 150),
    RGBColor(110, 110, 110),
    RGBColor(170, 140, 90),
    RGBColor(220, 180, 0),
    RGBColor(120, 80, 40),
    RGBColor(170, 120, 80),
    RGBColor(90, 110, 60),
    RGBColor(60, 60, 60),
    RGBColor(190, 90, 120),
    RGBColor(140, 140, 200),
    RGBColor(200, 140, 160),
];

/// Draws all of them into a folder.
///
/// # Errors
///
/// When a file cannot be written.
pub(crate) fn draw(rows: &Rows, folder: &Path) -> Result<()> {
    let time =
        Plot { title: "Round trip, at random, by how many are alive", unit: "ns", of: |row| Some(row.median_ns) };
    time.over_scale(rows, &folder.join("scale-time.svg"))?;
    let memory = Plot { title: "Memory of one, by how many are alive", unit: "bytes", of: |row| row.bytes };
    memory.over_scale(rows, &folder.join("scale-bytes.svg"))?;
    bars(rows, "round-trip", "Round trip with one target, of raw assembly", &folder.join("round-trip.svg"))
}

/// What is drawn of a row.
struct Plot {
    title: &'static str,
    unit: &'static str,
    of: fn(&Row) -> Option<f64>,
}

impl Plot {
    /// A line a peer, both axes logarithmic.
    fn over_scale(&self, rows: &Rows, file: &Path) -> Result<()> {
        let lines: Vec<_> =
            NAMES.iter().zip(COLOURS).map(|(name, colour)| (name, colour, self.points(rows, name))).collect();
        let values = || lines.iter().flat_map(|(.., points)| points).map(|point| point.1);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(1.0, f64::max));
        let most = SCALES[SCALES.len() - 1] as f64;
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        let fail = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", file.display());
        area.fill(&WHITE).map_err(|error| fail(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d((1.0..most).log_scale(), (low.max(1.0) / 1.5..high * 1.5).log_scale())
            .map_err(|error| fail(&error))?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("alive").y_desc(self.unit).x_label_formatter(&|x| format!("{x:.0}"));
        mesh.y_label_formatter(&|y| format!("{y:.0}")).draw().map_err(|error| fail(&error))?;
        for (name, colour, points) in lines {
            if points.is_empty() {
                continue;
            }
            let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
            let drawn = chart.draw_series(line).map_err(|error| fail(&error))?;
            drawn.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        let mut legend = chart.configure_series_labels();
        legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE).border_style(BLACK);
        legend.draw().map_err(|error| fail(&error))?;
        area.present().map_err(|error| fail(&error))
    }

    fn points(&self, rows: &Rows, peer: &str) -> Vec<(f64, f64)> {
        let point = |&alive: &usize| {
            let row = rows.get(&Work::Scale(alive).to_string(), peer)?;
            Some((alive as f64, (self.of)(row)?))
        };
        SCALES.iter().filter_map(point).collect()
    }
}

/// One operation, a bar a peer.
fn bars(rows: &Rows, operation: &str, title: &str, file: &Path) -> Result<()> {
    let ratio = |name: &&'static str| Some((*name, rows.get(operation, name)?.vs_raw?));
    let bars: Vec<_> = NAMES.iter().zip(COLOURS).filter_map(|(name, colour)| Some((ratio(name)?, colour))).collect();
    let most = bars.iter().map(|((_, ratio), _)| *ratio).fold(1.0, f64::max);
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    let fail = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", file.display());
    area.fill(&WHITE).map_err(|error| fail(&error))?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(10)
        .build_cartesian_2d((0.4..most * 2.0).log_scale(), 0.0..bars.len() as f64)
        .map_err(|error| fail(&error))?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().disable_y_axis().x_desc("ratio").x_label_formatter(&|x| format!("{x}"));
    mesh.draw().map_err(|error| fail(&error))?;
    for (number, ((name, ratio), colour)) in bars.iter().enumerate() {
        let bottom = (bars.len() - 1 - number) as f64;
        let bar = Rectangle::new([(0.4, bottom + 0.15), (*ratio, bottom + 0.85)], colour.filled());
        let words = Text::new(format!("{name} {ratio:.2}"), (ratio * 1.03, bottom + 0.65), ("sans-serif", 14));
        chart.draw_series([bar]).map_err(|error| fail(&error))?;
        chart.draw_series([words]).map_err(|error| fail(&error))?;
    }
    area.present().map_err(|error| fail(&error))
}
