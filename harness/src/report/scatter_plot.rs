//! Particles over the density they should follow, in two coordinates, level by level.

use super::axis::{Axis, Scale};
use super::canvas::{Area, Canvas, WIDTH};
use super::contour::Grid;
use super::marginal::Marginal;
use super::palette::{BLUE, VERMILLION};
use super::panel::{Below, Margins, Panel, title};

/// What the figure shows.
#[derive(Debug, Clone)]
pub(super) struct ScatterPlot {
    /// The line above the panels.
    pub(super) title: String,
    /// Names of the two coordinates.
    pub(super) coordinates: (String, String),
    /// From the noisiest level to the target.
    pub(super) panels: Vec<ScatterPanel>,
}

/// One level.
#[derive(Debug, Clone)]
pub(super) struct ScatterPanel {
    /// Which level, at which time.
    pub(super) label: String,
    /// The density, if it is known.
    pub(super) density: Option<Marginal>,
    /// Particles: coordinates, and weights whose mean is 1.
    pub(super) points: Vec<(f64, f64, f64)>,
}

/// Nodes of the grid on which a density is drawn, across and up: two or three to the width of the
/// narrowest mode of the benchmark targets.
const NODES: usize = 160;
/// Shares of the largest density between which shades change.
const SHADES: [f64; 7] = [0.002, 0.01, 0.03, 0.1, 0.25, 0.5, 0.8];
/// Opacity that each shade adds.
const SHADE: f64 = 0.13;
/// Weights up to which dots have a diameter; area grows with weight, up to where dots would hide the panel.
const SIZES: [(f64, f64); 9] = [
    (0.15, 1.0),
    (0.5, 1.6),
    (1.3, 2.4),
    (3.0, 3.6),
    (8.0, 5.6),
    (20.0, 8.0),
    (50.0, 13.0),
    (120.0, 20.0),
    (f64::INFINITY, 30.0),
];
/// Particles that are drawn as they are: fewer ones are larger, so that no panel looks empty, and more are smaller, so that
/// they do not hide the density; by factors between these.
const USUAL: f64 = 512.0;
const FACTORS: (f64, f64) = (0.7, 3.0);
/// Where fewer than this share of the particles carries half the weight, it is said.
const FEW: f64 = 0.2;
/// Levels whose extents differ by more than this have axes of their own.
const ALIKE: f64 = 2.0;
/// Standard deviations around the means that are shown.
const DEVIATIONS: f64 = 3.5;
const TITLE: f64 = 44.0;
const ROW: f64 = 300.0;
const COLUMNS: usize = 3;
const MARGINS: Margins = Margins { left: 58.0, top: 26.0, right: 10.0, bottom: 44.0 };

/// The figure as the text of an SVG file.
pub(super) fn scatter_svg(plot: &ScatterPlot) -> String {
    let columns = plot.panels.len().clamp(1, COLUMNS);
    let rows = plot.panels.len().div_ceil(columns).max(1);
    let mut canvas = Canvas::new(TITLE + ROW * rows as f64);
    title(&mut canvas, &plot.title, 0.5 * TITLE);
    let extents: Vec<[(f64, f64); 2]> = plot.panels.iter().map(extent).collect();
    let joined = extents.iter().copied().reduce(|a, b| [join(a[0], b[0]), join(a[1], b[1])]);
    let width = |(low, high): (f64, f64)| high - low;
    let alike = extents.iter().all(|own| {
        joined.is_some_and(|all| (0..2).all(|axis| width(all[axis]) <= ALIKE * width(own[axis])))
    });
    let body = Area { left: 0.0, top: TITLE, right: WIDTH, bottom: TITLE + ROW * rows as f64 };
    for (index, (panel, own)) in plot.panels.iter().zip(&extents).enumerate() {
        let shown = joined.filter(|_| alike).unwrap_or(*own);
        draw(plot, panel, (&mut canvas, body.cell(index, columns, ROW)), shown);
    }
    let (i, j) = &plot.coordinates;
    let labels: Vec<&str> = plot.panels.iter().map(|panel| &*panel.label).collect();
    let description = format!("particles in {i} and {j} over their density; {}", labels.join("; "));
    canvas.finish(&plot.title, &description)
}

