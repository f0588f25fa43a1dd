//! The figure of an annealing schedule.
//!
//! Three panels over one axis of time: the local barrier `lambda(t)`, the cumulative barrier
//! `Lambda(t) = int_0^t lambda` with the levels on it, and the rejection rate of neighbouring levels.
//! A good schedule takes equal steps of `Lambda`, hence equal rejection rates (Syed, Bouchard-Côté,
//! Deligiannidis & Doucet, "Non-reversible parallel tempering", JRSS B 2022): rules lead from every
//! level to the vertical axis, and the mean rate is drawn across the steps.

use super::axis::{Axis, Scale};
use super::canvas::{Canvas, Stroke};
use super::curve::{interpolate, outline};
use super::palette::{BLUE, GREEN, GREY, VERMILLION};
use super::panel::{Below, FONT, HEIGHT, MARGINS, Panel, TIME_LABELS, centred_text, title};
use super::ticks::number;
use super::{ReportError, Result};

/// What the figure shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SchedulePlot<'a> {
    /// The line above the panels: target, path, kernel.
    pub title: &'a str,
    /// Symbol of the annealing parameter, such as `t`; also the argument in the vertical labels.
    pub x_label: &'a str,
    /// Strictly increasing nodes at which the two curves are given.
    pub times: &'a [f64],
    /// `lambda` at the nodes; a range over orders of magnitude gets a logarithmic axis.
    pub local: &'a [f64],
    /// `Lambda` at the nodes.
    pub cumulative: &'a [f64],
    /// Strictly increasing times of levels `0..=L`, within the nodes.
    pub levels: &'a [f64],
    /// Rejection rate of the pairs `(i, i + 1)`, `L` numbers; without it the third panel is left out.
    pub rejections: Option<&'a [f64]>,
}

/// Points above the panels for the title, and below them for the name of the axis.
const TITLE: f64 = 45.0;
const FOOT: f64 = 25.0;
/// Width of curves.
const CURVE: f64 = 2.0;
/// Even places at which curves are drawn besides their nodes.
const PIECES: usize = 400;

/// The figure as the text of an SVG file.
///
/// # Errors
/// Lists of wrong lengths, numbers that are not finite, times that do not increase, and levels
/// outside the nodes.
pub fn schedule_svg(plot: &SchedulePlot<'_>) -> Result<String> {
    check(plot)?;
    let panels = if plot.rejections.is_some() { 3 } else { 2 };
    let height = TITLE + f64::from(panels) * (HEIGHT + TIME_LABELS) + FOOT;
    let mut canvas = Canvas::new(height);
    draw(plot, &mut canvas)?;
    let description = format!("{} levels; panels over one axis of time", plot.levels.len());
    Ok(canvas.finish(plot.title, &description))
}

fn draw(plot: &SchedulePlot<'_>, canvas: &mut Canvas) -> Result<()> {
    let SchedulePlot { times, levels, x_label, .. } = *plot;
    title(canvas, plot.title, 0.5 * TITLE);
    let (first, last) = match times {
        [first, .., last] => (*first, *last),
        _ => return Err(ReportError::TooShort { what: "times", found: times.len() }),
    };
    let time = Axis::of_times(first, last, levels);
    let row = HEIGHT + TIME_LABELS;
    let area = canvas.area();
    let body = move |index: usize| {
        let top = TITLE + row * index as f64;
        (area.band(top, top + row), MARGINS)
    };
    let over_time = (time, Below::Numbers);

    let label = format!("local barrier λ({x_label})");
    let values = Axis::of_values(plot.local).with_room();
    let mut local = Panel::new(canvas, body(0), over_time, (values, &label));
    local.vertical_rules(levels);
    let curve = |values| outline(times, values, levels, &time, PIECES);
    local.line(&curve(plot.local), Stroke::solid(BLUE, CURVE));

    let on_curve: Vec<(f64, f64)> =
        levels.iter().map(|&t| (t, interpolate(times, plot.cumulative, t))).collect();
    // Linear even where it spans orders of magnitude: equal steps must look equal.
    let label = format!("cumulative barrier Λ({x_label})");
    let values = Axis::linear(plot.cumulative).with_room();
    let mut cumulative = Panel::new(canvas, body(1), over_time, (values, &label));
    cumulative.vertical_rules(levels);
    cumulative.rules_from_axis(&on_curve);
    cumulative.line(&curve(plot.cumulative), Stroke::solid(VERMILLION, CURVE));
    cumulative.dots(&on_curve, VERMILLION);
    if let Some(&total) = plot.cumulative.last() {
        cumulative.note(total, &["total", &number(total)], VERMILLION);
    }

    if let Some(rates) = plot.rejections {
        let values = Axis::linear(rates).with_room();
        let mut panel = Panel::new(canvas, body(2), over_time, (values, "rejection rate r"));
        panel.vertical_rules(levels);
        // Weights before the sum: a mean of huge numbers stays finite.
        let mean: f64 = rates.iter().map(|r| r / rates.len() as f64).sum();
        panel.horizontal_rule(mean);
        panel.line(&steps(levels, rates), Stroke::solid(GREEN, CURVE));
        panel.note(mean, &["mean", &number(mean)], GREY);
    }
    let foot = canvas.area().bottom - 0.5 * FOOT - 4.0;
    centred_text(canvas, &time_label(x_label, &time), FONT, foot);
    Ok(())
}

