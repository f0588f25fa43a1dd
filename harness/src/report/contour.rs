//! Where a function on a grid exceeds a threshold, as closed curves.
//!
//! Every cell whose corners differ is crossed by a piece of the curve, between places found by linear
//! interpolation on its edges (marching squares). Pieces run with the larger values on one side, so that
//! each edge that is crossed begins one piece and ends another, and following them closes every curve.
//! Beyond the grid the function counts as zero.

use std::collections::BTreeMap;

/// Values on a grid, `[rows x columns]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) values: Vec<f64>,
}

/// An edge of the grid: its lower left end, and whether it goes up.
type Edge = (i64, i64, bool);

impl Grid {
    /// The value at a node, zero beyond the grid and where it is no number.
    fn at(&self, (column, row): (i64, i64)) -> f64 {
        let inside = |x: i64, n: usize| usize::try_from(x).ok().filter(|&x| x < n);
        match (inside(column, self.columns), inside(row, self.rows)) {
            (Some(column), Some(row)) => {
                let value = self.values.get(row * self.columns + column).copied().unwrap_or(0.0);
                if value.is_finite() { value } else { 0.0 }
            }
            _ => 0.0,
        }
    }

    /// The closed curves around all places above a positive threshold, in columns and rows.
    pub(super) fn above(&self, threshold: f64) -> Vec<Vec<(f64, f64)>> {
        let mut next = BTreeMap::new();
        for row in -1..self.rows as i64 {
            for column in -1..self.columns as i64 {
                self.cross((column, row), threshold, &mut next);
            }
        }
        let mut curves = Vec::new();
        while let Some((start, mut edge)) = next.pop_first() {
            let mut curve = vec![self.place(start, threshold)];
            while edge != start {
                curve.push(self.place(edge, threshold));
                match next.remove(&edge) {
                    Some(following) => edge = following,
                    None => break,
                }
            }
            curves.push(curve);
        }
        curves
    }

    /// Adds the pieces in one cell: from each edge where a walk around it leaves the larger values to the
    /// edge where it comes to them.
    fn cross(&self, (c, r): (i64, i64), threshold: f64, next: &mut BTreeMap<Edge, Edge>) {
        let corners = [(c, r), (c + 1, r), (c + 1, r + 1), (c, r + 1)];
        let edges = [(c, r, false), (c + 1, r, true), (c, r + 1, false), (c, r, true)];
        let values = corners.map(|corner| self.at(corner));
        let inside = values.map(|value| value > threshold);
        let entries = || (0..4).filter(|&k| !inside[k] && inside[(k + 1) % 4]);
        // At a saddle the middle decides whether the two larger corners are joined.
        let joined = values.iter().sum::<f64>() > 4.0 * threshold;
        for exit in (0..4).filter(|&k| inside[k] && !inside[(k + 1) % 4]) {
            let ahead = |entry: usize| (entry + 4 - exit) % 4;
            let entry = match joined {
                true => entries().min_by_key(|&entry| ahead(entry)),
                false => entries().max_by_key(|&entry| ahead(entry)),
            };
            if let Some(entry) = entry {
                next.insert(edges[exit], edges[entry]);
            }
        }
    }

    /// Where the function passes the threshold on an edge; edges beyond the grid end at its border.
    fn place(&self, (column, row, up): Edge, threshold: f64) -> (f64, f64) {
        let other = if up { (column, row + 1) } else { (column + 1, row) };
        let (first, second) = (self.at((column, row)), self.at(other));
        let share = ((threshold - first) / (second - first)).clamp(0.0, 1.0);
        let (x, y) = match up {
            true => (column as f64, row as f64 + share),
            false => (column as f64 + share, row as f64),
        };
        (x.clamp(0.0, self.columns as f64 - 1.0), y.clamp(0.0, self.rows as f64 - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twice the area inside a curve, by its corners.
    fn area(curve: &[(f64, f64)]) -> f64 {
        let following = curve.iter().cycle().skip(1);
        0.5 * curve.iter().zip(following).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>()
    }

    fn grid(f: impl Fn(f64, f64) -> f64) -> Grid {
        let (columns, rows) = (41, 31);
        let values = (0..rows * columns).map(|i| f((i % columns) as f64, (i / columns) as f64));
        Grid { columns, rows, values: values.collect() }
    }

    /// Fails if a curve stays open, runs around the wrong side, or a hole is filled: a ring of radii 4 and 9
    /// has area pi (81 - 16), as the inner curve counts negatively.
    #[test]
    fn a_ring_has_an_inner_and_an_outer_curve() {
        let ring = grid(|x, y| 20.0 - 2.0 * ((x - 18.0).hypot(y - 14.0) - 6.5).abs());
        let curves = ring.above(15.0);
        assert_eq!(curves.len(), 2);
        let total: f64 = curves.iter().map(|curve| area(curve)).sum();
        let exact = std::f64::consts::PI * (81.0 - 16.0);
        assert!((total / exact - 1.0).abs() < 0.02, "{total} {exact}");
    }

    /// Fails if a region at the border stays open, or leaves the grid.
    #[test]
    fn the_border_closes_curves() {
        let curves = grid(|x, _| x + 1.0).above(11.0);
        assert_eq!(curves.len(), 1);
        assert!((area(&curves[0]) - 30.0 * 30.0).abs() < 1e-9, "{}", area(&curves[0]));
        assert!(grid(|_, _| f64::NAN).above(0.5).is_empty());
    }

    /// Fails if the two large corners of a saddle are joined or parted against the value between them.
    #[test]
    fn saddles_follow_their_middle() {
        let saddle = |low: f64| Grid { columns: 2, rows: 2, values: vec![1.0, low, low, 1.0] };
        assert_eq!(saddle(0.0).above(0.7).len(), 2);
        assert_eq!(saddle(0.6).above(0.7).len(), 1);
    }
}
