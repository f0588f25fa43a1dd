//! What the C interface costs: the same work called from Rust and through the exported functions, in turn, in one process.
//!
//! `cargo bench -p amc-c --bench overhead` prints CPU times and the excess, the median over pairs of neighbouring calls;
//! with `-- --check` it fails where that is above 2 %. Calls alternate and processes do not count while they wait, so that
//! what else the machine does matters little.

use std::ffi::{CString, c_int, c_void};
use std::process::ExitCode;
use std::ptr::{null, null_mut};

use amc::density::*;
use amc::error::amc_status;
use amc::mixture::*;
use amc::points::*;
use amc::result::*;
use amc::sampling::*;
use amc::target::*;
use amc_harness::embed::{
    BatchTarget, Derivatives, MixtureDensity, Points, PointsMut, Sampling, TargetFailure,
};
use amc_harness::target::{Covariance, MixtureParameters};

/// Most excess that is allowed.
const LIMIT: f64 = 0.02;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let mut worst: f64 = 0.0;
    println!("{:<38} {:>12} {:>12} {:>8}", "", "Rust (us)", "C (us)", "excess");
    for (dim, components) in [(2, 2), (16, 2), (64, 32)] {
        for count in [4096, 65536] {
            let case = Case::new(dim, components, count);
            let name = format!("log-densities d {dim} K {components} N {count}");
            worst = worst.max(compare(&name, case.rounds(), |c| case.log_densities(c)));
            let name = format!("scores        d {dim} K {components} N {count}");
            worst = worst.max(compare(&name, case.rounds(), |c| case.scores(c)));
        }
    }
    let runs = Runs::new();
    worst = worst.max(compare("run of smc, callbacks, d 16 N 4096", 15, |c| runs.run(c)));
    println!("largest excess: {:.2} %", 100.0 * worst);
    match check && worst > LIMIT {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// CPU seconds of this process, all of its threads.
fn cpu_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + 1e-9 * now.tv_nsec as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs both in turn, prints medians, and returns by how much C takes longer.
fn compare(name: &str, rounds: usize, mut call: impl FnMut(bool) -> f64) -> f64 {
    let mut time = |c: bool| {
        let start = cpu_seconds();
        std::hint::black_box(call(c));
        cpu_seconds() - start
    };
    let (mut rust, mut c) = (Vec::new(), Vec::new());
    for round in 0..rounds + 2 {
        // Who is first takes turns too.
        let first = time(round % 2 == 1);
        let second = time(round % 2 == 0);
        let (r, x) = if round % 2 == 1 { (second, first) } else { (first, second) };
        if round >= 2 {
            rust.push(r);
            c.push(x);
        }
    }
    let excess = median(c.iter().zip(&rust).map(|(c, rust)| c / rust).collect()) - 1.0;
    let (rust, c) = (1e6 * median(rust), 1e6 * median(c));
    println!("{name:<38} {rust:>12.1} {c:>12.1} {:>6.2} %", 100.0 * excess);
    excess
}

/// A mixture at points, once as Rust has it and once as a handle.
struct Case {
    density: MixtureDensity,
    handle: *mut amc_density,
    x: Vec<f64>,
    values: std::cell::RefCell<(Vec<f64>, Vec<f64>)>,
    dim: usize,
}

impl Case {
    fn new(dim: usize, components: usize, count: usize) -> Self {
        let number = |i: usize| (0.7 * i as f64).sin() * 3.0;
        let parameters = MixtureParameters {
            name: "bench".into(),
            dim,
            weights: vec![1.0 / components as f64; components],
            means: (0..components * dim).map(number).collect(),
            covariance: Covariance::Isotropic(vec![0.5]),
            origin: String::new(),
        };
        let (mut mixture, mut handle) = (null_mut(), null_mut());
        // SAFETY: arrays and variables live during the calls.
        unsafe {
            let covariance = amc_covariance { kind: 0, data: &0.5, count: 1 };
            let weights = amc_list(parameters.weights.as_ptr(), components);
            let means = amc_rows(parameters.means.as_ptr(), components, dim);
            assert_eq!(
                amc_mixture_new(weights, means, covariance, &mut mixture, null_mut()),
                amc_status::AMC_OK
            );
            assert_eq!(amc_density_new(mixture, &mut handle, null_mut()), amc_status::AMC_OK);
            amc_mixture_free(mixture);
        }
        let x = (0..count * dim).map(|i| number(3 * i + 1)).collect();
        let values = (vec![0.0; count], vec![0.0; count * dim]).into();
        Self { density: MixtureDensity::new(parameters).unwrap(), handle, x, values, dim }
    }

    /// About a second a side.
    fn rounds(&self) -> usize {
        let start = cpu_seconds();
        for _ in 0..3 {
            self.log_densities(false);
        }
        let each = (cpu_seconds() - start) / 3.0;
        ((1.0 / each) as usize).clamp(21, 2001)
    }

    fn log_densities(&self, c: bool) -> f64 {
        let (values, _) = &mut *self.values.borrow_mut();
        if c {
            let x = amc_rows(self.x.as_ptr(), values.len(), self.dim);
            let out = amc_list_mut(values.as_mut_ptr(), values.len());
            // SAFETY: the handle lives, and the arrays have the sizes that are told.
            let status = unsafe { amc_density_log_densities(self.handle, x, out, null_mut()) };
            assert_eq!(status, amc_status::AMC_OK);
        } else {
            self.density.log_densities(Points::rows(&self.x, self.dim).unwrap(), values).unwrap();
        }
        values[0]
    }

    fn scores(&self, c: bool) -> f64 {
        let (values, scores) = &mut *self.values.borrow_mut();
        if c {
            let x = amc_rows(self.x.as_ptr(), values.len(), self.dim);
            let out = amc_list_mut(values.as_mut_ptr(), values.len());
            let slopes = amc_rows_mut(scores.as_mut_ptr(), values.len(), self.dim);
            // SAFETY: the handle lives, and the arrays have the sizes that are told.
            let status = unsafe { amc_density_scores(self.handle, x, out, slopes, null_mut()) };
            assert_eq!(status, amc_status::AMC_OK);
        } else {
            let slopes = PointsMut::rows(scores, self.dim).unwrap();
            self.density.scores(Points::rows(&self.x, self.dim).unwrap(), values, slopes).unwrap();
        }
        values[0] + scores[0]
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // SAFETY: the handle is freed once.
        unsafe { amc_density_free(self.handle) }
    }
}

const DIM: usize = 16;
const SETTINGS: &str =
    "[path]\nlevels = 12\n[kernel]\nkind = \"mala\"\nsteps = 2\n[sampler]\nkind = \"smc\"\n";

/// `-(|x|^2 - 1)^2 / 4 + x_1 / 3`, cheap, so that what surrounds it shows.
fn log_gamma(x: &[f64], score: &mut [f64]) -> f64 {
    let excess = x.iter().map(|x| x * x).sum::<f64>() - 1.0;
    for (score, x) in score.iter_mut().zip(x) {
        *score = -excess * x;
    }
    score[0] += 1.0 / 3.0;
    x[0] / 3.0 - 0.25 * excess * excess
}

/// For many points, whoever calls.
fn all(x: &[f64], values: &mut [f64], scores: &mut [f64]) {
    for ((x, score), value) in x.chunks_exact(DIM).zip(scores.chunks_exact_mut(DIM)).zip(values) {
        *value = log_gamma(x, score);
    }
}

struct Shell;

impl BatchTarget for Shell {
    fn offers(&self, _dim: usize) -> Derivatives {
        Derivatives::Score
    }

    fn log_densities(
        &self,
        x: &[f64],
        _dim: usize,
        values: &mut [f64],
    ) -> Result<(), TargetFailure> {
        all(x, values, &mut vec![0.0; x.len()]);
        Ok(())
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        _dim: usize,
        values: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        all(x, values, scores);
        Ok(())
    }
}

unsafe extern "C" fn densities(
    _: *mut c_void,
    count: usize,
    dim: usize,
    x: *const f64,
    values: *mut f64,
) -> c_int {
    // SAFETY: the library hands over arrays of these sizes.
    let (x, values) = unsafe {
        (std::slice::from_raw_parts(x, count * dim), std::slice::from_raw_parts_mut(values, count))
    };
    all(x, values, &mut vec![0.0; x.len()]);
    0
}

unsafe extern "C" fn scores(
    _: *mut c_void,
    count: usize,
    dim: usize,
    x: *const f64,
    values: *mut f64,
    scores: *mut f64,
) -> c_int {
    // SAFETY: the library hands over arrays of these sizes.
    let (x, values, scores) = unsafe {
        (
            std::slice::from_raw_parts(x, count * dim),
            std::slice::from_raw_parts_mut(values, count),
            std::slice::from_raw_parts_mut(scores, count * dim),
        )
    };
    all(x, values, scores);
    0
}

/// Whole runs, whose results must agree to the bit.
struct Runs {
    settings: CString,
}

impl Runs {
    fn new() -> Self {
        Self { settings: CString::new(SETTINGS).unwrap() }
    }

    fn run(&self, c: bool) -> f64 {
        let log_z = if c {
            self.through_c()
        } else {
            let sampling = Sampling::of(&Shell, DIM).configure(SETTINGS).threads(1);
            sampling.run().unwrap().summary.log_z
        };
        static FIRST: std::sync::OnceLock<f64> = std::sync::OnceLock::new();
        assert_eq!(log_z, *FIRST.get_or_init(|| log_z), "both ways give the same bits");
        log_z
    }

    fn through_c(&self) -> f64 {
        let target = amc_target {
            size: size_of::<amc_target>(),
            dim: DIM,
            user: null_mut(),
            log_densities: Some(densities),
            scores: Some(scores),
            hessian_products: None,
            points_at_once: 0,
        };
        let options = amc_options {
            size: size_of::<amc_options>(),
            settings: self.settings.as_ptr(),
            seed: null(),
            threads: 1,
            backbone: null(),
            reference_mean: null(),
            reference_scale: null(),
            finite_difference_step: 0.0,
            progress: None,
            progress_user: null_mut(),
        };
        let mut result = null_mut();
        let nothing = f64::NAN;
        let mut summary = amc_summary {
            size: size_of::<amc_summary>(),
            count: 0,
            dim: 0,
            log_z: nothing,
            log_z_std_error: nothing,
            effective_sample_size: nothing,
            acceptance_rate: nothing,
            density_evaluations: 0,
            score_evaluations: 0,
            hessian_product_evaluations: 0,
            not_finite: 0,
            seconds: nothing,
            verdict: 0,
            coverage_verified: 0,
        };
        // SAFETY: structures, texts and variables live during the calls.
        unsafe {
            assert_eq!(amc_sample(&target, &options, &mut result, null_mut()), amc_status::AMC_OK);
            assert_eq!(amc_result_summary(result, &mut summary, null_mut()), amc_status::AMC_OK);
            amc_result_free(result);
        }
        summary.log_z
    }
}
