//! The figures of an experiment: measures by panel, over its axis or row by row, and against their cost.

use super::figure::Figure;
use super::folder::measure;
use super::lines_plot::{Along, LinesPanel, LinesPlot, Point, Up, lines_svg};
use super::rows_plot::{Column, RowsPlot, rows_svg};
use super::run_figures::{distinct, floor_caption};
use crate::experiment::{Results, Row};

/// The measures that figures show, with their labels.
const MEASURES: [(&str, &str, Up); 5] = [
    ("log_z", "log Z", Up::AroundZero),
    ("ess", "ESS / N", Up::Efficiency),
    ("mean_rejection_rate", "mean rejection rate", Up::Share),
    ("mode_weight_error", "mode-weight error", Up::Linear),
    ("sliced_wasserstein", "sliced Wasserstein", Up::Decades),
];

/// The costs against which they are shown.
const COSTS: [(&str, &str); 2] =
    [("evaluations", "evaluations per particle"), ("seconds", "seconds of sampling")];

/// More series than these in one figure cannot be told apart; they are drawn in several.
const MOST_SERIES: usize = 28;
/// More rows than these are drawn in several figures.
const MOST_ROWS: usize = 40;

/// All figures of an experiment, panel by panel in the order of the rows.
pub(super) fn figures(results: &Results, prefix: &str) -> Vec<Figure> {
    let mut panels: Vec<&str> = Vec::new();
    for row in &results.rows {
        if !panels.contains(&&*row.panel) {
            panels.push(&row.panel);
        }
    }
    let mut figures = Vec::new();
    for panel in panels {
        let rows: Vec<&Row> = results.rows.iter().filter(|row| row.panel == panel).collect();
        let name = |what: &str| format!("{prefix}{what} {panel}");
        let parts = parts(&rows);
        if let Some(axis) = numeric_axis(&rows) {
            let figure = |part: &Vec<&Row>| over_axis(panel, part, axis, &name("measures"));
            figures.extend(parts.iter().map(figure));
        } else {
            let parts = rows.chunks(MOST_ROWS);
            figures.extend(parts.map(|part| row_by_row(panel, part, &name("measures"))));
        }
        // A single point says nothing of its cost.
        let compared = parts.iter().filter(|_| rows.len() > 1);
        figures.extend(compared.filter_map(|part| against_cost(panel, part, &name("cost"))));
    }
    figures
}

/// The name of the axis of rows that all have a place on it.
fn numeric_axis<'a>(rows: &[&'a Row]) -> Option<&'a str> {
    let first = rows.first()?.axis.as_ref()?;
    rows.iter().all(|row| row.axis.is_some()).then_some(&*first.name)
}

fn place(row: &Row) -> f64 {
    row.axis.as_ref().map_or(f64::NAN, |axis| axis.value)
}

/// The series that a row belongs to: one of its own where it has no name.
fn series(row: &Row) -> &str {
    if row.series.is_empty() { &row.label } else { &row.series }
}

/// The series of rows in the order of their first.
fn series_names<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&series(row)) {
            names.push(series(row));
        }
    }
    names
}

/// The rows, by as many series as one figure can show.
fn parts<'a>(rows: &[&'a Row]) -> Vec<Vec<&'a Row>> {
    let of = |names: &[&str]| {
        rows.iter().copied().filter(|row| names.contains(&series(row))).collect::<Vec<_>>()
    };
    series_names(rows).chunks(MOST_SERIES).map(of).collect()
}

fn of_series<'a>(rows: &'a [&Row], name: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().copied().filter(move |row| series(row) == name)
}

fn title(panel: &str, what: &str) -> String {
    if panel.is_empty() { what.to_owned() } else { format!("{panel}: {what}") }
}

/// Measures that any of the rows has.
fn measured(rows: &[&Row]) -> Vec<(&'static str, &'static str, Up)> {
    let any = |name: &str| rows.iter().any(|row| measure(row, name).is_some());
    let scale =
        |up: Up| if up == Up::AroundZero && !truth_is_known(rows) { Up::Anywhere } else { up };
    let measures = MEASURES.into_iter().filter(|(name, ..)| any(name));
    measures.map(|(name, label, up)| (name, label, scale(up))).collect()
}

/// Whether the truth of log Z, 0, is that of all rows: rows of other targets have no error of it.
fn truth_is_known(rows: &[&Row]) -> bool {
    let has = |row: &Row, name: &str| measure(row, name).is_some();
    rows.iter().all(|row| has(row, "log_z_error") || !has(row, "log_z"))
}

/// Where dashed rules stand in the panel of a measure: distances do not fall below those between exact samples.
fn floors(rows: &[&Row], name: &str) -> Vec<f64> {
    if name != "sliced_wasserstein" {
        return Vec::new();
    }
    let floor = |row: &&Row| measure(row, "sliced_wasserstein_floor").map(|(mean, _)| mean);
    distinct(rows.iter().filter_map(floor).collect())
}

