//! Through the boundary and back: the same bits as from Rust, in every layout, and no way past the guard against panics.

use std::ffi::{CString, c_int, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};

use amc::density::*;
use amc::error::*;
use amc::mixture::*;
use amc::points::*;
use amc::result::*;
use amc::sampling::*;
use amc::target::*;
use amc_harness::embed::{
    BatchTarget, Derivatives, MixtureDensity, Points, PointsMut, Sampling, TargetFailure,
};
use amc_harness::target::{Covariance, MixtureParameters};

const DIM: usize = 3;
/// Several pieces of 512, and a rest that fills no block of eight.
const COUNT: usize = 1301;

fn parameters() -> MixtureParameters {
    MixtureParameters {
        name: "test".into(),
        dim: DIM,
        weights: vec![0.25, 0.75],
        means: vec![-2.0, 0.5, 0.0, 1.0, 3.0, -1.0],
        covariance: Covariance::Diagonal(vec![0.5, 1.0, 2.0, 0.3, 0.7, 1.5]),
        origin: String::new(),
    }
}

fn mixture() -> *mut amc_mixture {
    let MixtureParameters { weights, means, covariance, .. } = parameters();
    let mut mixture = null_mut();
    let covariance = amc_covariance { kind: 1, data: covariance.entries().as_ptr(), count: 2 };
    // SAFETY: the arrays have the sizes that are told.
    let status = unsafe {
        let (weights, means) = (amc_list(weights.as_ptr(), 2), amc_rows(means.as_ptr(), 2, DIM));
        amc_mixture_new(weights, means, covariance, &mut mixture, null_mut())
    };
    assert_eq!(status, amc_status::AMC_OK);
    mixture
}

fn number(i: usize) -> f64 {
    3.0 * (0.7 * i as f64).sin()
}

/// Fails if a call through C changes a bit of what Rust computes, whether rows have no gaps, lie in columns, or are parts of
/// structures whose other fields must stay as they are.
#[test]
fn every_layout_gives_the_bits_of_rust() {
    let rust = MixtureDensity::noised(parameters(), 0.8, 0.3).unwrap();
    let rows: Vec<f64> = (0..COUNT * DIM).map(number).collect();
    let vectors: Vec<f64> = (0..COUNT * DIM).map(|i| number(5 * i + 2)).collect();
    let (mut values, mut scores, mut products) =
        (vec![0.0; COUNT], vec![0.0; COUNT * DIM], vec![0.0; COUNT * DIM]);
    let view = |data| Points::rows(data, DIM).unwrap();
    rust.scores(view(&rows), &mut values, PointsMut::rows(&mut scores, DIM).unwrap()).unwrap();
    rust.hessian_products(
        view(&rows),
        view(&vectors),
        PointsMut::rows(&mut products, DIM).unwrap(),
    )
    .unwrap();
    let (mixture, mut density) = (mixture(), null_mut());
    // SAFETY: handles live, and arrays have the sizes that are told.
    unsafe {
        assert_eq!(
            amc_density_noised(mixture, 0.8, 0.3, &mut density, null_mut()),
            amc_status::AMC_OK
        );
        amc_mixture_free(mixture);
    }
    // Structures of x, v, a value, a score, products and a number of somebody else; or the same in columns.
    let width = 4 * DIM + 2;
    for (row, column) in [(width, 1), (1, COUNT)] {
        let mut all = vec![-7.5; width * COUNT];
        let at = |i: usize, field: usize| i * row + field * column;
        for i in 0..COUNT {
            for j in 0..DIM {
                all[at(i, j)] = rows[i * DIM + j];
                all[at(i, DIM + j)] = vectors[i * DIM + j];
            }
        }
        let start: *mut f64 = all.as_mut_ptr();
        let part = |field: usize| {
            let data = start.wrapping_add(at(0, field));
            amc_points_mut { data, count: COUNT, dim: DIM, row_stride: row, column_stride: column }
        };
        let read = |field: usize| {
            let amc_points_mut { data, count, dim, row_stride, column_stride } = part(field);
            amc_points { data, count, dim, row_stride, column_stride }
        };
        let list =
            amc_values_mut { data: start.wrapping_add(at(0, 2 * DIM)), count: COUNT, stride: row };
        // SAFETY: all parts lie within the vector, which nobody else touches meanwhile.
        unsafe {
            let scored = amc_density_scores(density, read(0), list, part(2 * DIM + 1), null_mut());
            assert_eq!(scored, amc_status::AMC_OK);
            let multiplied = amc_density_hessian_products(
                density,
                read(0),
                read(DIM),
                part(3 * DIM + 1),
                null_mut(),
            );
            assert_eq!(multiplied, amc_status::AMC_OK);
        }
        for i in 0..COUNT {
            assert_eq!(all[at(i, 2 * DIM)], values[i]);
            assert_eq!(all[at(i, 4 * DIM + 1)], -7.5);
            for j in 0..DIM {
                assert_eq!(all[at(i, j)], rows[i * DIM + j]);
                assert_eq!(all[at(i, 2 * DIM + 1 + j)], scores[i * DIM + j]);
                assert_eq!(all[at(i, 3 * DIM + 1 + j)], products[i * DIM + j]);
            }
        }
    }
    let (mut packed, mut columns, mut expected) =
        (vec![0.0; COUNT * DIM], vec![0.0; COUNT * DIM], vec![0.0; COUNT * DIM]);
    rust.sample(9, PointsMut::rows(&mut expected, DIM).unwrap()).unwrap();
    // SAFETY: as above.
    unsafe {
        amc_density_sample(density, 9, amc_rows_mut(packed.as_mut_ptr(), COUNT, DIM), null_mut());
        amc_density_sample(
            density,
            9,
            amc_columns_mut(columns.as_mut_ptr(), COUNT, DIM),
            null_mut(),
        );
        amc_density_free(density);
    }
    assert_eq!(packed, expected);
    assert!((0..COUNT * DIM).all(|i| columns[i % DIM * COUNT + i / DIM] == expected[i]));
}

