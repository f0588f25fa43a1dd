//! Numbers as people read them.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::digits;
use crate::run::{Details, Summary};

/// A table with a header; columns from `numeric` on are right-aligned.
pub(super) fn table(header: &[&str], numeric: usize) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header.to_vec());
    for column in table.column_iter_mut().skip(numeric) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `value ± error` in four decimals: numbers of a column stand below each other.
pub(super) fn with_error(value: f64, error: f64) -> String {
    format!("{} ± {}", decimal(value), decimal(error))
}

/// Four decimals; with an exponent where the digits before the point would fill the line.
fn decimal(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value:.4}") } else { format!("{value:.4e}") }
}

/// A quantity of any size in three digits; `-` where there is none.
pub(super) fn quantity(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() => "-".into(),
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.2e}"),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        size if size >= 0.0995 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// `value ± error` of any size, to two digits of the error; the value alone where there is no error.
pub(super) fn quantity_with_error(value: f64, error: f64) -> String {
    digits::with_error(value, error).unwrap_or_else(|| quantity(value))
}

/// The main results of one run.
pub(super) fn summary(summary: &Summary) -> String {
    let mut table = table(&["quantity", "value", "what it should be"], 1);
    let known = summary.knows_truth();
    let mut row = |name: &str, value: String, ideal: &str| {
        table.add_row([name, &value, ideal]);
    };
    let log_z = if known { "0" } else { "" };
    row("log Z", with_error(summary.log_z, summary.log_z_std_error), log_z);
    if let (Some(upper), Some(error)) = (summary.log_z_upper, summary.log_z_upper_std_error) {
        row("log Z from exact samples (upper bound)", with_error(upper, error), "0");
    }
    if let Some(gap) = summary.log_z_gap {
        row("gap between the two", decimal(gap), "0");
    }
    match &summary.details {
        Details::Annealing(report) => {
            row("effective sample size / N", format!("{:.4}", report.ess), "1");
            row("smallest ESS / N on the way", format!("{:.4}", report.minimum_ess), "1");
            row("resamplings", report.resamplings.to_string(), "");
            if let Some(repetitions) = &summary.symptoms.repetitions {
                let (low, high) = repetitions
                    .log_z
                    .iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &z| (a.min(z), b.max(z)));
                let spread = format!("{} to {}", decimal(low), decimal(high));
                let name = format!("log Z of the {} repetitions", repetitions.log_z.len());
                row(&name, spread, log_z);
            }
        }
        Details::Exchange(report) => {
            let (forward, error) = (report.log_z_forward, report.log_z_forward_std_error);
            row("log Z by stepping stones, forward", with_error(forward, error), log_z);
            let (backward, error) = (report.log_z_backward, report.log_z_backward_std_error);
            row("log Z by stepping stones, backward", with_error(backward, error), log_z);
            row("mean rejection rate of swaps", format!("{:.4}", report.mean_rejection_rate), "0");
            row("worst pair of levels", format!("{:.4}", report.worst_rejection_rate), "0");
            let predicted = format!("{:.4} (predicted)", report.predicted_round_trip_rate);
            row(
                "round trips per ladder and round",
                format!("{:.4}", report.round_trip_rate),
                &predicted,
            );
            let trips: u64 = report.round_trips.iter().sum();
            row("round trips", trips.to_string(), "");
            let kept = match report.kept_every {
                1 => format!("{}, of every round", summary.particles),
                every => format!("{}, of one round in {every}", summary.particles),
            };
            row("samples kept", kept, "");
        }
    }
    if known {
        row(
            "mode-weight error (total variation)",
            format!("{:.4}", summary.mode_weight_error),
            "0",
        );
        row(
            "rarest mode, relative error",
            format!("{:+.3}", summary.rarest_mode_relative_error),
            "0",
        );
        let floor = format!("{} (floor)", decimal(summary.sliced_wasserstein_floor));
        row("sliced Wasserstein", decimal(summary.sliced_wasserstein), &floor);
        row("maximum mean discrepancy", format!("{:.4}", summary.maximum_mean_discrepancy), "0");
        row("Kolmogorov-Smirnov, worst", format!("{:.4}", summary.kolmogorov_smirnov), "0");
    }
    if let Some(rate) = summary.acceptance_rate {
        row("acceptance rate", format!("{rate:.3}"), "");
    }
    let evaluations = summary.evaluations;
    row("density evaluations", evaluations.density.to_string(), "");
    row("score evaluations", evaluations.score.to_string(), "");
    row("Hessian-vector products", evaluations.hessian_product.to_string(), "");
    row("seconds", format!("{:.2}", summary.seconds), "");
    format!("{table}\n")
}

/// The verdict with its reasons, one a line.
pub(super) fn verdict(summary: &Summary) -> String {
    let verdict = &summary.verdict;
    let mut text = format!("verdict: {verdict}\n");
    for reason in &verdict.reasons {
        text += &format!("  {}: {}\n", reason.check, reason.message);
    }
    text
}

/// Mode weights beside the truth, if that is known; many modes are cut to the first ones.
pub(super) fn mode_weights(summary: &Summary) -> String {
    const SHOWN: usize = 16;
    if !summary.knows_truth() {
        return String::new();
    }
    let mut table = table(&["mode", "weight", "truth"], 0);
    for (k, (w, truth)) in
        summary.mode_weights.iter().zip(&summary.true_mode_weights).take(SHOWN).enumerate()
    {
        table.add_row([k.to_string(), format!("{w:.4}"), format!("{truth:.4}")]);
    }
    let hidden = summary.mode_weights.len().saturating_sub(SHOWN);
    let rest = if hidden > 0 { format!("({hidden} more modes)\n") } else { String::new() };
    format!("{table}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a failed run of a huge target fills its table with digits.
    #[test]
    fn numbers_stay_short() {
        assert_eq!(with_error(-0.00035, 0.00095), "-0.0003 ± 0.0009");
        assert_eq!(with_error(-3.1e267, 0.5), "-3.1000e267 ± 0.5000");
        let shown = [0.0, -31.26, 1234.5, 0.0123, 4.4e-5, f64::NAN, 9.999, 0.5].map(quantity);
        assert_eq!(shown, ["0", "-31.3", "1234", "0.0123", "4.40e-5", "-", "10.0", "0.500"]);
    }
}
