//! The figures of one run's snapshots: particles over their density, and paths of replicas.

use amc_core::path::NoiseSchedule;

use super::figure::Figure;
use super::folder::{Replicas, RunFolder, RunSummary, Snapshots};
use super::lines_plot::{Along, LinesPanel, LinesPlot, Point, Up, lines_svg};
use super::marginal::{Marginal, spread_coordinates};
use super::scatter_plot::{ScatterPanel, ScatterPlot, concentration, scatter_svg};
use super::ticks::number;
use crate::config::PathFamily;
use crate::run::Problem;
use crate::target::MixtureParameters;

/// Rounds that are drawn; more would hide each other.
const ROUNDS: usize = 200;
/// Replicas whose paths are drawn.
const REPLICAS: usize = 3;

/// Particles over their density, if the run kept snapshots; coordinates that the target does not have are
/// refused by name.
///
/// # Errors
/// A message about the coordinates.
pub(super) fn scatter(
    (name, run): (&str, &RunFolder),
    coordinates: Option<(usize, usize)>,
    several: bool,
) -> Result<Option<Figure>, String> {
    let dim = run.summary.dim;
    if let Some((i, j)) = coordinates.filter(|&(i, j)| i.max(j) >= dim) {
        let largest = dim.saturating_sub(1);
        return Err(format!("{i},{j}: {name} has coordinates 0 to {largest}"));
    }
    let Some(snapshots) = &run.snapshots else { return Ok(None) };
    if dim < 2 {
        // One coordinate has no plane; its shape is seen in the table's distances.
        return Ok(line(run, snapshots, (&file_name("particles", name, several), name)));
    }
    let truth = Truth::of(run);
    let chosen = coordinates.or_else(|| truth.mixture.as_ref().ok().map(spread_coordinates));
    let (i, j) = chosen.unwrap_or((0, 1));
    let panel = |index: usize| {
        let (level, time) = (snapshots.level(index), snapshots.time(index));
        let what = if level == 0 { ", target" } else { "" };
        let label = format!("level {level}, t = {}{what}", number(time));
        let density = truth.density(time, (i, j));
        ScatterPanel { label, density, points: snapshots.points(index, (i, j)) }
    };
    let panels = (0..snapshots.levels.len()).map(panel).collect();
    let title = match several {
        true => format!("Particles over their density: {name}"),
        false => "Particles over their density".into(),
    };
    let plot = ScatterPlot { title, coordinates: (format!("x{i}"), format!("x{j}")), panels };
    let caption = caption(run, snapshots, &truth);
    Ok(Some(Figure::new(&file_name("particles", name, several), scatter_svg(&plot), caption)))
}

/// The exact densities of a run's levels.
struct Truth {
    /// The target in the coordinates that were sampled, or why it is not known.
    mixture: Result<MixtureParameters, String>,
    /// How it is noised, on a diffusion path.
    schedule: Option<NoiseSchedule>,
}

impl Truth {
    /// The target alone: a model that the run used need not be there any more.
    fn of(run: &RunFolder) -> Self {
        let config = run.config.as_ref().map_err(Clone::clone);
        let schedule = config.as_ref().ok().and_then(|config| match config.path.family {
            PathFamily::Diffusion { schedule, .. } => schedule.to_core().ok(),
            PathFamily::Tempering => None,
        });
        let mixture = config
            .and_then(|config| Problem::target(config).map_err(|error| error.to_string()))
            .and_then(|mixture| unchanged(mixture, &run.summary));
        Self { mixture, schedule }
    }

    /// Two coordinates of the density at a time; on a tempering path of the target, as a tempered density has
    /// no marginal in closed form.
    fn density(&self, time: f64, coordinates: (usize, usize)) -> Option<Marginal> {
        let noise = match &self.schedule {
            Some(path) => (path.alpha(time), path.variance(time)),
            None => (1.0, 0.0),
        };
        Some(Marginal::new(self.mixture.as_ref().ok()?, noise, coordinates))
    }
}

/// The mixture, if it is the one that the run sampled: a file may have been written anew since.
fn unchanged(
    mixture: MixtureParameters,
    summary: &RunSummary,
) -> Result<MixtureParameters, String> {
    let weights = &summary.true_mode_weights;
    if mixture.dim != summary.dim {
        let (now, then) = (mixture.dim, summary.dim);
        return Err(format!("its file has changed since the run (d = {now} instead of {then})"));
    }
    let alike = |(now, then): (&f64, &Option<f64>)| {
        then.is_some_and(|then| (now - then).abs() <= 1e-9 * now.abs().max(then.abs()))
    };
    match mixture.weights.len() == weights.len() && mixture.weights.iter().zip(weights).all(alike) {
        true => Ok(mixture),
        false => Err("its file has changed since the run (the weights of its modes differ)".into()),
    }
}