fn over_axis(panel: &str, rows: &[&Row], axis: &str, file: &str) -> Figure {
    let names = series_names(rows);
    let of_measure = |(name, label, up): (&str, &str, Up)| {
        let points = |series: &&str| {
            let mut points: Vec<Point> = of_series(rows, series)
                .map(|row| match measure(row, name) {
                    Some((y, error)) => Point { x: place(row), y, error },
                    None => Point::new(place(row), f64::NAN),
                })
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            points
        };
        LinesPanel {
            up: (label.into(), up),
            along: (axis.into(), Along::Settings),
            series: names.iter().map(points).collect(),
            marks: true,
            circles: Vec::new(),
            floors: floors(rows, name),
        }
    };
    let plot = LinesPlot {
        title: title(panel, &format!("over {axis}")),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        columns: 2,
        panels: measured(rows).into_iter().map(of_measure).collect(),
    };
    let floor = floor_caption(&floors(rows, "sliced_wasserstein"));
    let caption = format!(
        "Means over runs with two standard errors to either side.{floor}{}",
        failures(rows)
    );
    Figure::new(file, lines_svg(&plot), caption)
}

fn row_by_row(panel: &str, rows: &[&Row], file: &str) -> Figure {
    let column = |(name, label, up): (&str, &str, Up)| {
        let mark = |row: &&Row| match measure(row, name) {
            Some((value, error)) => vec![(0, value, error)],
            None => vec![(0, f64::NAN, None)],
        };
        // A truth of zero is the left end of what cannot be negative.
        let truth = (up == Up::AroundZero).then_some(0.0);
        Column {
            label: (label.into(), up),
            marks: rows.iter().map(mark).collect(),
            truth,
            floors: floors(rows, name),
        }
    };
    let plot = RowsPlot {
        title: title(panel, "row by row"),
        kinds: Vec::new(),
        rows: rows.iter().map(|row| short_label(row, panel)).collect(),
        columns: measured(rows).into_iter().map(column).collect(),
    };
    let known = plot.columns.iter().any(|column| column.truth.is_some());
    let truth = if known { "; the truth of log Z is 0 (grey rule)" } else { "" };
    let floor = floor_caption(&floors(rows, "sliced_wasserstein"));
    let caption = format!(
        "Means over runs with two standard errors to either side{truth}.{floor}{}",
        failures(rows)
    );
    Figure::new(file, rows_svg(&plot), caption)
}

/// The measures that are shown against the costs.
const AGAINST_COST: [(&str, &str, Up); 2] =
    [("sliced_wasserstein", "sliced Wasserstein", Up::Decades), ("ess", "ESS / N", Up::Efficiency)];

/// The label of a row without the name of its panel, which stands above.
fn short_label(row: &Row, panel: &str) -> String {
    let rest = row.label.strip_prefix(panel).map(|rest| rest.trim_start_matches([',', ' ']));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(&row.label).to_owned()
}

fn against_cost(panel: &str, rows: &[&Row], file: &str) -> Option<Figure> {
    let names = series_names(rows);
    let panel_of = |(name, label, up): (&str, &str, Up), (cost, below): (&str, &str)| {
        let points = |series: &&str| {
            let mut points: Vec<Point> = of_series(rows, series)
                .filter_map(|row| {
                    let ((x, _), (y, error)) = (measure(row, cost)?, measure(row, name)?);
                    Some(Point { x, y, error })
                })
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            points
        };
        let series: Vec<Vec<Point>> = names.iter().map(points).collect();
        series.iter().any(|points| !points.is_empty()).then(|| LinesPanel {
            up: (label.into(), up),
            along: (below.into(), Along::Decades),
            series,
            marks: true,
            circles: Vec::new(),
            floors: floors(rows, name),
        })
    };
    let pairs = AGAINST_COST.into_iter().flat_map(|measure| COSTS.map(|cost| (measure, cost)));
    let panels: Vec<LinesPanel> = pairs.filter_map(|(m, cost)| panel_of(m, cost)).collect();
    if panels.is_empty() {
        return None;
    }
    let plot = LinesPlot {
        title: title(panel, "against cost"),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        columns: 2,
        panels,
    };
    let caption = "A smaller distance and a larger ESS further left are better. Evaluations are densities, scores and \
                   Hessian-vector products for one particle (of replica exchange: one ladder in one round, warm-up \
                   included, which cannot be compared; seconds can), pilot and placing of levels included. Rows without \
                   a value are left out.";
    let floor = floor_caption(&floors(rows, "sliced_wasserstein"));
    Some(Figure::new(file, lines_svg(&plot), caption.to_owned() + floor))
}

/// How many runs failed, in words, where any did.
fn failures(rows: &[&Row]) -> String {
    let (failed, runs) =
        rows.iter().fold((0, 0), |(failed, runs), row| (failed + row.failed, runs + row.runs));
    if failed == 0 { String::new() } else { format!(" {failed} of {runs} runs failed.") }
}

#[cfg(test)]
#[path = "experiment_figures_tests.rs"]
mod tests;
