use super::*;
use crate::density::{Covariance, HessianProduct, Mixture, MixtureLevel};
use crate::krylov::{LinearOperator, OperatorShape};
use crate::logdet::{Dense, PowerSeries, ProbeLaw};
use crate::path::NoiseSchedule;
use crate::point::Evaluations;
use crate::rng::{Key, Purpose};
use crate::scratch::Scratch;
use crate::simd::finite;
use crate::transport::FlowMethod;

const LANES: [f64; 8] = [-1.4, -0.3, 0.02, 0.1, 0.2, 0.5, 1.1, 2.0];

/// The two narrow modes of a line, between two levels, through a map; `visit` gets the map and the
/// cleaner level.
fn with_map(
    method: FlowMethod,
    (s, t): (f64, f64),
    visit: impl FnOnce(FlowMap<'_>, &MixtureLevel<'_>),
) {
    let mixture =
        Mixture::new(1, &[0.7, 0.3], &[-0.7, 1.4], Covariance::Isotropic(&[0.01])).unwrap();
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let step = schedule.step(s, t).unwrap();
    let stages = method.coefficients(&schedule, &step).unwrap();
    let (mut first, mut second) = ([0.0; 7], [0.0; 7]);
    let level = |alpha, variance, storage| {
        MixtureLevel::prepare(&mixture, alpha, variance, storage).unwrap()
    };
    let noisy = level(step.alpha_noisy, step.variance_noisy, &mut first);
    let clean = level(step.alpha_clean, step.variance_clean, &mut second);
    let densities: [&dyn HessianProduct; 2] = [&noisy, &clean];
    let map = FlowMap::new(stages, &densities[..stages.count()]).unwrap();
    visit(map, &clean);
}

/// A block on the line with its cached values.
#[derive(Clone, Copy)]
struct Block {
    x: [f64x8; 1],
    log_density: f64x8,
    score: [f64x8; 1],
}

impl Block {
    const NOWHERE: Self = Self { x: [f64x8::ZERO], log_density: f64x8::ZERO, score: [f64x8::ZERO] };

    fn at(density: &dyn Score, x: [f64; 8]) -> Self {
        let mut block = Self { x: [f64x8::new(x)], ..Self::NOWHERE };
        let mut memory = [f64x8::ZERO; 64];
        let scratch = Scratch::new(&mut memory);
        block.log_density =
            density.log_density_and_score(&block.x, &mut block.score, scratch).unwrap();
        block
    }

    fn point(&self) -> Point<'_> {
        Point { x: &self.x, log_density: self.log_density, score: &self.score }
    }

    fn point_mut(&mut self) -> PointMut<'_> {
        PointMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }
}

