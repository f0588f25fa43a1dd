//! Verdicts on rows whose numbers are made up.

use std::collections::BTreeMap;

use toml::Value;

use super::*;
use crate::experiment::config::{At, Labels, Other, Selector};
use crate::experiment::plan::Place;
use crate::experiment::statistics::Measure;

/// A row of method `method` at `levels`, with an effective sample size and evaluations.
fn row(method: &str, levels: u32, ess: &[f64], evaluations: f64) -> Row {
    let measure = |values: &[f64]| Measure::of(values).unwrap();
    let choices = [("method", method.to_owned()), ("levels", levels.to_string())];
    Row {
        label: format!("{method}, {levels}"),
        choices: choices.map(|(name, label)| (name.to_owned(), label)).into(),
        settings: BTreeMap::new(),
        axis: Some(Place { name: "levels".into(), value: f64::from(levels) }),
        series: method.into(),
        panel: String::new(),
        runs: ess.len(),
        failed: 0,
        failures: Vec::new(),
        measures: [
            ("ess".to_owned(), measure(ess)),
            ("evaluations".to_owned(), measure(&vec![evaluations; ess.len()])),
        ]
        .into(),
    }
}

fn select(name: &str, label: &str) -> Selector {
    [(name.to_owned(), Labels::One(Value::from(label)))].into()
}

fn claim(of: &str, above: &str, factor: Option<f64>, at: At) -> ClaimConfig {
    ClaimConfig {
        claim: "a claim".into(),
        measure: "ess".into(),
        of: select("method", of),
        above: Some(Other::Rows(select("method", above))),
        below: None,
        factor,
        at,
        paired: false,
        absolute: false,
        agrees_with: None,
    }
}

/// A row of which the last runs stopped.
fn with_failed(mut row: Row, failed: usize) -> Row {
    (row.failed, row.runs) = (failed, row.runs + failed);
    row
}

const HIGH: [f64; 4] = [0.80, 0.82, 0.81, 0.79];
const LOW: [f64; 4] = [0.40, 0.41, 0.43, 0.42];

/// Fails if a clear difference is not seen, the wrong sign holds, or a factor stands on the wrong side.
#[test]
fn a_difference_beyond_the_spread_decides() {
    let rows = [row("a", 8, &HIGH, 10.0), row("b", 8, &LOW, 20.0)];
    let verdict = |claim: &ClaimConfig| decide(claim, &rows).verdict;
    assert_eq!(verdict(&claim("a", "b", None, At::Settings)), ClaimVerdict::Holds);
    assert_eq!(verdict(&claim("b", "a", None, At::Settings)), ClaimVerdict::Fails);
    assert_eq!(verdict(&claim("a", "b", Some(1.7), At::Settings)), ClaimVerdict::Holds);
    assert_eq!(verdict(&claim("a", "b", Some(2.3), At::Settings)), ClaimVerdict::Fails);
    assert_eq!(verdict(&claim("b", "a", Some(0.4), At::Settings)), ClaimVerdict::Holds);
    let mut below = claim("a", "b", None, At::Settings);
    below.below = below.above.take();
    assert_eq!(verdict(&below), ClaimVerdict::Fails);
    below.below = Some(Other::Number(0.9));
    assert_eq!(verdict(&below), ClaimVerdict::Holds);
    below.below = Some(Other::Number(0.805));
    assert_eq!(verdict(&below), ClaimVerdict::Undecided);
}

/// Fails if seeds that scatter more than they differ decide, if one row of two does, or a row without a value is passed
/// over.
#[test]
fn scatter_leaves_it_undecided() {
    let scattered = [0.2, 0.9, 0.5, 0.8];
    let claim = claim("a", "b", None, At::Settings);
    let mut rows = vec![row("a", 8, &scattered, 1.0), row("b", 8, &LOW, 1.0)];
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
    rows = vec![row("a", 8, &HIGH, 1.0), row("b", 8, &LOW, 1.0)];
    rows.extend([row("a", 16, &scattered, 1.0), row("b", 16, &LOW, 1.0)]);
    let decided = decide(&claim, &rows);
    assert_eq!(decided.verdict, ClaimVerdict::Undecided);
    assert!(decided.detail.contains("1 of 2 comparisons hold"), "{}", decided.detail);
    assert!(decided.detail.contains("a, 16; b, 16"), "{}", decided.detail);
    // A clear failure beside a clear success is a failure.
    rows.extend([row("a", 32, &LOW, 1.0), row("b", 32, &HIGH, 1.0)]);
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Fails);
    let mut rows = vec![row("a", 8, &HIGH, 1.0), row("b", 8, &LOW, 1.0), row("a", 16, &HIGH, 1.0)];
    rows[2].measures.remove("ess");
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
    assert_eq!(decide(&claim, &[]).verdict, ClaimVerdict::Undecided);
}

