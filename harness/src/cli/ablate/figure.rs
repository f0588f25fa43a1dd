//! What the figure of an ablation shows: bias above, variance in the middle, cost below.

use crate::ablation::{DeterminantRecord, Findings, InverseRecord, Row, RunsRecord, Setting};
use crate::report::{AblationPanel, AblationPlot, Columns, PanelScale, Series};

/// The figure of these findings.
pub(super) fn plot(findings: &Findings<'_>) -> AblationPlot {
    let config = findings.config;
    let numbers: Option<Vec<f64>> = findings
        .rows
        .iter()
        .map(|row| match row.value {
            Setting::Number(number) => Some(number as f64),
            Setting::Name(_) => None,
        })
        .collect();
    let names = || findings.rows.iter().map(|row| row.value.to_string()).collect();
    let has_inverses = findings.rows.iter().any(|row| row.inverse.is_some());
    AblationPlot {
        title: format!(
            "{}, {} bridge, {} levels",
            findings.target,
            config.bridge.kind(),
            findings.times.len() - 1
        ),
        x_label: findings.subject.name().into(),
        columns: numbers.map_or_else(|| Columns::Names(names()), Columns::Numbers),
        panels: if has_inverses { of_inverses(findings) } else { of_weights(findings) },
    }
}

/// Bias, variance and cost of weights and determinants.
fn of_weights(findings: &Findings<'_>) -> Vec<AblationPanel> {
    let runs = |name, value: fn(&RunsRecord) -> f64| {
        series(findings, name, |row| row.runs.as_ref().map(value))
    };
    let determinant = |name, value: fn(&DeterminantRecord) -> f64| {
        series(findings, name, |row| row.determinant.as_ref().map(value))
    };
    let with_errors = |series: Option<Series>, errors: Option<Series>| {
        series.map(|series| Series { errors: errors.map(|e| e.values), ..series })
    };
    let bias = [
        with_errors(runs("log Z", |r| r.log_z), runs("", |r| r.log_z_std_error)),
        with_errors(
            determinant("log w by\nlog|det J|", |d| d.log_weight_bias),
            determinant("", |d| d.log_weight_bias_std_error),
        ),
        with_errors(
            // What the determinant alone would make of log Z.
            determinant("log Z by\nlog|det J|", |d| libm::log1p(d.weight_bias)),
            determinant("", |d| d.weight_bias_std_error / (1.0 + d.weight_bias)),
        ),
    ];
    let square = |deviation: f64| deviation * deviation;
    let variance = [
        series(findings, "log Z,\nover seeds", |row| {
            row.runs.as_ref().map(|runs| square(runs.log_z_deviation))
        }),
        determinant("log w,\nby probes", |d| d.log_weight_variance),
    ];
    let cost = [runs("Hv\nproducts", |r| r.products), runs("scores", |r| r.scores)];
    let panel = |label, scale, series: &[Option<Series>]| AblationPanel {
        label,
        scale,
        series: series.iter().flatten().cloned().collect(),
    };
    let exchange = findings
        .rows
        .iter()
        .any(|row| row.runs.as_ref().is_some_and(|runs| runs.mean_rejection_rate.is_some()));
    let cost_label = if exchange { "cost, ladder and round" } else { "cost of a particle" };
    vec![
        panel("bias", PanelScale::AroundZero, &bias),
        panel("variance", PanelScale::Decades, &variance),
        AblationPanel { label: cost_label, ..panel("", PanelScale::Decades, &cost) },
    ]
}

/// What is not inverted, errors and cost of inverses.
fn of_inverses(findings: &Findings<'_>) -> Vec<AblationPanel> {
    let inverse = |name, value: fn(&InverseRecord) -> f64| {
        series(findings, name, |row| row.inverse.as_ref().map(value)).into_iter()
    };
    let panel =
        |label, series: Vec<Series>| AblationPanel { label, scale: PanelScale::Decades, series };
    vec![
        panel(
            "share of points",
            inverse("needs\nNewton", |i| 1.0 - i.fixed_point_converged)
                .chain(inverse("not\ninverted", |i| i.not_inverted))
                .collect(),
        ),
        panel(
            "relative error",
            inverse("fixed\npoint", |i| i.fixed_point_residual)
                .chain(inverse("worst\nround trip", |i| i.round_trip_error_worst))
                .chain(inverse("median\nround trip", |i| i.round_trip_error))
                .collect(),
        ),
        panel(
            "cost of an inverse",
            inverse("scores", |i| i.scores)
                .chain(inverse("Hv\nproducts", |i| i.products))
                .collect(),
        ),
    ]
}

/// One number of every row, NaN where it has none; `None` if none has any.
fn series(
    findings: &Findings<'_>,
    name: &'static str,
    value: impl Fn(&Row) -> Option<f64>,
) -> Option<Series> {
    let values: Vec<Option<f64>> = findings.rows.iter().map(value).collect();
    let known = values.iter().flatten().any(|value| value.is_finite());
    let values = values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    known.then_some(Series { name, values, errors: None })
}