/// Calls `visit` with exactly the workspace that the bridge asks for.
fn with_context<T>(bridge: &dyn Bridge, visit: impl FnOnce(Context<'_>) -> T) -> T {
    let mut memory = [splat(f64::NAN); 512];
    visit(Context {
        stream: &mut Key::new(3, Purpose::User).stream(),
        scratch: Scratch::new(&mut memory[..bridge.scratch_len()]),
        evaluations: &mut Evaluations::default(),
    })
}

fn forward(bridge: &dyn Bridge, x: &Block) -> (Block, Crossing) {
    let mut y = Block::NOWHERE;
    let crossing =
        with_context(bridge, |context| bridge.forward(x.point(), y.point_mut(), context).unwrap());
    (y, crossing)
}

fn backward(bridge: &dyn Bridge, y: &Block) -> (Block, Crossing) {
    let mut x = Block::NOWHERE;
    let crossing =
        with_context(bridge, |context| bridge.backward(y.point(), x.point_mut(), context).unwrap());
    (x, crossing)
}

fn nan_lanes(value: f64x8) -> u32 {
    (!finite(value)).to_bitmask()
}

/// Fails if forward and backward work differ, the way back ends elsewhere or with other cached values, or
/// a pair that does not belong to the map has a work.
#[test]
fn forward_and_back() {
    for method in [FlowMethod::PfEi, FlowMethod::Ddim, FlowMethod::Heun] {
        with_map(method, (0.1, 0.11), |map, clean| {
            let bridge = Transport::new(map, clean, &Dense, Penalty::None).unwrap().checked();
            let x = Block::at(map.noisy(), LANES);
            let (y, there) = forward(&bridge, &x);
            let (back, again) = backward(&bridge, &y);
            assert_eq!(there.faults.rejected().to_bitmask(), 0);
            assert_eq!(again.faults.rejected().to_bitmask(), 0);
            for lane in 0..8 {
                let at = |v: f64x8| v.to_array()[lane];
                assert!((at(there.log_work) - at(again.log_work)).abs() < 1e-11, "{method:?}");
                assert!((at(back.x[0]) - LANES[lane]).abs() < 1e-12);
            }
            let fresh = Block::at(map.noisy(), back.x[0].to_array());
            assert_eq!(fresh.log_density, back.log_density);
            assert_eq!(fresh.score, back.score);

            let pair = |y: &Block| {
                with_context(&bridge, |c| bridge.log_work(x.point(), y.point(), c).unwrap())
            };
            let work = pair(&y).to_array();
            for (work, expected) in work.into_iter().zip(there.log_work.to_array()) {
                assert!((work - expected).abs() < 1e-12);
            }
            let mut off = y.x[0].to_array();
            off[4] += 1e-3;
            assert_eq!(nan_lanes(pair(&Block::at(clean, off))), 1 << 4);
        });
    }
}

/// Fails if a fold goes unnoticed: without the check the way to the cleaner level of a long Heun step is
/// free where the sign of the Jacobian is right, and leads to points that come back elsewhere; with it
/// these lanes are rejected, and only these.
#[test]
fn a_fold_is_rejected_where_it_leads_astray() {
    let (mut astray, mut free) = (0, 0);
    with_map(FlowMethod::Heun, (0.05, 0.2), |map, clean| {
        let open = Transport::new(map, clean, &Dense, Penalty::None).unwrap();
        let checked = open.checked();
        for block in 0..40 {
            let places = core::array::from_fn(|lane| -1.5 + 0.01 * (8 * block + lane) as f64);
            let x = Block::at(map.noisy(), places);
            let ((y, without), (_, with)) = (forward(&open, &x), forward(&checked, &x));
            let (back, found) = backward(&open, &y);
            assert_eq!(without.faults.not_inverted.to_bitmask(), 0);
            let rejected = with.faults.not_inverted.to_bitmask();
            assert_eq!(nan_lanes(with.log_work), with.faults.rejected().to_bitmask());
            for (lane, place) in places.into_iter().enumerate() {
                let inverted = found.faults.not_inverted.to_bitmask() >> lane & 1 == 0;
                let same = (back.x[0].to_array()[lane] - place).abs() < 1e-8;
                assert_eq!(rejected >> lane & 1 == 0, inverted && same, "{place}");
                if without.faults.rejected().to_bitmask() >> lane & 1 == 0 {
                    astray += rejected >> lane & 1;
                    free += 1 - (rejected >> lane & 1);
                }
            }
        }
    });
    assert!(astray > 5 && free > 100, "{astray} {free}");
}

/// Fails if an inverse that was not found counts as one: one Newton step does not reach the modes.
#[test]
fn an_inverse_that_is_not_found_is_rejected() {
    with_map(FlowMethod::Ddim, (0.05, 0.4), |map, clean| {
        let bridge = Transport::new(map, clean, &Dense, Penalty::None).unwrap();
        let short = bridge.with_inversion(InversionRule { fixed_point: 0, newton: 1 });
        let y = forward(&bridge, &Block::at(map.noisy(), LANES)).0;
        let lost = backward(&short, &y).1;
        assert!(lost.faults.not_inverted.to_bitmask() != 0);
        assert_eq!(nan_lanes(lost.log_work), lost.faults.not_inverted.to_bitmask());
        assert_eq!(backward(&bridge, &y).1.faults.not_inverted.to_bitmask(), 0);
    });
}

/// An estimate that says what it is told to, lane by lane.
struct Told(Estimate);

impl LogDeterminant for Told {
    fn scratch_len(&self, _: OperatorShape) -> usize {
        0
    }
    fn probes(&self, _: usize) -> usize {
        4
    }
    fn estimate(&self, _: &dyn LinearOperator, _: Context<'_>) -> Result<Estimate> {
        Ok(self.0)
    }
}

/// Fails if the penalty has the wrong sign in either direction, a fault is dropped, reaches another lane,
/// or rejects what it should only mark.
#[test]
fn estimates_are_corrected_and_their_faults_kept() {
    let by_lane = |lane: usize, value: f64| {
        f64x8::new(core::array::from_fn(|i| if i == lane { value } else { 0.0 }))
    };
    let estimate = Estimate {
        value: splat(0.25),
        variance: splat(0.3) + by_lane(2, 60.0),
        probes: 4,
        bound: splat(0.01) + by_lane(6, f64::INFINITY),
        not_positive: less(f64x8::ZERO, by_lane(5, 1.0)),
    };
    with_map(FlowMethod::Ddim, (0.1, 0.12), |map, clean| {
        let told = Told(estimate);
        let [none, closed] = [Penalty::None, Penalty::ClosedForm]
            .map(|penalty| Transport::new(map, clean, &told, penalty).unwrap());
        let x = Block::at(map.noisy(), LANES);
        let (y, plain) = forward(&none, &x);
        let there = forward(&closed, &x).1;
        let (plain_back, back) = (backward(&none, &y).1, backward(&closed, &y).1);
        // The 60-digit value for four probes and a variance of the mean of 0.3.
        let u_b = 0.154_775_866_333_334_8;
        for lane in [0, 1, 3, 4, 6, 7] {
            let at = |c: &Crossing| c.log_work.to_array()[lane];
            assert!((at(&plain) - at(&there) - u_b).abs() < 1e-12);
            assert!((at(&back) - at(&plain_back) - u_b).abs() < 1e-12);
        }
        for crossing in [there, back] {
            assert_eq!(crossing.faults.past_penalty.to_bitmask(), 1 << 2);
            assert_eq!(crossing.faults.not_positive.to_bitmask(), 1 << 5);
            assert_eq!(crossing.faults.diverged.to_bitmask(), 1 << 6);
            assert_eq!(crossing.faults.not_inverted.to_bitmask(), 0);
            assert_eq!(nan_lanes(crossing.log_work), 1 << 5);
            assert_eq!(crossing.truncation.to_array()[0], 0.01);
        }
    });
}

/// Fails if a series that does not converge passes as one that does.
#[test]
fn a_series_past_its_radius_is_marked() {
    with_map(FlowMethod::Ddim, (0.02, 0.05), |map, clean| {
        let series = PowerSeries::new(6, 2, ProbeLaw::Rademacher).unwrap();
        let bridge = Transport::new(map, clean, &series, Penalty::None).unwrap();
        let exact = Transport::new(map, clean, &Dense, Penalty::None).unwrap();
        let (mut marked, mut right) = (0, 0);
        for block in 0..40 {
            let places = core::array::from_fn(|lane| -1.5 + 0.01 * (8 * block + lane) as f64);
            let x = Block::at(map.noisy(), places);
            let (found, expected) = (forward(&bridge, &x).1, forward(&exact, &x).1);
            let error = (found.log_work - expected.log_work).abs().to_array();
            let diverged = found.faults.diverged.to_bitmask();
            for (lane, (error, place)) in error.into_iter().zip(places).enumerate() {
                let is_marked = diverged >> lane & 1 == 1;
                assert!(error < 0.2 || is_marked, "{place}: {error}");
                marked += usize::from(is_marked);
                right += usize::from(error < 1e-3);
            }
        }
        assert!(marked > 2 && right > 100, "{marked} {right}");
    });
}
