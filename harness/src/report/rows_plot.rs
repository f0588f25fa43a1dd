//! Named rows with numbers beside each other: log Z of runs, or what an experiment without an axis found.
//!
//! Each column has an axis of its own. Marks carry bars of two standard errors to either side; where the
//! numbers are no differences, a broad bar leads to them from zero.

use super::axis::{Axis, Scale};
use super::canvas::{Anchor, Area, Canvas, Stroke, Text, WIDTH, fitting, text_width};
use super::lines_plot::{BARS, Point, Up, vertical};
use super::palette::{BLACK, Dash, GREY, LIGHTER, style};
use super::panel::{FONT, Legend, NAME_FONT, fitted, title};
use super::ticks::{number, ticks};

/// What the figure shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowsPlot {
    /// The line above.
    pub(super) title: String,
    /// Names of the kinds of marks; none where there is one kind.
    pub(super) kinds: Vec<String>,
    /// Names of the rows, from above.
    pub(super) rows: Vec<String>,
    /// From left to right.
    pub(super) columns: Vec<Column>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// What its numbers are, and how they spread.
    pub(super) label: (String, Up),
    /// For every row the marks: which kind, value, standard error. A value that is not finite is said.
    pub(super) marks: Vec<Vec<(usize, f64, Option<f64>)>>,
    /// The value that would be perfect.
    pub(super) truth: Option<f64>,
    /// Dashed rules: what even exact samples do not fall below.
    pub(super) floors: Vec<f64>,
}

const TITLE: f64 = 40.0;
/// Room for the labels above and the numbers below the columns.
const HEAD: f64 = 38.0;
const FOOT: f64 = 30.0;
/// Height of one mark, and between rows.
const MARK: f64 = 15.0;
const BETWEEN: f64 = 10.0;
/// The widest that names get, and the room between columns.
const WIDEST: f64 = 330.0;
const APART: f64 = 26.0;

/// The figure as the text of an SVG file.
pub(super) fn rows_svg(plot: &RowsPlot) -> String {
    let legend = Legend::new(plot.kinds.iter().enumerate().map(|(i, name)| (&**name, style(i))));
    let top = TITLE + legend.height() + HEAD;
    let places = places(plot, top);
    let bottom = places.last().map_or(top, |&(_, end)| end);
    let mut canvas = Canvas::new(bottom + FOOT);
    title(&mut canvas, &plot.title, 0.5 * TITLE);
    legend.draw(&mut canvas, TITLE - 4.0, (false, true));
    let names = plot.rows.iter().map(|name| text_width(name, FONT)).fold(60.0, f64::max);
    let left = names.min(WIDEST) + 24.0;
    for (name, &(start, end)) in plot.rows.iter().zip(&places) {
        let name = fitting(name, FONT, left - 20.0);
        canvas.text((left - 10.0, 0.5 * (start + end)), &name, Text::new(FONT, Anchor::End));
    }
    let body = Area { left, top, right: WIDTH - 14.0, bottom };
    for (index, column) in plot.columns.iter().enumerate() {
        let cell = body.cell(index, plot.columns.len(), bottom - top);
        let apart = if index == 0 { 4.0 } else { APART };
        draw(column, &mut canvas, Area { left: cell.left + apart, ..cell }, &places);
    }
    let labels: Vec<&str> = plot.columns.iter().map(|column| &*column.label.0).collect();
    canvas.finish(&plot.title, &format!("{} of {}", labels.join(", "), plot.rows.join("; ")))
}

/// Where every row begins and ends.
fn places(plot: &RowsPlot, top: f64) -> Vec<(f64, f64)> {
    let mut y = top;
    let marks = |row: usize| {
        let most = plot.columns.iter().map(|column| column.marks.get(row).map_or(0, Vec::len));
        most.max().unwrap_or(0).max(1)
    };
    let place = |row: usize| {
        let start = y;
        y += MARK * marks(row) as f64 + BETWEEN;
        (start, y)
    };
    (0..plot.rows.len()).map(place).collect()
}

