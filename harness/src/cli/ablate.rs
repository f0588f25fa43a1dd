//! `amc ablate SUBJECT CONFIG.toml`: bias, variance and cost as one setting varies.

mod figure;

use std::path::PathBuf;

use clap::Args;

use super::config_file::{ConfigArguments, read_text};
use super::progress::PieceBar;
use super::table::{quantity, quantity_with_error, table};
use super::{print, print_json, thread_pool};
use crate::ablation::{
    Ablation, DeterminantRecord, Findings, InverseRecord, Row, RunsRecord, Source, Subject,
};
use crate::config::Algorithm;
use crate::report::ablation_svg;
use crate::run::RunError;

/// Vary one setting of the flow-map or low-rank bridge: bias, variance and cost, value by value
///
/// Everything else stays as it is in the configuration. Runs over several seeds say what a setting
/// does to log Z (the truth is 0) and what it costs. For settings of the determinant its estimate is
/// also compared with the exact one at exact samples of every level, which says why: what of the
/// error is bias of the truncation and what is noise of the probes. All values see the same levels,
/// points, probes and seeds.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct AblateArguments {
    /// The setting that is varied
    #[arg(value_enum)]
    subject: Subject,
    #[command(flatten)]
    config: ConfigArguments,
    /// The values to try, e.g. `2,4,8` or `ddim,heun`; every subject has a list of its own
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    values: Option<String>,
    /// Runs for each value, with the seed of the configuration and those after it
    #[arg(long, value_name = "N", default_value_t = 4, allow_negative_numbers = true)]
    seeds: usize,
    /// Write the figure of bias, variance and cost to this SVG file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

const EXAMPLE: &str = r#"A configuration to start from:

  [target]
  kind = "two-modes"
  dim = 16
  separation = 5.0
  [path]
  levels = 32
  spacing = "log-snr"
  [bridge]
  kind = "flow-map"
  map = "ddim"
  [logdet]
  estimator = "power-series"
  [kernel]
  kind = "none"
  [sampler]
  particles = 512

Examples:

  amc ablate n_trunc CONFIG.toml --plot n_trunc.svg
  amc ablate n_hutch CONFIG.toml --values 2,4,8,16,32,64 --seeds 8
  amc ablate penalty CONFIG.toml --set logdet.n_hutch=4
  amc ablate n_iter CONFIG.toml --set bridge.map=heun --json
  amc ablate rank OTHER.toml      # with [bridge] kind = "low-rank"

How to read it: a setting is large enough where its bias is within its error and the cost still falls
by making it smaller. Truncation (n_trunc) is a bias that more probes do not remove; noise (n_hutch)
becomes a bias of weights only as far as the penalty leaves it. The effective sample size falls with
either. With --json everything is one document, seed by seed."#;

/// Runs the subcommand.
pub(super) fn ablate(arguments: &AblateArguments) -> Result<(), RunError> {
    let given = read_text(&arguments.config)?;
    let source = Source {
        text: &given.text,
        name: &given.name,
        base_dir: arguments.config.base_dir(),
        overrides: &given.overrides,
    };
    let values = arguments.values.as_deref();
    let plan = Ablation::plan(arguments.subject, &source, values, arguments.seeds)?;
    if let Some(path) = &arguments.plot {
        super::figure::check_writable(path, super::figure::Kind::Figure)?;
    }
    let pool = thread_pool(arguments.config.threads)?;
    let mut bar = PieceBar::new(arguments.config.quiet);
    let findings =
        pool.install(|| plan.measure(&mut |piece| bar.begin(piece.count, piece.name)))?;
    drop(bar);
    if !arguments.config.quiet {
        for reason in findings.left_out {
            eprintln!("warning: {reason}");
        }
    }
    if let Some(path) = &arguments.plot {
        super::figure::write(path, ablation_svg(&figure::plot(&findings)))?;
    }
    if arguments.config.json { print_json(&findings) } else { print(&text(&findings)) }
}

