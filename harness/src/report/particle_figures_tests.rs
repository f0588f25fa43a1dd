//! What figures of particles draw, read back from their text.

use std::path::Path;

use serde_json::json;

use super::super::panel::FONT;
use super::*;
use crate::config::RunConfig;

/// A Gaussian off the centre, long and tilted: `mean + N(0, Sigma)`.
const MEAN: [f64; 2] = [3.0, -2.0];
const COVARIANCE: [f64; 4] = [4.0, 0.9, 0.9, 0.25];

/// Places of particles with their log-weights.
type Weighted = Vec<(Vec<f64>, f64)>;

/// A run on it with snapshots of given levels, coordinates and log-weights.
fn run(base: &Path, dim: usize, snapshots: &[(usize, f64, Weighted)]) -> RunFolder {
    let covariance: Vec<Vec<f64>> =
        (0..dim).map(|i| COVARIANCE[2 * i..2 * i + dim].to_vec()).collect();
    let mixture = json!({
        "name": "m", "dim": dim, "weights": [1.0], "means": [MEAN[..dim]],
        "covariance": {"kind": "full", "matrix": covariance}
    });
    std::fs::write(base.join("m.json"), mixture.to_string()).unwrap();
    let text = "[target]\nkind = \"file\"\npath = \"m.json\"\nstandardize = \"none\"\n[path]\nlevels = 8\n[sampler]\nkind = \"smc\"\n";
    let summary = json!({
        "verdict": {"status": "healthy", "coverage": "verified"}, "mode_weights": [1.0], "true_mode_weights": [1.0],
        "evaluations": {"density": 1, "score": 1, "hessian_product": 0}, "target": "m", "dim": dim, "particles": 2,
        "seed": 1, "version": "0", "instructions": "portable", "times": [0.0, 0.5], "levels": [], "config": {}
    });
    let all = || snapshots.iter().flat_map(|(_, _, points)| points);
    RunFolder {
        path: base.to_owned(),
        summary: serde_json::from_value(summary).unwrap(),
        config_text: text.into(),
        config: RunConfig::from_toml(text, "test", base, &[]).map_err(|error| error.to_string()),
        in_progress: false,
        snapshots: Some(Snapshots {
            levels: snapshots.iter().map(|snapshot| snapshot.0).collect(),
            times: snapshots.iter().map(|snapshot| snapshot.1).collect(),
            dim,
            count: snapshots[0].2.len(),
            positions: all().flat_map(|(point, _)| point.iter().copied()).collect(),
            log_weights: all().map(|(_, weight)| *weight).collect(),
            replicas: None,
            samples: Vec::new(),
        }),
    }
}

fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

/// The places in the attribute of a path or line.
fn places(text: &str) -> Vec<(f64, f64)> {
    let words = text.split(['M', 'L', 'Z', 'h', ' ']);
    let pair = |word: &str| {
        let (x, y) = word.split_once(',')?;
        Some((x.parse().unwrap(), y.parse().unwrap()))
    };
    words.filter_map(pair).collect()
}

/// A linear map from places on the canvas to numbers, by the labels of ticks.
#[derive(Debug)]
struct Reading {
    x: [(f64, f64); 2],
    y: [(f64, f64); 2],
}

