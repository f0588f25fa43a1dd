//! Free-energy estimators from forward and backward works between two levels.
//!
//! With works `w = log_work(x, y)` of pairs drawn forward (`x ~ p_t`, `y ~ k`) and backward
//! (`y ~ p_s`, `x ~ q`), and `D = log(Z_s/Z_t)`, every constant `c` gives
//!
//! ```text
//! stepping stone, forward:   D =  log E_fwd[e^w]
//! stepping stone, backward:  D = -log E_bwd[e^-w]
//! bridge sampling (BAR):     D =  log E_fwd[e^c f(w - c)] - log E_bwd[f(c - w)],  f(z) = 1/(1 + e^-z)
//! ```
//!
//! The last \[Bennett76\], \[Shirts08\] has bounded terms and is the best of its kind at `c = D`; it
//! holds at any `c`, so `c` may follow an estimate made from earlier works.
//!
//! The sums are kept as running log-sums of eight lanes (eight independent ladders): memory does not
//! grow with the number of works.

use crate::simd::{LANES, equal, exp, f64x8, ln, select, splat};

/// A running `log sum exp` in each lane; `-inf` when nothing was added.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    top: f64x8,
    /// Sum of `exp(value - top)`.
    sum: f64x8,
}

impl LogSum {
    const EMPTY: Self = Self { top: f64x8::new([f64::NEG_INFINITY; 8]), sum: f64x8::ZERO };

    /// Adds `exp(value)`; `-inf` adds nothing.
    fn add(&mut self, value: f64x8) {
        let zero = splat(f64::NEG_INFINITY);
        let top = self.top.fast_max(value);
        let relative = |v: f64x8| select(equal(v, zero), f64x8::ZERO, exp(v - top));
        self.sum = self.sum * relative(self.top) + relative(value);
        self.top = top;
    }

    fn log(&self) -> f64x8 {
        let zero = splat(f64::NEG_INFINITY);
        select(equal(self.top, zero), zero, self.top + ln(self.sum))
    }
}

/// `log f(z) = -log(1 + e^-z)`, without overflow at either end.
fn log_logistic(z: f64x8) -> f64x8 {
    z.fast_min(f64x8::ZERO) - ln(splat(1.0) + exp(-z.abs()))
}

/// Sums over works between two levels, lane by lane.
#[derive(Debug, Clone, Copy)]
pub struct WorkSums {
    forward: LogSum,
    backward: LogSum,
    bridge_forward: LogSum,
    bridge_backward: LogSum,
    count: u64,
}

/// Logs of sums over `count` works, of one lane or of several put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogSums {
    /// `log sum e^w` over forward works.
    pub forward: f64,
    /// `log sum e^-w` over backward works.
    pub backward: f64,
    /// `log sum e^c f(w - c)` over forward works.
    pub bridge_forward: f64,
    /// `log sum f(c - w)` over backward works.
    pub bridge_backward: f64,
    /// Number of forward works, and of backward works.
    pub count: u64,
}

impl WorkSums {
    /// No works yet.
    pub const EMPTY: Self = Self {
        forward: LogSum::EMPTY,
        backward: LogSum::EMPTY,
        bridge_forward: LogSum::EMPTY,
        bridge_backward: LogSum::EMPTY,
        count: 0,
    };

    /// Adds one forward and one backward work per lane; `center` is `c`.
    ///
    /// A work that is NaN, or infinite on the side that would make a sum infinite, is a fault: it
    /// adds nothing to the sums but counts as a work, as a rejected proposal does.
    pub fn add(&mut self, forward_work: f64x8, backward_work: f64x8, center: f64) {
        let (zero, infinite, c) = (splat(f64::NEG_INFINITY), splat(f64::INFINITY), splat(center));
        let faulty = |v: f64x8| v.is_nan() | equal(v, infinite);
        let usable = |v: f64x8| select(faulty(v), zero, v);
        // A work of -inf leaves f = 0, not NaN.
        let bounded = |z: f64x8| select(faulty(z) | equal(z, zero), zero, log_logistic(z));
        self.forward.add(usable(forward_work));
        self.backward.add(usable(-backward_work));
        self.bridge_forward.add(c + bounded(forward_work - c));
        self.bridge_backward.add(bounded(c - backward_work));
        self.count += 1;
    }

    /// The sums as plain numbers, to be kept outside of the program: eight lanes each of the largest term's log and
    /// of the sum relative to it, for the sums of [`LogSums`] in their order, and the count.
    pub fn to_parts(&self) -> ([[f64; LANES]; 8], u64) {
        let sums = [&self.forward, &self.backward, &self.bridge_forward, &self.bridge_backward];
        let mut parts = [[0.0; LANES]; 8];
        for (pair, sum) in parts.as_chunks_mut::<2>().0.iter_mut().zip(sums) {
            *pair = [sum.top.to_array(), sum.sum.to_array()];
        }
        (parts, self.count)
    }

    /// The sums that [`to_parts`](Self::to_parts) gave, to the bit.
    pub fn from_parts((parts, count): ([[f64; LANES]; 8], u64)) -> Self {
        let sum = |top, sum| LogSum { top: f64x8::new(top), sum: f64x8::new(sum) };
        let [a, b, c, d, e, f, g, h] = parts;
        Self {
            forward: sum(a, b),
            backward: sum(c, d),
            bridge_forward: sum(e, f),
            bridge_backward: sum(g, h),
            count,
        }
    }

