//! `amc compare --exchange`: replica exchange through every bridge on TwoModes (32, 5).

use std::path::Path;

use amc_core::simd::Instructions;
use serde::Serialize;

use super::table::{table, with_error};
use crate::catalog::{BridgeKind, LadderStart, PathKind};
use crate::config::{Override, RunConfig};
use crate::levels::{RoundTripLimit, round_trip_limit_of};
use crate::run::{Problem, RunError, Summary, execute};
use crate::sampler::Silent;

/// The same target, number of levels and cost for all; the levels are tuned for each bridge.
const CONFIG: &str = "[target]\nkind = \"two-modes\"\ndim = 32\nseparation = 5.0\n\
    [path]\nlevels = 32\nspacing = \"lambda\"\n\
    [sampler]\nkind = \"replica-exchange\"\nladders = 64\nrounds = 300\nwarmup = 100\n\
    both_sides = false\n";

/// One method.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Ladders that start from draws of the reference at every level.
    from_reference: Summary,
    /// Ladders that start with one descent through the bridges.
    from_descent: Summary,
    /// What longer ladders would reach.
    limit: RoundTripLimit,
}

/// Path and bridge of every method.
pub(super) fn methods() -> Vec<(PathKind, BridgeKind)> {
    let mut methods = vec![(PathKind::Tempering, BridgeKind::Identity)];
    methods.extend(BridgeKind::ALL.iter().map(|&bridge| (PathKind::Diffusion, bridge)));
    methods
}

/// Runs one method from both starts, and measures its limit.
pub(super) fn row((path, bridge): (PathKind, BridgeKind), seed: u64) -> Result<Row, RunError> {
    let summary = |start: LadderStart| -> Result<_, RunError> {
        let overrides = [
            Override::seed(seed),
            Override::new(Some("path"), "kind", path.name()),
            Override::new(Some("bridge"), "kind", bridge.name()),
            Override::new(Some("sampler"), "start", start.name()),
        ];
        let config = RunConfig::from_toml(CONFIG, "compare", Path::new("."), &overrides)?;
        let problem = Problem::new(&config)?;
        Ok((execute(&config, &problem, &mut Silent)?.summary, config, problem))
    };
    let (from_descent, _, _) = summary(LadderStart::Descent)?;
    let (from_reference, config, problem) = summary(LadderStart::Reference)?;
    let limit = round_trip_limit_of(&config, &problem, &mut Silent)?;
    Ok(Row { from_reference, from_descent, limit })
}

/// The table.
pub(super) fn report(rows: &[Row], seed: u64) -> String {
    let header = [
        "path",
        "bridge",
        "log Z (truth 0)",
        "mean rejection",
        "mode error",
        "from descent",
        "round trips",
        "limit",
        "levels for half",
    ];
    let mut table = table(&header, 2);
    for Row { from_reference: s, from_descent, limit } in rows {
        let rejection = s.exchange().map_or(f64::NAN, |report| report.mean_rejection_rate);
        let rate = s.exchange().map_or(f64::NAN, |report| report.round_trip_rate);
        let bound = if limit.settled { "" } else { ">" };
        table.add_row([
            s.config.path.kind().to_string(),
            s.config.bridge.kind().to_string(),
            with_error(s.log_z, s.log_z_std_error),
            format!("{rejection:.3}"),
            format!("{:.3}", s.mode_weight_error),
            format!("{:.3}", from_descent.mode_weight_error),
            format!("{rate:.4}"),
            format!("{bound}{:.3}", limit.limit),
            limit.steps_for_half.to_string(),
        ]);
    }
    format!(
        "two-modes-d32-a5: replica exchange, 32 levels tuned for each bridge, 64 ladders, 300 \
         rounds, mala x 4, seed {seed}\n{table}\n\n\
         mode error: total variation, ladders started from draws of the reference; from descent: \
         started by one pass through the bridges. round trips: per ladder and round. limit: of that \
         rate, with ever more levels; levels for half: how many reach half of it. Instructions: \
         {}.\n",
        Instructions::current()
    )
}
