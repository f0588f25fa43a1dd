//! The figures of runs, several side by side.

use super::curve::interpolate;
use super::figure::Figure;
use super::folder::{BarrierEntry, LevelEntry, RunFolder, RunSummary};
use super::lines_plot::{Along, LinesPanel, LinesPlot, Point, Up, lines_svg};
use super::rows_plot::{Column, RowsPlot, rows_svg};
use super::ticks::number;
use super::weights_plot::{WeightsPlot, weights_svg};

/// Runs with the names that legends give them.
pub(super) type Named<'a> = [(String, &'a RunFolder)];

/// `null` in a file is no number.
pub(super) fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// All figures that compare runs; of one run too.
pub(super) fn compared(runs: &Named<'_>) -> Vec<Figure> {
    if runs.is_empty() {
        return Vec::new();
    }
    let groups = by_target(runs);
    let several = groups.len() > 1;
    let figures = [log_z(runs), levels(runs), schedule(runs)].into_iter();
    let figures = figures.chain(groups.iter().map(|group| weights(group, several)));
    figures.chain(groups.iter().map(|group| cost(group, several))).flatten().collect()
}

/// Names for legends: none where there is one run.
fn names(runs: &Named<'_>) -> Vec<String> {
    match runs {
        [_] => vec![String::new()],
        _ => runs.iter().map(|(name, _)| name.clone()).collect(),
    }
}

fn log_z(runs: &Named<'_>) -> Option<Figure> {
    let plot = log_z_plot(runs)?;
    let of_what =
        if plot.columns[0].truth.is_some() { ", whose truth is 0 (grey rule)" } else { "" };
    let caption = format!(
        "Estimates of log Z{of_what}. AIS and SMC are too low on average (lower side), their run from exact samples of \
         the target to the reference too high (upper side): the truth lies between them. Replica exchange is estimated \
         by bridge sampling and by stepping stones in both directions."
    );
    Some(Figure::new("log-z", rows_svg(&plot), caption))
}

fn log_z_plot(runs: &Named<'_>) -> Option<RowsPlot> {
    const KINDS: [&str; 5] =
        ["lower side", "upper side", "bridge sampling", "stones, up", "stones, down"];
    let marks = |summary: &RunSummary| {
        let found = match summary.is_exchange() {
            true => vec![
                (2, summary.log_z, summary.log_z_std_error),
                (3, summary.log_z_forward, summary.log_z_forward_std_error),
                (4, summary.log_z_backward, summary.log_z_backward_std_error),
            ],
            false => {
                let upper = (1, summary.log_z_upper, summary.log_z_upper_std_error);
                let upper =
                    Some(upper).filter(|(_, value, error)| value.is_some() || error.is_some());
                [(0, summary.log_z, summary.log_z_std_error)].into_iter().chain(upper).collect()
            }
        };
        found.into_iter().map(|(kind, value, error)| (kind, or_nan(value), error)).collect()
    };
    let marks: Vec<Vec<(usize, f64, Option<f64>)>> =
        runs.iter().map(|(_, run)| marks(&run.summary)).collect();
    let last = marks.iter().flatten().map(|(kind, ..)| kind + 1).max()?;
    let first = marks.iter().flatten().map(|(kind, ..)| *kind).min().unwrap_or(0);
    // Kinds before the first one used are left out of the legend.
    let kinds = KINDS.iter().enumerate().take(last);
    let kinds =
        kinds.map(|(i, kind)| if i < first { String::new() } else { (*kind).into() }).collect();
    let known = runs.iter().all(|(_, run)| run.summary.knows_truth());
    let (up, truth) = if known { (Up::AroundZero, Some(0.0)) } else { (Up::Anywhere, None) };
    Some(RowsPlot {
        title: "log Z with two standard errors to either side".into(),
        kinds,
        rows: runs.iter().map(|(name, _)| name.clone()).collect(),
        columns: vec![Column { label: ("log Z".into(), up), marks, truth, floors: Vec::new() }],
    })
}

fn levels(runs: &Named<'_>) -> Option<Figure> {
    let panels = level_panels(runs);
    if panels.is_empty() {
        return None;
    }
    let resampling = match panels.iter().any(|panel| !panel.circles.concat().is_empty()) {
        true => " Circled: the population was resampled after this ESS.",
        false => "",
    };
    let plot =
        LinesPlot { title: "Along the levels".into(), names: names(runs), columns: 2, panels };
    let caption = format!(
        "From the target (t = 0, left) to the noisiest level, all levels at even distances; on a tempering path \
         t = 1 − β. Runs of AIS and SMC go from right to left.{resampling}"
    );
    Some(Figure::new("levels", lines_svg(&plot), caption))
}

