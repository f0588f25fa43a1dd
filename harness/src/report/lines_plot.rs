//! Panels of lines over numbers: measures along levels, over a setting, against their cost.
//!
//! Every series has a shape, a colour and a dash of its own, the same in all panels, named in the
//! legend above them. Bars are two standard errors to either side. Numbers that are not finite are gaps,
//! counted in a note inside the panel.

use super::axis::{Axis, Scale};
use super::canvas::{Area, Canvas, Stroke, WIDTH};
use super::palette::style;
use super::panel::{Below, Legend, Margins, Panel, title};

/// What the figure shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinesPlot {
    /// The line above the panels.
    pub(super) title: String,
    /// Names of the series; a single empty one needs no legend.
    pub(super) names: Vec<String>,
    /// Panels side by side, at most.
    pub(super) columns: usize,
    /// In reading order.
    pub(super) panels: Vec<LinesPanel>,
}

/// How the numbers along a horizontal axis spread.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Along {
    /// Levels at even distances, from 0 to 1, with what is written under some of them.
    Levels(Vec<(f64, String)>),
    /// Values of a setting, each labelled.
    Settings,
    /// Positive numbers over decades.
    Decades,
    /// Plain numbers.
    Linear,
    /// Times, of which small ones are spread where levels crowd there.
    Times,
}

/// How the numbers along a vertical axis spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    /// Shares of one, from 0 to 1.
    Share,
    /// The same where small ones differ too: over decades as soon as one of them is tiny.
    Efficiency,
    /// Numbers of both signs, with a rule at zero.
    AroundZero,
    /// Numbers that are not negative, over any number of decades.
    Decades,
    /// Plain numbers from zero.
    Linear,
    /// Plain numbers of any sign, wherever they are.
    Anywhere,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinesPanel {
    /// The vertical axis, and how its numbers spread.
    pub(super) up: (String, Up),
    /// The horizontal axis, and how its numbers spread.
    pub(super) along: (String, Along),
    /// The series in the order of their names; one may be empty.
    pub(super) series: Vec<Vec<Point>>,
    /// Marks on the points, besides lines.
    pub(super) marks: bool,
    /// Points of each series that are circled.
    pub(super) circles: Vec<Vec<(f64, f64)>>,
    /// Heights of dashed rules: what even exact samples do not fall below.
    pub(super) floors: Vec<f64>,
}

/// One point; numbers that are not finite are gaps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) error: Option<f64>,
}

impl Point {
    /// A point without a bar.
    pub(super) fn new(x: f64, y: f64) -> Self {
        Self { x, y, error: None }
    }

    fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// What the bar spans, if it has one.
    fn bar(&self) -> Option<(f64, f64)> {
        let error = self.error.filter(|error| error.is_finite() && *error > 0.0)?;
        Some((self.y - BARS * error, self.y + BARS * error))
    }
}

/// Standard errors to either side of a mark.
pub(super) const BARS: f64 = 2.0;
/// Distance of bars at one place, as a share of the width.
const APART: f64 = 0.008;
/// Settings of which the largest is that many times the smallest are steps of factors.
const FACTOR: f64 = 4.0;
/// Shares below this one disappear on a linear axis.
const TINY: f64 = 0.01;
/// Points for the title and for one row of panels.
const TITLE: f64 = 40.0;
const ROW: f64 = 250.0;
const MARGINS: Margins = Margins { left: 78.0, top: 14.0, right: 22.0, bottom: 52.0 };

/// The figure as the text of an SVG file.
pub(super) fn lines_svg(plot: &LinesPlot) -> String {
    let columns = plot.columns.clamp(1, plot.panels.len().max(1));
    let rows = plot.panels.len().div_ceil(columns);
    let legend = Legend::new(plot.names.iter().enumerate().map(|(i, name)| (&**name, style(i))));
    let head = TITLE + legend.height();
    let mut canvas = Canvas::new(head + ROW * rows as f64);
    title(&mut canvas, &plot.title, 0.5 * TITLE);
    // A line without marks is named by a line without a mark.
    let marks = plot.panels.iter().any(|panel| panel.marks);
    legend.draw(&mut canvas, TITLE - 4.0, (true, marks));
    let body = Area { left: 0.0, top: head, right: WIDTH, bottom: head + ROW * rows as f64 };
    for (index, panel) in plot.panels.iter().enumerate() {
        draw(panel, &mut canvas, body.cell(index, columns, ROW));
    }
    canvas.finish(&plot.title, &description(plot))
}

fn description(plot: &LinesPlot) -> String {
    let panels = plot.panels.iter().map(|panel| format!("{} over {}", panel.up.0, panel.along.0));
    let names: Vec<&str> =
        plot.names.iter().map(|name| &**name).filter(|n| !n.is_empty()).collect();
    let series = if names.is_empty() { String::new() } else { format!("; {}", names.join(", ")) };
    panels.collect::<Vec<_>>().join("; ") + &series
}