/// `log gamma = -|x|^4/4 + x_0/2`, with everything that a target may offer.
struct Quartic;

fn quartic(x: &[f64]) -> (f64, Vec<f64>) {
    let square: f64 = x.iter().map(|x| x * x).sum();
    let mut score: Vec<f64> = x.iter().map(|x| -square * x).collect();
    score[0] += 0.5;
    (0.5 * x[0] - 0.25 * square * square, score)
}

fn bent(x: &[f64], v: &[f64]) -> Vec<f64> {
    let square: f64 = x.iter().map(|x| x * x).sum();
    let along: f64 = x.iter().zip(v).map(|(x, v)| x * v).sum();
    x.iter().zip(v).map(|(x, v)| -square * v - 2.0 * along * x).collect()
}

impl BatchTarget for Quartic {
    fn offers(&self, _dim: usize) -> Derivatives {
        Derivatives::HessianProduct
    }

    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        values: &mut [f64],
    ) -> Result<(), TargetFailure> {
        x.chunks(dim).zip(values).for_each(|(x, value)| *value = quartic(x).0);
        Ok(())
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        values: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        self.log_densities(x, dim, values)?;
        x.chunks(dim)
            .zip(scores.chunks_mut(dim))
            .for_each(|(x, s)| s.copy_from_slice(&quartic(x).1));
        Ok(())
    }

    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let points = x.chunks(dim).zip(v.chunks(dim)).zip(out.chunks_mut(dim));
        points.for_each(|((x, v), out)| out.copy_from_slice(&bent(x, v)));
        Ok(())
    }
}

unsafe extern "C" fn densities(
    user: *mut c_void,
    count: usize,
    dim: usize,
    x: *const f64,
    values: *mut f64,
) -> c_int {
    // SAFETY: the library hands over arrays of these sizes, and the test a target.
    unsafe {
        let (x, values) = (
            std::slice::from_raw_parts(x, count * dim),
            std::slice::from_raw_parts_mut(values, count),
        );
        i32::from((*user.cast::<Quartic>()).log_densities(x, dim, values).is_err())
    }
}

