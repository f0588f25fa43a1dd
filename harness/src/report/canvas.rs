//! The sheet that figures are drawn on: shapes and text as one SVG file.
//!
//! Positions are points from the upper left corner, rounded to tenths, so equal input gives equal text.
//! What is not a finite position is not drawn: no file ever holds "NaN".

use std::fmt::Write;

use super::palette::{BLACK, Dash, Shape, WHITE};

/// Width of every figure.
pub(super) const WIDTH: f64 = 900.0;

/// The fonts of all text; the first one is bundled for bitmaps.
const FONTS: &str = "DejaVu Sans, Verdana, sans-serif";

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The same between two heights from its top.
    pub(super) fn band(&self, from: f64, to: f64) -> Self {
        Self { top: self.top + from, bottom: self.top + to, ..*self }
    }

    /// Cell `index` of a grid of so many columns with rows of a height, in reading order.
    pub(super) fn cell(&self, index: usize, columns: usize, height: f64) -> Self {
        let width = self.width() / columns.max(1) as f64;
        let (row, column) = (index / columns.max(1), index % columns.max(1));
        let (left, top) = (self.left + width * column as f64, self.top + height * row as f64);
        Self { left, top, right: left + width, bottom: top + height }
    }
}

/// Where text stands relative to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) colour: &'static str,
    pub(super) width: f64,
    pub(super) dash: Dash,
}

impl Stroke {
    /// A line without gaps.
    pub(super) fn solid(colour: &'static str, width: f64) -> Self {
        Self { colour, width, dash: Dash::Solid }
    }

    fn attributes(&self) -> String {
        let Self { colour, width, dash } = self;
        format!("stroke=\"{colour}\" stroke-width=\"{width}\"{}", dash.attribute())
    }
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Text {
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    pub(super) colour: &'static str,
    /// Reads upwards.
    pub(super) upwards: bool,
}

impl Text {
    /// Black text that reads from left to right.
    pub(super) fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, colour: BLACK, upwards: false }
    }

    /// The same in a colour.
    pub(super) fn colour(self, colour: &'static str) -> Self {
        Self { colour, ..self }
    }
}

/// A figure in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    height: f64,
    body: String,
}

impl Canvas {
    /// An empty white sheet of a height.
    pub(super) fn new(height: f64) -> Self {
        let mut canvas = Self { height, body: String::new() };
        canvas.rectangle(canvas.area(), WHITE, 1.0);
        canvas
    }

    /// All of it.
    pub(super) fn area(&self) -> Area {
        Area { left: 0.0, top: 0.0, right: WIDTH, bottom: self.height }
    }

    /// A filled rectangle.
    pub(super) fn rectangle(&mut self, area: Area, fill: &str, opacity: f64) {
        let Area { left, top, .. } = area;
        let (width, height) = (area.width(), area.height());
        if [left, top, width, height].iter().all(|x| x.is_finite()) {
            // Writing to a string cannot fail; so in the rest of this file.
            let _ = writeln!(
                self.body,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"{}/>",
                tenths(left),
                tenths(top),
                tenths(width.max(0.0)),
                tenths(height.max(0.0)),
                opaque(opacity)
            );
        }
    }

    /// A line through points; a point that is no place interrupts it.
    pub(super) fn line(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        for piece in points.split(|(x, y)| !x.is_finite() || !y.is_finite()) {
            if piece.len() > 1 {
                let places = places(piece);
                let _ = writeln!(
                    self.body,
                    "<polyline points=\"{places}\" fill=\"none\" {} stroke-linejoin=\"round\"/>",
                    stroke.attributes()
                );
            }
        }
    }