/// Fails if equal cost means equal levels, the line between two rows is not linear in the logarithm of the cost, or a line
/// is continued beyond its ends.
#[test]
fn equal_cost_is_read_off_the_line_of_the_other() {
    // b at cost 100 and 400: at 200, halfway in the logarithm, it has (.2 + .6)/2 = .4.
    let low = [0.2, 0.201, 0.199, 0.2];
    let high = [0.6, 0.601, 0.599, 0.6];
    let rows = |ess: &[f64], cost| {
        [row("a", 4, ess, cost), row("b", 8, &low, 100.0), row("b", 16, &high, 400.0)]
    };
    let claim = claim("a", "b", None, At::Evaluations);
    let verdict = |ess: f64, cost| {
        let ess = [ess, ess + 0.001, ess - 0.001, ess];
        decide(&claim, &rows(&ess, cost)).verdict
    };
    assert_eq!(verdict(0.41, 200.0), ClaimVerdict::Holds);
    assert_eq!(verdict(0.39, 200.0), ClaimVerdict::Fails);
    assert_eq!(verdict(0.61, 400.0), ClaimVerdict::Holds);
    assert_eq!(verdict(0.59, 420.0), ClaimVerdict::Fails);
    assert_eq!(verdict(0.9, 1000.0), ClaimVerdict::Undecided);
    assert_eq!(verdict(0.1, 50.0), ClaimVerdict::Undecided);
}

/// Fails if rows of another target are compared because only one side names the axis.
#[test]
fn what_one_side_does_not_name_stays_equal() {
    let mut rows = vec![row("a", 8, &HIGH, 1.0), row("b", 8, &LOW, 1.0), row("b", 16, &HIGH, 1.0)];
    let mut claim = claim("a", "b", None, At::Settings);
    claim.of.extend(select("levels", "8"));
    let decided = decide(&claim, &rows);
    assert_eq!(decided.verdict, ClaimVerdict::Holds);
    assert!(decided.detail.contains("1 of 1"), "{}", decided.detail);
    // What is named is compared, whatever the row's own is.
    rows.push(row("a", 32, &HIGH, 1.0));
    claim.of = select("method", "a");
    let both = select("method", "b").into_iter().chain(select("levels", "8")).collect();
    claim.above = Some(Other::Rows(both));
    assert!(decide(&claim, &rows).detail.contains("2 of 2"));
}

/// Fails if measures that order rows alike do not agree, opposite orders do, or few rows decide.
#[test]
fn agreement_is_a_rank_correlation() {
    let rows = |count: u32, sign: f64| -> Vec<Row> {
        let rows = (0..count).map(|i| {
            let x = f64::from(i);
            row("a", i, &[x.exp()], 100.0 + sign * x * x)
        });
        rows.collect()
    };
    let mut claim = claim("a", "b", None, At::Settings);
    (claim.above, claim.agrees_with) = (None, Some("evaluations".into()));
    assert_eq!(decide(&claim, &rows(9, 1.0)).verdict, ClaimVerdict::Holds);
    assert_eq!(decide(&claim, &rows(9, -1.0)).verdict, ClaimVerdict::Fails);
    assert_eq!(decide(&claim, &rows(3, 1.0)).verdict, ClaimVerdict::Undecided);
    // Order between panels is none inside them.
    let mut panels = rows(64, -1.0);
    for (index, row) in panels.iter_mut().enumerate() {
        row.panel = format!("panel {}", index / 8);
        let value = (index / 8 * 100) as f64 - (index % 8) as f64;
        row.measures.insert("evaluations".into(), Measure::of(&[value]).unwrap());
    }
    assert_eq!(decide(&claim, &panels).verdict, ClaimVerdict::Fails);
    // A row that is lost leaves it open.
    let lost = with_failed(row("a", 99, &[0.5], 1.0), 1);
    let with_lost: Vec<Row> = rows(9, 1.0).into_iter().chain([lost]).collect();
    assert_eq!(decide(&claim, &with_lost).verdict, ClaimVerdict::Undecided);
    let mut shuffled = rows(9, 1.0);
    for (row, cost) in shuffled.iter_mut().zip([3.0, 9.0, 1.0, 8.0, 2.0, 4.0, 7.0, 5.0, 6.0]) {
        row.measures.insert("evaluations".into(), Measure::of(&[cost]).unwrap());
    }
    assert_eq!(decide(&claim, &shuffled).verdict, ClaimVerdict::Undecided);
}

