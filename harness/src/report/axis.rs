//! One axis: which numbers it spans, and where between its ends a number lies.
//!
//! The second scale is, with a threshold `c`,
//!
//! `u(x) = x/c` up to `c`, `u(x) = 1 + log(x/c)` above.
//!
//! It is continuous with its slope, so curves get no kink at `c`, and it has a place for zero. Negative
//! numbers mirror positive ones, `u(-x) = -u(x)`.

/// How an axis stretches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Equal distances for equal differences.
    Linear,
    /// Linear up to the threshold, logarithmic above.
    LinearThenLog {
        /// The positive threshold.
        threshold: f64,
    },
}

/// A range of numbers on a scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// The scale.
    pub(super) scale: Scale,
    /// The number at the left or lower end.
    pub(super) low: f64,
    /// The number at the right or upper end, greater than `low`.
    pub(super) high: f64,
}

/// Levels below this share of the last one are invisible on a linear axis.
const SMALL_LEVEL: f64 = 0.02;
/// A curve whose largest value is that many times its smallest gets a logarithmic axis.
const WIDE_CURVE: f64 = 100.0;
/// Smaller parts of the largest time, and of the largest value, are drawn like zero: more decades
/// than these would leave no room for the ones that matter.
const TIME_RESOLUTION: f64 = 1e-12;
const VALUE_RESOLUTION: f64 = 1e-6;

impl Scale {
    fn forward(self, x: f64) -> f64 {
        match self {
            Self::LinearThenLog { threshold } if x.abs() > threshold => {
                libm::copysign(1.0 + libm::log(x.abs() / threshold), x)
            }
            Self::LinearThenLog { threshold } => x / threshold,
            Self::Linear => x,
        }
    }

    fn inverse(self, u: f64) -> f64 {
        match self {
            Self::LinearThenLog { threshold } if u.abs() > 1.0 => {
                libm::copysign(threshold * libm::exp(u.abs() - 1.0), u)
            }
            Self::LinearThenLog { threshold } => threshold * u,
            Self::Linear => u,
        }
    }
}

impl Axis {
    /// The axis of time from `low` to `high`, such that all levels can be told apart.
    pub(super) fn of_times(low: f64, high: f64, levels: &[f64]) -> Self {
        let last = levels.iter().copied().fold(0.0, f64::max);
        let scale = match smallest_positive(levels) {
            Some(t) if low >= 0.0 && t < SMALL_LEVEL * last => {
                Scale::LinearThenLog { threshold: round_below(t.max(TIME_RESOLUTION * last)) }
            }
            _ => Scale::Linear,
        };
        Self { scale, low, high: widen(low, high) }
    }

    /// The axis of a curve's values, logarithmic where they span orders of magnitude.
    pub(super) fn of_values(values: &[f64]) -> Self {
        let Self { low, high, .. } = Self::linear(values);
        let lowest = values.iter().copied().fold(high, f64::min);
        match smallest_positive(values) {
            Some(smallest) if low >= 0.0 && high > WIDE_CURVE * smallest => {
                let threshold = round_below(smallest.max(VALUE_RESOLUTION * high));
                let low = if lowest < threshold { 0.0 } else { lowest };
                Self { scale: Scale::LinearThenLog { threshold }, low, high }
            }
            _ => Self::linear(values),
        }
    }