    /// The sums of one lane, 0 to 7; `None` for any other.
    pub fn lane(&self, lane: usize) -> Option<LogSums> {
        let at = |sum: &LogSum| sum.log().as_array().get(lane).copied();
        Some(LogSums {
            forward: at(&self.forward)?,
            backward: at(&self.backward)?,
            bridge_forward: at(&self.bridge_forward)?,
            bridge_backward: at(&self.bridge_backward)?,
            count: self.count,
        })
    }
}

impl LogSums {
    /// Stepping stone forward: `log E_fwd[e^w]`. NaN without works.
    pub fn forward_estimate(&self) -> f64 {
        self.forward - libm::log(self.count as f64)
    }

    /// Stepping stone backward: `-log E_bwd[e^-w]`. NaN without works.
    pub fn backward_estimate(&self) -> f64 {
        libm::log(self.count as f64) - self.backward
    }

    /// Bridge sampling between the two. NaN without works.
    pub fn bridge_estimate(&self) -> f64 {
        self.bridge_forward - self.bridge_backward
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Purpose};

    const INF: f64 = f64::INFINITY;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12 * (1.0 + b.abs())
    }

    /// Fails if a running maximum, a sign of the backward work or the place of `c` is wrong: the
    /// definitions, summed term by term, at an offset that would overflow without the maximum.
    #[test]
    fn sums_by_hand() {
        let (forward, backward) = ([900.0, 903.0, 899.5], [902.0, 898.0, 905.5]);
        let c = 901.25;
        let mut sums = WorkSums::EMPTY;
        for (f, b) in forward.iter().zip(backward) {
            sums.add(splat(*f), splat(b), c);
        }
        let lane = sums.lane(3).unwrap();
        let mean = |terms: [f64; 3]| libm::log(terms.iter().sum::<f64>() / 3.0);
        let f = |z: f64| 1.0 / (1.0 + libm::exp(-z));
        let expected = 900.0 + mean(forward.map(|w| libm::exp(w - 900.0)));
        assert!(close(lane.forward_estimate(), expected), "{lane:?}");
        let expected = 900.0 - mean(backward.map(|w| libm::exp(900.0 - w)));
        assert!(close(lane.backward_estimate(), expected));
        let expected = c + mean(forward.map(|w| f(w - c))) - mean(backward.map(|w| f(c - w)));
        assert!(close(lane.bridge_estimate(), expected));
        assert_eq!(lane.count, 3);
        assert_eq!(sums.lane(8), None);
    }

    /// Fails if two sums trade places on the way out and back, or a lane or the count is lost: the same works are added
    /// to both afterwards, every lane another.
    #[test]
    fn parts_are_the_whole() {
        let lanes = |offset: f64| f64x8::new(core::array::from_fn(|lane| offset + lane as f64));
        let mut sums = WorkSums::EMPTY;
        sums.add(lanes(1.0), lanes(-7.0), 0.5);
        sums.add(lanes(3.0), lanes(f64::NEG_INFINITY), 0.25);
        let mut again = WorkSums::from_parts(sums.to_parts());
        for sums in [&mut sums, &mut again] {
            sums.add(lanes(2.0), lanes(0.75), -1.0);
        }
        for lane in 0..LANES {
            assert_eq!(sums.lane(lane), again.lane(lane));
        }
    }

    /// Fails if an estimator is biased beyond its noise, or a wrong center spoils bridge sampling:
    /// Gaussian works of variance `s^2` forward `N(D - s^2/2, s^2)`, backward `N(D + s^2/2, s^2)`.
    #[test]
    fn gaussian_works_have_the_right_difference() {
        let (difference, s) = (-1.7, 0.8);
        for center in [0.0, difference, 2.0] {
            let mut stream = Key::new(3, Purpose::User).stream();
            let mut sums = WorkSums::EMPTY;
            let mut z = [f64x8::ZERO; 2];
            for _ in 0..4000 {
                stream.fill_normals(&mut z);
                let forward = splat(difference - 0.5 * s * s) + splat(s) * z[0];
                let backward = splat(difference + 0.5 * s * s) + splat(s) * z[1];
                sums.add(forward, backward, center);
            }
            for lane in 0..8 {
                let lane = sums.lane(lane).unwrap();
                let estimates =
                    [lane.forward_estimate(), lane.backward_estimate(), lane.bridge_estimate()];
                for estimate in estimates {
                    assert!((estimate - difference).abs() < 0.08, "{center}: {estimates:?}");
                }
            }
        }
    }

    /// Fails if a fault or a density of zero turns a sum into NaN or infinity.
    #[test]
    fn faults_add_nothing() {
        let mut sums = WorkSums::EMPTY;
        for work in [f64::NAN, INF, -INF, 0.0] {
            sums.add(splat(work), splat(-work), 0.0);
        }
        let lane = sums.lane(0).unwrap();
        assert_eq!(lane.count, 4);
        for log_sum in [lane.forward, lane.backward] {
            assert!(close(log_sum, 0.0), "{lane:?}");
        }
        for log_sum in [lane.bridge_forward, lane.bridge_backward] {
            assert!(close(log_sum, -core::f64::consts::LN_2), "{lane:?}");
        }
        assert!(WorkSums::EMPTY.lane(0).unwrap().forward_estimate().is_nan());
    }
}