fn level_panels(runs: &Named<'_>) -> Vec<LinesPanel> {
    type Field = fn(&LevelEntry) -> Option<f64>;
    const ESS: &str = "ESS / N";
    const FIELDS: [(&str, Field, Up); 4] = [
        (ESS, |level| level.ess, Up::Efficiency),
        ("conditional ESS / N", |level| level.conditional_ess, Up::Share),
        ("rejection rate of swaps", |level| level.rejection_rate, Up::Share),
        ("acceptance rate of the kernel", |level| level.acceptance_rate, Up::Share),
    ];
    let (mut panels, along) = (Vec::new(), along_levels(runs));
    for (label, field, up) in FIELDS {
        let series: Vec<Vec<Point>> = runs
            .iter()
            .map(|(_, run)| {
                // A level without the number (the reference has no swap above it) is no gap.
                points(&run.summary, |level| field(level).is_some(), field)
            })
            .collect();
        let circles = |(_, run): &(String, &RunFolder)| {
            let resampled = points(&run.summary, |level| level.resampled, field);
            resampled.iter().map(|point| (point.x, point.y)).collect()
        };
        if series.iter().any(|points| !points.is_empty()) {
            let few = series.iter().all(|points| points.len() <= 40);
            panels.push(LinesPanel {
                up: (label.into(), up),
                along: along.clone(),
                series,
                marks: few,
                // What a resampling depends on.
                circles: match label == ESS {
                    true => runs.iter().map(circles).collect(),
                    false => Vec::new(),
                },
                floors: Vec::new(),
            });
        }
    }
    panels
}

/// A number of those levels that are wanted, from the target on.
fn points(
    summary: &RunSummary,
    wanted: impl Fn(&LevelEntry) -> bool,
    field: impl Fn(&LevelEntry) -> Option<f64>,
) -> Vec<Point> {
    let levels = summary.levels.iter().filter(|level| wanted(level));
    let point =
        |level: &LevelEntry| Point::new(place(summary, or_nan(level.time)), or_nan(field(level)));
    let mut points: Vec<Point> = levels.map(point).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    points
}

/// Where a level stands among those of its run: 0 the target, 1 the noisiest.
fn place(summary: &RunSummary, time: f64) -> f64 {
    let last = summary.times.len().saturating_sub(1).max(1) as f64;
    if time.is_nan() {
        return f64::NAN;
    }
    summary.times.partition_point(|&t| t < time) as f64 / last
}

/// Parts between the labels of an axis of levels.
const PARTS: usize = 5;

/// The axis of levels as shares of all.
fn along_shares() -> (String, Along) {
    let shares = (0..=PARTS).map(|k| k as f64 / PARTS as f64);
    let labels = shares.map(|share| (share, number(share))).collect();
    ("level as a share of all, 0 the target".into(), Along::Levels(labels))
}

/// The axis of levels: with their times where all runs have the same, with shares where they differ.
fn along_levels(runs: &Named<'_>) -> (String, Along) {
    let times = |run: &RunFolder| run.summary.times.clone();
    let first = runs.first().map_or(Vec::new(), |(_, run)| times(run));
    if runs.iter().any(|(_, run)| times(run) != first) || first.len() < 2 {
        return along_shares();
    }
    let last = first.len() - 1;
    let mut levels: Vec<usize> = (0..=PARTS).map(|k| k * last / PARTS).collect();
    levels.dedup();
    let label = |level: usize| {
        let time = first.get(level).copied().unwrap_or(f64::NAN);
        (level as f64 / last as f64, short(time))
    };
    let labels = levels.into_iter().map(label).collect();
    ("t of the level (not a linear scale)".into(), Along::Levels(labels))
}

/// A number in two digits.
fn short(x: f64) -> String {
    number(format!("{x:.1e}").parse().unwrap_or(x))
}

fn schedule(runs: &Named<'_>) -> Option<Figure> {
    let times = runs.iter().map(|(_, run)| {
        let points = run.summary.times.iter();
        points.map(|&t| Point::new(place(&run.summary, t), t)).collect::<Vec<_>>()
    });
    let marks = runs.iter().all(|(_, run)| run.summary.times.len() <= 40);
    let panel = |up: &str, scale: Up, along: (String, Along), series: Vec<Vec<Point>>| LinesPanel {
        up: (up.into(), scale),
        along,
        series,
        marks,
        circles: Vec::new(),
        floors: Vec::new(),
    };
    let mut panels =
        vec![panel("time t of the level", Up::Decades, along_shares(), times.collect())];
    let cumulated: Vec<Vec<Point>> = runs.iter().map(|(_, run)| cumulated(&run.summary)).collect();
    let swapped = cumulated.iter().any(|points| !points.is_empty());
    if swapped {
        let up = "rejections up to the level";
        panels.push(panel(up, Up::Linear, along_levels(runs), cumulated));
    }
    let curves = barrier_panels(runs);
    let drawn = !curves.is_empty();
    panels.extend(curves);
    let mut caption = placed_by(runs, swapped);
    if drawn {
        caption += " λ(t) is the local barrier, Λ(t) its integral from the target up to t; circles are the levels.";
    }
    if swapped {
        caption += " The sum of rejection rates from the target up to a level is the barrier of the ladder as it stands; \
                    levels are placed well where it is a straight line.";
    }
    let title = if swapped || drawn { "Schedule and barrier" } else { "Schedule" };
    let plot = LinesPlot { title: title.into(), names: names(runs), columns: 2, panels };
    Some(Figure::new("schedule", lines_svg(&plot), caption))
}

