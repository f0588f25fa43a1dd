//! What figures of runs draw, number by number.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

/// A run whose summary has these fields, on a mixture of two modes.
fn run(fields: Value) -> RunFolder {
    let mut summary = json!({
        "verdict": {"status": "healthy", "coverage": "verified"}, "mode_weights": [0.5, 0.5],
        "true_mode_weights": [0.5, 0.5], "evaluations": {"density": 1, "score": 1, "hessian_product": 0}, "target": "m",
        "dim": 2, "particles": 10, "seed": 1, "version": "0", "instructions": "portable", "times": [0.0, 0.1, 1.0],
        "levels": [], "config": {}
    });
    for (name, value) in fields.as_object().unwrap() {
        summary[name] = value.clone();
    }
    RunFolder {
        path: PathBuf::new(),
        summary: serde_json::from_value(summary).unwrap(),
        config_text: String::new(),
        config: Err("none".into()),
        in_progress: false,
        snapshots: None,
    }
}

fn named(runs: &[RunFolder]) -> Vec<(String, &RunFolder)> {
    runs.iter().enumerate().map(|(i, run)| (format!("run-{i}"), run)).collect()
}

fn places(points: &[Point]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.x, point.y)).collect()
}

/// Replica exchange whose pairs reject with 0.1 and 0.2, its levels from the reference down.
fn ladders() -> RunFolder {
    run(json!({
        "round_trip_rate": 0.1, "log_z": 0.1, "log_z_std_error": 0.01, "log_z_forward": 0.2,
        "log_z_forward_std_error": 0.02, "log_z_backward": 0.3, "log_z_backward_std_error": 0.03,
        "levels": [{"time": 1.0, "rejection_rate": null}, {"time": 0.1, "rejection_rate": 0.2},
            {"time": 0.0, "rejection_rate": 0.1}]
    }))
}

/// SMC that resampled at the middle level.
fn annealed() -> RunFolder {
    run(json!({
        "log_z": -0.4, "log_z_std_error": 0.1, "log_z_upper": 0.3, "log_z_upper_std_error": 0.2,
        "levels": [{"time": 0.1, "ess": 0.45, "conditional_ess": 0.6, "resampled": true},
            {"time": 0.0, "ess": 0.8, "conditional_ess": 0.9, "resampled": false}]
    }))
}

/// Fails if two estimates of log Z or their errors are exchanged, or a mark is named after another one.
#[test]
fn estimates_of_log_z_stand_under_their_names() {
    let runs = [ladders(), annealed()];
    let plot = log_z_plot(&named(&runs)).unwrap();
    let column = &plot.columns[0];
    let expected = [
        vec![
            ("bridge sampling", 0.1, 0.01),
            ("stones, up", 0.2, 0.02),
            ("stones, down", 0.3, 0.03),
        ],
        vec![("lower side", -0.4, 0.1), ("upper side", 0.3, 0.2)],
    ];
    for (marks, expected) in column.marks.iter().zip(expected) {
        let name = |&(kind, value, error): &(usize, f64, Option<f64>)| {
            (plot.kinds[kind].as_str(), value, error.unwrap())
        };
        assert_eq!(marks.iter().map(name).collect::<Vec<_>>(), expected);
    }
    assert_eq!((column.truth, column.label.1), (Some(0.0), Up::AroundZero));
}

/// Fails if log Z of a target whose truth is not known gets a rule at 0 or words about it.
#[test]
fn an_unknown_truth_is_not_drawn() {
    let runs = [run(json!({"log_z": -35.0, "true_mode_weights": []}))];
    let plot = log_z_plot(&named(&runs)).unwrap();
    assert_eq!((plot.columns[0].truth, plot.columns[0].label.1), (None, Up::Anywhere));
    assert!(!log_z(&named(&runs)).unwrap().caption.contains("truth is 0"));
    assert!(log_z(&named(&[annealed()])).unwrap().caption.contains("truth is 0"));
}

/// Fails if the target does not stand at the left, or levels not at even distances.
#[test]
fn levels_stand_between_target_and_reference() {
    let summary = annealed().summary;
    assert_eq!([0.0, 0.1, 1.0].map(|time| place(&summary, time)), [0.0, 0.5, 1.0]);
    assert!(place(&summary, f64::NAN).is_nan());
}

/// Fails if numbers of a level stand at another one or in the panel of others, a level that was resampled is not circled,
/// another one is, or that goes unsaid.
#[test]
fn resampled_levels_are_circled() {
    let runs = [annealed()];
    let panels = level_panels(&named(&runs));
    let found = |index: usize| (&*panels[index].up.0, places(&panels[index].series[0]));
    assert_eq!(found(0), ("ESS / N", vec![(0.0, 0.8), (0.5, 0.45)]));
    assert_eq!(found(1), ("conditional ESS / N", vec![(0.0, 0.9), (0.5, 0.6)]));
    assert_eq!(panels[0].circles, [[(0.5, 0.45)]]);
    assert!(panels.len() == 2 && panels[1].circles.is_empty());
    let figure = levels(&named(&runs)).unwrap();
    let circles =
        figure.svg.lines().filter(|l| l.starts_with("<circle") && l.contains("fill=\"none\""));
    assert!(circles.count() == 1 && figure.caption.contains("Circled"), "{}", figure.caption);
    assert!(!levels(&named(&[ladders()])).unwrap().caption.contains("ircle"));
}

