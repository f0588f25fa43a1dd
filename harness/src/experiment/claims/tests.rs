//! Verdicts on rows whose numbers are made up.

use std::collections::BTreeMap;

use toml::Value;

use super::*;
use crate::experiment::config::Labels;
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
        agrees_with: None,
    }
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
    assert_eq!(verdict(0.9, 50.0), ClaimVerdict::Undecided);
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
    let mut shuffled = rows(9, 1.0);
    for (row, cost) in shuffled.iter_mut().zip([3.0, 9.0, 1.0, 8.0, 2.0, 4.0, 7.0, 5.0, 6.0]) {
        row.measures.insert("evaluations".into(), Measure::of(&[cost]).unwrap());
    }
    assert_eq!(decide(&claim, &shuffled).verdict, ClaimVerdict::Undecided);
}