/// Densities and particles of a target of one coordinate, as curves and histograms.
fn line(run: &RunFolder, snapshots: &Snapshots, (file, name): (&str, &str)) -> Option<Figure> {
    let truth = Truth::of(run);
    let panel = |index: usize| {
        let (level, time) = (snapshots.level(index), snapshots.time(index));
        let density = truth.density(time, (0, 0)).map(|marginal| {
            let (low, high) = marginal.extent(4.0)[0];
            let at = |i: u32| low + (high - low) * f64::from(i) / 400.0;
            (0..=400).map(|i| Point::new(at(i), marginal.line_density(at(i)))).collect()
        });
        let points = snapshots.points(index, (0, 0));
        let few = concentration(&points).map_or(String::new(), |few| format!(" ({few})"));
        LinesPanel {
            up: ("density".into(), Up::Linear),
            along: (format!("x0 at level {level}, t = {}{few}", number(time)), Along::Linear),
            series: vec![density.unwrap_or_default(), histogram(&points)],
            marks: false,
            circles: Vec::new(),
            floors: Vec::new(),
        }
    };
    let plot = LinesPlot {
        title: format!("Particles and their density: {name}"),
        names: vec!["density".into(), "particles".into()],
        columns: 2,
        panels: (0..snapshots.levels.len()).map(panel).collect(),
    };
    let caption = match &truth.mixture {
        Ok(_) => "Histograms of the weighted particles beside the density of the level, in closed form (on a \
                  tempering path that of the target)."
            .to_owned(),
        Err(why) => format!("Histograms of the weighted particles. The density is not drawn: {why}."),
    };
    Some(Figure::new(file, lines_svg(&plot), caption))
}

/// Bars of a histogram of weighted points, as a line.
fn histogram(points: &[(f64, f64, f64)]) -> Vec<Point> {
    const BARS: usize = 32;
    let values = || points.iter().map(|point| point.0).filter(|x| x.is_finite());
    let (low, high) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if points.is_empty() || low >= high {
        return Vec::new();
    }
    let width = (high - low) / BARS as f64;
    let mut heights = [0.0; BARS];
    for &(x, _, weight) in points.iter().filter(|point| point.0.is_finite()) {
        let bar = (((x - low) / width) as usize).min(BARS - 1);
        heights[bar] += weight / (points.len() as f64 * width);
    }
    let edge = |bar: usize| low + width * bar as f64;
    let mut line = vec![Point::new(low, 0.0)];
    for (bar, &height) in heights.iter().enumerate() {
        line.extend([Point::new(edge(bar), height), Point::new(edge(bar + 1), height)]);
    }
    line.push(Point::new(high, 0.0));
    line
}

fn caption(run: &RunFolder, snapshots: &Snapshots, truth: &Truth) -> String {
    let density = match (&truth.mixture, truth.schedule) {
        (Err(why), _) => format!("The density is not drawn: {why}."),
        (Ok(_), Some(_)) => "Shades: the density of the level in these two coordinates, in closed form.".into(),
        (Ok(_), None) => "Shades: the density of the target at every level, as tempered ones have no closed form \
                          in two coordinates."
            .to_owned(),
    };
    let learned = run.summary.setting("model", "density") == "learned";
    let learned =
        if learned { " (Levels of this run are a model's; shown is the exact one.)" } else { "" };
    let dots = match snapshots.samples() {
        Some(samples) => format!(
            "{samples} samples of the target and up to {} states of every other level, evenly spread over the rounds, \
             in standardized coordinates",
            snapshots.count
        ),
        None => format!(
            "up to {} particles in standardized coordinates, with areas that grow with their weights",
            snapshots.count
        ),
    };
    format!("{density}{learned} Dots: {dots}.")
}

/// Paths of replicas through the levels, of replica exchange.
pub(super) fn trajectories(name: &str, run: &RunFolder, several: bool) -> Option<Figure> {
    let replicas = run.snapshots.as_ref()?.replicas.as_ref()?;
    let top = replicas.levels.checked_sub(1)?;
    if replicas.rounds == 0 || replicas.ladders == 0 {
        return None;
    }
    let rounds = replicas.rounds.min(ROUNDS);
    let starts = (0..REPLICAS.min(replicas.levels)).map(|k| top * k / (REPLICAS - 1).max(1));
    let mut chosen: Vec<usize> = starts.collect();
    chosen.dedup();
    let series: Vec<Vec<Point>> =
        chosen.iter().map(|&start| path(replicas, start, rounds)).collect();
    let title = match several {
        true => format!("Paths of replicas: {name}"),
        false => "Paths of replicas".into(),
    };
    let plot = LinesPlot {
        title,
        names: chosen.iter().map(|start| format!("replica from level {start}")).collect(),
        columns: 1,
        panels: vec![LinesPanel {
            up: ("level (0 is the target)".into(), Up::Linear),
            along: ("round".into(), Along::Linear),
            series,
            marks: false,
            circles: Vec::new(),
            floors: Vec::new(),
        }],
    };
    let trips = run.summary.round_trip_rate.map_or(String::new(), |rate| {
        let predicted = run.summary.predicted_round_trip_rate.map_or(String::new(), |predicted| {
            format!(" (predicted from the rejections: {})", number(predicted))
        });
        format!(" Round trips per ladder and round: {}{predicted}.", number(rate))
    });
    let caption = format!(
        "Levels of {} replicas of the first ladder over {rounds} of the rounds that count. A round trip leads \
         from the reference (level {top}) to the target and back.{trips}",
        chosen.len()
    );
    Some(Figure::new(&file_name("replicas", name, several), lines_svg(&plot), caption))
}

/// The levels of the replica that sits at `start` in the first round.
fn path(replicas: &Replicas, start: usize, rounds: usize) -> Vec<Point> {
    let Some(&replica) = replicas.at.get(start) else { return Vec::new() };
    let levels = replicas.path(0, replica).into_iter().take(rounds).enumerate();
    let point = |(round, level): (usize, Option<usize>)| {
        Point::new(round as f64, level.map_or(f64::NAN, |level| level as f64))
    };
    levels.map(point).collect()
}

fn file_name(what: &str, name: &str, several: bool) -> String {
    if several { format!("{what}-{name}") } else { what.to_owned() }
}

#[cfg(test)]
#[path = "particle_figures_tests.rs"]
mod tests;