fn draw(column: &Column, canvas: &mut Canvas, frame: Area, places: &[(f64, f64)]) {
    let (label, up) = (&*column.label.0, column.label.1);
    let all = column.marks.iter().flatten().filter(|(_, value, _)| value.is_finite());
    let points = all.map(|&(_, y, error)| Point { error, ..Point::new(0.0, y) });
    let floors = column.floors.iter().map(|&floor| Point::new(0.0, floor));
    let points: Vec<Point> = points.chain(floors).collect();
    let axis = match (up, points.is_empty()) {
        (_, true) => Axis::linear(&[1.0]),
        (up, false) => vertical(up, points.iter()),
    };
    let across = |value: f64| frame.left + frame.width() * axis.position(value);
    let middle = 0.5 * (frame.left + frame.right);
    let room = frame.width() + 20.0;
    let (name, size) = fitted(label, room);
    canvas.text((middle, frame.top - 26.0), &name, Text::new(size, Anchor::Middle));
    let (scale, size) = fitted(axis.announcement(), room);
    if !scale.is_empty() {
        let text = Text::new(size.min(NAME_FONT), Anchor::Middle);
        canvas.text((middle, frame.top - 11.0), &scale, text);
    }
    for &(start, _) in places.iter().skip(1) {
        canvas.line(&[(frame.left, start), (frame.right, start)], Stroke::solid(LIGHTER, 0.8));
    }
    let corners =
        [(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)];
    canvas.line(&corners, Stroke::solid(BLACK, 1.0));
    let share = |label: &str| (text_width(label, NAME_FONT) + 8.0) / frame.width();
    for tick in ticks(&axis, share) {
        let x = across(tick);
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + 4.0)], Stroke::solid(BLACK, 1.0));
        let text = Text::new(NAME_FONT, Anchor::Middle);
        canvas.text((x, frame.bottom + 13.0), &number(tick), text);
    }
    if let Some(truth) = column.truth.filter(|&truth| truth >= axis.low && truth <= axis.high) {
        let x = across(truth);
        canvas.line(&[(x, frame.top), (x, frame.bottom)], Stroke::solid(GREY, 1.2));
    }
    for &floor in &column.floors {
        let ends = [(across(floor), frame.top), (across(floor), frame.bottom)];
        canvas.line(&ends, Stroke { dash: Dash::Long, ..Stroke::solid(GREY, 1.0) });
    }
    // A bar says how much there is of something only where its axis begins at nothing.
    let signed = matches!(up, Up::AroundZero | Up::Anywhere);
    let from_zero = !signed && axis.scale == Scale::Linear && axis.low == 0.0;
    for (marks, &(start, _)) in column.marks.iter().zip(places) {
        for (i, &(kind, value, error)) in marks.iter().enumerate() {
            let (look, y) = (style(kind), start + 0.5 * BETWEEN + MARK * (i as f64 + 0.5));
            if !value.is_finite() {
                let text = Text::new(NAME_FONT, Anchor::Start).colour(GREY);
                canvas.text((frame.left + 6.0, y), "no value", text);
                continue;
            }
            if from_zero {
                let bar =
                    Area { left: frame.left, top: y - 5.0, right: across(value), bottom: y + 5.0 };
                canvas.rectangle(bar, look.colour, 0.35);
            }
            if let Some(error) = error.filter(|error| error.is_finite()) {
                let ends = [(across(value - BARS * error), y), (across(value + BARS * error), y)];
                canvas.line(&ends, Stroke::solid(look.colour, 1.8));
            }
            canvas.mark((across(value), y), look.shape, look.colour, 4.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the lines of a width.
    fn lines(svg: &str, width: &str) -> Vec<Vec<(f64, f64)>> {
        let own = format!("stroke-width=\"{width}\"");
        let lines = svg.lines().filter(|l| l.starts_with("<polyline") && l.contains(&own));
        let ends = |line: &str| {
            let places = line.split('"').nth(1).unwrap().split(' ');
            let place = |place: &str| {
                let (x, y) = place.split_once(',').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            };
            places.map(place).collect()
        };
        lines.map(ends).collect()
    }

    fn one_row(up: Up, marks: Vec<(usize, f64, Option<f64>)>) -> String {
        let column =
            Column { label: ("y".into(), up), marks: vec![marks], truth: None, floors: vec![] };
        let (title, kinds) = ("t".into(), Vec::new());
        rows_svg(&RowsPlot { title, kinds, rows: vec!["r".into()], columns: vec![column] })
    }

    /// Fails if bars are not two standard errors long to either side: the axis of 0.5 to 1.5 ends at 1.59.
    #[test]
    fn bars_end_two_standard_errors_away() {
        let svg = one_row(Up::Linear, vec![(0, 1.0, Some(0.25))]);
        let frame = &lines(&svg, "1")[0];
        let (left, right) = (frame[0].0, frame[2].0);
        let across = |value: f64| left + (right - left) * value / 1.59;
        let [low, high] = lines(&svg, "1.8")[0][..] else { panic!("{svg}") };
        assert!((low.0 - across(0.5)).abs() < 0.2 && (high.0 - across(1.5)).abs() < 0.2, "{svg}");
    }

    /// Fails if numbers far below zero are pushed together at the end of an axis from zero, get a bar from zero, or an axis
    /// that is not linear goes unsaid.
    #[test]
    fn axes_suit_their_numbers_and_say_so() {
        let discs = |svg: &str| -> Vec<f64> {
            let lines = svg.lines().filter(|l| l.starts_with("<circle"));
            lines.map(|l| l.split('"').nth(1).unwrap().parse().unwrap()).collect()
        };
        let anywhere = one_row(Up::Anywhere, vec![(0, -35.0, None), (0, -34.0, None)]);
        let places = discs(&anywhere);
        assert!(places[1] - places[0] > 300.0 && !anywhere.contains("fill-opacity"), "{places:?}");
        let around = one_row(Up::AroundZero, vec![(0, -35.0, Some(0.01)), (0, 0.02, Some(0.01))]);
        assert!(around.contains(">not a linear scale<") && !anywhere.contains(" scale<"));
    }

    /// Fails if a row without a value is drawn as a number, a row or column is lost, or a larger value stands
    /// left of a smaller one.
    #[test]
    fn rows_stand_in_order() {
        let column = |marks| Column {
            label: ("log Z".into(), Up::AroundZero),
            marks,
            truth: Some(0.0),
            floors: vec![],
        };
        let plot = RowsPlot {
            title: "t".into(),
            kinds: vec!["lower".into(), "upper".into()],
            rows: vec!["first <run>".into(), "second".into(), "third".into()],
            columns: vec![column(vec![
                vec![(0, -1.0, Some(0.5)), (0, 2.0, None)],
                vec![(0, f64::NAN, Some(0.1))],
                vec![],
            ])],
        };
        let svg = rows_svg(&plot);
        assert!(
            !svg.contains("NaN") && svg.contains(">no value<") && svg.contains("first &lt;run&gt;")
        );
        let place = |line: &str| -> f64 {
            line.split("cx=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let discs: Vec<f64> = svg.lines().filter(|l| l.starts_with("<circle")).map(place).collect();
        assert_eq!(discs.len(), 3, "one in the legend");
        assert!(discs[1] < discs[2], "{discs:?}");
        let empty = RowsPlot { rows: vec![], columns: vec![column(vec![])], ..plot };
        assert!(rows_svg(&empty).ends_with("</svg>\n"));
    }
}