/// Fails if pairs are not those of equal seeds, or rows with lost runs are paired all the same.
#[test]
fn paired_runs_share_what_scatters() {
    let scattered = [0.2, 0.9, 0.5, 0.8];
    let larger = scattered.map(|ess| ess + 0.01 + 0.001 * ess);
    let rows = [row("a", 8, &larger, 1.0), row("b", 8, &scattered, 1.0)];
    let mut claim = claim("a", "b", None, At::Settings);
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
    claim.paired = true;
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Holds);
    let mut turned = larger;
    turned.rotate_left(1);
    let rows = [row("a", 8, &turned, 1.0), row("b", 8, &scattered, 1.0)];
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
    let rows = [row("a", 8, &larger[..3], 1.0), row("b", 8, &scattered, 1.0)];
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
}

/// Four values of mean 1 whose mean is `quantiles` standard errors from 0, as Student's 1 % of 3 degrees of freedom (5.841) has it.
fn at_quantiles(quantiles: f64) -> [f64; 4] {
    // Deviations +-s of four values: their standard error is s sqrt(4/3)/2.
    let s = 2.0 / (quantiles * 5.840_909 * (4.0_f64 / 3.0).sqrt());
    [1.0 - s, 1.0 + s, 1.0 - s, 1.0 + s]
}

/// Fails if the level of holding is another than 1 % two-sided, or that of failing is not 1 % divided by the number of
/// comparisons.
#[test]
fn the_level_is_one_percent() {
    let mut claim = claim("a", "b", None, At::Settings);
    claim.above = Some(Other::Number(0.0));
    let verdict = |claim: &ClaimConfig, rows: &[Row]| decide(claim, rows).verdict;
    assert_eq!(verdict(&claim, &[row("a", 8, &at_quantiles(1.001), 1.0)]), ClaimVerdict::Holds);
    assert_eq!(verdict(&claim, &[row("a", 8, &at_quantiles(0.999), 1.0)]), ClaimVerdict::Undecided);
    claim.below = claim.above.take();
    assert_eq!(verdict(&claim, &[row("a", 8, &at_quantiles(1.001), 1.0)]), ClaimVerdict::Fails);
    assert_eq!(verdict(&claim, &[row("a", 8, &at_quantiles(0.999), 1.0)]), ClaimVerdict::Undecided);
    // One of four comparisons fails at 0.25 %: 9.46 standard errors.
    let good = [-1.0, -1.001, -0.999, -1.0];
    let rows = |last: f64| {
        let all = [good, good, good, at_quantiles(last)];
        all.iter().zip(1..).map(|(ess, levels)| row("a", levels, ess, 1.0)).collect::<Vec<_>>()
    };
    let quarter = crate::experiment::statistics::student_quantile(3.0, 0.0025) / 5.840_909;
    assert!(quarter > 1.5);
    assert_eq!(verdict(&claim, &rows(0.999 * quarter)), ClaimVerdict::Undecided);
    assert_eq!(verdict(&claim, &rows(1.001 * quarter)), ClaimVerdict::Fails);
}

