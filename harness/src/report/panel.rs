//! One panel of a figure: a frame with ticks, and marks inside it.

use super::axis::Axis;
use super::canvas::{Anchor, Area, Canvas, Stroke, Text, WIDTH, fitting, text_width};
use super::palette::{BLACK, Dash, GREY, LIGHT, LIGHTER, Shape, Style};
use super::ticks::{number, ticks};

/// Height of one panel without the room for the labels under it.
pub(super) const HEIGHT: f64 = 190.0;
/// Room for the labels of the horizontal axis.
pub(super) const TIME_LABELS: f64 = 32.0;
/// Room beside the frame in figures of one column.
pub(super) const MARGINS: Margins =
    Margins { left: 95.0, top: 12.0, right: 85.0, bottom: TIME_LABELS };
/// Size of labels, and of names in legends.
pub(super) const FONT: f64 = 13.0;
pub(super) const NAME_FONT: f64 = 11.0;
/// The smallest size that long labels get.
const SMALLEST_FONT: f64 = 9.0;
/// Size of the line above a figure.
pub(super) const TITLE_FONT: f64 = 17.0;

/// Above this many levels marks are smaller and rules lighter.
const MANY: usize = 60;
/// Length of the marks at ticks.
const TICK: f64 = 4.0;

/// Room between the frame of a panel and the area it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Margins {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// What stands along the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Below<'a> {
    /// Round numbers, as far as there is room.
    Numbers,
    /// These numbers, as far as there is room.
    Settings(&'a [f64]),
    /// What is written at these places.
    Labels(&'a [(f64, String)]),
    /// Names at 0, 1, 2, ..
    Names(&'a [String]),
}

/// A panel ready for marks.
pub(super) struct Panel<'a> {
    canvas: &'a mut Canvas,
    frame: Area,
    x: Axis,
    y: Axis,
}

impl<'a> Panel<'a> {
    /// Draws frame, ticks and the label of the vertical axis on an area.
    pub(super) fn new(
        canvas: &'a mut Canvas,
        (area, margins): (Area, Margins),
        (x, below): (Axis, Below<'_>),
        (y, label): (Axis, &str),
    ) -> Self {
        let frame = Area {
            left: area.left + margins.left,
            top: area.top + margins.top,
            right: area.right - margins.right,
            bottom: area.bottom - margins.bottom,
        };
        let mut panel = Self { canvas, frame, x, y };
        panel.draw_frame(below);
        let text = Text { upwards: true, ..Text::new(FONT, Anchor::Middle) };
        let place =
            (area.left + 22.0_f64.min(0.3 * margins.left), 0.5 * (frame.top + frame.bottom));
        let (label, size) = fitted(&y.announced(label), area.height());
        panel.canvas.text(place, &label, Text { size, ..text });
        panel
    }

    fn draw_frame(&mut self, below: Below<'_>) {
        let Area { left, top, right, bottom } = self.frame;
        let stroke = Stroke::solid(BLACK, 1.0);
        self.canvas.line(&[(left, top), (left, bottom), (right, bottom)], stroke);
        for tick in ticks(&self.y, |_| 1.3 * FONT / self.frame.height()) {
            let (_, y) = self.place(self.x.low, tick);
            self.canvas.line(&[(left - TICK, y), (left, y)], stroke);
            self.canvas.text((left - TICK - 4.0, y), &number(tick), Text::new(FONT, Anchor::End));
        }
        let share = |label: &str| (text_width(label, FONT) + 10.0) / self.frame.width();
        let named = |ticks: Vec<f64>| ticks.into_iter().map(|x| (x, number(x))).collect::<Vec<_>>();
        let labelled = match below {
            Below::Numbers => named(ticks(&self.x, share)),
            Below::Settings(settings) => named(self.with_room(settings, share)),
            Below::Labels(labels) => labels.to_vec(),
            Below::Names(names) => return self.names_below(names),
        };
        for (tick, text) in labelled {
            let (x, _) = self.place(tick, self.y.low);
            self.canvas.line(&[(x, bottom), (x, bottom + TICK)], stroke);
            let label = Text::new(FONT, Anchor::Middle);
            self.canvas.text((x, bottom + TICK + 10.0), &text, label);
        }
    }

    /// The settings whose labels do not touch the one before.
    fn with_room(&self, settings: &[f64], share: impl Fn(&str) -> f64) -> Vec<f64> {
        let mut kept: Vec<(f64, f64)> = Vec::new();
        for &setting in settings {
            let (place, half) = (self.x.position(setting), 0.5 * share(&number(setting)));
            let touches = |&(last, room): &(f64, f64)| place - self.x.position(last) < half + room;
            if !kept.last().is_some_and(touches) {
                kept.push((setting, half));
            }
        }
        kept.into_iter().map(|(setting, _)| setting).collect()
    }

    fn names_below(&mut self, names: &[String]) {
        let room = self.frame.width() / names.len().max(1) as f64;
        // Where names are wider than their columns, only every so many are written.
        let widest = names.iter().flat_map(|name| broken(name)).map(|l| text_width(l, NAME_FONT));
        let stride = (widest.fold(0.0, f64::max) / room).clamp(1.0, 20.0).ceil() as usize;
        for (column, name) in names.iter().enumerate().step_by(stride) {
            let (x, y) = self.place(column as f64, self.y.low);
            for (i, line) in broken(name).iter().enumerate() {
                let place = (x, y + 11.0 + 13.0 * i as f64);
                let line = fitting(line, NAME_FONT, room * stride as f64);
                self.canvas.text(place, &line, Text::new(NAME_FONT, Anchor::Middle));
            }
        }
    }

    /// Where a point stands on the canvas; points beyond the ends stand at them.
    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let Area { left, top, right, bottom } = self.frame;
        let (across, up) = (self.x.position(x), self.y.position(y));
        (left + (right - left) * across, bottom - (bottom - top) * up)
    }

    fn places(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().map(|&(x, y)| self.place(x, y)).collect()
    }

    /// The canvas, for what a panel has no word for.
    pub(super) fn canvas(&mut self) -> &mut Canvas {
        self.canvas
    }

    /// The name of the horizontal axis, under its labels.
    pub(super) fn name_below(&mut self, name: &str) {
        let place = (0.5 * (self.frame.left + self.frame.right), self.frame.bottom + 33.0);
        let (name, size) = fitted(&self.x.announced(name), self.frame.width() + 60.0);
        self.canvas.text(place, &name, Text::new(size, Anchor::Middle));
    }

    /// A line of text above the frame.
    pub(super) fn name_above(&mut self, name: &str) {
        let place = (0.5 * (self.frame.left + self.frame.right), self.frame.top - 10.0);
        let name = fitting(name, FONT, self.frame.width() + 20.0);
        self.canvas.text(place, &name, Text::new(FONT, Anchor::Middle));
    }

    /// Small lines of text inside the frame, at its upper right.
    pub(super) fn remark(&mut self, text: &str) {
        for (row, line) in text.lines().enumerate() {
            let place = (self.frame.right - 2.0, self.frame.top + 6.0 + 14.0 * row as f64);
            let line = fitting(line, NAME_FONT, self.frame.width());
            self.canvas.text(place, &line, Text::new(NAME_FONT, Anchor::End).colour(GREY));
        }
    }

    /// Light rules over the whole height at the given times.
    pub(super) fn vertical_rules(&mut self, times: &[f64]) {
        let (top, bottom) = (self.frame.top, self.frame.bottom);
        for &t in times {
            let (x, _) = self.place(t, self.y.low);
            self.canvas.line(&[(x, top), (x, bottom)], rule(times.len()));
        }
    }

    /// A light rule from the vertical axis to every point.
    pub(super) fn rules_from_axis(&mut self, points: &[(f64, f64)]) {
        for &(t, v) in points {
            let (x, y) = self.place(t, v);
            self.canvas.line(&[(self.frame.left, y), (x, y)], rule(points.len()));
        }
    }

    /// A grey rule over the whole width.
    pub(super) fn horizontal_rule(&mut self, value: f64) {
        let (_, y) = self.place(self.x.low, value);
        let ends = [(self.frame.left, y), (self.frame.right, y)];
        self.canvas.line(&ends, Stroke::solid(GREY, 1.0));
    }

    /// A dashed grey rule over the whole width.
    pub(super) fn floor(&mut self, value: f64) {
        let (_, y) = self.place(self.x.low, value);
        let ends = [(self.frame.left, y), (self.frame.right, y)];
        self.canvas.line(&ends, Stroke { dash: Dash::Long, ..Stroke::solid(GREY, 1.0) });
    }

    /// A line through points.
    pub(super) fn line(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        self.canvas.line(&self.places(points), stroke);
    }

    /// A dot on every point, smaller where there are many.
    pub(super) fn dots(&mut self, points: &[(f64, f64)], colour: &'static str) {
        let radius = if points.len() > MANY { 2.5 } else { 4.0 };
        for place in self.places(points) {
            self.canvas.disc(place, radius, colour, 1.0);
        }
    }

    /// A circle around every point.
    pub(super) fn circles(&mut self, points: &[(f64, f64)], colour: &'static str) {
        let radius = if points.len() > MANY { 3.5 } else { 6.5 };
        for place in self.places(points) {
            self.canvas.circle(place, radius, Stroke::solid(colour, 1.2));
        }
    }

    /// A mark of a shape on every point.
    pub(super) fn marks(&mut self, points: &[(f64, f64)], shape: Shape, colour: &'static str) {
        let size = if points.len() > MANY { 2.5 } else { 4.5 };
        for place in self.places(points) {
            self.canvas.mark(place, shape, colour, size);
        }
    }

    /// A bar from `low` to `high` at every point `(x, low, high)`.
    pub(super) fn bars(&mut self, bars: &[(f64, f64, f64)], colour: &'static str) {
        for &(x, low, high) in bars {
            let ends = [self.place(x, low), self.place(x, high)];
            self.canvas.line(&ends, Stroke::solid(colour, 1.5));
        }
    }

    /// The line of a legend in the right margin, the `row`-th from above: a mark and its name.
    pub(super) fn legend(&mut self, row: usize, name: &str, style: Style) {
        let lines = name.split('\n').count() as f64;
        let place = (self.frame.right + 11.0, self.frame.top + 10.0 + 33.0 * row as f64);
        self.canvas.mark(place, style.shape, style.colour, 4.5);
        for (i, line) in name.split('\n').enumerate() {
            let down = 6.5 * (2.0 * i as f64 - (lines - 1.0));
            let text = Text::new(NAME_FONT, Anchor::Start);
            self.canvas.text((place.0 + 9.0, place.1 + down), line, text);
        }
    }

    /// Lines of text in the right margin, the block centred on the height of `value`.
    pub(super) fn note(&mut self, value: f64, lines: &[&str], colour: &'static str) {
        let (_, y) = self.place(self.x.high, value);
        for (i, line) in lines.iter().enumerate() {
            let down = (i as f64 - 0.5 * (lines.len() as f64 - 1.0)) * 1.25 * FONT;
            let text = Text::new(FONT, Anchor::Start).colour(colour);
            self.canvas.text((self.frame.right + 9.0, y + down), line, text);
        }
    }
}

/// A legend above panels: samples of the series in rows as wide as the figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Legend<'a> {
    /// Places from the left and the row of every name.
    entries: Vec<(f64, usize, &'a str, Style)>,
    rows: usize,
}

/// Room of a sample of a line, and from a name to the next sample.
const SAMPLE: f64 = 30.0;
const GAP: f64 = 22.0;
const LEGEND_ROW: f64 = 19.0;
/// Room at the left and right of a legend.
const BESIDE: f64 = 20.0;

impl<'a> Legend<'a> {
    /// Places the names; a single one without a name needs no legend.
    pub(super) fn new(series: impl Iterator<Item = (&'a str, Style)>) -> Self {
        let (mut entries, mut x, mut row) = (Vec::new(), BESIDE, 0);
        for (name, style) in series.filter(|(name, _)| !name.is_empty()) {
            let width = SAMPLE + text_width(name, FONT);
            if x > BESIDE && x + width > WIDTH - BESIDE {
                (x, row) = (BESIDE, row + 1);
            }
            entries.push((x, row, name, style));
            x += width + GAP;
        }
        let rows = if entries.is_empty() { 0 } else { row + 1 };
        Self { entries, rows }
    }

    pub(super) fn height(&self) -> f64 {
        LEGEND_ROW * self.rows as f64
    }

    /// Draws it from a height of the canvas on: pieces of lines, marks, or both.
    pub(super) fn draw(&self, canvas: &mut Canvas, top: f64, (lines, marks): (bool, bool)) {
        for &(x, row, name, style) in &self.entries {
            let y = top + LEGEND_ROW * (row as f64 + 0.5);
            if lines {
                let stroke = Stroke { colour: style.colour, width: 2.0, dash: style.dash };
                canvas.line(&[(x, y), (x + SAMPLE - 6.0, y)], stroke);
            }
            if marks {
                canvas.mark((x + 0.5 * (SAMPLE - 6.0), y), style.shape, style.colour, 4.5);
            }
            let name = fitting(name, FONT, WIDTH - x - SAMPLE - BESIDE);
            canvas.text((x + SAMPLE, y), &name, Text::new(FONT, Anchor::Start));
        }
    }
}

/// The line above a figure, in a size in which it fits.
pub(super) fn title(canvas: &mut Canvas, text: &str, y: f64) {
    centred_text(canvas, text, TITLE_FONT, y);
}

/// Text centred on the panels, in a size in which it fits the canvas.
pub(super) fn centred_text(canvas: &mut Canvas, text: &str, size: f64, y: f64) {
    let fitting = WIDTH / (0.62 * text.chars().count().max(1) as f64);
    let middle = 0.5 * (MARGINS.left + WIDTH - MARGINS.right);
    canvas.text((middle, y), text, Text::new(size.min(fitting), Anchor::Middle));
}

/// A label and the size at which it fits a length; cut where it fits at none.
pub(super) fn fitted(label: &str, length: f64) -> (String, f64) {
    let size = FONT * length / text_width(label, FONT);
    match size < SMALLEST_FONT {
        true => (fitting(label, SMALLEST_FONT, length), SMALLEST_FONT),
        false => (label.to_owned(), size.min(FONT)),
    }
}

/// The style of light rules, given how many there are.
fn rule(count: usize) -> Stroke {
    Stroke::solid(if count > MANY { LIGHTER } else { LIGHT }, 0.6)
}

/// A name in at most two lines, broken after the hyphen nearest to its middle.
fn broken(name: &str) -> Vec<&str> {
    let middle = name.len() / 2;
    let hyphens = name.match_indices('-').map(|(at, _)| at + 1);
    match hyphens.min_by_key(|at| at.abs_diff(middle)).filter(|_| name.len() > 8) {
        Some(at) => vec![&name[..at], &name[at..]],
        None => vec![name],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a label that fits in small letters is cut, one that fits is made smaller, or one is longer than its room.
    #[test]
    fn long_labels_get_smaller_before_they_are_cut() {
        assert_eq!(fitted("t", 50.0), ("t".into(), FONT));
        let label = "time t of the level (not a linear scale)";
        let (text, size) = fitted(label, 250.0);
        assert!(text == label && size < FONT && text_width(&text, size) < 250.001, "{text} {size}");
        let (text, size) = fitted(label, 100.0);
        assert!(text.ends_with('…') && size == SMALLEST_FONT, "{text} {size}");
        assert_eq!(fitted("", 10.0).0, "");
    }
}