/// Constant between neighbouring levels.
fn steps(levels: &[f64], rates: &[f64]) -> Vec<(f64, f64)> {
    levels.windows(2).zip(rates).flat_map(|(pair, &r)| pair.iter().map(move |&t| (t, r))).collect()
}

/// The name of the axis of time, which says how it is stretched.
pub(super) fn time_label(symbol: &str, time: &Axis) -> String {
    match time.scale {
        Scale::Linear => symbol.to_string(),
        Scale::LinearThenLog { threshold } => {
            format!("{symbol} (linear up to {}, logarithmic above)", number(threshold))
        }
    }
}

fn check(plot: &SchedulePlot<'_>) -> Result<()> {
    increasing("times", plot.times)?;
    increasing("levels", plot.levels)?;
    let nodes = plot.times.len();
    list("local barriers", plot.local, nodes)?;
    list("cumulative barriers", plot.cumulative, nodes)?;
    if let Some(rates) = plot.rejections {
        list("rejection rates", rates, plot.levels.len() - 1)?;
    }
    if let [first, .., last] = *plot.times {
        // Both ends of a schedule are often computed in two ways.
        let slack = 1e-9 * (last - first);
        let outside = |&(_, &t): &(usize, &f64)| t < first - slack || t > last + slack;
        if let Some((index, &time)) = plot.levels.iter().enumerate().find(outside) {
            return Err(ReportError::LevelOutside { index, time, first, last });
        }
    }
    Ok(())
}

fn increasing(what: &'static str, times: &[f64]) -> Result<()> {
    if times.len() < 2 {
        return Err(ReportError::TooShort { what, found: times.len() });
    }
    list(what, times, times.len())?;
    match times.windows(2).position(|pair| pair[1] <= pair[0]) {
        Some(i) => Err(ReportError::NotIncreasing { what, index: i + 1 }),
        None => Ok(()),
    }
}

