//! Densities of mixtures, prepared once and evaluated often.

use amc_harness::embed::{MixtureDensity, Points, PointsMut};

use crate::error::{Failure, amc_error, amc_status, report};
use crate::grid::{Grid, pieces, refuse_overlaps};
use crate::handle;
use crate::mixture::{amc_mixture, refused};
use crate::points::{amc_points, amc_points_mut, amc_values_mut};
use crate::schedule::{self, amc_schedule};

/// The density of a mixture, perhaps noised, prepared to be evaluated at many points. It has no state.
pub struct amc_density {
    density: MixtureDensity,
}

/// Prepares the density of a mixture itself. `density` receives the handle, which goes by `amc_density_free`.
///
/// Errors: AMC_ERROR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_new(
    mixture: *const amc_mixture,
    density: *mut *mut amc_density,
    error: *mut amc_error,
) -> amc_status {
    // SAFETY: the same function with valid arguments.
    unsafe { amc_density_noised(mixture, 1.0, 0.0, density, error) }
}

/// Prepares the density of alpha x + sqrt(variance) z, z standard normal: sum_k w_k N(alpha mu_k, alpha^2 Sigma_k +
/// variance I).
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_NOT_FINITE or AMC_ERROR_VALUE for an alpha that is not above 0 or a negative variance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_noised(
    mixture: *const amc_mixture,
    alpha: f64,
    variance: f64,
    density: *mut *mut amc_density,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let parameters = unsafe { handle::borrowed("mixture", mixture) }?.parameters.clone();
        let density = MixtureDensity::noised(parameters, alpha, variance).map_err(refused)?;
        Ok(amc_density { density })
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("density", density, make)) }
}

/// Prepares the density of a mixture at time t of a noise schedule, 0 <= t <= 1; `schedule` NULL is AMC_VP_LINEAR with
/// its defaults.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for the size of the schedule; AMC_ERROR_VALUE for its parameters and for
/// times that the schedule does not have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_at(
    mixture: *const amc_mixture,
    schedule: *const amc_schedule,
    t: f64,
    density: *mut *mut amc_density,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: handle and structure are NULL or valid by the contract of the library.
        let (parameters, schedule) = unsafe {
            (handle::borrowed("mixture", mixture)?.parameters.clone(), schedule::read(schedule)?)
        };
        let density = MixtureDensity::at(parameters, &schedule, t).map_err(refused)?;
        Ok(amc_density { density })
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("density", density, make)) }
}

/// Number of coordinates d of a density; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_dim(density: *const amc_density) -> usize {
    // SAFETY: the handle is NULL or valid by the contract of the library.
    unsafe { density.as_ref() }.map_or(0, |density| density.density.dim())
}