    /// The inside of closed curves as one shape: what lies in an even number of them is outside.
    pub(super) fn region(&mut self, loops: &[Vec<(f64, f64)>], fill: &str, opacity: f64) {
        let mut path = String::new();
        for curve in loops.iter().filter(|curve| curve.len() > 2) {
            if curve.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
                let _ = write!(path, "M{}Z", places(curve));
            }
        }
        if !path.is_empty() {
            let _ = writeln!(
                self.body,
                "<path d=\"{path}\" fill=\"{fill}\" fill-rule=\"evenodd\"{}/>",
                opaque(opacity)
            );
        }
    }

    /// A disc.
    pub(super) fn disc(&mut self, (x, y): (f64, f64), radius: f64, fill: &str, opacity: f64) {
        if x.is_finite() && y.is_finite() && radius.is_finite() {
            let _ = writeln!(
                self.body,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\"{}/>",
                tenths(x),
                tenths(y),
                tenths(radius),
                opaque(opacity)
            );
        }
    }

    /// A circle that shows what it surrounds.
    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, stroke: Stroke) {
        if x.is_finite() && y.is_finite() && radius.is_finite() {
            let _ = writeln!(
                self.body,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"none\" {}/>",
                tenths(x),
                tenths(y),
                tenths(radius),
                stroke.attributes()
            );
        }
    }

    /// Many small round dots of one size as one shape, through which others shine.
    pub(super) fn dots(&mut self, points: &[(f64, f64)], diameter: f64, colour: &str) {
        let mut path = String::new();
        for (x, y) in points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
            // A line of almost no length with round ends: a tenth of the bytes of a circle.
            let _ = write!(path, "M{},{}h.01", tenths(*x), tenths(*y));
        }
        if !path.is_empty() {
            let _ = writeln!(
                self.body,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\" \
                 stroke-linecap=\"round\" stroke-opacity=\"0.7\"/>",
                tenths(diameter)
            );
        }
    }

    /// A mark of a shape, of which `size` is half the width.
    pub(super) fn mark(&mut self, place: (f64, f64), shape: Shape, colour: &str, size: f64) {
        let (x, y) = place;
        if !x.is_finite() || !y.is_finite() {
            return;
        }
        let at = |corners: &[(f64, f64)]| -> Vec<(f64, f64)> {
            corners.iter().map(|(right, down)| (x + size * right, y + size * down)).collect()
        };
        let filled = |canvas: &mut Self, corners: &[(f64, f64)]| {
            let places = places(&at(corners));
            let _ = writeln!(canvas.body, "<polygon points=\"{places}\" fill=\"{colour}\"/>");
        };
        match shape {
            Shape::Dot => self.disc(place, size, colour, 1.0),
            Shape::Triangle => filled(self, &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
            Shape::Pointer => filled(self, &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)]),
            Shape::Square => filled(self, &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Diamond => filled(self, &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            Shape::Cross | Shape::Plus => {
                let arm = if shape == Shape::Cross { (1.0, 1.0) } else { (1.25, 0.0) };
                let other = if shape == Shape::Cross { (1.0, -1.0) } else { (0.0, 1.25) };
                let mut path = String::new();
                for (right, down) in [arm, other] {
                    let _ = write!(path, "M{}", places(&at(&[(-right, -down), (right, down)])));
                }
                let width = tenths(0.45 * size);
                let _ = writeln!(
                    self.body,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
                );
            }
        }
    }

    /// Text whose middle line passes through a place.
    pub(super) fn text(&mut self, (x, y): (f64, f64), text: &str, style: Text) {
        if !x.is_finite() || !y.is_finite() {
            return;
        }
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        // Letters stand on their base line, about a third of the size below their middle.
        let base = 0.36 * style.size;
        let (left, down) = if style.upwards { (x + base, y) } else { (x, y + base) };
        let turn = match style.upwards {
            true => format!(" transform=\"rotate(270 {} {})\"", tenths(left), tenths(down)),
            false => String::new(),
        };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" font-size=\"{}\" fill=\"{}\"{turn}>{}</text>",
            tenths(left),
            tenths(down),
            tenths(style.size),
            style.colour,
            escaped(text)
        );
    }

    /// The file; title and description are read to those who cannot see it.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let (width, height) = (tenths(WIDTH), tenths(self.height));
        format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" font-family=\"{FONTS}\">\n\
             <title>{}</title>\n<desc>{}</desc>\n{}</svg>\n",
            escaped(title),
            escaped(description),
            self.body
        )
    }
}

/// The width that text takes, about.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let wide = |c: char| if matches!(c, 'i' | 'l' | 'j' | '.' | ',' | ' ') { 0.36 } else { 0.62 };
    size * text.chars().map(wide).sum::<f64>()
}

/// As much of a text as fits a width, with a sign where it was cut.
pub(super) fn fitting(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if text_width(&kept, size) + 1.3 * size > width {
            break;
        }
        kept.push(c);
    }
    kept.trim_end().to_owned() + "…"
}

/// Text as SVG and HTML show it, without control characters, which XML forbids even when escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

fn places(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(12 * points.len());
    for (i, &(x, y)) in points.iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        let _ = write!(text, "{space}{},{}", tenths(x), tenths(y));
    }
    text
}

/// A number in tenths, short.
fn tenths(x: f64) -> String {
    let text = format!("{x:.1}");
    let short = text.strip_suffix(".0").unwrap_or(&text);
    if short == "-0" { "0".into() } else { short.into() }
}

fn opaque(opacity: f64) -> String {
    if opacity < 1.0 { format!(" fill-opacity=\"{opacity:.2}\"") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a place that is no number is drawn, breaks a line without a gap, or text breaks the file.
    #[test]
    fn what_is_no_place_is_a_gap() {
        let mut canvas = Canvas::new(50.0);
        let line = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, 5.25)];
        canvas.line(&line, Stroke::solid(BLACK, 1.0));
        canvas.mark((f64::NAN, 1.0), Shape::Cross, BLACK, 3.0);
        canvas.disc((1.0, f64::INFINITY), 2.0, BLACK, 1.0);
        canvas.text((1.0, 2.0), "a<b> & \"c'\u{1}", Text::new(10.0, Anchor::End));
        let svg = canvas.finish("t<", "d&");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("points=\"3,4 4,5.3\"") || svg.contains("points=\"3,4 4,5.2\""));
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<circle"));
        assert!(svg.contains("a&lt;b&gt; &amp; &quot;c&#39; </text>"), "{svg}");
        assert!(svg.contains("<title>t&lt;</title>") && svg.contains("<desc>d&amp;</desc>"));
    }

    /// Fails if cut text is longer than its room, or text that fits is cut.
    #[test]
    fn long_text_is_cut_to_its_room() {
        assert_eq!(fitting("short", 10.0, 100.0), "short");
        let cut = fitting("a name that is far too long for this", 10.0, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, 10.0) <= 106.0, "{cut}");
    }
}