unsafe extern "C" fn scores(
    user: *mut c_void,
    count: usize,
    dim: usize,
    x: *const f64,
    values: *mut f64,
    scores: *mut f64,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let (x, values) = (
            std::slice::from_raw_parts(x, count * dim),
            std::slice::from_raw_parts_mut(values, count),
        );
        let scores = std::slice::from_raw_parts_mut(scores, count * dim);
        i32::from(
            (*user.cast::<Quartic>()).log_densities_and_scores(x, dim, values, scores).is_err(),
        )
    }
}

unsafe extern "C" fn products(
    user: *mut c_void,
    count: usize,
    dim: usize,
    x: *const f64,
    v: *const f64,
    out: *mut f64,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let (x, v) = (
            std::slice::from_raw_parts(x, count * dim),
            std::slice::from_raw_parts(v, count * dim),
        );
        let out = std::slice::from_raw_parts_mut(out, count * dim);
        i32::from((*user.cast::<Quartic>()).hessian_products(x, v, dim, out).is_err())
    }
}

/// Fails if a callback is given other arrays than a target in Rust, or not asked where that is: the bits of log Z, of the
/// samples and the counts of evaluations agree, along the diffusion of a backbone with a bridge of second order.
#[test]
fn callbacks_are_targets() {
    const SETTINGS: &str = "[path]\nlevels = 6\n[bridge]\nkind = \"second-order\"\n[kernel]\nsteps = 2\n[sampler]\nkind = \"smc\"\nparticles = 200\n";
    let rust = Sampling::of(&Quartic, DIM)
        .backbone(parameters())
        .configure(SETTINGS)
        .seed(11)
        .run()
        .unwrap();
    let settings = CString::new(SETTINGS).unwrap();
    let (mixture, seed, mut result) = (mixture(), 11u64, null_mut());
    let target = amc_target {
        size: size_of::<amc_target>(),
        dim: DIM,
        user: std::ptr::from_ref(&Quartic).cast_mut().cast(),
        log_densities: Some(densities),
        scores: Some(scores),
        hessian_products: Some(products),
        points_at_once: 0,
    };
    let options = amc_options {
        size: size_of::<amc_options>(),
        settings: settings.as_ptr(),
        seed: &seed,
        threads: 2,
        backbone: mixture,
        reference_mean: null(),
        reference_scale: null(),
        finite_difference_step: 0.0,
        progress: None,
        progress_user: null_mut(),
    };
    let (mut positions, mut weights) = (vec![0.0; 200 * DIM], vec![0.0; 200]);
    let mut text = vec![0u8; 1 << 20];
    // SAFETY: structures, texts and arrays live during the calls and have the sizes that are told.
    unsafe {
        assert_eq!(amc_sample(&target, &options, &mut result, null_mut()), amc_status::AMC_OK);
        let rows = amc_rows_mut(positions.as_mut_ptr(), 200, DIM);
        assert_eq!(amc_result_positions(result, rows, null_mut()), amc_status::AMC_OK);
        let list = amc_list_mut(weights.as_mut_ptr(), 200);
        assert_eq!(amc_result_weights(result, list, null_mut()), amc_status::AMC_OK);
        let buffer = text.as_mut_ptr().cast();
        assert_eq!(
            amc_result_json(result, buffer, text.len(), null_mut(), null_mut()),
            amc_status::AMC_OK
        );
        amc_result_free(result);
        amc_mixture_free(mixture);
    }
    assert_eq!((positions, weights), (rust.positions, rust.weights));
    let end = text.iter().position(|byte| *byte == 0).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text[..end]).unwrap();
    let expected = serde_json::to_value(&rust.summary).unwrap();
    for key in ["log_z", "log_z_std_error", "evaluations", "verdict", "acceptance_rate"] {
        assert_eq!(json[key], expected[key], "{key}");
    }
}

/// A handle that threads share.
struct Shared(*mut amc_density);

