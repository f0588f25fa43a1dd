//! Weights of modes as bars beside the truth.

use super::axis::{Axis, Scale};
use super::canvas::{Area, Canvas, Stroke};
use super::lines_plot::BARS;
use super::palette::{BLACK, style};
use super::panel::{Below, Legend, Margins, Panel, title};

/// Weights of modes with their standard errors, where they have any.
pub(super) type Weights = Vec<(f64, Option<f64>)>;

/// What the figure shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WeightsPlot {
    /// The line above.
    pub(super) title: String,
    /// The runs, with weights and standard errors of their modes.
    pub(super) runs: Vec<(String, Weights)>,
    /// The true weights, one list for each run (they may have different targets).
    pub(super) truth: Vec<Vec<f64>>,
}

/// Modes that are shown; more are said.
pub(super) const MOST: usize = 48;
const TITLE: f64 = 40.0;
const HEIGHT: f64 = 270.0;
const MARGINS: Margins = Margins { left: 78.0, top: 14.0, right: 22.0, bottom: 52.0 };

/// The figure as the text of an SVG file.
pub(super) fn weights_svg(plot: &WeightsPlot) -> String {
    let named = |i: usize| if plot.runs.len() > 1 { &*plot.runs[i].0 } else { "" };
    let legend = Legend::new((0..plot.runs.len()).map(|i| (named(i), style(i))));
    let head = TITLE + legend.height();
    let mut canvas = Canvas::new(head + HEIGHT);
    title(&mut canvas, &plot.title, 0.5 * TITLE);
    legend.draw(&mut canvas, TITLE - 4.0, (false, true));
    let all = plot.runs.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0);
    let modes = all.clamp(1, MOST);
    let tops = plot.runs.iter().flat_map(|(_, weights)| {
        weights.iter().map(|(w, error)| w + BARS * error.filter(|e| e.is_finite()).unwrap_or(0.0))
    });
    let tops: Vec<f64> =
        tops.chain(plot.truth.iter().flatten().copied()).filter(|x| x.is_finite()).collect();
    let names: Vec<String> = (0..modes).map(|k| k.to_string()).collect();
    let x = Axis { scale: Scale::Linear, low: -0.5, high: modes as f64 - 0.5 };
    let y = Axis::linear(&tops).with_room();
    let area = canvas.area().band(head, head + HEIGHT);
    let mut panel =
        Panel::new(&mut canvas, (area, MARGINS), (x, Below::Names(&names)), (y, "weight"));
    panel.name_below("mode");
    let missing = draw(plot, &mut panel, modes);
    match (missing, all > modes) {
        (0, false) => {}
        (0, true) => panel.remark(&format!("{} more modes are not shown", all - modes)),
        (missing, _) => panel.remark(&format!("{missing} without a value")),
    }
    canvas.finish(&plot.title, "bars of the runs, a horizontal rule across each at the true weight")
}

/// Draws bars and the truth; how many bars have no value.
fn draw(plot: &WeightsPlot, panel: &mut Panel<'_>, modes: usize) -> usize {
    let mut missing = 0;
    let count = plot.runs.len().max(1) as f64;
    let width = 0.8 / count;
    for (run, ((_, weights), truth)) in plot.runs.iter().zip(&plot.truth).enumerate() {
        let look = style(run);
        for (k, &(weight, error)) in weights.iter().enumerate().take(modes) {
            let left = k as f64 - 0.4 + width * run as f64;
            let middle = left + 0.5 * width;
            if weight.is_finite() {
                let ((x0, y0), (x1, y1)) = (
                    panel.place(left + 0.05 * width, 0.0),
                    panel.place(left + 0.95 * width, weight),
                );
                let bar = Area { left: x0, top: y1, right: x1, bottom: y0 };
                panel.canvas().rectangle(bar, look.colour, 0.55);
                if modes <= 16 && plot.runs.len() > 1 {
                    // The shape that the legend names, at the foot of the bar.
                    let foot = (0.5 * (x0 + x1), y0 - 7.0);
                    panel.canvas().mark(foot, look.shape, look.colour, 4.0);
                }
                if let Some(error) = error.filter(|error| error.is_finite() && *error > 0.0) {
                    let bar = (middle, (weight - BARS * error).max(0.0), weight + BARS * error);
                    panel.bars(&[bar], look.colour);
                }
            } else {
                missing += 1;
            }
            if let Some(&truth) = truth.get(k).filter(|truth| truth.is_finite()) {
                panel.line(&[(left, truth), (left + width, truth)], Stroke::solid(BLACK, 2.0));
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the rule of the truth stands at the height of the bar: the axis ends 6 % above it.
    #[test]
    fn rules_stand_at_the_truth() {
        let plot = WeightsPlot {
            title: "t".into(),
            runs: vec![("a".into(), vec![(0.2, None)])],
            truth: vec![vec![0.3]],
        };
        let svg = weights_svg(&plot);
        let rule = svg.lines().find(|line| line.contains("stroke-width=\"2\"")).unwrap();
        let (top, bottom) = (TITLE + MARGINS.top, TITLE + HEIGHT - MARGINS.bottom);
        let expected = bottom - (bottom - top) / 1.06;
        for place in rule.split('"').nth(1).unwrap().split(' ') {
            let y: f64 = place.split_once(',').unwrap().1.parse().unwrap();
            assert!((y - expected).abs() < 0.1, "{y} instead of {expected}");
        }
    }

    /// Fails if the bar of a heavier mode is lower, a weight that is no number is drawn or goes unsaid, or one
    /// mode alone is an error.
    #[test]
    fn bars_are_as_high_as_weights() {
        let weights = vec![(0.2, Some(0.05)), (0.7, None), (f64::NAN, Some(0.1))];
        let plot = WeightsPlot {
            title: "t".into(),
            runs: vec![("a".into(), weights)],
            truth: vec![vec![0.3, 0.6, 0.1]],
        };
        let svg = weights_svg(&plot);
        let height = |line: &str| -> f64 {
            line.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let bars: Vec<f64> =
            svg.lines().filter(|l| l.contains("fill-opacity")).map(height).collect();
        assert_eq!(bars.len(), 2);
        assert!((bars[1] / bars[0] - 3.5).abs() < 0.02, "{bars:?}");
        assert!(!svg.contains("NaN") && svg.contains(">1 without a value<"));
        let one = WeightsPlot {
            runs: vec![("a".into(), vec![(1.0, None)])],
            truth: vec![vec![1.0]],
            ..plot
        };
        assert!(weights_svg(&one).contains("<rect"));
    }
}