impl Reading {
    /// The frames of a figure's panels, each with its ticks.
    fn of(svg: &str) -> Vec<Self> {
        let (mut all, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        for line in svg.lines().filter(|line| line.starts_with("<text")) {
            let text = line.split('>').nth(1).unwrap().split('<').next().unwrap();
            let place = |name| attribute(line, name).parse::<f64>().unwrap();
            match (text.parse::<f64>(), attribute(line, "text-anchor")) {
                // Letters stand on a base line below their middle.
                (Ok(value), "end") => y.push((place("y") - 0.36 * FONT, value)),
                (Ok(value), "middle") => x.push((place("x"), value)),
                // The label of the vertical axis ends the ticks.
                _ if line.contains("rotate(270") => {
                    let ends = |ticks: &[(f64, f64)]| [ticks[0], ticks[ticks.len() - 1]];
                    all.push(Self { x: ends(&x), y: ends(&y) });
                    (x, y) = (Vec::new(), Vec::new());
                }
                _ => {}
            }
        }
        all
    }

    fn value(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let line = |[(p, a), (q, b)]: [(f64, f64); 2], at: f64| a + (b - a) * (at - p) / (q - p);
        (line(self.x, x), line(self.y, y))
    }
}

fn bounds(places: &[(f64, f64)]) -> [f64; 4] {
    let fold = |of: fn(&(f64, f64)) -> f64, with: fn(f64, f64) -> f64| {
        places.iter().map(of).reduce(with).unwrap()
    };
    [
        fold(|p| p.0, f64::min),
        fold(|p| p.0, f64::max),
        fold(|p| p.1, f64::min),
        fold(|p| p.1, f64::max),
    ]
}

fn assert_near(found: f64, expected: f64, slack: f64) {
    assert!((found - expected).abs() < slack, "{found} instead of {expected}");
}

/// The lines of a figure's panels: what follows a rotated label up to the next one.
fn bodies(svg: &str) -> Vec<&str> {
    svg.split("rotate(270").skip(1).collect()
}

/// Fails if the signal and the noise of a level are exchanged, a level gets those of another, a contour is mirrored,
/// or dots do not stand on their particles. The contour at the share `s` of the largest density reaches
/// `sqrt(-2 ln s)` standard deviations from the mean, here of `alpha^2 Sigma + v I` around `alpha mean`.
#[test]
fn contours_and_dots_stand_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let points = |places: [(f64, f64); 2]| places.map(|(x, y)| (vec![x, y], 0.0)).to_vec();
    let own = [[(2.0, -1.5), (4.5, -2.25)], [(0.5, 1.0), (4.0, -2.5)]];
    let (times, levels) = ([0.6, 0.0], [5, 0]);
    let snapshots: Vec<_> = (0..2).map(|k| (levels[k], times[k], points(own[k]))).collect();
    let run = run(folder.path(), 2, &snapshots);
    let schedule = Truth::of(&run).schedule.unwrap();
    let svg = scatter(("a", &run), Some((0, 1)), false).unwrap().unwrap().svg;
    let (panels, bodies) = (Reading::of(&svg), bodies(&svg));
    assert_eq!((panels.len(), bodies.len()), (2, 2));
    for k in 0..2 {
        let (alpha, variance) = (schedule.alpha(times[k]), schedule.variance(times[k]));
        let paths = |with: &'static str| bodies[k].lines().filter(move |line| line.contains(with));
        let outer = paths("fill-rule").next().unwrap();
        let found: Vec<(f64, f64)> =
            places(attribute(outer, "d")).into_iter().map(|p| panels[k].value(p)).collect();
        let [left, right, low, high] = bounds(&found);
        let reach = (-2.0 * 0.002_f64.ln()).sqrt();
        for (axis, (from, to)) in [(left, right), (low, high)].into_iter().enumerate() {
            let deviation = (alpha * alpha * COVARIANCE[3 * axis] + variance).sqrt();
            let slack = 0.02 * reach * deviation;
            assert_near(from, alpha * MEAN[axis] - reach * deviation, slack);
            assert_near(to, alpha * MEAN[axis] + reach * deviation, slack);
        }
        // The tilt: the rightmost place lies above the middle, as the covariance is positive.
        let rightmost = found.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert!(rightmost.1 > alpha * MEAN[1], "{rightmost:?}");
        let dots = paths("stroke-linecap").next().unwrap();
        let dots: Vec<(f64, f64)> = places(attribute(dots, "d"));
        assert_eq!(dots.len(), 2);
        for (dot, expected) in dots.into_iter().zip(own[k]) {
            let found = panels[k].value(dot);
            assert_near(found.0, expected.0, 0.05);
            assert_near(found.1, expected.1, 0.05);
        }
    }
}

/// Fails if a heavier particle gets a smaller dot, weights from a fifth to hundreds look alike, or it goes unsaid that
/// few particles carry half the weight or none has one.
#[test]
fn heavy_particles_stand_out() {
    let folder = tempfile::tempdir().unwrap();
    let with = |weights: &dyn Fn(usize) -> f64| {
        let points = (0..400).map(|i| (vec![0.01 * i as f64, -2.0], weights(i))).collect();
        let run = run(folder.path(), 2, &[(0, 0.0, points)]);
        scatter(("a", &run), Some((0, 1)), false).unwrap().unwrap().svg
    };
    // One particle has more than half the weight, five a hundredth each, the others the rest.
    let svg = with(&|i| match i {
        7 => 0.55_f64.ln(),
        100..105 => 0.01_f64.ln(),
        _ => (0.4_f64 / 394.0).ln(),
    });
    let dots: Vec<(usize, f64)> = svg
        .lines()
        .filter(|line| line.contains("stroke-linecap"))
        .map(|line| {
            (places(attribute(line, "d")).len(), attribute(line, "stroke-width").parse().unwrap())
        })
        .collect();
    let counts: Vec<usize> = dots.iter().map(|dot| dot.0).collect();
    assert_eq!(counts, [394, 5, 1]);
    assert!(dots.windows(2).all(|pair| pair[1].1 > 2.0 * pair[0].1), "{dots:?}");
    assert!(svg.contains(">1 of 400 carry half the weight<"));
    assert!(!with(&|_| 0.0).contains("half the weight"));
    assert!(with(&|_| f64::NEG_INFINITY).contains(">no particle has a finite weight<"));
}