/// What the levels were placed by, in words.
fn placed_by(runs: &Named<'_>, swapped: bool) -> String {
    let of_run = |(name, run): &(String, &RunFolder)| {
        let summary = &run.summary;
        let barrier = number(summary.barrier?);
        // Increments behind the rejections of another bridge add up to no barrier of the path.
        let what =
            if summary.barrier_is_of_path() { "Λ" } else { "sum over the bridge's own swaps" };
        Some(match runs.len() > 1 {
            true => format!("{name}: {what} = {barrier}"),
            false => format!("{what} = {barrier}"),
        })
    };
    let measured: Vec<String> = runs.iter().filter_map(of_run).collect();
    match (measured.is_empty(), swapped) {
        (false, _) => format!("Barrier by which the levels were placed: {}.", measured.join("; ")),
        (true, true) => "No barrier was measured to place the levels.".to_owned(),
        (true, false) => "No barrier was measured: the levels alone are shown.".to_owned(),
    }
}

/// The local barrier and its integral over time, where any of the runs measured them.
fn barrier_panels(runs: &Named<'_>) -> Vec<LinesPanel> {
    let curves = || runs.iter().map(|(_, run)| (&run.summary, run.summary.barrier_curve.as_ref()));
    if curves().all(|(_, curve)| curve.is_none()) {
        return Vec::new();
    }
    let series = |values: fn(&BarrierEntry) -> &[f64]| -> Vec<Vec<Point>> {
        let of_run = |(_, curve): (_, Option<&BarrierEntry>)| {
            let points = curve.into_iter().flat_map(|c| c.times.iter().zip(values(c)));
            points.map(|(&t, &value)| Point::new(t, value)).collect()
        };
        curves().map(of_run).collect()
    };
    let levels = |(summary, curve): (&RunSummary, Option<&BarrierEntry>)| {
        let height = |c: &BarrierEntry, t: f64| interpolate(&c.times, &c.cumulative, t);
        let times = curve.into_iter().flat_map(|c| summary.times.iter().map(move |&t| (c, t)));
        times.map(|(c, t)| (t, height(c, t))).collect()
    };
    let panel = |up: &str, scale, series, circles| LinesPanel {
        up: (up.into(), scale),
        along: ("t".into(), Along::Times),
        series,
        marks: false,
        circles,
        floors: Vec::new(),
    };
    vec![
        panel("local barrier λ(t)", Up::Decades, series(|curve| &curve.local), Vec::new()),
        panel(
            "barrier Λ(t)",
            Up::Linear,
            series(|curve| &curve.cumulative),
            curves().map(levels).collect(),
        ),
    ]
}

/// Sums of rejection rates from the target up.
fn cumulated(summary: &RunSummary) -> Vec<Point> {
    if !summary.is_exchange() {
        return Vec::new();
    }
    let mut levels: Vec<&LevelEntry> = summary.levels.iter().collect();
    levels.sort_by(|a, b| or_nan(a.time).total_cmp(&or_nan(b.time)));
    let mut sum = 0.0;
    let mut points = Vec::new();
    for level in levels {
        points.push(Point::new(place(summary, or_nan(level.time)), sum));
        sum += level.rejection_rate.unwrap_or(0.0);
    }
    points
}