/// Fails if the sum of rejections is off by a level, or levels are summed from the reference.
#[test]
fn rejections_add_up_from_the_target() {
    let found = places(&cumulated(&ladders().summary));
    let expected = [(0.0, 0.0), (0.5, 0.1), (1.0, 0.3)];
    assert_eq!(found.len(), 3);
    for (found, expected) in found.into_iter().zip(expected) {
        assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-12, "{found:?}");
    }
}

/// Fails if a barrier that was measured is not drawn, its two curves are exchanged, levels are not marked at their times, or
/// title and words promise a barrier where there is none, or none where there is one.
#[test]
fn schedules_show_the_barrier_that_was_measured() {
    let curve =
        json!({"times": [0.0, 0.2, 1.0], "local": [9.0, 5.0, 0.5], "cumulative": [0.0, 2.0, 4.0]});
    let mut placed = annealed();
    placed.summary.barrier = Some(4.0);
    placed.summary.barrier_curve = serde_json::from_value(curve).unwrap();
    let figure = |runs: &[RunFolder]| {
        let figure = schedule(&named(runs)).unwrap();
        let title =
            figure.svg.split(['<', '>']).skip_while(|part| *part != "title").nth(1).unwrap();
        (title.to_owned(), figure.caption)
    };
    let runs = [placed];
    let panels = barrier_panels(&named(&runs));
    let found = |index: usize| (&*panels[index].up.0, places(&panels[index].series[0]));
    assert_eq!(found(0), ("local barrier λ(t)", vec![(0.0, 9.0), (0.2, 5.0), (1.0, 0.5)]));
    assert_eq!(found(1), ("barrier Λ(t)", vec![(0.0, 0.0), (0.2, 2.0), (1.0, 4.0)]));
    assert!(panels[0].circles.is_empty());
    assert_eq!(panels[1].circles, [[(0.0, 0.0), (0.1, 1.0), (1.0, 4.0)]]);
    let (title, caption) = figure(&runs);
    assert!(title == "Schedule and barrier" && caption.contains("Λ = 4."), "{title}: {caption}");
    let (title, caption) = figure(&[annealed()]);
    assert!(title == "Schedule" && caption.contains("the levels alone"), "{title}: {caption}");
    let (title, caption) = figure(&[ladders()]);
    assert!(title == "Schedule and barrier" && !caption.contains("alone"), "{title}: {caption}");
}

/// Fails if a distance stands over the cost of another run or in the panel of another cost, or a panel has no rule at the
/// floor of its runs, or one of others.
#[test]
fn distances_stand_over_their_own_costs() {
    let with = |density: u64, seconds: f64, distance: f64, floor: f64| {
        run(json!({
            "evaluations": {"density": density, "score": 0, "hessian_product": 0}, "sampling_seconds": seconds,
            "sliced_wasserstein": distance, "sliced_wasserstein_floor": floor
        }))
    };
    let mut exchange = with(700, 9.0, 0.75, 0.3);
    exchange.summary.round_trip_rate = Some(0.1);
    let runs = [with(100, 3.0, 0.5, 0.1), with(400, 7.0, 0.25, 0.102), exchange];
    let panels = cost_panels(&named(&runs));
    let found = |panel: &LinesPanel| {
        let series = panel.series.iter().map(|points| places(points)).collect::<Vec<_>>().concat();
        (panel.along.0.clone(), series)
    };
    let found: Vec<_> = panels.iter().map(found).collect();
    let expected = [
        ("evaluations per particle".to_owned(), vec![(10.0, 0.5), (40.0, 0.25)]),
        ("evaluations per ladder and round".to_owned(), vec![(70.0, 0.75)]),
        ("seconds of sampling".to_owned(), vec![(3.0, 0.5), (7.0, 0.25), (9.0, 0.75)]),
    ];
    assert_eq!(found, expected);
    // Floors of two seeds are one.
    assert_eq!(panels.iter().map(|panel| panel.floors.len()).collect::<Vec<_>>(), [1, 1, 2]);
    let figure = cost(&named(&runs), false).unwrap();
    assert!(figure.caption.contains("Dashed rules: the floors"), "{}", figure.caption);
    assert_eq!(
        figure.svg.matches("stroke=\"#606060\" stroke-width=\"1\" stroke-dasharray").count(),
        4
    );
}

/// Fails if floors of equal samples are drawn as several rules, those of unlike ones as one, or no number as one.
#[test]
fn floors_that_differ_by_chance_are_one() {
    let found = distinct(vec![0.3, 0.105, f64::NAN, 0.1]);
    assert!(found.len() == 2 && (found[0] - 0.1025).abs() < 1e-12 && found[1] == 0.3, "{found:?}");
}