/// Fails if bars of a histogram stand beside their particles, their area is not 1, weights do not count, or the density
/// of one coordinate does not lie around its mean.
#[test]
fn histograms_have_area_one_where_the_particles_are() {
    let folder = tempfile::tempdir().unwrap();
    // Weights 1 at 0, 3 at 3.1 and 4 at 6.4: bars 0, 15 and 31 of width 0.2.
    let points: Vec<(Vec<f64>, f64)> =
        [(0.0, 1.0_f64), (3.1, 3.0), (6.4, 4.0)].map(|(x, w)| (vec![x], w.ln())).to_vec();
    let run = run(folder.path(), 1, &[(3, 0.4, points.clone()), (0, 0.0, points)]);
    let schedule = Truth::of(&run).schedule.unwrap();
    let svg = scatter(("a", &run), None, false).unwrap().unwrap().svg;
    for ((panel, body), time) in Reading::of(&svg).iter().zip(bodies(&svg)).zip([0.4, 0.0]) {
        let lines =
            body.lines().filter(|line| line.starts_with("<polyline") && !line.contains("#000000"));
        let mut curves = lines.map(|line| {
            let points = places(attribute(line, "points"));
            points.into_iter().map(|p| panel.value(p)).collect::<Vec<_>>()
        });
        let (density, bars) = (curves.next().unwrap(), curves.next().unwrap());
        let area = |curve: &[(f64, f64)], moment: fn(f64) -> f64| -> f64 {
            curve
                .windows(2)
                .map(|p| {
                    (p[1].0 - p[0].0) * moment(0.5 * (p[0].0 + p[1].0)) * 0.5 * (p[0].1 + p[1].1)
                })
                .sum()
        };
        assert_near(area(&bars, |_| 1.0), 1.0, 0.04);
        assert_near(area(&bars, |x| x), (0.1 + 3.0 * 3.1 + 4.0 * 6.3) / 8.0, 0.1);
        assert_near(area(&density, |_| 1.0), 1.0, 0.02);
        let (alpha, variance) = (schedule.alpha(time), schedule.variance(time));
        assert_near(area(&density, |x| x), alpha * MEAN[0], 0.05);
        let top = density.iter().map(|point| point.1).fold(0.0, f64::max);
        let deviation = (alpha * alpha * COVARIANCE[0] + variance).sqrt();
        assert_near(top * deviation * std::f64::consts::TAU.sqrt(), 1.0, 0.02);
        let [left, right, ..] = bounds(&bars);
        assert_near(left, 0.0, 0.05);
        assert_near(right, 6.4, 0.05);
    }
}

/// Fails if a density is drawn that is not that of the run, one that is known is left out, or the reason goes unsaid.
#[test]
fn only_the_target_of_the_run_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let points = vec![(vec![2.0, -1.5], 0.0), (vec![4.5, -2.25], 0.0)];
    let mut run = run(folder.path(), 2, &[(0, 0.0, points)]);
    let figure = |run: &RunFolder| scatter(("a", run), None, false).unwrap().unwrap();
    assert!(figure(&run).svg.contains("fill-rule") && figure(&run).caption.starts_with("Shades"));
    run.summary.true_mode_weights = vec![Some(0.4), Some(0.6)];
    let changed = figure(&run);
    assert!(
        !changed.svg.contains("fill-rule") && changed.caption.contains("has changed since the run")
    );
    run.summary.true_mode_weights = vec![Some(1.0)];
    std::fs::remove_file(folder.path().join("m.json")).unwrap();
    let lost = figure(&run);
    assert!(!lost.svg.contains("fill-rule") && lost.caption.contains("m.json"), "{}", lost.caption);
}

/// Fails if a few particles are drawn as small as many, many as large as a few, or dots of one panel differ in size
/// without weights.
#[test]
fn few_particles_get_larger_dots() {
    let folder = tempfile::tempdir().unwrap();
    let diameter = |count: usize| -> f64 {
        let points = (0..count).map(|i| (vec![0.001 * i as f64, -2.0], 0.0)).collect();
        let run = run(folder.path(), 2, &[(0, 0.0, points)]);
        let svg = scatter(("a", &run), Some((0, 1)), false).unwrap().unwrap().svg;
        let mut dots = svg.lines().filter(|line| line.contains("stroke-linecap"));
        let dot = attribute(dots.next().unwrap(), "stroke-width").parse().unwrap();
        assert!(dots.next().is_none());
        dot
    };
    assert!(diameter(16) > 2.0 * diameter(512) && diameter(1) < 4.0 * diameter(512));
    assert!(diameter(2048) < 0.8 * diameter(512));
}

/// Fails if samples of replica exchange do not take the place of the snapshot of the target, take that of another level,
/// or the caption does not say what is drawn.
#[test]
fn samples_stand_for_the_snapshot_of_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let one = vec![(vec![2.0, -1.5], 0.0)];
    let mut run = run(folder.path(), 2, &[(5, 0.6, one.clone()), (0, 0.0, one)]);
    let figure = |run: &RunFolder| scatter(("a", run), Some((0, 1)), false).unwrap().unwrap();
    let dots = |figure: &Figure| -> Vec<usize> {
        bodies(&figure.svg).iter().map(|body| body.matches("h.01").count()).collect()
    };
    assert_eq!(dots(&figure(&run)), [1, 1]);
    run.snapshots.as_mut().unwrap().samples = vec![2.0, -1.5, 3.0, -2.0, 4.0, -1.0];
    let with = figure(&run);
    assert_eq!(dots(&with), [1, 3]);
    assert!(
        with.caption.contains("3 samples of the target and up to 1 states"),
        "{}",
        with.caption
    );
}
