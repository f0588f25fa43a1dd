//! One panel of a figure: a frame with ticks, and marks inside it.
//!
//! The canvas has two units per point, because the drawing library rounds positions to whole units.

use std::fmt::Display;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Cross, PathElement, TriangleMarker};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::axis::Axis;
use super::ticks::{number, ticks};
use super::{ReportError, Result};

/// Width of the canvas in units.
pub(super) const WIDTH: u32 = 1800;
/// Height of one panel without the room for its time labels.
pub(super) const HEIGHT: u32 = 380;
/// Room for the labels of the axis of time.
pub(super) const TIME_LABELS: u32 = 64;
const LEFT: u32 = 190;
const RIGHT: u32 = 170;
const FONT: f64 = 26.0;
/// Size of names under an axis and in legends.
const NAME_FONT: f64 = 22.0;

// Okabe and Ito's palette: told apart with any colour vision, and by lightness in grey print.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
pub(super) const VERMILLION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
pub(super) const GREY: RGBColor = RGBColor(0x60, 0x60, 0x60);

/// Above this many levels marks are smaller and rules lighter.
const MANY: usize = 60;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An [`Axis`] with its labels, as the drawing library wants it.
struct Labelled {
    axis: Axis,
    ticks: Vec<f64>,
}

/// What marks a point; shapes tell series apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Dot,
    Triangle,
    Cross,
}

impl Ranged for Labelled {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + libm::round(f64::from(end - start) * self.axis.position(*value)) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.axis.low..self.axis.high
    }
}

impl ValueFormatter<f64> for Labelled {
    fn format(value: &f64) -> String {
        number(*value)
    }
}

/// A panel ready for marks.
pub(super) struct Panel<'a, 'b> {
    area: &'b Area<'a>,
    chart: ChartContext<'b, SVGBackend<'a>, Cartesian2d<Labelled, Labelled>>,
    time: Axis,
    value: Axis,
}

impl<'a, 'b> Panel<'a, 'b> {
    /// Draws frame, ticks and the label of the vertical axis on `area`.
    pub(super) fn new(area: &'b Area<'a>, time: Axis, value: Axis, label: &str) -> Result<Self> {
        let time_ticks = ticks(&time, text_width, true);
        Self::with_ticks(area, (time, time_ticks), value, label)
    }

    /// The same over an axis of settings, with a label at each as far as there is room.
    pub(super) fn over_settings(
        area: &'b Area<'a>,
        (axis, settings): (Axis, &[f64]),
        value: Axis,
        label: &str,
    ) -> Result<Self> {
        let mut kept: Vec<(f64, f64)> = Vec::new();
        for &setting in settings {
            let (place, half) = (axis.position(setting), 0.5 * text_width(&number(setting)));
            if kept.last().is_none_or(|&(last, room)| place - axis.position(last) >= half + room) {
                kept.push((setting, half));
            }
        }
        let labelled = kept.into_iter().map(|(setting, _)| setting).collect();
        Self::with_ticks(area, (axis, labelled), value, label)
    }

    /// The same over as many columns as there are names, at 0, 1, 2, ..
    pub(super) fn over_names(
        area: &'b Area<'a>,
        (axis, names): (Axis, &[String]),
        value: Axis,
        label: &str,
    ) -> Result<Self> {
        let panel = Self::with_ticks(area, (axis, Vec::new()), value, label)?;
        let (_, top) = area.get_base_pixel();
        for (column, name) in names.iter().enumerate() {
            let (x, y) = panel.chart.backend_coord(&(column as f64, value.low));
            let (left, _) = area.get_base_pixel();
            for (i, line) in broken(name).iter().enumerate() {
                let place = (x - left, y - top + 22 + 26 * i as i32);
                area.draw_text(line, &centred(font(NAME_FONT)), place).map_err(drawing)?;
            }
        }
        Ok(panel)
    }

    fn with_ticks(
        area: &'b Area<'a>,
        (time, time_ticks): (Axis, Vec<f64>),
        value: Axis,
        label: &str,
    ) -> Result<Self> {
        let height = f64::from(HEIGHT);
        let value_ticks = ticks(&value, |_| 1.3 * FONT / height, false);
        let mut chart = ChartBuilder::on(area)
            .margin_top(24)
            .margin_right(RIGHT)
            .y_label_area_size(LEFT)
            .x_label_area_size(TIME_LABELS)
            .build_cartesian_2d(
                Labelled { axis: time, ticks: time_ticks },
                Labelled { axis: value, ticks: value_ticks },
            )
            .map_err(drawing)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(BLACK.stroke_width(2))
            .label_style(font(FONT))
            .set_all_tick_mark_size(8)
            .draw()
            .map_err(drawing)?;
        let middle = (HEIGHT / 2) as i32;
        let style = centred(font(FONT)).transform(FontTransform::Rotate270);
        area.draw_text(label, &style, (44, middle)).map_err(drawing)?;
        Ok(Self { area, chart, time, value })
    }

    /// Light rules over the whole height at the given times.
    pub(super) fn vertical_rules(&mut self, times: &[f64]) -> Result<()> {
        let (low, high) = (self.value.low, self.value.high);
        self.paths(times.iter().map(|&t| vec![(t, low), (t, high)]), rule(times.len()))
    }

    /// A light rule from the vertical axis to every point.
    pub(super) fn rules_from_axis(&mut self, points: &[(f64, f64)]) -> Result<()> {
        let low = self.time.low;
        self.paths(points.iter().map(|&(t, v)| vec![(low, v), (t, v)]), rule(points.len()))
    }

    /// A grey rule over the whole width.
    pub(super) fn horizontal_rule(&mut self, value: f64) -> Result<()> {
        let ends = vec![(self.time.low, value), (self.time.high, value)];
        self.paths([ends], GREY.stroke_width(2))
    }