/// Runs of one target each, in the order of their first.
fn by_target<'a>(runs: &Named<'a>) -> Vec<Vec<(String, &'a RunFolder)>> {
    let alike = |a: &RunSummary, b: &RunSummary| {
        a.target == b.target && a.dim == b.dim && a.true_mode_weights == b.true_mode_weights
    };
    let mut groups: Vec<Vec<(String, &'a RunFolder)>> = Vec::new();
    for (name, run) in runs {
        let of_run = |group: &&mut Vec<(String, &RunFolder)>| {
            group.first().is_some_and(|(_, first)| alike(&first.summary, &run.summary))
        };
        match groups.iter_mut().find(of_run) {
            Some(group) => group.push((name.clone(), run)),
            None => groups.push(vec![(name.clone(), run)]),
        }
    }
    groups
}

/// A title that names the target where there are several.
fn of_target(what: &str, runs: &Named<'_>, several: bool) -> String {
    match runs.first().filter(|_| several) {
        Some((_, run)) => format!("{what}: {}", run.summary.target),
        None => what.to_owned(),
    }
}

fn weights(runs: &Named<'_>, several: bool) -> Option<Figure> {
    // Modes of a target that is no mixture are not known.
    if runs.iter().all(|(_, run)| !run.summary.knows_truth()) {
        return None;
    }
    let of_run = |summary: &RunSummary| {
        let weights = summary.mode_weights.iter().map(|&w| or_nan(w));
        weights.zip(summary.mode_weight_errors()).collect::<Vec<_>>()
    };
    let plot = WeightsPlot {
        title: of_target("Weights of the modes", runs, several),
        runs: runs.iter().map(|(name, run)| (name.clone(), of_run(&run.summary))).collect(),
        truth: runs
            .iter()
            .map(|(_, run)| run.summary.true_mode_weights.iter().map(|&w| or_nan(w)).collect())
            .collect(),
    };
    let with_errors = plot.runs.iter().any(|(_, w)| w.iter().any(|(_, error)| error.is_some()));
    let bars = match with_errors {
        true => "Error bars are two standard errors to either side.",
        false => "The runs have no standard errors of these weights.",
    };
    let caption = format!(
        "Bars: particles of each mode, by responsibility. Horizontal rules: the true weights. {bars}"
    );
    Some(Figure::new("mode-weights", weights_svg(&plot), caption))
}

/// Distances of runs of one target against what they cost; the units of annealed runs and of ladders differ, so
/// these have panels of their own.
fn cost(runs: &Named<'_>, several: bool) -> Option<Figure> {
    let panels = cost_panels(runs);
    if runs.len() < 2 || panels.is_empty() {
        return None;
    }
    let plot = LinesPlot {
        title: of_target("Sliced Wasserstein distance against cost", runs, several),
        names: names(runs),
        columns: panels.len(),
        panels,
    };
    let caption = "Lower and further left is better. Evaluations are densities, scores and Hessian-vector products \
                   with pilot and placing of levels; those for one particle and those for one ladder in one round \
                   (warm-up included) cannot be compared, seconds can.";
    let floors = plot.panels.iter().map(|panel| floor_caption(&panel.floors));
    let floor = floors.max_by_key(|caption| caption.len()).unwrap_or_default();
    Some(Figure::new("wasserstein-cost", lines_svg(&plot), caption.to_owned() + floor))
}

/// What dashed rules are, where there are any.
pub(super) fn floor_caption(floors: &[f64]) -> &'static str {
    match floors.len() {
        0 => "",
        1 => " Dashed rule: the floor, the distance between exact samples.",
        _ => {
            " Dashed rules: the floors, distances between exact samples of as many points as the runs have."
        }
    }
}

/// Floors that differ by more than chance: those within a tenth of each other are drawn as their mean.
pub(super) fn distinct(mut floors: Vec<f64>) -> Vec<f64> {
    floors.retain(|floor| floor.is_finite());
    floors.sort_by(f64::total_cmp);
    let alike = floors.chunk_by(|a, b| *b <= 1.1 * a);
    alike.map(|floors| floors.iter().sum::<f64>() / floors.len() as f64).collect()
}

fn cost_panels(runs: &Named<'_>) -> Vec<LinesPanel> {
    type Cost = fn(&RunSummary) -> Option<f64>;
    const COSTS: [(&str, Cost); 3] = [
        ("evaluations per particle", |summary| {
            summary.evaluations_per_particle().filter(|_| !summary.is_exchange())
        }),
        ("evaluations per ladder and round", |summary| {
            summary.evaluations_per_particle().filter(|_| summary.is_exchange())
        }),
        ("seconds of sampling", |summary| summary.sampling_seconds),
    ];
    let panel = |(name, cost): (&str, Cost)| {
        let points = |summary: &RunSummary| match cost(summary) {
            Some(x) => vec![Point::new(x, or_nan(summary.sliced_wasserstein))],
            None => Vec::new(),
        };
        // Of runs that stand in the panel.
        let floor = |(_, run): &(String, &RunFolder)| {
            cost(&run.summary).and(run.summary.sliced_wasserstein_floor)
        };
        let series: Vec<Vec<Point>> = runs.iter().map(|(_, run)| points(&run.summary)).collect();
        series.iter().any(|points| !points.is_empty()).then(|| LinesPanel {
            up: ("sliced Wasserstein".into(), Up::Decades),
            along: (name.into(), Along::Decades),
            series,
            marks: true,
            circles: Vec::new(),
            floors: distinct(runs.iter().filter_map(floor).collect()),
        })
    };
    COSTS.into_iter().filter_map(panel).collect()
}

#[cfg(test)]
#[path = "run_figures_tests.rs"]
mod tests;
