//! The barrier of a path as the summary holds it.

use serde::Serialize;

use crate::levels::Placement;

/// Most times at which it is kept, whatever it was measured at.
const MOST: usize = 129;

/// The local barrier and its integral at some of the times at which it was measured, both ends included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BarrierCurve {
    /// The times, increasing from 0.
    pub times: Vec<f64>,
    /// `lambda` there.
    pub local: Vec<f64>,
    /// `Lambda` there: from 0 to the barrier of the path.
    pub cumulative: Vec<f64>,
}

impl BarrierCurve {
    /// That by which levels were placed, if they were placed by one.
    pub(super) fn of(placement: &Placement) -> Option<Self> {
        let barrier = placement.barrier.as_ref()?;
        let times = thinned(&placement.nodes);
        Some(Self {
            local: times.iter().map(|&t| barrier.local(t)).collect(),
            cumulative: times.iter().map(|&t| barrier.cumulative(t)).collect(),
            times,
        })
    }
}

/// At most [`MOST`] of these, evenly spread over their order, the first and the last among them.
fn thinned(nodes: &[f64]) -> Vec<f64> {
    let last = nodes.len().saturating_sub(1);
    let count = nodes.len().min(MOST);
    let place = |k: usize| k * last / (count - 1).max(1);
    (0..count).filter_map(|k| nodes.get(place(k)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Barrier;
    use amc_core::point::Evaluations;

    /// Fails if a fine measurement makes a long summary, an end is lost, the two curves are exchanged, or levels placed by
    /// no barrier get a curve: `lambda = 2 t`, so `Lambda = t^2`.
    #[test]
    fn curves_are_bounded_and_keep_their_ends() {
        let nodes: Vec<f64> = (0..=1000).map(|k| f64::from(k) / 1000.0).collect();
        let lambda: Vec<f64> = nodes.iter().map(|t| 2.0 * t).collect();
        let placement = Placement {
            times: vec![0.0, 0.5, 1.0],
            barrier: Some(Barrier::from_local(nodes.clone(), &lambda).unwrap()),
            nodes,
            rejections: None,
            evaluations: Evaluations::default(),
        };
        let curve = BarrierCurve::of(&placement).unwrap();
        assert_eq!((curve.times.len(), curve.times[0], curve.times[MOST - 1]), (MOST, 0.0, 1.0));
        for ((t, local), cumulative) in curve.times.iter().zip(&curve.local).zip(&curve.cumulative)
        {
            assert!((local - 2.0 * t).abs() < 1e-6 && (cumulative - t * t).abs() < 1e-6, "{t}");
        }
        assert_eq!(thinned(&[0.0, 0.3, 1.0]), [0.0, 0.3, 1.0]);
        assert_eq!(BarrierCurve::of(&Placement { barrier: None, ..placement }), None);
    }
}