fn list(what: &'static str, values: &[f64], expected: usize) -> Result<()> {
    if values.len() != expected {
        return Err(ReportError::Length { what, expected, found: values.len() });
    }
    match values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        Some((index, &value)) => Err(ReportError::NotFinite { what, index, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: SchedulePlot<'_> = SchedulePlot {
        title: "a<b & \"c\"\u{1}",
        x_label: "t",
        times: &[0.0, 1e-3, 0.1, 1.0],
        local: &[800.0, 90.0, 2.0, 0.5],
        cumulative: &[0.0, 0.4, 3.0, 4.5],
        levels: &[0.0, 2e-3, 0.08, 0.3, 1.0],
        rejections: Some(&[0.4, 0.3, 0.25, 0.35]),
    };

    /// Panels are counted by the labels of their vertical axes, the only rotated text.
    fn panels(svg: &str) -> usize {
        svg.matches("rotate(270").count()
    }

    /// Fails when a tag stays open, a number is not one, or drawing depends on anything but data.
    #[test]
    fn the_text_is_well_formed_and_repeats() {
        let svg = schedule_svg(&EXAMPLE).unwrap();
        for tag in ["svg", "text"] {
            let (open, close) = (format!("<{tag} "), format!("</{tag}>"));
            assert_eq!(svg.matches(&open).count(), svg.matches(&close).count(), "{tag}");
        }
        assert_eq!(svg.matches("<svg").count(), 1);
        // Everything but those, title and description is one tag that closes itself.
        let closing = svg.matches("</").count();
        assert_eq!(svg.matches('<').count(), 2 * closing + svg.matches("/>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg, schedule_svg(&EXAMPLE).unwrap());
        assert!(svg.starts_with("<svg width=\"900\""), "{}", &svg[..80]);
    }

    /// Fails when a title can break the file.
    #[test]
    fn the_title_is_escaped() {
        let svg = schedule_svg(&EXAMPLE).unwrap();
        assert!(svg.contains("a&lt;b &amp; &quot;c&quot; </text>"));
        assert!(!svg.contains("a<b") && !svg.contains('\u{1}'));
    }

    /// Fails when a level has no marker, or markers do not rise with the curve they lie on.
    #[test]
    fn every_level_has_a_marker() {
        let svg = schedule_svg(&EXAMPLE).unwrap();
        let attribute = |line: &str, name: &str| -> f64 {
            let rest = line.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let markers: Vec<(f64, f64)> = svg
            .lines()
            .filter(|line| line.starts_with("<circle"))
            .map(|line| (attribute(line, "cx"), attribute(line, "cy")))
            .collect();
        assert_eq!(markers.len(), 5);
        assert!(markers.windows(2).all(|m| m[0].0 < m[1].0 && m[0].1 > m[1].1), "{markers:?}");
    }

    /// Fails when the panel of rejection rates is drawn without data, or left out with data.
    #[test]
    fn rejections_are_optional() {
        let without = SchedulePlot { rejections: None, ..EXAMPLE };
        assert_eq!(panels(&schedule_svg(&EXAMPLE).unwrap()), 3);
        let svg = schedule_svg(&without).unwrap();
        assert_eq!(panels(&svg), 2);
        assert!(svg.contains("logarithmic above") && !svg.contains("rejection"));
    }

    /// Fails when bad data is drawn, or the message blames the wrong list or entry.
    #[test]
    fn bad_data_is_named() {
        let error = |plot| schedule_svg(&plot).unwrap_err().to_string();
        let nan = [800.0, 90.0, f64::NAN, 0.5];
        assert!(
            error(SchedulePlot { local: &nan, ..EXAMPLE })
                .contains("entry 2 of the local barriers")
        );
        let infinite = [0.4, f64::INFINITY, 0.25, 0.35];
        assert!(
            error(SchedulePlot { rejections: Some(&infinite), ..EXAMPLE })
                .contains("entry 1 of the rejection rates is inf")
        );
        let outside = SchedulePlot { levels: &[0.0, 0.1, 0.2, 0.3, 1.5], ..EXAMPLE };
        assert!(error(outside).starts_with("level 4 at 1.5"));
        let repeated = SchedulePlot { levels: &[0.0, 0.1, 0.1, 0.3, 1.0], ..EXAMPLE };
        assert!(error(repeated).contains("entry 2 of the levels"));
        let short = SchedulePlot { cumulative: &[0.0, 1.0], ..EXAMPLE };
        assert!(error(short).contains("cumulative barriers have 2 entries instead of 4"));
        assert!(error(SchedulePlot { times: &[0.0], ..EXAMPLE }).contains("two entries"));
    }

    /// Fails when flat, tiny or huge finite data hangs or breaks the figure.
    #[test]
    fn extreme_data_is_drawn() {
        for size in [0.0, 1e-300, 1e-3, 1e300, -1e300] {
            let values = [size, -0.5 * size, size, 0.25 * size];
            let plot = SchedulePlot {
                local: &values,
                cumulative: &values,
                rejections: Some(&values),
                ..EXAMPLE
            };
            let svg = schedule_svg(&plot).unwrap();
            assert!(!svg.contains("NaN") && !svg.contains(">inf"), "{size}");
        }
    }
}