    /// The linear axis of a curve's values, from zero or below; an empty range is widened.
    pub(super) fn linear(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(0.0, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        Self { scale: Scale::Linear, low, high: widen(low, high) }
    }

    /// The linear axis of numbers wherever they are, zero among them or not.
    pub(super) fn spanning(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match low <= high {
            true => Self { scale: Scale::Linear, low, high: widen(low, high) }.padded(0.06),
            false => Self::linear(&[]),
        }
    }

    /// The axis of numbers of both signs around zero, among which `threshold` is a small one: linear up
    /// to it, logarithmic above where the numbers span orders of magnitude.
    pub(super) fn around_zero(values: &[f64], threshold: f64) -> Self {
        let Self { low, high, .. } = Self::linear(values);
        let size = high.max(-low);
        let threshold = round_below(threshold.max(VALUE_RESOLUTION * size));
        let scale = match size > WIDE_CURVE * threshold {
            true => Scale::LinearThenLog { threshold },
            false => Scale::Linear,
        };
        Self { scale, low, high }.padded(0.06)
    }

    /// The axis of positive numbers over any number of decades, with a place for zero if it is there.
    pub(super) fn of_decades(values: &[f64]) -> Self {
        let Self { low, high, .. } = Self::linear(values);
        match smallest_positive(values) {
            Some(smallest) if low >= 0.0 => {
                let zero = values.contains(&0.0);
                let scale = Scale::LinearThenLog { threshold: smallest };
                let axis =
                    Self { scale, low: if zero { 0.0 } else { smallest }, high }.padded(0.06);
                // Room that reached below zero would show a zero that nothing stands at.
                Self { low: if zero { axis.low } else { axis.low.max(0.5 * smallest) }, ..axis }
            }
            _ => Self { scale: Scale::Linear, low, high }.padded(0.06),
        }
    }

    /// The axis of the values of a setting: logarithmic where they span more than a decade.
    pub(super) fn of_settings(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let scale = match smallest_positive(values) {
            Some(smallest) if low >= 0.0 && high > 10.0 * smallest => {
                Scale::LinearThenLog { threshold: smallest }
            }
            _ => Scale::Linear,
        };
        Self { scale, low, high: widen(low, high) }.padded(0.04)
    }

    /// The same axis, longer at both ends by a share of what it shows.
    fn padded(self, share: f64) -> Self {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        let room = share * (high - low).max(f64::MIN_POSITIVE);
        Self {
            low: self.scale.inverse(low - room),
            high: widen(self.low, self.scale.inverse(high + room)),
            ..self
        }
    }

    /// The same axis with room above the curve, and below it unless it starts at zero.
    pub(super) fn with_room(self) -> Self {
        let (low, high) = match self.scale {
            Scale::LinearThenLog { threshold } if self.low > 0.0 => {
                (threshold.max(self.low / 1.3), 1.3 * self.high)
            }
            Scale::LinearThenLog { .. } => (self.low, 1.3 * self.high),
            Scale::Linear => {
                let room = 0.06 * (self.high - self.low);
                (if self.low < 0.0 { self.low - room } else { self.low }, self.high + room)
            }
        };
        Self { low, high, ..self }
    }

    /// What a label adds where equal distances are no equal differences.
    pub(super) fn announcement(&self) -> &'static str {
        match self.scale {
            Scale::Linear => "",
            // Room below the smallest number, which is the threshold, holds nothing.
            Scale::LinearThenLog { threshold } if self.low >= 0.5 * threshold => "log scale",
            Scale::LinearThenLog { .. } => "not a linear scale",
        }
    }

    /// A label that says so.
    pub(super) fn announced(&self, label: &str) -> String {
        match self.announcement() {
            "" => label.to_owned(),
            scale => format!("{label} ({scale})"),
        }
    }

    /// Where `x` lies, from 0 at the low end to 1 at the high end; clamped.
    pub(super) fn position(&self, x: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        // Halves first: the range of large numbers of both signs may overflow.
        let share = (0.5 * self.scale.forward(x) - 0.5 * low) / (0.5 * high - 0.5 * low);
        share.clamp(0.0, 1.0)
    }

    /// The number at a position in `[0, 1]`.
    pub(super) fn at(&self, position: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        self.scale.inverse(low * (1.0 - position) + high * position).clamp(self.low, self.high)
    }
}

/// The largest power of ten that is not above `x`.
pub(super) fn decade_below(x: f64) -> f64 {
    // Powers of ten are not exact; 0.001 must give 0.001 and not 0.0001.
    decade(libm::floor(libm::log10(x) + 1e-9) as i32)
}

/// The largest of 1, 2, 5 times a power of ten that is not above `x`.
fn round_below(x: f64) -> f64 {
    let unit = decade_below(x);
    [5.0, 2.0].map(|part| part * unit).into_iter().find(|&y| y <= x).unwrap_or(unit)
}

/// `10^exponent`, correctly rounded, so that `decade(-3) == 0.001`.
pub(super) fn decade(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::MIN_POSITIVE)
}

fn smallest_positive(values: &[f64]) -> Option<f64> {
    values.iter().copied().filter(|&x| x > 0.0).reduce(f64::min)
}

