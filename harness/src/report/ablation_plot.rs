//! The figure of an ablation: panels over the values of one setting.
//!
//! Every series has a shape and a colour of its own, so the figure reads without colours. Bars are two
//! standard errors to either side. Numbers that are not finite are left out: a run that failed is one of
//! the things an ablation finds.

use super::axis::{Axis, Scale};
use super::canvas::{Area, Canvas, Stroke};
use super::palette::style;
use super::panel::{Below, FONT, HEIGHT, MARGINS, Panel, TIME_LABELS, centred_text, title};
use super::{ReportError, Result};

/// What the figure shows.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationPlot {
    /// The line above the panels.
    pub title: String,
    /// What the horizontal axis is.
    pub x_label: String,
    /// The values of the setting.
    pub columns: Columns,
    /// From top to bottom.
    pub panels: Vec<AblationPanel>,
}

/// The values of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Columns {
    /// Increasing numbers; an axis that is logarithmic where they span more than a decade.
    Numbers(Vec<f64>),
    /// Names, side by side.
    Names(Vec<String>),
}

/// How the numbers of a panel spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelScale {
    /// Numbers of both signs, with a rule at zero.
    AroundZero,
    /// Numbers that are not negative, over any number of decades.
    Decades,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationPanel {
    /// What its vertical axis is.
    pub label: &'static str,
    /// How its numbers spread.
    pub scale: PanelScale,
    /// What it shows, at most three.
    pub series: Vec<Series>,
}

/// One number for every value of the setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name; may have two lines.
    pub name: &'static str,
    /// The numbers.
    pub values: Vec<f64>,
    /// Their standard errors, if they have any.
    pub errors: Option<Vec<f64>>,
}

/// Points above the panels for the title, and below them for the name of the axis.
const TITLE: f64 = 45.0;
const FOOT: f64 = 25.0;
/// Standard errors to either side of a mark.
const BARS: f64 = 2.0;
/// Distance of the series of a value, as a share of the width.
const APART: f64 = 0.007;

/// The figure as the text of an SVG file.
///
/// # Errors
/// Lists that are not as long as there are values, and no values.
pub fn ablation_svg(plot: &AblationPlot) -> Result<String> {
    let expected = plot.columns.len();
    if expected == 0 {
        return Err(ReportError::Length { what: "values", expected: 1, found: 0 });
    }
    for series in plot.panels.iter().flat_map(|panel| &panel.series) {
        let lists = [Some(&series.values), series.errors.as_ref()];
        if let Some(list) = lists.into_iter().flatten().find(|list| list.len() != expected) {
            let found = list.len();
            return Err(ReportError::Length { what: "numbers of a series", expected, found });
        }
    }
    let row = HEIGHT + TIME_LABELS;
    let height = TITLE + plot.panels.len() as f64 * row + FOOT;
    let mut canvas = Canvas::new(height);
    title(&mut canvas, &plot.title, 0.5 * TITLE);
    for (index, panel) in plot.panels.iter().enumerate() {
        let top = TITLE + row * index as f64;
        let area = canvas.area().band(top, top + row);
        draw(panel, &plot.columns, &mut canvas, area);
    }
    let x_label = plot.columns.axis().0.announced(&plot.x_label);
    centred_text(&mut canvas, &x_label, FONT, height - 0.5 * FOOT - 4.0);
    let labels: Vec<&str> = plot.panels.iter().map(|panel| panel.label).collect();
    let description = format!("{} over {}", labels.join(", "), plot.x_label);
    Ok(canvas.finish(&plot.title, &description))
}

impl Columns {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Names(names) => names.len(),
        }
    }

    /// The axis, and where the values stand on it.
    fn axis(&self) -> (Axis, Vec<f64>) {
        match self {
            Self::Numbers(numbers) => (Axis::of_settings(numbers), numbers.clone()),
            Self::Names(names) => {
                let high = names.len() as f64 - 0.5;
                let axis = Axis { scale: Scale::Linear, low: -0.5, high };
                (axis, (0..names.len()).map(|column| column as f64).collect())
            }
        }
    }
}

fn draw(panel: &AblationPanel, columns: &Columns, canvas: &mut Canvas, area: Area) {
    let (x, places) = columns.axis();
    let below = match columns {
        Columns::Numbers(numbers) => Below::Settings(numbers),
        Columns::Names(names) => Below::Names(names),
    };
    let y = (value_axis(panel), panel.label);
    let mut drawn = Panel::new(canvas, (area, MARGINS), (x, below), y);
    if panel.scale == PanelScale::AroundZero {
        drawn.horizontal_rule(0.0);
    }
    let middle = 0.5 * (panel.series.len() as f64 - 1.0);
    for (i, series) in panel.series.iter().enumerate() {
        let look = style(i);
        // Side by side, so that no mark hides another.
        let shift = APART * (i as f64 - middle);
        let beside = |place: f64| x.at(x.position(place) + shift);
        let points = places.iter().zip(&series.values).map(|(&p, &v)| (beside(p), v));
        let points: Vec<(f64, f64)> = points.filter(|(_, value)| value.is_finite()).collect();
        if let Some(errors) = &series.errors {
            let bars = places.iter().zip(&series.values).zip(errors);
            let bars: Vec<(f64, f64, f64)> = bars
                .filter(|((_, value), error)| value.is_finite() && error.is_finite())
                .map(|((&p, v), e)| (beside(p), v - BARS * e, v + BARS * e))
                .collect();
            drawn.bars(&bars, look.colour);
        }
        if matches!(columns, Columns::Numbers(_)) {
            drawn.line(&points, Stroke { colour: look.colour, width: 2.0, dash: look.dash });
        }
        drawn.marks(&points, look.shape, look.colour);
        drawn.legend(i, series.name, look);
    }
}