fn text(findings: &Findings<'_>) -> String {
    let config = findings.config;
    let algorithm = match config.sampler.algorithm {
        Algorithm::Ais { particles } => format!("ais, {particles} particles"),
        Algorithm::Smc { particles, .. } => format!("smc, {particles} particles"),
        Algorithm::ReplicaExchange(rules) => {
            format!("replica-exchange, {} ladders, {} rounds", rules.ladders, rules.rounds)
        }
    };
    let head = format!(
        "{}: {} bridge, {} levels, {algorithm}, seeds {} to {}, instructions {}; {} \
         varies\n",
        findings.target,
        config.bridge.kind(),
        findings.times.len() - 1,
        config.seed,
        findings.seeds.last().copied().unwrap_or(config.seed),
        findings.instructions,
        findings.subject.name()
    );
    [head, determinant_table(findings), inverse_table(findings), runs_table(findings)].concat()
}

/// The determinant alone; empty if it was not studied.
fn determinant_table(findings: &Findings<'_>) -> String {
    let columns: &[Column<DeterminantRecord>] = &[
        ("bias of log w", |d| quantity_with_error(d.log_weight_bias, d.log_weight_bias_std_error)),
        ("variance of log w", |d| quantity(d.log_weight_variance)),
        ("claimed", |d| quantity(d.claimed_variance)),
        ("bias of w", |d| quantity_with_error(d.weight_bias, d.weight_bias_std_error)),
        ("products", |d| quantity(d.products)),
        ("unusable", |d| percent(d.unusable)),
    ];
    let records = findings.rows.iter().map(|row| (row, row.determinant.as_ref()));
    let (Some(table), Some(study)) = (lines(findings, records, columns), findings.study) else {
        return String::new();
    };
    format!(
        "\nThe determinant alone: estimate less exact, summed over the steps of a particle\n\
         ({} exact samples of every noisy level, {} estimates at each)\n{table}\
         bias of log w: what truncation leaves. variance of log w: what the probes add; claimed:\n\
         the same as the estimator sees it, which the penalty relies on. bias of w: the mean of\n\
         exp(error - penalty) - 1, which is the relative bias of Z. products: Hessian-vector\n\
         products of one estimate (a particle and a step). unusable: estimates without a value.\n",
        study.particles, study.repetitions
    )
}

/// The inverse alone; empty if it was not studied.
fn inverse_table(findings: &Findings<'_>) -> String {
    let columns: &[Column<InverseRecord>] = &[
        ("needs Newton", |i| percent(1.0 - i.fixed_point_converged)),
        ("residual", |i| quantity(i.fixed_point_residual)),
        ("worst", |i| quantity(i.fixed_point_residual_worst)),
        ("not inverted", |i| percent(i.not_inverted)),
        ("round trip", |i| quantity(i.round_trip_error)),
        ("worst", |i| quantity(i.round_trip_error_worst)),
        ("steps", |i| format!("{:.1} + {:.1}", i.fixed_point_steps, i.newton_steps)),
        ("scores", |i| quantity(i.scores)),
        ("products", |i| quantity(i.products)),
    ];
    let records = findings.rows.iter().map(|row| (row, row.inverse.as_ref()));
    let (Some(table), Some(study)) = (lines(findings, records, columns), findings.study) else {
        return String::new();
    };
    format!(
        "\nThe inverse alone: exact samples mapped and led back ({} of every noisy level)\n{table}\
         needs Newton: points that the fixed point alone leaves unconverged; residual: what it\n\
         leaves of |T(x) - y|, relative (median, worst). not inverted: by fixed point and Newton\n\
         together; such moves are rejected. round trip: error of T^-1(T(x)) beside |x| (median,\n\
         worst), near 1 where the map folds. steps: fixed point + Newton. scores, products: of\n\
         one inverse.\n",
        study.particles
    )
}