// SAFETY: the header lets many threads use one density.
unsafe impl Sync for Shared {}

/// Fails if a density has a state that threads disturb, or a run does.
#[test]
fn threads_share_handles() {
    let (mixture, mut density) = (mixture(), null_mut());
    // SAFETY: handles live, and arrays have the sizes that are told.
    unsafe { amc_density_new(mixture, &mut density, null_mut()) };
    let (shared, x) = (Shared(density), (0..COUNT * DIM).map(number).collect::<Vec<_>>());
    let evaluate = || {
        let shared = &shared;
        let mut values = vec![0.0; COUNT];
        for _ in 0..50 {
            let (points, list) =
                (amc_rows(x.as_ptr(), COUNT, DIM), amc_list_mut(values.as_mut_ptr(), COUNT));
            // SAFETY: as above; the list is this thread's.
            let status = unsafe { amc_density_log_densities(shared.0, points, list, null_mut()) };
            assert_eq!(status, amc_status::AMC_OK);
        }
        values
    };
    let run = || {
        let target = amc_target {
            size: size_of::<amc_target>(),
            dim: DIM,
            user: std::ptr::from_ref(&Quartic).cast_mut().cast(),
            log_densities: Some(densities),
            scores: Some(scores),
            hessian_products: None,
            points_at_once: 8,
        };
        let (mut result, mut weights) = (null_mut(), vec![0.0; 4096]);
        // SAFETY: as above.
        unsafe {
            assert_eq!(amc_sample(&target, null(), &mut result, null_mut()), amc_status::AMC_OK);
            let list = amc_list_mut(weights.as_mut_ptr(), weights.len());
            assert_eq!(amc_result_weights(result, list, null_mut()), amc_status::AMC_OK);
            amc_result_free(result);
        }
        weights
    };
    std::thread::scope(|scope| {
        let evaluations = [scope.spawn(evaluate), scope.spawn(evaluate), scope.spawn(evaluate)];
        let runs = [scope.spawn(run), scope.spawn(run)];
        let evaluations = evaluations.map(|thread| thread.join().unwrap());
        assert!(evaluations.iter().all(|values| *values == evaluations[0]));
        let runs = runs.map(|thread| thread.join().unwrap());
        assert_eq!(runs[0], runs[1]);
    });
    // SAFETY: every thread has ended.
    unsafe {
        amc_density_free(density);
        amc_mixture_free(mixture);
    }
}

/// Fails if a function that can fail does its work outside of the guard against panics, or a new one neither fails nor is
/// known here to be too simple to panic.
#[test]
fn every_function_is_guarded() {
    const SIMPLE: [&str; 17] = [
        "amc_abi_version",
        "amc_version",
        "amc_status_name",
        "amc_rows",
        "amc_rows_mut",
        "amc_columns",
        "amc_columns_mut",
        "amc_list",
        "amc_list_mut",
        "amc_mixture_dim",
        "amc_mixture_components",
        "amc_density_dim",
        "amc_result_count",
        "amc_result_dim",
        "amc_mixture_free",
        "amc_density_free",
        "amc_result_free",
    ];
    let mut guarded = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(file).unwrap();
        for function in source.split("#[unsafe(no_mangle)]").skip(1) {
            let name = function
                .split("extern \"C\" fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next())
                .unwrap();
            let body = &function[..function.find("\n}\n").unwrap()];
            if SIMPLE.contains(&name) {
                assert!(!body.contains("error: *mut amc_error"), "{name}");
                continue;
            }
            // All that stands outside of the closure is one call: of the guard, or of a function that is only that.
            let last = body
                .lines()
                .rev()
                .find(|line| line.starts_with("    unsafe {"))
                .unwrap_or_default();
            let calls = ["{ report(error, ", "{ list(result, ", "{ amc_density_noised("];
            assert!(calls.iter().any(|call| last.contains(call)), "{name} ends with {last:?}");
            guarded += 1;
        }
    }
    assert_eq!(guarded, 19, "functions that can fail");
}