/// Fails if costs farther beyond the ends of a line than a tenth are taken for its ends, or nearer ones are not.
#[test]
fn a_line_reaches_a_tenth_beyond_its_ends() {
    let claim = claim("a", "b", None, At::Evaluations);
    let verdict = |own: &[f64; 4], other: &[f64; 4], cost| {
        let rows = [row("a", 4, own, cost), row("b", 8, other, 100.0), row("b", 16, other, 400.0)];
        decide(&claim, &rows).verdict
    };
    for (cost, expected) in [(92.0, ClaimVerdict::Fails), (90.0, ClaimVerdict::Undecided)] {
        assert_eq!(verdict(&LOW, &HIGH, cost), expected, "{cost}");
    }
    for (cost, expected) in [(439.0, ClaimVerdict::Holds), (445.0, ClaimVerdict::Undecided)] {
        assert_eq!(verdict(&HIGH, &LOW, cost), expected, "{cost}");
    }
}

/// Fails if an agreement of less than one half holds although it is above none, or the width is that of another level: of 100
/// rows a correlation of .325 lies between .07 and .54 at 1 %, between .13 and .49 at 5 %.
#[test]
fn a_weak_correlation_is_undecided() {
    let rows: Vec<Row> = (0..100_u32)
        .map(|i| {
            // Every third row keeps its order, the others are scattered over all ranks.
            let scattered = f64::from(i * 37 % 101);
            let value = if i % 3 == 0 { f64::from(i) } else { scattered };
            let mut row = row("a", i, &[f64::from(i)], 1.0);
            row.measures.insert("evaluations".into(), Measure::of(&[value]).unwrap());
            row
        })
        .collect();
    let mut claim = claim("a", "b", None, At::Settings);
    (claim.above, claim.agrees_with) = (None, Some("evaluations".into()));
    let decided = decide(&claim, &rows);
    assert!(decided.detail.contains("100 rows: 0.32, from 0.07 to 0.54"), "{}", decided.detail);
    assert_eq!(decided.verdict, ClaimVerdict::Undecided, "{}", decided.detail);
}

/// Fails if a claim holds on the rows that are left where others of its other side have no value or failed runs.
#[test]
fn what_is_lost_on_the_other_side_is_missing() {
    let claim = claim("a", "b", None, At::Settings);
    let whole = [row("a", 8, &HIGH, 1.0), row("b", 8, &LOW, 1.0)];
    let mut rows = whole.to_vec();
    rows.extend([row("a", 16, &HIGH, 1.0), row("b", 16, &LOW, 1.0)]);
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Holds);
    rows[3].measures.remove("ess");
    let decided = decide(&claim, &rows);
    assert_eq!(decided.verdict, ClaimVerdict::Undecided);
    assert!(decided.detail.contains("failed runs (b, 16)"), "{}", decided.detail);
    // Effective sample sizes count failed runs as 0, evaluations do not.
    let failed = [whole[0].clone(), with_failed(whole[1].clone(), 1)];
    assert_eq!(decide(&claim, &failed).verdict, ClaimVerdict::Holds);
    let mut costs = claim.clone();
    (costs.measure, costs.factor) = ("evaluations".into(), Some(0.5));
    assert_eq!(decide(&costs, &whole).verdict, ClaimVerdict::Holds);
    assert_eq!(decide(&costs, &failed).verdict, ClaimVerdict::Undecided);
}

/// Fails if numbers are paired by position although a run is lost, without a word.
#[test]
fn lost_runs_are_not_paired() {
    let scattered = [0.2, 0.9, 0.5, 0.8];
    let larger = scattered.map(|ess| ess + 0.01 + 0.001 * ess);
    let mut claim = claim("a", "b", None, At::Settings);
    (claim.paired, claim.measure) = (true, "ess".into());
    let mut rows = [row("a", 8, &larger, 1.0), row("b", 8, &scattered, 1.0)];
    // A fifth run of both has no finite number.
    (rows[0].runs, rows[1].runs) = (5, 5);
    let decided = decide(&claim, &rows);
    assert_eq!(decided.verdict, ClaimVerdict::Undecided);
    assert!(decided.detail.contains("1 not paired"), "{}", decided.detail);
}