/// Log-densities: `log_densities` [n] receives log p(x_i) of the points `x` [n x d]; n may be 0.
///
/// A point so far away that its density vanishes has -infinity. Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other
/// sizes, strides by which numbers of an output share a place, and arrays that overlap; AMC_ERROR_NOT_FINITE for a point
/// that is NaN or infinite, whose index is `row` of the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_log_densities(
    density: *const amc_density,
    x: amc_points,
    log_densities: amc_values_mut,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let density = &unsafe { handle::borrowed("density", density) }?.density;
        let x = Grid::read("x", x)?.expect_dim(density.dim())?;
        let values = Grid::write_list("log_densities", log_densities)?.expect(x.count, 1)?;
        refuse_overlaps(&[&x], &[&values])?;
        let (mut points_room, mut values_room) = (Vec::new(), Vec::new());
        for piece in pieces(x.count, &[&x, &values]) {
            // SAFETY: the arrays are valid by the contract of the library, and apart from each other.
            let (points, out) = unsafe {
                (x.lend(&piece, &mut points_room), values.lend_mut(&piece, &mut values_room))
            };
            let points = Points::rows(points, x.dim)?;
            density
                .log_densities(points, out)
                .map_err(|error| Failure::in_rows_from(piece.start, error))?;
            // SAFETY: as above.
            unsafe { values.give_back(&piece, &values_room) };
        }
        Ok(())
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Scores with log-densities: `log_densities` [n] receives log p(x_i), and `scores` [n x d] its gradients, of the points
/// `x` [n x d]; n may be 0.
///
/// Outputs may lie in the gaps of `x` and of each other, as in arrays of structures, if all have the same row stride.
/// Errors: those of `amc_density_log_densities`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_scores(
    density: *const amc_density,
    x: amc_points,
    log_densities: amc_values_mut,
    scores: amc_points_mut,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let density = &unsafe { handle::borrowed("density", density) }?.density;
        let x = Grid::read("x", x)?.expect_dim(density.dim())?;
        let values = Grid::write_list("log_densities", log_densities)?.expect(x.count, 1)?;
        let scores = Grid::write("scores", scores)?.expect(x.count, x.dim)?;
        refuse_overlaps(&[&x], &[&values, &scores])?;
        let mut rooms = [Vec::new(), Vec::new(), Vec::new()];
        let [points_room, values_room, scores_room] = &mut rooms;
        for piece in pieces(x.count, &[&x, &values, &scores]) {
            // SAFETY: the arrays are valid by the contract of the library, and apart from each other.
            let (points, out, slopes) = unsafe {
                let points = x.lend(&piece, points_room);
                (points, values.lend_mut(&piece, values_room), scores.lend_mut(&piece, scores_room))
            };
            density
                .scores(Points::rows(points, x.dim)?, out, PointsMut::rows(slopes, x.dim)?)
                .map_err(|error| Failure::in_rows_from(piece.start, error))?;
            // SAFETY: as above.
            unsafe {
                values.give_back(&piece, values_room);
                scores.give_back(&piece, scores_room);
            }
        }
        Ok(())
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Products with the Hessian: `products` [n x d] receives H(x_i) v_i, H the matrix of second derivatives of log p, of
/// the points `x` [n x d] and vectors `v` [n x d]; n may be 0. A `v` of row stride 0 is one vector for all points.
///
/// Errors: those of `amc_density_log_densities`, for `v` as for `x`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_hessian_products(
    density: *const amc_density,
    x: amc_points,
    v: amc_points,
    products: amc_points_mut,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let density = &unsafe { handle::borrowed("density", density) }?.density;
        let x = Grid::read("x", x)?.expect_dim(density.dim())?;
        let v = Grid::read("v", v)?.expect(x.count, x.dim)?;
        let products = Grid::write("products", products)?.expect(x.count, x.dim)?;
        refuse_overlaps(&[&x, &v], &[&products])?;
        let mut rooms = [Vec::new(), Vec::new(), Vec::new()];
        let [points_room, vectors_room, products_room] = &mut rooms;
        for piece in pieces(x.count, &[&x, &v, &products]) {
            // SAFETY: the arrays are valid by the contract of the library, and the output apart from the others.
            let (points, vectors, out) = unsafe {
                let (points, vectors) = (x.lend(&piece, points_room), v.lend(&piece, vectors_room));
                (points, vectors, products.lend_mut(&piece, products_room))
            };
            let (points, vectors) = (Points::rows(points, x.dim)?, Points::rows(vectors, x.dim)?);
            density
                .hessian_products(points, vectors, PointsMut::rows(out, x.dim)?)
                .map_err(|error| Failure::in_rows_from(piece.start, error))?;
            // SAFETY: as above.
            unsafe { products.give_back(&piece, products_room) };
        }
        Ok(())
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Exact samples: `x` [n x d] receives n independent points. The same seed gives the same points, and more of them begin
/// with the fewer.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE as for the outputs of `amc_density_log_densities`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_sample(
    density: *const amc_density,
    seed: u64,
    x: amc_points_mut,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let density = &unsafe { handle::borrowed("density", density) }?.density;
        let x = Grid::write("x", x)?.expect_dim(density.dim())?;
        // In one piece, whatever the gaps: the streams of a seed are counted from the first point.
        let (all, mut room) = (0..x.count, Vec::new());
        // SAFETY: the array is valid by the contract of the library.
        let points = unsafe { x.lend_mut(&all, &mut room) };
        density.sample(seed, PointsMut::rows(points, x.dim)?)?;
        // SAFETY: as above.
        unsafe { x.give_back(&all, &room) };
        Ok(())
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Frees a density; NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_density_free(density: *mut amc_density) {
    // SAFETY: the handle is NULL or valid by the contract of the library, and not used any more.
    unsafe { handle::free(density) }
}
