//! A curve in a terminal, drawn with braille characters: two by four dots in every cell.

use super::axis::{Axis, Scale};
use super::curve::outline;
use super::ticks::number;

/// The widest a plot gets.
const MAX_WIDTH: usize = 80;
const MIN_WIDTH: usize = 24;
const MIN_HEIGHT: usize = 4;
/// Dots in a cell, across and down.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// The bit of each dot of a cell, by row and column (Unicode, "Braille Patterns", U+2800).
const DOTS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// One curve on linear time; see [`text_curve_with_levels`].
pub fn text_curve(times: &[f64], values: &[f64], width: usize, height: usize) -> String {
    text_curve_with_levels(times, values, &[], width, height)
}

/// One curve through `(times, values)`, with ticks on the lower axis at the `levels`.
///
/// The plot has `height` lines, the last two of which are the axis of time and its range, and is
/// `width` columns wide (24 to 80). Levels that crowd towards zero stretch the axis as in
/// [`schedule_svg`](super::schedule_svg), and so do values over orders of magnitude; the labels
/// then say `log`. Points that are not finite are left out, nodes may come in any order.
pub fn text_curve_with_levels(
    times: &[f64],
    values: &[f64],
    levels: &[f64],
    width: usize,
    height: usize,
) -> String {
    let mut nodes: Vec<(f64, f64)> = times.iter().copied().zip(values.iter().copied()).collect();
    nodes.retain(|(t, v)| t.is_finite() && v.is_finite());
    nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (times, values): (Vec<f64>, Vec<f64>) = nodes.into_iter().unzip();
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return "(no finite values to draw)\n".into();
    };
    let levels: Vec<f64> = levels.iter().copied().filter(|&t| t >= first && t <= last).collect();
    let time = Axis::of_times(first, last, &levels);
    // A curve through zero has no logarithm; cumulative barriers start there.
    let positive = values.iter().all(|&v| v > 0.0);
    let value = if positive { Axis::of_values(&values) } else { Axis::linear(&values) };

    let (top, bottom) = (number(value.high), number(value.low));
    let log = if value.scale == Scale::Linear { "" } else { "log" };
    let margin = [top.len(), bottom.len(), log.len()].into_iter().fold(0, usize::max) + 1;
    let columns = width.clamp(MIN_WIDTH, MAX_WIDTH) - margin - 1;
    let rows = height.max(MIN_HEIGHT) - 2;

    let mut canvas = Canvas::new(columns, rows);
    let points = outline(&times, &values, &levels, &time, ACROSS * columns - 1);
    canvas.curve(points.into_iter().map(|(t, v)| (time.position(t), value.position(v))));

    let mut text = String::new();
    for (row, line) in canvas.lines().enumerate() {
        let label = match row {
            0 => &top,
            _ if row == rows - 1 => &bottom,
            1 => log,
            _ => "",
        };
        let tick = if row == 0 || row == rows - 1 { '┤' } else { '│' };
        text += &format!("{label:>w$} {tick}{line}\n", w = margin - 1);
    }
    let mut axis = vec!['─'; columns];
    for &t in &levels {
        if let Some(mark) = axis.get_mut(nearest(time.position(t), columns)) {
            *mark = '┬';
        }
    }
    text += &format!("{:>margin$}└{}\n", "", axis.into_iter().collect::<String>());
    let (left, right) = (number(first), number(last));
    let middle = match time.scale {
        Scale::Linear => String::new(),
        Scale::LinearThenLog { threshold } => format!("log above {}", number(threshold)),
    };
    let room = columns.saturating_sub(left.len() + right.len());
    text + &format!("{:>w$}{left}{middle:^room$}{right}\n", "", w = margin + 1)
}

/// The place among `count` that is nearest to a share in `[0, 1]`.
fn nearest(share: f64, count: usize) -> usize {
    libm::round(share * (count - 1) as f64) as usize
}

