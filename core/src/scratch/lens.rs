//! How much room everything asks for, in numbers: sums of what the formulas beside the code take, worked out by
//! hand for shapes in which no two dimensions are equal.

extern crate std;

use crate::bridge::{
    Bridge, Denoising, DenoisingKernel, Diagonal, Exact, HessianMoments, Identity, LowRank,
    PosteriorMoments, Rank, SecondOrderDense, SecondOrderStructured, Start, Trace, Transport,
    exponential_integrator,
};
use crate::density::mixture::MixtureTransition;
use crate::density::{
    Covariance, FiniteDifference, HessianProduct, LogDensity, Mixture, MixtureLevel, Tempered,
};
use crate::exchange::swap_scratch_len;
use crate::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use crate::krylov::{Gram, HessianAt, Lanczos, OperatorShape, Spectrum, solve_scratch_len};
use crate::logdet::{
    Dense, HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PowerSeries,
    ProbeLaw, Structured,
};
use crate::path::{NoiseSchedule, NoisingStep};
use crate::transport::{FlowMap, FlowMethod, Jacobian};
use std::vec::Vec;

fn step() -> NoisingStep {
    NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.2, 0.3).unwrap()
}

/// `[K x d x d]`, unit axes.
fn unit_axes(d: usize, components: usize) -> Vec<f64> {
    (0..components * d * d).map(|i| if i / d % d == i % d { 1.0 } else { 0.0 }).collect()
}

/// Calls `check` with a level of `components` in `d` dimensions and the storage that it took.
fn with_level(
    d: usize,
    components: usize,
    covariance: Covariance<'_>,
    check: impl FnOnce(&MixtureLevel<'_>, usize),
) {
    let means: Vec<f64> = (0..d * components).map(|i| 0.1 * i as f64).collect();
    let weights = std::vec![1.0; components];
    let mixture = Mixture::new(d, &weights, &means, covariance).unwrap();
    let len = MixtureLevel::storage_len(&mixture);
    let mut storage = std::vec![0.0; len];
    let (alpha, variance) = (step().alpha_noisy, step().variance_noisy);
    check(&MixtureLevel::prepare(&mixture, alpha, variance, &mut storage).unwrap(), len);
}

/// Calls `check` with a level of 3 components with diagonals of their own in 4 dimensions.
fn with_diagonal(check: impl FnOnce(&MixtureLevel<'_>)) {
    with_level(4, 3, Covariance::Diagonal(&[0.5; 12]), |level, _| check(level));
}

/// Fails if storage, evaluation, linearization or Hessian of a mixture asks for another room than `K d` means,
/// precisions and copies, `8 (K + 2 d)` (fewer blocks where 256 vectors are exceeded, `K d` more with matrices)
/// plus `K + max(K, d) + 6 d`, and `1 + K d` plus `d`
/// (`K` for full covariances that differ).
#[test]
fn mixtures() {
    let lens = |level: &MixtureLevel<'_>, storage| {
        [storage, level.scratch_len(), level.linearization_len(), level.hessian_scratch_len()]
    };
    let check = |d, components, covariance: Covariance<'_>, expected: [usize; 4]| {
        with_level(d, components, covariance, |level, storage| {
            assert_eq!(lens(level, storage), expected, "{covariance:?}");
        });
    };
    check(4, 3, Covariance::Isotropic(&[0.5]), [12 + 3 + 1 + 12, 8 * 11 + 31, 17, 48]);
    check(4, 3, Covariance::Isotropic(&[0.5; 3]), [12 + 3 + 3 + 12, 8 * 11 + 31, 17, 48]);
    check(4, 3, Covariance::Diagonal(&[0.5; 4]), [12 + 3 + 4 + 12, 8 * 11 + 31, 17, 48]);
    check(4, 3, Covariance::Diagonal(&[0.5; 12]), [12 + 3 + 12 + 24, 8 * 11 + 31, 17, 48]);
    check(40, 3, Covariance::Isotropic(&[0.5]), [120 + 3 + 1 + 120, 3 * 83 + 283, 161, 444]);
    check(2, 9, Covariance::Isotropic(&[0.5]), [18 + 9 + 1 + 18, 8 * 13 + 30, 21, 51]);
    let axes = unit_axes(4, 3);
    let shared = Covariance::Full { eigenvalues: &[0.5; 4], eigenvectors: &axes[..16] };
    check(4, 3, shared, [12 + 3 + 4 + 12, 8 * 11 + 31, 17, 48]);
    let own = Covariance::Full { eigenvalues: &[0.5; 12], eigenvectors: &axes };
    with_level(4, 3, own, |level, storage| {
        assert_eq!(lens(level, storage), [12 + 3 + 12 + 48, 8 * 23 + 31, 16, 47]);
        let len = MixtureTransition::storage_len(level);
        assert_eq!(len, 3 * 12 + 3);
        let mut numbers = std::vec![0.0; len];
        let transition = MixtureTransition::prepare(level, &step(), &mut numbers).unwrap();
        // Dense moments of these have a matrix to turn: d^2 more.
        let moments: &dyn PosteriorMoments = &transition;
        assert_eq!(transition.scratch_len(), 9 + 16 + 215);
        assert_eq!(moments.scratch_len(), 240 + 12 + 12 + 16);
    });
}