/// Fails if a claim holds although most of its settings have no equal cost, or the detail does not say so.
#[test]
fn most_settings_need_an_equal_cost() {
    let claim = claim("a", "b", None, At::Evaluations);
    let mut rows = vec![row("b", 8, &LOW, 100.0), row("b", 16, &LOW, 400.0)];
    rows.extend([row("a", 4, &HIGH, 200.0), row("a", 5, &HIGH, 1000.0)]);
    let decided = decide(&claim, &rows);
    assert_eq!(decided.verdict, ClaimVerdict::Holds);
    assert!(
        decided.detail.contains("1 of 2 settings have no equal evaluations"),
        "{}",
        decided.detail
    );
    rows.push(row("a", 6, &HIGH, 2000.0));
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Undecided);
    let none = decide(&claim, &rows[..2]).detail;
    assert!(none.contains("no row of the claim's own side"), "{none}");
    let far = decide(&claim, &[rows[0].clone(), rows[4].clone()]).detail;
    assert!(far.contains("no rows to compare: 1 settings have no equal"), "{far}");
}

/// Fails if runs that all fail are certain to do so: of six, `.5^6` is more than half of 1 %, of eight it is less.
#[test]
fn failures_are_binomial() {
    let failing = |runs: usize| {
        let mut row = row("a", 8, &[1.0], 1.0);
        row.measures.insert("failure".into(), Measure::of(&vec![1.0; runs]).unwrap());
        (row.runs, row.failed) = (runs, runs);
        row
    };
    let mut claim = claim("a", "b", None, At::Settings);
    (claim.measure, claim.above) = ("failure".into(), Some(Other::Number(0.5)));
    assert_eq!(decide(&claim, &[failing(6)]).verdict, ClaimVerdict::Undecided);
    assert_eq!(decide(&claim, &[failing(8)]).verdict, ClaimVerdict::Holds);
    (claim.below, claim.above) = (claim.above, None);
    assert_eq!(decide(&claim, &[failing(8)]).verdict, ClaimVerdict::Fails);
}

/// Fails if a row is compared with itself, a bias has a sign, or equal counts leave a claim on cost open.
#[test]
fn costs_biases_and_the_row_itself() {
    let rows = [row("a", 8, &HIGH, 10.0), row("b", 8, &HIGH, 10.0)];
    let mut costs = claim("a", "b", Some(1.000_001), At::Settings);
    (costs.measure, costs.below) = ("evaluations".into(), costs.above.take());
    assert_eq!(decide(&costs, &rows).verdict, ClaimVerdict::Holds);
    let mut own = claim("a", "b", None, At::Settings);
    own.of = Selector::new();
    let decided = decide(&own, &rows);
    assert!(decided.detail.contains("of 1 comparisons"), "{}", decided.detail);
    let negative = [row("a", 8, &LOW.map(|x| -x), 1.0), row("b", 8, &HIGH, 1.0)];
    let mut bias = claim("a", "b", Some(0.3), At::Settings);
    assert_eq!(decide(&bias, &negative).verdict, ClaimVerdict::Fails);
    bias.absolute = true;
    assert_eq!(decide(&bias, &negative).verdict, ClaimVerdict::Holds);
}

/// Fails if what costs less than the other's cheapest setting and beats it counts for nothing, a row decides for itself by costing
/// more, or against itself by costing less.
#[test]
fn better_for_less_is_better_at_equal_cost() {
    let claim = claim("a", "b", None, At::Evaluations);
    let line = [row("b", 8, &LOW, 100.0), row("b", 16, &LOW, 400.0)];
    let verdict = |ess: &[f64; 4], cost: f64| {
        let rows: Vec<Row> = line.iter().cloned().chain([row("a", 4, ess, cost)]).collect();
        decide(&claim, &rows)
    };
    let worse = LOW.map(|ess| 0.5 * ess);
    assert_eq!(verdict(&HIGH, 10.0).verdict, ClaimVerdict::Holds);
    assert!(verdict(&HIGH, 10.0).detail.contains("(1 at less cost than any setting of the other)"));
    assert_eq!(verdict(&worse, 10.0).verdict, ClaimVerdict::Undecided);
    assert_eq!(verdict(&HIGH, 4000.0).verdict, ClaimVerdict::Undecided);
    assert_eq!(verdict(&worse, 4000.0).verdict, ClaimVerdict::Fails);
    // One that wins and one that does not: they are not chosen by how they end.
    let two = |ess: &[f64; 4]| {
        let rows = [row("a", 4, &HIGH, 10.0), row("a", 5, ess, 12.0)];
        decide(&claim, &line.iter().cloned().chain(rows).collect::<Vec<Row>>()).verdict
    };
    assert_eq!(two(&HIGH), ClaimVerdict::Holds);
    assert_eq!(two(&LOW), ClaimVerdict::Undecided);
    // The nearer end counts: the other's dearest setting has more than the row, its cheapest less.
    let rows = [
        row("b", 8, &LOW, 100.0),
        row("b", 16, &HIGH, 400.0),
        row("a", 4, &[0.5, 0.501, 0.5, 0.499], 10.0),
    ];
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Holds);
}