fn join((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    (a.min(c), b.max(d))
}

/// The ends of both coordinates: of the density, or of the particles where none is known.
fn extent(panel: &ScatterPanel) -> [(f64, f64); 2] {
    let of_points = |axis: usize| {
        let values = panel.points.iter().map(|point| [point.0, point.1][axis]);
        let mut values: Vec<f64> = values.filter(|x| x.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        // A particle far away must not push all others together.
        let cut = values.len() / 100;
        match (values.get(cut), values.get(values.len().saturating_sub(cut + 1))) {
            (Some(&low), Some(&high)) => (low, high),
            _ => (-1.0, 1.0),
        }
    };
    let own = [of_points(0), of_points(1)];
    let ends = match &panel.density {
        Some(density) => {
            let known = density.extent(DEVIATIONS);
            [join(known[0], own[0]), join(known[1], own[1])]
        }
        None => own,
    };
    ends.map(|(low, high)| {
        let room = if high > low { 0.03 * (high - low) } else { 1.0 };
        (low - room, high + room)
    })
}

fn draw(
    plot: &ScatterPlot,
    panel: &ScatterPanel,
    (canvas, area): (&mut Canvas, Area),
    [(left, right), (low, high)]: [(f64, f64); 2],
) {
    let x = Axis { scale: Scale::Linear, low: left, high: right };
    let y = Axis { scale: Scale::Linear, low, high };
    let (across, up) = &plot.coordinates;
    let mut drawn = Panel::new(canvas, (area, MARGINS), (x, Below::Numbers), (y, up));
    drawn.name_below(across);
    drawn.name_above(&panel.label);
    if let Some(density) = &panel.density {
        shade(density, &mut drawn, (x, y));
    }
    let inside = |&&(a, b, _): &&(f64, f64, f64)| a >= left && a <= right && b >= low && b <= high;
    let larger = libm::pow(USUAL / panel.points.len().max(1) as f64, 0.25);
    let larger = larger.clamp(FACTORS.0, FACTORS.1);
    let mut smallest = 0.0;
    for (largest, diameter) in SIZES {
        let own = |&&(_, _, w): &&(f64, f64, f64)| w > smallest && w <= largest;
        let points = panel.points.iter().filter(inside).filter(own);
        let places: Vec<(f64, f64)> = points.map(|&(a, b, _)| drawn.place(a, b)).collect();
        drawn.canvas().dots(&places, larger * diameter, VERMILLION);
        smallest = largest;
    }
    let beyond = panel.points.len() - panel.points.iter().filter(inside).count();
    let beyond = (beyond > 0).then(|| format!("{beyond} beyond the frame"));
    let remarks: Vec<String> = concentration(&panel.points).into_iter().chain(beyond).collect();
    drawn.remark(&remarks.join("\n"));
}

/// What is to be said about weights that few particles carry, or none has.
pub(super) fn concentration(points: &[(f64, f64, f64)]) -> Option<String> {
    let mut weights: Vec<f64> = points.iter().map(|point| point.2).filter(|&w| w > 0.0).collect();
    if weights.is_empty() {
        return (!points.is_empty()).then(|| "no particle has a finite weight".to_owned());
    }
    weights.sort_by(|a, b| b.total_cmp(a));
    let half = 0.5 * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let before = |w: &&f64| {
        let short = sum < half;
        sum += **w;
        short
    };
    let (few, all) = (weights.iter().take_while(before).count(), points.len());
    ((few as f64) < FEW * all as f64).then(|| format!("{few} of {all} carry half the weight"))
}

/// Regions of growing density in growing shades.
fn shade(density: &Marginal, drawn: &mut Panel<'_>, (x, y): (Axis, Axis)) {
    let last = (NODES - 1) as f64;
    let values = (0..NODES * NODES).map(|index| {
        let (column, row) = ((index % NODES) as f64, (index / NODES) as f64);
        density.density(x.at(column / last), y.at(row / last))
    });
    let grid = Grid { columns: NODES, rows: NODES, values: values.collect() };
    let place = |drawn: &Panel<'_>, (column, row): (f64, f64)| {
        drawn.place(x.at(column / last), y.at(row / last))
    };
    let largest = density.largest();
    for share in SHADES.iter().filter(|_| largest > 0.0) {
        let curves = grid.above(share * largest).into_iter();
        let curves: Vec<Vec<(f64, f64)>> = curves
            .map(|curve| curve.into_iter().map(|node| place(drawn, node)).collect())
            .collect();
        drawn.canvas().region(&curves, BLUE, SHADE);
    }
}