/// Fails if a density made of others does not add its own `8 (d + 1)` or `2 d` to the larger of theirs.
#[test]
fn densities_of_densities() {
    with_diagonal(|small| {
        with_level(4, 7, Covariance::Isotropic(&[0.5]), |large, _| {
            assert_eq!([small.scratch_len(), large.scratch_len()], [119, 8 * 15 + 38]);
            for (reference, target) in [(small, large), (large, small)] {
                let tempered = Tempered::new(reference, target, 0.5).unwrap();
                assert_eq!(tempered.scratch_len(), 8 * 5 + 158);
                assert_eq!(Identity::new(reference, target).unwrap().scratch_len(), 158);
            }
            let differences = FiniteDifference::new(small);
            assert_eq!([differences.scratch_len(), differences.hessian_scratch_len()], [127; 2]);
            assert_eq!(differences.linearization_len(), 4);
        });
    });
}

/// Fails if a Markov kernel asks for another multiple of `d`.
#[test]
fn markov_kernels() {
    let kernels: [(&dyn MarkovKernel, usize); 3] =
        [(&RandomWalk, 6), (&Mala, 16), (&Hmc::new(3).unwrap(), 18)];
    for (kernel, expected) in kernels {
        assert_eq!(kernel.scratch_len(5), expected);
    }
}

/// Fails if a kernel or bridge asks for another room than its vectors, its factors and the larger of what it
/// calls: a transition takes `3 K + 4 d + 119`, its dense moments `K d + 3 d` more, those of a Hessian `48 + d^2`.
#[test]
fn denoising_bridges() {
    with_diagonal(|level| {
        let len = MixtureTransition::storage_len(level);
        assert_eq!(len, 3 * 12 + 3);
        let mut numbers = std::vec![0.0; len];
        let transition = MixtureTransition::prepare(level, &step(), &mut numbers).unwrap();
        let hessian = HessianMoments::new(level, step());
        let structured = SecondOrderStructured::new(&transition).unwrap();
        let rank = |rank| {
            LowRank::new(level, step(), Rank::Fixed(rank), Trace::Structure, Start::Score).unwrap()
        };
        let (two, three) = (rank(2), rank(3));
        let isotropic = exponential_integrator(&step()).unwrap();
        let kernels: [(&dyn DenoisingKernel, usize); 9] = [
            (&isotropic, 0),
            (&Exact::new(&transition), 144),
            (&Diagonal::new(&transition), 8 + 168),
            (&Diagonal::new(&hessian), 8 + 64),
            (&SecondOrderDense::new(&transition), 28 + 168),
            (&SecondOrderDense::new(&hessian), 28 + 64),
            (&structured, 20 + 3 + 8 + 144),
            (&two, 2 * 6 + 4 + 2 + 17 + 4 + 119),
            (&three, 3 * 6 + 4 + 3 + 17 + 4 + 119),
        ];
        for (index, (kernel, expected)) in kernels.into_iter().enumerate() {
            assert_eq!(kernel.scratch_len(), expected, "{index}");
        }
        let bridge = |kernel| Denoising::new(level, level, step(), kernel).unwrap().scratch_len();
        assert_eq!(bridge(isotropic), 119 + 4);
        let dense = Denoising::new(level, level, step(), SecondOrderDense::new(&transition));
        let dense = dense.unwrap();
        assert_eq!([dense.scratch_len(), swap_scratch_len(&dense)], [196 + 4, 4 * 4 + 3 + 200]);
    });
}