    /// A line through points.
    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, colour: RGBColor) -> Result<()> {
        self.paths([points], colour.stroke_width(4))
    }

    /// A dot on every point, smaller where there are many.
    pub(super) fn dots(&mut self, points: &[(f64, f64)], colour: RGBColor) -> Result<()> {
        let radius = if points.len() > MANY { 5 } else { 8 };
        let dots = points.iter().map(|&point| Circle::new(point, radius, colour.filled()));
        self.chart.draw_series(dots).map_err(drawing).map(|_| ())
    }

    /// A mark of a shape on every point.
    pub(super) fn marks(
        &mut self,
        points: &[(f64, f64)],
        shape: Shape,
        colour: RGBColor,
    ) -> Result<()> {
        let points = points.iter().copied();
        match shape {
            Shape::Dot => {
                self.chart.draw_series(points.map(|p| Circle::new(p, 9, colour.filled())))
            }
            Shape::Triangle => {
                self.chart.draw_series(points.map(|p| TriangleMarker::new(p, 12, colour.filled())))
            }
            Shape::Cross => {
                self.chart.draw_series(points.map(|p| Cross::new(p, 10, colour.stroke_width(4))))
            }
        }
        .map_err(drawing)
        .map(|_| ())
    }

    /// A bar from `low` to `high` at every point `(x, low, high)`.
    pub(super) fn bars(&mut self, bars: &[(f64, f64, f64)], colour: RGBColor) -> Result<()> {
        let paths = bars.iter().map(|&(x, low, high)| vec![(x, low), (x, high)]);
        self.paths(paths, colour.stroke_width(3))
    }

    /// The line of a legend in the right margin, the `row`-th from above: a mark and its name.
    pub(super) fn legend(
        &self,
        row: usize,
        name: &str,
        shape: Shape,
        colour: RGBColor,
    ) -> Result<()> {
        let (x, y) = self.chart.backend_coord(&(self.time.high, self.value.high));
        let (left, top) = self.area.get_base_pixel();
        let lines = name.split('\n').count() as i32;
        let place = (x - left + 22, y - top + 20 + 66 * row as i32);
        match shape {
            Shape::Dot => self.area.draw(&Circle::new(place, 9, colour.filled())),
            Shape::Triangle => self.area.draw(&TriangleMarker::new(place, 12, colour.filled())),
            Shape::Cross => self.area.draw(&Cross::new(place, 10, colour.stroke_width(4))),
        }
        .map_err(drawing)?;
        let style = font(NAME_FONT).pos(Pos::new(HPos::Left, VPos::Center));
        for (i, line) in name.split('\n').enumerate() {
            let down = 13 * (2 * i as i32 - (lines - 1));
            self.area.draw_text(line, &style, (place.0 + 18, place.1 + down)).map_err(drawing)?;
        }
        Ok(())
    }

    /// Lines of text in the right margin, the block centred on the height of `value`.
    pub(super) fn note(&self, value: f64, lines: &[&str], colour: RGBColor) -> Result<()> {
        let (x, y) = self.chart.backend_coord(&(self.time.high, value));
        let (_, top) = self.area.get_base_pixel();
        let style = font(FONT).color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
        for (i, line) in lines.iter().enumerate() {
            let down = (i as f64 - 0.5 * (lines.len() as f64 - 1.0)) * 1.25 * FONT;
            let place = (x + 18, y - top + libm::round(down) as i32);
            self.area.draw_text(line, &style, place).map_err(drawing)?;
        }
        Ok(())
    }

    fn paths(
        &mut self,
        paths: impl IntoIterator<Item = Vec<(f64, f64)>>,
        style: ShapeStyle,
    ) -> Result<()> {
        let elements = paths.into_iter().map(|points| PathElement::new(points, style));
        self.chart.draw_series(elements).map_err(drawing).map(|_| ())
    }
}

/// Text centred on the panels, in a size in which it fits the canvas.
pub(super) fn centred_text(area: &Area<'_>, text: &str, size: f64, y: i32) -> Result<()> {
    let fitting = f64::from(WIDTH) / (0.6 * text.chars().count().max(1) as f64);
    let middle = (LEFT + (WIDTH - LEFT - RIGHT) / 2) as i32;
    area.draw_text(text, &centred(font(size.min(fitting))), (middle, y)).map_err(drawing)
}

/// The figure at its final size: two units of the canvas are one point.
pub(super) fn at_half_size(svg: String, height: u32) -> String {
    let canvas = format!("width=\"{WIDTH}\" height=\"{height}\"");
    let figure = format!("width=\"{}\" height=\"{}\"", WIDTH / 2, height / 2);
    svg.replacen(&canvas, &figure, 1)
}

/// The style of light rules, given how many there are.
fn rule(count: usize) -> ShapeStyle {
    let grey = if count > MANY { 0xE2 } else { 0xC4 };
    RGBColor(grey, grey, grey).stroke_width(1)
}

/// Black sans-serif text of a size in units.
fn font(size: f64) -> TextStyle<'static> {
    // The SVG backend divides sizes by this factor.
    ("sans-serif", 1.24 * size).into_font().into()
}

fn centred(style: TextStyle<'_>) -> TextStyle<'_> {
    style.pos(Pos::new(HPos::Center, VPos::Center))
}

/// The library's error without its type.
pub(super) fn drawing(error: impl Display) -> ReportError {
    ReportError::Drawing(error.to_string())
}

/// The share of the width of a panel that a label takes, with a gap.
fn text_width(label: &str) -> f64 {
    (0.6 * FONT * label.len() as f64 + 20.0) / f64::from(WIDTH - LEFT - RIGHT)
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
