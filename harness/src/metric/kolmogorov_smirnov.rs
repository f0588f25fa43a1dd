//! The two-sample Kolmogorov-Smirnov distance of each coordinate.
//!
//! `D_c = sup_x |F_a,c(x) - F_b,c(x)|` with the weighted marginal distribution functions
//! `F_c(x) = sum_i W_i 1[x_ic <= x]` (Kolmogorov 1933, Smirnov 1939).

use rayon::prelude::*;

use super::empirical::Empirical;
use super::sample::common_dim;
use super::{Result, Sample};

/// The Kolmogorov-Smirnov distance of every coordinate, `[d]`, each in `[0, 1]`.
///
/// Weights are the heights of the steps of the distribution functions. Values that occur in both
/// samples, or several times in one, are exact ties and make no difference by themselves. Report
/// the largest entry; it is unchanged by increasing transformations of a coordinate.
///
/// For `N` and `M` independent points of one distribution an entry is of the order of
/// `sqrt(1/N + 1/M)`; with weights, of the same expression in effective sample sizes.
///
/// # Errors
///
/// When the dimensions differ.
pub fn kolmogorov_smirnov(a: &Sample<'_>, b: &Sample<'_>) -> Result<Vec<f64>> {
    let dim = common_dim(a, b)?;
    let distances = (0..dim).into_par_iter().map_init(
        || (Empirical::default(), Empirical::default()),
        |(marginal_a, marginal_b), coordinate| {
            marginal_a.refill(a.iter().map(|(point, weight)| (point[coordinate], weight)));
            marginal_b.refill(b.iter().map(|(point, weight)| (point[coordinate], weight)));
            marginal_a.largest_level_gap(marginal_b)
        },
    );
    Ok(distances.collect())
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{assert_same_for_any_threads, close, points};
    use super::super::{MetricError, Result};
    use super::*;

    /// Fails when ties are broken instead of taken together, or a coordinate is misread.
    ///
    /// First coordinate: `F_a` is 1/4, 3/4, 1 and `F_b` is 1/3, 1/3, 1 at 1, 2, 3: the largest gap
    /// is 5/12, at 2. Second: all of `b` lies below all of `a`. Third: `0 = -0` is a tie.
    #[test]
    fn three_coordinates_by_hand() {
        let a = [1.0, 7.0, 0.0, 2.0, 8.0, 0.0, 2.0, 9.0, 0.0, 3.0, 7.0, 0.0];
        let b = [3.0, 6.0, -0.0, 1.0, 5.0, 0.0, 3.0, 4.0, -0.0];
        let (a, b) = (Sample::unweighted(3, &a).unwrap(), Sample::unweighted(3, &b).unwrap());
        let distances = kolmogorov_smirnov(&a, &b).unwrap();
        close(distances[0], 5.0 / 12.0, 1e-15);
        assert_eq!(distances[1..], [1.0, 0.0]);
    }

    /// Fails when weights are ignored or misplaced: masses 0.1 at 0, 0.2 at 2, 0.7 at 5 against
    /// 0.6 at 1 and 0.4 at 5 have gaps 0.1, 0.5, 0.3, 0 at 0, 1, 2, 5.
    #[test]
    fn weighted_steps_by_hand() {
        let a = Sample::weighted(1, &[5.0, 0.0, 2.0], &[7.0, 1.0, 2.0]).unwrap();
        let b = Sample::weighted(1, &[1.0, 5.0], &[0.6, 0.4]).unwrap();
        close(kolmogorov_smirnov(&a, &b).unwrap()[0], 0.5, 1e-15);
    }

    /// Fails when a weight is anything but a number of repetitions, or weight zero counts.
    #[test]
    fn weights_are_repetitions() {
        let (x, y) = (points(2, 4), points(2, 9));
        let weighted = Sample::weighted(2, &x, &[1.0, 3.0, 0.0, 2.0]).unwrap();
        let rows: Vec<f64> =
            [3, 1, 0, 1, 3, 1].iter().flat_map(|&i| [x[2 * i], x[2 * i + 1]]).collect();
        let repeated = Sample::unweighted(2, &rows).unwrap();
        let other = Sample::unweighted(2, &y).unwrap();
        assert_eq!(kolmogorov_smirnov(&weighted, &repeated).unwrap(), [0.0, 0.0]);
        let distances = |a| kolmogorov_smirnov(a, &other).unwrap();
        assert_eq!(distances(&weighted), distances(&repeated));
    }

    /// Fails when the order of rows, the order of arguments or the number of threads changes a bit.
    #[test]
    fn same_bits_for_any_order_and_threads() -> Result<()> {
        let (x, y) = (points(4, 40), points(4, 23));
        let weights: Vec<f64> = (0..40).map(|i| 0.1 + (i % 5) as f64).collect();
        let (a, b) = (Sample::weighted(4, &x, &weights)?, Sample::unweighted(4, &y)?);
        let expected = kolmogorov_smirnov(&a, &b)?;
        assert_eq!(expected, kolmogorov_smirnov(&b, &a)?);
        let reversed: Vec<f64> = x.chunks(4).rev().flatten().copied().collect();
        let weights_reversed: Vec<f64> = weights.iter().rev().copied().collect();
        let reversed = Sample::weighted(4, &reversed, &weights_reversed)?;
        assert_eq!(expected, kolmogorov_smirnov(&reversed, &b)?);
        assert_same_for_any_threads(|| kolmogorov_smirnov(&a, &b).unwrap());
        Ok(())
    }

    /// Fails when samples of different dimension are compared on their common coordinates.
    #[test]
    fn dimensions_must_agree() {
        let a = Sample::unweighted(1, &[1.0, 2.0]).unwrap();
        let b = Sample::unweighted(2, &[1.0, 2.0]).unwrap();
        let expected = MetricError::DimensionMismatch { first: 1, second: 2 };
        assert_eq!(kolmogorov_smirnov(&a, &b).unwrap_err(), expected);
    }
}