/// The runs, or why there are none. Columns of faults that nobody had are left out.
fn runs_table(findings: &Findings<'_>) -> String {
    let exchange = matches!(findings.config.sampler.algorithm, Algorithm::ReplicaExchange(_));
    let quality: Column<RunsRecord> = match exchange {
        true => ("rejection", |r| quantity(r.mean_rejection_rate.unwrap_or(f64::NAN))),
        false => ("ESS/N", |r| quantity(r.ess.unwrap_or(f64::NAN))),
    };
    let mut columns: Vec<Column<RunsRecord>> = vec![
        ("log Z (truth 0)", |r| quantity_with_error(r.log_z, r.log_z_std_error)),
        ("deviation", |r| quantity(r.log_z_deviation)),
        quality,
        ("scores", |r| quantity(r.scores)),
        ("Hv products", |r| quantity(r.products)),
        ("seconds", |r| quantity(r.seconds)),
    ];
    let mut legend = format!(
        "log Z: mean over seeds with its standard error: the bias. deviation: of one run. scores,\n\
         Hv products: of {}, pilot left out. seconds: of one run.\n",
        if exchange { "a ladder in a round" } else { "a particle" }
    );
    for Fault { column, met, meaning } in FAULTS {
        let runs = findings.rows.iter().filter_map(|row| row.runs.as_ref());
        if runs.into_iter().any(met) {
            columns.push(column);
            legend += &format!("{}: {meaning}.\n", column.0);
        }
    }
    let records = findings.rows.iter().map(|row| (row, row.runs.as_ref()));
    match lines(findings, records, &columns) {
        Some(table) => format!("\nRuns\n{table}{legend}"),
        None => "\nNo runs: annealing goes forward only, and inverts nothing. With --set \
                 sampler.kind=replica-exchange they are made.\n"
            .into(),
    }
}

/// A column: its name, and the cell of a record.
type Column<T> = (&'static str, fn(&T) -> String);

/// A column that is shown where a run had such a fault.
struct Fault {
    column: Column<RunsRecord>,
    met: fn(&RunsRecord) -> bool,
    meaning: &'static str,
}

const FAULTS: [Fault; 4] = [
    Fault {
        column: ("rejected", |r| share(r.rejected)),
        met: |r| r.rejected > Some(0.0),
        meaning: "crossings whose map folds or is not inverted",
    },
    Fault {
        column: ("past penalty", |r| share(r.past_penalty)),
        met: |r| r.past_penalty > Some(0.0),
        meaning: "crossings too noisy for the closed-form penalty",
    },
    Fault {
        column: ("diverged", |r| share(r.diverged)),
        met: |r| r.diverged > Some(0.0),
        meaning: "crossings whose series does not converge",
    },
    Fault {
        column: ("failed", |r| r.failures.len().to_string()),
        met: |r| !r.failures.is_empty(),
        meaning: "runs that lost all their particles",
    },
];

/// The table of the rows that have a record; `None` if no row has.
fn lines<'a, T: 'a>(
    findings: &Findings<'_>,
    records: impl Iterator<Item = (&'a Row, Option<&'a T>)>,
    columns: &[Column<T>],
) -> Option<String> {
    let header: Vec<&str> = [findings.subject.name()]
        .into_iter()
        .chain(columns.iter().map(|column| column.0))
        .collect();
    let mut table = table(&header, 1);
    let mut any = false;
    for (row, record) in records {
        let Some(record) = record else { continue };
        let cells = columns.iter().map(|(_, cell)| cell(record));
        table.add_row([row.value.to_string()].into_iter().chain(cells));
        any = true;
    }
    any.then(|| format!("{table}\n"))
}

fn share(share: Option<f64>) -> String {
    share.map_or("-".into(), percent)
}

fn percent(share: f64) -> String {
    match share {
        0.0 => "0".into(),
        _ => format!("{} %", quantity(100.0 * share)),
    }
}