/// A raster of dots, row 0 on top.
struct Canvas {
    columns: usize,
    cells: Vec<u8>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![0; columns * rows] }
    }

    fn set(&mut self, x: usize, y: usize) {
        let cell = (y / DOWN) * self.columns + x / ACROSS;
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell |= DOTS[y % DOWN][x % ACROSS];
        }
    }

    /// Joins points given as shares of the width from the left and of the height from below.
    fn curve(&mut self, points: impl Iterator<Item = (f64, f64)>) {
        let (width, height) = (ACROSS * self.columns, DOWN * (self.cells.len() / self.columns));
        let mut previous = None;
        for (across, up) in points {
            let (x, y) = (nearest(across, width), height - 1 - nearest(up, height));
            let (x0, y0) = previous.unwrap_or((x, y));
            let length = x.abs_diff(x0).max(y.abs_diff(y0));
            for i in 0..=length {
                let share = if length == 0 { 1.0 } else { i as f64 / length as f64 };
                let between = |a: usize, b: usize| {
                    libm::round(a as f64 * (1.0 - share) + b as f64 * share) as usize
                };
                self.set(between(x0, x), between(y0, y));
            }
            previous = Some((x, y));
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        // Some fonts draw the empty pattern as circles.
        let braille = |&dots: &u8| match dots {
            0 => ' ',
            _ => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
        };
        self.cells.chunks(self.columns).map(move |row| row.iter().map(braille).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first canvas row, from above, with a dot in the given column of the text.
    fn row_of(text: &str, column: usize) -> usize {
        let dotted = |line: &str| {
            line.chars().nth(column).is_some_and(|c| ('\u{2801}'..='\u{28FF}').contains(&c))
        };
        text.lines().position(dotted).unwrap()
    }

    /// Fails when the plot is wider or higher than asked, or a wide one breaks an 80-column line.
    #[test]
    fn it_has_the_size_asked_for() {
        for (width, height, expected) in [(72, 10, (72, 10)), (200, 5, (80, 5)), (0, 0, (24, 4))] {
            let text = text_curve(&[0.0, 0.3, 1.0], &[-1.5, 2.0, 0.7], width, height);
            let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
            assert_eq!((widths.len(), widths.iter().all(|&w| w == expected.0)), (expected.1, true));
        }
    }

    /// Fails when either axis is flipped.
    #[test]
    fn a_rising_curve_rises() {
        let text = text_curve(&[0.0, 0.2, 1.0], &[0.0, 3.0, 4.0], 72, 10);
        let left = text.lines().next().unwrap().chars().position(|c| c == '┤').unwrap() + 1;
        assert!(row_of(&text, left) > row_of(&text, 71), "\n{text}");
        // Steep before flat: half-way the curve is nearly up.
        assert!(row_of(&text, 40) < 3, "\n{text}");
    }

    /// Fails when a jump leaves a gap, or a spike between two columns is lost.
    #[test]
    fn spikes_are_joined_to_the_curve() {
        let text = text_curve(&[0.0, 0.5, 0.5001, 0.5002, 1.0], &[0.0, 0.0, 9.0, 0.0, 0.0], 40, 8);
        let hit = |line: &str| line.chars().any(|c| ('\u{2801}'..='\u{28FF}').contains(&c));
        assert!(text.lines().take(6).all(hit), "\n{text}");
    }

    /// Fails when ticks are missing, misplaced, or crowded levels share a column.
    #[test]
    fn levels_are_ticks() {
        let levels = [0.0, 1e-3, 1e-2, 1.0];
        let text = text_curve_with_levels(&[0.0, 1.0], &[0.0, 1.0], &levels, 60, 8);
        let axis = text.lines().nth(6).unwrap();
        assert_eq!(axis.matches('┬').count(), 4);
        assert!(axis.contains("└┬") && axis.ends_with('┬') && text.contains("log"), "\n{text}");
    }

    /// Fails when bad numbers are drawn instead of left out.
    #[test]
    fn only_finite_points_are_drawn() {
        let text = text_curve(&[0.0, 1.0, 0.5], &[1.0, 2.0, f64::NAN], 40, 6);
        assert_eq!(text, text_curve(&[0.0, 1.0], &[1.0, 2.0], 40, 6));
        assert!(text_curve(&[0.0], &[f64::NAN], 40, 6).starts_with("(no finite"));
        assert!(!text_curve(&[2.0], &[5.0], 40, 6).is_empty());
    }
}