fn draw(panel: &LinesPanel, canvas: &mut Canvas, area: Area) {
    let all = || panel.series.iter().flatten().filter(|point| point.is_finite());
    let mut xs: Vec<f64> = all().map(|point| point.x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let (x, below) = horizontal(&panel.along.1, &xs);
    let floors: Vec<Point> = panel.floors.iter().map(|&floor| Point::new(0.0, floor)).collect();
    let y = vertical(panel.up.1, all().chain(&floors));
    let mut drawn = Panel::new(canvas, (area, MARGINS), (x, below), (y, &panel.up.0));
    drawn.name_below(&panel.along.0);
    if panel.up.1 == Up::AroundZero && y.low < 0.0 {
        drawn.horizontal_rule(0.0);
    }
    panel.floors.iter().for_each(|&floor| drawn.floor(floor));
    // Bars at one setting would hide each other; costs are places of their own.
    let with_bars = panel.along.1 == Along::Settings && all().any(|point| point.bar().is_some());
    let middle = 0.5 * (panel.series.len() as f64 - 1.0);
    for (index, series) in panel.series.iter().enumerate() {
        let look = style(index);
        let shift = if with_bars { APART * (index as f64 - middle) } else { 0.0 };
        let beside =
            |place: f64| if shift == 0.0 { place } else { x.at(x.position(place) + shift) };
        let stroke = Stroke { colour: look.colour, width: 2.0, dash: look.dash };
        for piece in series.split(|point| !point.is_finite()) {
            let points: Vec<(f64, f64)> = piece.iter().map(|p| (beside(p.x), p.y)).collect();
            let bars = piece.iter().filter_map(|p| p.bar().map(|(a, b)| (beside(p.x), a, b)));
            drawn.bars(&bars.collect::<Vec<_>>(), look.colour);
            drawn.line(&points, stroke);
            // A point without neighbours would leave no trace.
            if panel.marks || points.len() == 1 {
                drawn.marks(&points, look.shape, look.colour);
            }
        }
        let circles = panel.circles.get(index).map_or(&[][..], Vec::as_slice);
        drawn.circles(circles, look.colour);
    }
    let missing = panel.series.iter().flatten().filter(|point| !point.is_finite()).count();
    if missing > 0 {
        drawn.remark(&format!("{missing} without a value"));
    } else if xs.is_empty() {
        drawn.remark("no values");
    }
}

/// The horizontal axis, and what stands along it.
fn horizontal<'a>(along: &'a Along, xs: &'a [f64]) -> (Axis, Below<'a>) {
    let (Some(&low), Some(&high)) = (xs.first(), xs.last()) else {
        return (Axis::linear(&[1.0]), Below::Numbers);
    };
    match along {
        Along::Levels(labels) => {
            (Axis { scale: Scale::Linear, low: 0.0, high: 1.0 }, Below::Labels(labels))
        }
        // Settings such as 32, 64, 256 are steps of factors.
        Along::Settings if low > 0.0 && high >= FACTOR * low => {
            (Axis::of_decades(xs), Below::Settings(xs))
        }
        Along::Settings => (Axis::of_settings(xs), Below::Settings(xs)),
        Along::Decades => (decades(xs), Below::Numbers),
        Along::Times => (Axis::of_times(low, high, xs), Below::Numbers),
        Along::Linear => {
            let axis =
                Axis { scale: Scale::Linear, low, high: if high > low { high } else { low + 1.0 } };
            (axis, Below::Numbers)
        }
    }
}

