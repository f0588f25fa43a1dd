//! A target of the caller's own, as callbacks for many points at once.

use std::ffi::{c_int, c_void};

use amc_harness::embed::{BatchTarget, Derivatives, TargetFailure};

use crate::error::Failure;
use crate::structure::{self, Structure};

/// Log-densities of a target: `log_densities` [n] receives log gamma(x_i), known up to one constant, of the points
/// `x` [n x d], rows without gaps. -infinity where gamma is 0; NaN and +infinity are counted, and the point is rejected.
/// All coordinates are finite: where a move ran away, another place is asked about and the answer not taken.
///
/// Returns 0, or another number to end the run, which comes back as `code` of the `amc_error`.
pub type amc_log_densities_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        count: usize,
        dim: usize,
        x: *const f64,
        log_densities: *mut f64,
    ) -> c_int,
>;

/// Log-densities with their gradients, `scores` [n x d], rows without gaps. Otherwise as `amc_log_densities_fn`.
pub type amc_scores_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        count: usize,
        dim: usize,
        x: *const f64,
        log_densities: *mut f64,
        scores: *mut f64,
    ) -> c_int,
>;

/// Products with the Hessian: `products` [n x d] receives H(x_i) v_i, H the matrix of second derivatives of log gamma,
/// of the points `x` [n x d] and vectors `v` [n x d]; rows without gaps. Returns as `amc_log_densities_fn`.
pub type amc_hessian_products_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        count: usize,
        dim: usize,
        x: *const f64,
        v: *const f64,
        products: *mut f64,
    ) -> c_int,
>;

/// A target of one's own. Set all of it to 0, then `size`, `dim`, `log_densities` and what else there is.
///
/// Callbacks are called from threads of the run, several at a time unless `threads` of the options is 1, so what `user`
/// points to must allow that; they must return, not jump out or throw. Nothing is kept after the run.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amc_target {
    /// sizeof(amc_target).
    pub size: usize,
    /// Number of coordinates d.
    pub dim: usize,
    /// Handed to every callback; never looked at.
    pub user: *mut c_void,
    /// Required.
    pub log_densities: amc_log_densities_fn,
    /// NULL if there is none; MALA and HMC need it, or `finite_difference_step` of the options. Bridges take scores from the
    /// backbone.
    pub scores: amc_scores_fn,
    /// NULL if there is none; needs `scores`. Maps of several stages take it at the target; without it the backbone stands in.
    pub hessian_products: amc_hessian_products_fn,
    /// Most points of one call, from 8 to 512; 0 stands for 128.
    pub points_at_once: usize,
}

// SAFETY: `repr(C)`, numbers, pointers and optional function pointers, the first a `usize`.
unsafe impl Structure for amc_target {
    const NAME: &'static str = "amc_target";
    const FIRST: usize = 7 * size_of::<usize>();
}

/// A target whose required callback is there.
pub(crate) struct Callbacks {
    target: amc_target,
}

// SAFETY: callbacks are called from several threads at once, which `amc_target` tells their author to allow; the pointer
// `user` is only handed on.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    /// # Safety
    /// `target` is NULL or points to a structure of its `size`, and its callbacks do what their types say.
    pub(crate) unsafe fn read(target: *const amc_target) -> Result<Self, Failure> {
        // SAFETY: as promised by the caller.
        let target = unsafe { structure::read(target) }?;
        if target.dim == 0 {
            return Err(Failure::shape("target.dim = 0: at least one coordinate is needed"));
        }
        if target.points_at_once != 0 && !(8..=512).contains(&target.points_at_once) {
            let found = target.points_at_once;
            return Err(Failure::shape(format!(
                "target.points_at_once = {found}: allowed are 8 to 512, and 0"
            )));
        }
        if target.hessian_products.is_some() && target.scores.is_none() {
            return Err(Failure::null("target.scores, which hessian_products needs,"));
        }
        if target.log_densities.is_none() {
            return Err(Failure::null("target.log_densities"));
        }
        Ok(Self { target })
    }

    pub(crate) fn dim(&self) -> usize {
        self.target.dim
    }
}

impl BatchTarget for Callbacks {
    fn offers(&self, _dim: usize) -> Derivatives {
        match (self.target.scores, self.target.hessian_products) {
            (None, _) => Derivatives::None,
            (Some(_), None) => Derivatives::Score,
            (Some(_), Some(_)) => Derivatives::HessianProduct,
        }
    }

    fn points_at_once(&self) -> usize {
        if self.target.points_at_once == 0 { 128 } else { self.target.points_at_once }
    }

    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let (user, count) = (self.target.user, log_densities.len());
        check(x.len(), count * dim)?;
        let call = self.target.log_densities.ok_or_else(|| absent("log_densities"))?;
        // SAFETY: the arrays hold as many numbers as are told.
        let code = unsafe { call(user, count, dim, x.as_ptr(), log_densities.as_mut_ptr()) };
        outcome("log_densities", code)
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let (user, count) = (self.target.user, log_densities.len());
        check(x.len(), count * dim)?;
        check(scores.len(), count * dim)?;
        let call = self.target.scores.ok_or_else(|| absent("scores"))?;
        let (values, slopes) = (log_densities.as_mut_ptr(), scores.as_mut_ptr());
        // SAFETY: the arrays hold as many numbers as are told.
        let code = unsafe { call(user, count, dim, x.as_ptr(), values, slopes) };
        outcome("scores", code)
    }

    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let (user, count) = (self.target.user, x.len() / dim.max(1));
        check(x.len(), count * dim)?;
        check(v.len(), x.len())?;
        check(out.len(), x.len())?;
        let call = self.target.hessian_products.ok_or_else(|| absent("hessian_products"))?;
        // SAFETY: the arrays hold as many numbers as are told.
        let code = unsafe { call(user, count, dim, x.as_ptr(), v.as_ptr(), out.as_mut_ptr()) };
        outcome("hessian_products", code)
    }
}

/// Memory safety of the callbacks rests on these lengths, whoever calls.
fn check(found: usize, expected: usize) -> Result<(), TargetFailure> {
    if found == expected {
        return Ok(());
    }
    Err(TargetFailure { message: format!("{found} numbers where {expected} belong"), code: 0 })
}

fn absent(name: &str) -> TargetFailure {
    TargetFailure { message: format!("target.{name} is NULL"), code: 0 }
}

fn outcome(name: &str, code: c_int) -> Result<(), TargetFailure> {
    match code {
        0 => Ok(()),
        code => {
            Err(TargetFailure { message: format!("its callback {name} reported an error"), code })
        }
    }
}