fn widen(low: f64, high: f64) -> f64 {
    if high > low { high } else { low + low.abs().max(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when levels that crowd near zero are drawn on top of each other, or zero has no place.
    #[test]
    fn crowded_levels_are_spread() {
        let axis = Axis::of_times(0.0, 1.0, &[0.0, 2e-4, 3e-3, 0.05, 1.0]);
        assert_eq!(axis.scale, Scale::LinearThenLog { threshold: 2e-4 });
        let places = [0.0, 2e-4, 3e-3, 0.05, 1.0].map(|t| axis.position(t));
        assert_eq!((places[0], places[4]), (0.0, 1.0));
        assert!(places.windows(2).all(|p| p[1] - p[0] > 0.1), "{places:?}");
    }

    /// Fails when an even schedule is bent.
    #[test]
    fn even_levels_stay_linear() {
        let axis = Axis::of_times(0.0, 2.0, &[0.0, 0.5, 1.2, 2.0]);
        assert_eq!(axis.scale, Scale::Linear);
        assert_eq!(axis.position(0.5), 0.25);
    }

    /// Fails when the two directions of a scale disagree, below or above the threshold.
    #[test]
    fn a_position_leads_back() {
        let axis = Axis::of_times(0.0, 3.0, &[0.0, 0.002, 3.0]);
        for t in [0.0, 0.0004, 0.001, 0.0017, 0.3, 3.0] {
            assert!((axis.at(axis.position(t)) - t).abs() < 1e-12, "{t}");
        }
    }

    /// Fails when settings over decades crowd at one end, zero among them has no place of its own, or
    /// numbers of both signs lose their order or their mirror image.
    #[test]
    fn settings_and_signed_numbers_are_spread() {
        let axis = Axis::of_settings(&[0.0, 1.0, 2.0, 4.0, 32.0]);
        let places = [0.0, 1.0, 2.0, 4.0, 32.0].map(|x| axis.position(x));
        assert!(places.windows(2).all(|p| p[1] - p[0] > 0.1), "{places:?}");
        assert!(places[0] > 0.0 && places[4] < 1.0, "{places:?}");
        assert_eq!(Axis::of_settings(&[2.0, 4.0, 8.0]).scale, Scale::Linear);
        let axis = Axis::around_zero(&[-30.0, 0.01, 30.0], 0.01);
        let places = [-30.0, -0.01, 0.0, 0.01, 30.0].map(|x| axis.position(x));
        assert!(places.windows(2).all(|p| p[1] - p[0] > 0.04), "{places:?}");
        assert!((places[0] + places[4] - 1.0).abs() < 1e-12);
        assert!((axis.at(places[1]) + 0.01).abs() < 1e-12 && axis.at(places[2]).abs() < 1e-12);
        let axis = Axis::of_decades(&[1.0, 1e-16, 1e-8]);
        assert!((axis.position(1e-8) - 0.5).abs() < 0.05, "{}", axis.position(1e-8));
    }

    /// Fails if a scale that is not linear goes unsaid, or a linear one is called something else.
    #[test]
    fn labels_say_what_is_not_linear() {
        let label = |axis: Axis| axis.announced("y");
        assert_eq!(label(Axis::linear(&[3.0])), "y");
        assert_eq!(label(Axis::around_zero(&[-30.0, 0.01], 0.01)), "y (not a linear scale)");
        assert_eq!(label(Axis::of_decades(&[1e-3, 1.0])), "y (log scale)");
        assert_eq!(label(Axis::of_decades(&[0.0, 1e-3, 1.0])), "y (not a linear scale)");
        assert_eq!(label(Axis::of_settings(&[16.0, 64.0, 256.0])), "y (log scale)");
        assert_eq!(label(Axis::of_values(&[900.0, 0.2]).with_room()), "y (log scale)");
    }

    /// Fails when a curve over many decades is flattened, or one that touches zero has no axis.
    #[test]
    fn wide_curves_are_logarithmic() {
        let axis = Axis::of_values(&[900.0, 30.0, 0.2]);
        assert!(axis.low == 0.2 && axis.position(30.0) > 0.5);
        assert!(axis.with_room().position(0.2) >= 0.0 && axis.with_room().position(900.0) < 0.99);
        let with_zero = Axis::of_values(&[0.0, 900.0, 0.2]);
        assert_eq!((with_zero.position(0.0), with_zero.low), (0.0, 0.0));
        assert_eq!(Axis::of_values(&[2.0, 3.0]).scale, Scale::Linear);
        assert_eq!(Axis::linear(&[0.0, 0.0]).high, 1.0);
    }
}