/// The axis of all numbers of a panel with their bars; where numbers are drawn over decades, a bar that leads
/// further down than they do ends at the frame: how close to zero it comes says nothing.
pub(super) fn vertical<'a>(up: Up, points: impl Iterator<Item = &'a Point>) -> Axis {
    let (mut ends, mut tops, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for point in points {
        ends.push(point.y);
        tops.push(point.y);
        if let Some((low, high)) = point.bar() {
            ends.extend([low, high]);
            tops.push(high);
            errors.extend(point.error);
        }
    }
    errors.sort_by(f64::total_cmp);
    let values = |ends: &[f64]| ends.iter().map(|&x| x.max(0.0)).collect::<Vec<_>>();
    match up {
        Up::Share => Axis { scale: Scale::Linear, low: 0.0, high: 1.02 },
        Up::Efficiency => match tops.iter().any(|&x| x > 0.0 && x < TINY) {
            true => Axis { high: 1.1, ..Axis::of_decades(&values(&tops)) },
            false => Axis { scale: Scale::Linear, low: 0.0, high: 1.02 },
        },
        Up::Decades => decades(&values(&tops)),
        Up::Linear => Axis::linear(&values(&ends)).with_room(),
        Up::Anywhere => Axis::spanning(&ends),
        // What is smaller than most errors is noise, and needs no decades.
        Up::AroundZero => {
            Axis::around_zero(&ends, errors.get(errors.len() / 2).copied().unwrap_or(0.0))
        }
    }
}

/// The axis of positive numbers: logarithmic where they span a decade.
fn decades(values: &[f64]) -> Axis {
    let positive = || values.iter().copied().filter(|&x| x > 0.0);
    let (low, high) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    match high < 10.0 * low {
        true => Axis::linear(values).with_room(),
        false => Axis::of_decades(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> LinesPlot {
        let panel = |up, along, series: Vec<Vec<Point>>| LinesPanel {
            up: ("y".into(), up),
            along: ("x<".into(), along),
            series,
            marks: true,
            circles: Vec::new(),
            floors: Vec::new(),
        };
        let p = Point::new;
        let barred = Point { error: Some(0.5), ..p(64.0, -30.0) };
        LinesPlot {
            title: "a & b".into(),
            names: vec!["one".into(), "a second one that is long ".repeat(6)],
            columns: 2,
            panels: vec![
                panel(
                    Up::Share,
                    Along::Levels(vec![(0.0, "0".into()), (0.5, "0.0314".into())]),
                    vec![vec![p(0.0, 0.2), p(1e-4, 0.9), p(1.0, 1.0)]],
                ),
                panel(
                    Up::AroundZero,
                    Along::Settings,
                    vec![
                        vec![p(16.0, 0.1), p(32.0, f64::NAN), barred],
                        vec![p(16.0, f64::INFINITY)],
                    ],
                ),
                panel(Up::Decades, Along::Decades, vec![vec![p(1e6, 1e-9), p(1e2, 1.0)], vec![]]),
                panel(Up::Linear, Along::Linear, vec![vec![], vec![p(3.0, 2.0)]]),
                panel(Up::Linear, Along::Linear, vec![]),
            ],
        }
    }

    /// Fails if a number that is not finite is drawn or joined, its gap goes unsaid, an empty panel or a
    /// single point is an error, or the text depends on anything but the data.
    #[test]
    fn gaps_are_said_and_nothing_is_no_number() {
        let svg = lines_svg(&example());
        assert_eq!(svg, lines_svg(&example()));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains(">2 without a value<") && svg.contains(">no values<"));
        assert_eq!(svg.matches("rotate(270").count(), 5);
        let closing = svg.matches("</").count();
        assert_eq!(svg.matches('<').count(), 2 * closing + svg.matches("/>").count());
        assert!(svg.contains("x&lt;") && svg.contains(">0.0314<"));
    }

    /// Fails if efficiencies of a thousandth and a hundredth cannot be told apart, or good ones are bent.
    #[test]
    fn tiny_efficiencies_get_decades() {
        let axis = |values: &[f64]| {
            let points: Vec<Point> = values.iter().map(|&y| Point::new(0.0, y)).collect();
            vertical(Up::Efficiency, points.iter())
        };
        let tiny = axis(&[1e-3, 1e-2, 0.9]);
        assert!(tiny.position(1e-2) - tiny.position(1e-3) > 0.2);
        assert_eq!(axis(&[0.2, 0.9]).scale, Scale::Linear);
    }

    /// Fails if a bar that nearly reaches zero adds decades below all points, or one that ends higher is cut.
    #[test]
    fn bars_add_no_decades() {
        let points = [
            Point { error: Some(0.0499), ..Point::new(1.0, 0.1) },
            Point { error: Some(0.5), ..Point::new(2.0, 3.0) },
        ];
        let axis = vertical(Up::Decades, points.iter());
        assert!(axis.low >= 0.05 && axis.position(0.1) < 0.2, "{axis:?}");
        assert!(axis.position(4.0) < 1.0);
        let share = [Point { error: Some(0.0149), ..Point::new(1.0, 0.03) }];
        assert_eq!(vertical(Up::Efficiency, share.iter()).scale, Scale::Linear);
    }

    /// Fails if a legend shows marks that its lines do not have, or none where they have.
    #[test]
    fn legends_show_what_is_drawn() {
        let mut plot = example();
        plot.panels.truncate(1);
        let discs = |plot: &LinesPlot| lines_svg(plot).matches("<circle").count();
        assert_eq!(discs(&plot), 1 + 3);
        plot.panels[0].marks = false;
        assert_eq!(discs(&plot), 0);
    }

    /// Fails if a bar is not two standard errors long, or leaves the frame.
    #[test]
    fn bars_span_two_standard_errors() {
        let points = [Point { error: Some(0.25), ..Point::new(1.0, 3.0) }];
        assert_eq!(points[0].bar(), Some((2.5, 3.5)));
        let axis = vertical(Up::AroundZero, points.iter());
        assert!(axis.position(2.5) > 0.0 && axis.position(3.5) < 1.0);
        assert_eq!(Point { error: Some(f64::NAN), ..points[0] }.bar(), None);
    }
}
