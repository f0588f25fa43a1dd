//! Normals and uniforms of a keyed stream, per number.

use std::hint::black_box;

use amc_core::rng::{Key, Purpose};
use amc_core::simd::{LANES, f64x8};

use super::report::Report;
use super::work::Work;
use super::{Clock, Plan};

/// Vectors drawn at a time: in the first cache.
const VECTORS: usize = 512;

pub(super) fn normals(plan: &Plan, report: &mut Report) {
    let mut stream = Key::new(1, Purpose::User).stream();
    let ns = each(&plan.clock(), |out| stream.fill_normals(out));
    report.add("normals", ns, Some(Work::NORMAL));
}

pub(super) fn uniforms(plan: &Plan, report: &mut Report) {
    let mut stream = Key::new(2, Purpose::User).stream();
    let ns = each(&plan.clock(), |out| out.iter_mut().for_each(|out| *out = stream.uniforms()));
    report.add("uniforms", ns, None);
}

/// Nanoseconds a number of a fill of vectors.
fn each(clock: &Clock, mut fill: impl FnMut(&mut [f64x8])) -> f64 {
    let mut out = vec![f64x8::ZERO; VECTORS];
    clock.best(|| fill(black_box(&mut out))) * 1e9 / (VECTORS * LANES) as f64
}