/// Fails if a claim that rows are worse takes what is cheaper and has less for a proof, or what is dearer and has more for a refutation; or
/// which of two numbers is better is confused.
#[test]
fn worse_claims_are_the_other_way_round() {
    let mut claim = claim("a", "b", None, At::Evaluations);
    claim.below = claim.above.take();
    let line = [row("b", 8, &LOW, 100.0), row("b", 16, &HIGH, 400.0)];
    let verdict = |claim: &ClaimConfig, ess: &[f64; 4], cost: f64| {
        let rows: Vec<Row> = line.iter().cloned().chain([row("a", 4, ess, cost)]).collect();
        decide(claim, &rows).verdict
    };
    let (less, more) = (LOW.map(|ess| 0.5 * ess), HIGH.map(|ess| 1.1 * ess));
    assert_eq!(verdict(&claim, &less, 10.0), ClaimVerdict::Undecided);
    assert_eq!(verdict(&claim, &more, 4000.0), ClaimVerdict::Undecided);
    assert_eq!(verdict(&claim, &more, 10.0), ClaimVerdict::Fails);
    assert_eq!(verdict(&claim, &less, 4000.0), ClaimVerdict::Holds);
    // Of errors less is better.
    let as_errors = |rows: &[Row]| -> Vec<Row> {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            let ess = row.measures.remove("ess").unwrap();
            row.measures.insert("log_z_error".into(), ess);
        }
        rows
    };
    claim.measure = "log_z_error".into();
    let decide_errors = |ess: &[f64; 4], cost| {
        let rows: Vec<Row> = line.iter().cloned().chain([row("a", 4, ess, cost)]).collect();
        decide(&claim, &as_errors(&rows)).verdict
    };
    assert_eq!(decide_errors(&less, 10.0), ClaimVerdict::Holds);
    assert_eq!(decide_errors(&less, 4000.0), ClaimVerdict::Undecided);
}

/// Fails if biases of opposite signs cancel on the line between them.
#[test]
fn biases_do_not_cancel_on_a_line() {
    let mut claim = claim("a", "b", None, At::Evaluations);
    (claim.absolute, claim.below) = (true, claim.above.take());
    let near = |value: f64| [value, value + 0.01, value - 0.01, value];
    let rows = [
        row("b", 8, &near(-1.0), 100.0),
        row("b", 16, &near(1.0), 400.0),
        row("a", 4, &near(0.5), 200.0),
    ];
    assert_eq!(decide(&claim, &rows).verdict, ClaimVerdict::Holds);
}

/// Fails if seven rows in perfect order are taken for a certainty: they count as two exchanged, .964, from .59 to .997.
#[test]
fn few_rows_in_perfect_order_prove_little() {
    let rows: Vec<Row> =
        (0..7).map(|i| row("a", i, &[f64::from(i)], 100.0 + f64::from(i))).collect();
    let mut claim = claim("a", "b", None, At::Settings);
    (claim.above, claim.agrees_with) = (None, Some("evaluations".into()));
    let decided = decide(&claim, &rows);
    assert!(decided.detail.contains("7 rows: 0.96, from 0.59 to 1.00"), "{}", decided.detail);
    assert_eq!(decide(&claim, &rows[..6]).verdict, ClaimVerdict::Undecided);
}