/// Fails if a solver, Lanczos or an operator made of another asks for another room.
#[test]
fn linear_algebra() {
    let shape = OperatorShape { dim: 5, product: 7, rank: 3 };
    assert_eq!(solve_scratch_len(shape, true, 4), 3 * 5 + 7);
    // Basis, Hessenberg matrix, rotations, right side and weights.
    assert_eq!(solve_scratch_len(shape, false, 4), 5 * 5 + 4 * 5 + 2 * 4 + 5 + 4 + 7);
    assert_eq!(Gram::shape(shape), OperatorShape { dim: 5, product: 12, rank: 0 });
    assert_eq!([Lanczos::storage_len(5, 3), Lanczos::scratch_len(5)], [3 * 7, 5]);
    assert_eq!(Spectrum::scratch_len(5, 3), 3 * 7 + 5);
    with_diagonal(|level| {
        assert_eq!(HessianAt::storage_len(level), 17);
        let shape = HessianAt::shape(level);
        assert_eq!([shape.dim, shape.product, shape.rank], [4, 119, 3]);
    });
}

/// Fails if an estimator asks for another room than a vector, its basis, its series or Lanczos steps, and a product
/// (two, of the Gram operator, where it works on that).
#[test]
fn determinants() {
    let shape = OperatorShape { dim: 5, product: 7, rank: 3 };
    let law = ProbeLaw::Gaussian;
    let sketched = |logarithm, vectors| HutchPlusPlus::new(logarithm, vectors, law).unwrap();
    let estimators: [(&dyn LogDeterminant, usize); 9] = [
        (&Dense, 5 * 6 + 7),
        (&Structured, 3 * 3 + 5),
        (&PowerSeries::new(4, 2, law).unwrap(), 5 + 10 + 7),
        (&LanczosQuadrature::new(3, 2, law).unwrap(), 5 + 26 + 12),
        (&sketched(Logarithm::Series { terms: 4 }, 8), 5 + 15 + 10 + 7),
        (&sketched(Logarithm::Series { terms: 4 }, 20), 5 + 10 + 7),
        (&sketched(Logarithm::Recentred { terms: 4, steps: 2 }, 8), 5 + 25 + 12),
        (&sketched(Logarithm::Recentred { terms: 4, steps: 3 }, 8), 5 + 26 + 12),
        (&sketched(Logarithm::Lanczos { steps: 3 }, 8), 5 + 15 + 26 + 12),
    ];
    for (index, (estimator, expected)) in estimators.into_iter().enumerate() {
        assert_eq!(estimator.scratch_len(shape), expected, "{index}");
    }
}

/// Fails if a map, its Jacobian, its inverse or its bridge asks for another room: one stage takes `2 d` and
/// conjugate gradients, two take `3 d` and GMRES of `d + 4` steps.
#[test]
fn maps() {
    with_diagonal(|level| {
        let densities: [&dyn HessianProduct; 2] = [level, level];
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let mut seen = [false; 2];
        for method in FlowMethod::ALL {
            let stages = method.coefficients(&schedule, &step()).unwrap();
            let count = stages.count();
            if count > 2 || seen[count - 1] {
                continue;
            }
            seen[count - 1] = true;
            let map = FlowMap::new(stages, &densities[..count]).unwrap();
            let [own, solver] = [[8 + 119, 12], [12 + 119, 9 * 4 + 8 * 9 + 4 * 8 + 1]][count - 1];
            let linearization = 17 * count;
            assert_eq!([map.scratch_len(), map.linearization_len()], [own, linearization]);
            let rank = if count == 1 { 3 } else { 0 };
            assert_eq!(Jacobian::shape(&map), OperatorShape { dim: 4, product: own, rank });
            let inverse = 6 * 4 + linearization + solver + own;
            assert_eq!(map.invert_scratch_len(), inverse);
            let bridge = Transport::new(map, level, &Dense, Penalty::None).unwrap();
            assert_eq!(bridge.scratch_len(), 2 * 4 + inverse);
            // A determinant that takes more than the inverse.
            let basis = HutchPlusPlus::new(Logarithm::Lanczos { steps: 32 }, 9, ProbeLaw::Gaussian);
            let basis = basis.unwrap();
            let bridge = Transport::new(map, level, &basis, Penalty::None).unwrap();
            let determinant = 4 + linearization + 4 + 3 * 4 + 32 * 6 + 4 + own + 4;
            assert_eq!(bridge.scratch_len(), determinant.max(2 * 4 + inverse));
        }
        assert_eq!(seen, [true; 2]);
    });
}
