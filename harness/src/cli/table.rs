//! Numbers as people read them.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::run::Summary;

/// A table with a header; columns from `numeric` on are right-aligned.
pub(super) fn table(header: &[&str], numeric: usize) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header.to_vec());
    for column in table.column_iter_mut().skip(numeric) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `value ± error` with digits that the error supports.
pub(super) fn with_error(value: f64, error: f64) -> String {
    format!("{} ± {}", decimal(value), decimal(error))
}

/// Four decimals; with an exponent where the digits before the point would fill the line.
fn decimal(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value:.4}") } else { format!("{value:.4e}") }
}

/// The main results of one run.
pub(super) fn summary(summary: &Summary) -> String {
    let mut table = table(&["quantity", "value", "what it should be"], 1);
    let mut row = |name: &str, value: String, ideal: &str| {
        table.add_row([name, &value, ideal]);
    };
    row("log Z", with_error(summary.log_z, summary.log_z_std_error), "0");
    row("effective sample size / N", format!("{:.4}", summary.ess), "1");
    row("smallest ESS / N on the way", format!("{:.4}", summary.minimum_ess), "1");
    row("resamplings", summary.resamplings.to_string(), "");
    row("mode-weight error (total variation)", format!("{:.4}", summary.mode_weight_error), "0");
    row("rarest mode, relative error", format!("{:+.3}", summary.rarest_mode_relative_error), "0");
    let floor = format!("{} (floor)", decimal(summary.sliced_wasserstein_floor));
    row("sliced Wasserstein", decimal(summary.sliced_wasserstein), &floor);
    row("maximum mean discrepancy", format!("{:.4}", summary.maximum_mean_discrepancy), "0");
    row("Kolmogorov-Smirnov, worst", format!("{:.4}", summary.kolmogorov_smirnov), "0");
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

/// Mode weights beside the truth; many modes are cut to the first ones.
pub(super) fn mode_weights(summary: &Summary) -> String {
    const SHOWN: usize = 16;
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
    }
}