/// The axis of all numbers of a panel with their bars.
fn value_axis(panel: &AblationPanel) -> Axis {
    let (mut ends, mut errors) = (Vec::new(), Vec::new());
    for series in &panel.series {
        ends.extend(series.values.iter().copied().filter(|value| value.is_finite()));
        for (value, error) in series.values.iter().zip(series.errors.iter().flatten()) {
            if value.is_finite() && error.is_finite() {
                ends.extend([value - BARS * error, value + BARS * error]);
                errors.extend(Some(*error).filter(|&error| error > 0.0));
            }
        }
    }
    errors.sort_by(f64::total_cmp);
    match panel.scale {
        PanelScale::Decades => Axis::of_decades(&ends),
        // What is smaller than most errors is noise, and needs no decades.
        PanelScale::AroundZero => {
            Axis::around_zero(&ends, errors.get(errors.len() / 2).copied().unwrap_or(0.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(columns: Columns) -> AblationPlot {
        let series = |name, values: &[f64]| Series { name, values: values.into(), errors: None };
        let biased = Series {
            errors: Some(vec![0.02, 0.1, f64::NAN, 0.01]),
            ..series("log Z", &[-31.0, 0.5, f64::NAN, -0.02])
        };
        AblationPlot {
            title: "a<b\u{1}".into(),
            x_label: "n_trunc".into(),
            columns,
            panels: vec![
                AblationPanel {
                    label: "bias",
                    scale: PanelScale::AroundZero,
                    series: vec![biased, series("log\nweight", &[0.1, 0.2, f64::INFINITY, 0.0])],
                },
                AblationPanel {
                    label: "error",
                    scale: PanelScale::Decades,
                    series: vec![series("worst", &[1e-1, 1e-9, 0.0, 1e-16])],
                },
            ],
        }
    }

    /// Vertical places of the dots of a figure, from left to right.
    fn dots(svg: &str) -> Vec<f64> {
        let attribute = |line: &str, name: &str| -> f64 {
            let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        let circles = svg.lines().filter(|line| line.starts_with("<circle"));
        circles.filter(|l| attribute(l, "cx") < 815.0).map(|l| attribute(l, "cy")).collect()
    }

    /// Fails if the figure is not well formed, a number that is not finite is drawn, a large negative
    /// bias is not below a small positive one, or sixteen decades are flattened to zero.
    #[test]
    fn marks_stand_in_order() {
        let columns = [
            Columns::Numbers(vec![0.0, 1.0, 4.0, 32.0]),
            Columns::Names(["ddim", "recentred-hutchpp", "c", "d"].map(str::to_owned).to_vec()),
        ];
        for columns in columns {
            let svg = ablation_svg(&example(columns.clone())).unwrap();
            assert_eq!(svg, ablation_svg(&example(columns)).unwrap());
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.contains("a&lt;b"));
            assert_eq!(svg.matches("rotate(270").count(), 2);
            let dots = dots(&svg);
            assert_eq!(dots.len(), 3 + 4, "{dots:?}");
            assert!(dots[0] > dots[2] && dots[2] > dots[1], "{dots:?}");
            assert!(dots[3] < dots[4] && dots[4] < dots[6] && dots[6] < dots[5], "{dots:?}");
            assert!(dots[6] - dots[4] > 25.0, "{dots:?}");
        }
    }

    /// Fails if lists of wrong lengths are drawn, or a panel without numbers is a failure.
    #[test]
    fn lengths_are_checked_and_emptiness_is_not() {
        let refused = ablation_svg(&example(Columns::Numbers(vec![1.0, 2.0]))).unwrap_err();
        assert!(refused.to_string().contains("4 entries instead of 2"), "{refused}");
        let mut empty = example(Columns::Numbers(vec![1.0, 2.0, 3.0, 4.0]));
        for series in empty.panels.iter_mut().flat_map(|panel| &mut panel.series) {
            series.values.fill(f64::NAN);
        }
        assert!(ablation_svg(&empty).is_ok());
        assert!(ablation_svg(&example(Columns::Numbers(Vec::new()))).is_err());
    }
}
