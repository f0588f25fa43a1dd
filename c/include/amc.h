/*
 * amc: Gaussian mixtures, and annealed Monte Carlo samplers for densities with many modes.
 *
 * Made from the sources of the library by cbindgen; do not edit. The guide is docs/src/embedding-c.md.
 *
 * What holds for every function:
 *
 *   Errors.    A function that can fail returns an amc_status and takes an amc_error, which it fills: the status
 *              again, a message of one line, the row of a point at fault, the code of a callback. The amc_error is
 *              the caller's, one per thread, and may be NULL. A handle that could not be made is NULL. After an error
 *              all handles are as before; what output arrays hold is undefined.
 *   Memory.    Arrays are the caller's and are neither kept nor freed; all are read or written before the function
 *              returns. A handle belongs to whoever made it and goes by its own amc_..._free, which takes NULL.
 *   Strides.   Counted in numbers (double), not in bytes. Rows without gaps are never copied.
 *   Threads.   No global and no thread-local state. A mixture, density or result may be used by many threads at once;
 *              freeing it must come last.
 *   Text.      UTF-8. Text that is handed in ends with NUL, and so does text that is handed out.
 *   Growth.    A structure that begins with `size` may grow: set all of it to zero, then `size` to its sizeof.
 */


#ifndef AMC_H
#define AMC_H



#include <stddef.h>
#include <stdint.h>

/**
 * Bytes of a message, its NUL included.
 */
#define AMC_MESSAGE_LENGTH 1008

/**
 * `row` of an `amc_error` that is not about one point.
 */
#define AMC_NO_ROW UINT64_MAX

/**
 * Version of the binary interface that this header describes; the shared library is libamc.so.N.
 *
 * A program that was compiled with one version runs with any library of the same version.
 */
#define AMC_ABI_VERSION 0

/**
 * What a function says of its outcome. Later versions may add values.
 */
enum amc_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  AMC_OK = 0,
  /**
   * A handle, array or structure that must be given is NULL.
   */
  AMC_ERROR_NULL = 1,
  /**
   * A size, dimension, stride or capacity does not fit, or arrays overlap.
   */
  AMC_ERROR_SHAPE = 2,
  /**
   * A number is not in the range that its parameter allows.
   */
  AMC_ERROR_VALUE = 3,
  /**
   * A number is NaN or infinite; `row` of the `amc_error` says which point.
   */
  AMC_ERROR_NOT_FINITE = 4,
  /**
   * A text is not UTF-8.
   */
  AMC_ERROR_UTF8 = 5,
  /**
   * A setting or a text that describes a mixture is wrong.
   */
  AMC_ERROR_CONFIGURATION = 6,
  /**
   * A file cannot be read.
   */
  AMC_ERROR_FILE = 7,
  /**
   * A callback of a target reported an error; `code` of the `amc_error` is what it returned.
   */
  AMC_ERROR_TARGET = 8,
  /**
   * The progress callback asked to stop; `code` of the `amc_error` is what it returned.
   */
  AMC_ERROR_STOPPED = 9,
  /**
   * The computation failed: all weights were lost, an iteration did not converge, memory ran out.
   */
  AMC_ERROR_NUMERICAL = 10,
  /**
   * A defect of the library was caught. Please report the message.
   */
  AMC_ERROR_PANIC = 11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amc_status amc_status;
#else
typedef int32_t amc_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the numbers of a covariance mean.
 */
enum amc_covariance_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Sigma = s I: one number s, a variance.
   */
  AMC_ISOTROPIC = 0,
  /**
   * Sigma = diag(s): d numbers, the variances of the coordinates.
   */
  AMC_DIAGONAL = 1,
  /**
   * Sigma: d x d numbers, symmetric and positive definite.
   */
  AMC_FULL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amc_covariance_kind amc_covariance_kind;
#else
typedef int32_t amc_covariance_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How signal alpha_t and noise variance v_t depend on the time t.
 */
enum amc_schedule_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * alpha_t = exp(-B/2), v_t = 1 - exp(-B), B = beta_min t + (beta_max - beta_min) t^2/2.
   */
  AMC_VP_LINEAR = 0,
  /**
   * alpha_t = cos(pi t/2), v_t = sin(pi t/2)^2; t < 1.
   */
  AMC_VP_COSINE = 1,
  /**
   * alpha_t = 1, sqrt(v_t) = sigma_min (sigma_max/sigma_min)^t, and v_0 = 0.
   */
  AMC_VE_GEOMETRIC = 2,
  /**
   * alpha_t = 1, the seventh root of sqrt(v_t) linear in t from sigma_min to sigma_max, and v_0 = 0.
   */
  AMC_VE_RHO_7 = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amc_schedule_kind amc_schedule_kind;
#else
typedef int32_t amc_schedule_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the checks say of a run.
 */
enum amc_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Nothing is wrong and no mode is missing, as far as the checks can see.
   */
  AMC_HEALTHY = 0,
  /**
   * Nothing looks wrong, but nothing looked for missing modes: there were no exact samples to compare with.
   */
  AMC_UNVERIFIED = 1,
  /**
   * Something is wrong; `verdict` in the text of `amc_result_json` gives the reasons.
   */
  AMC_SUSPECT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amc_verdict amc_verdict;
#else
typedef int32_t amc_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The density of a mixture, perhaps noised, prepared to be evaluated at many points. It has no state.
 */
typedef struct amc_density amc_density;

/**
 * A Gaussian mixture sum_k w_k N(x; mu_k, Sigma_k), k = 1..K, x of d coordinates.
 */
typedef struct amc_mixture amc_mixture;

/**
 * Weighted samples of a target, and what the run says of itself.
 */
typedef struct amc_result amc_result;

/**
 * The outcome of the last function that was given it, in the caller's memory; nothing has to be set before.
 */
typedef struct amc_error {
  /**
   * The status that the function returned, an `amc_status`.
   */
  int32_t status;
  /**
   * What a callback returned to report an error or to stop a run, otherwise 0.
   */
  int32_t code;
  /**
   * Index of the point that is at fault, counted from 0, otherwise `AMC_NO_ROW`.
   */
  uint64_t row;
  /**
   * What is wrong and what to do, one line; empty after success. Longer ones end with "...".
   */
  char message[AMC_MESSAGE_LENGTH];
} amc_error;

/**
 * A noise schedule: {sizeof(amc_schedule), kind, ...}, all else 0. A parameter that is 0 takes its default.
 */
typedef struct amc_schedule {
  /**
   * sizeof(amc_schedule).
   */
  size_t size;
  /**
   * An `amc_schedule_kind`.
   */
  int32_t kind;
  /**
   * 0.
   */
  int32_t reserved;
  /**
   * Rate of noise at t = 0, of AMC_VP_LINEAR only: above 0 and at most 700; 0 stands for 0.1.
   */
  double beta_min;
  /**
   * Rate of noise at t = 1, of AMC_VP_LINEAR only: from beta_min to 700; 0 stands for 20.
   */
  double beta_max;
  /**
   * Least noise, of AMC_VE_... only: from 1e-150; 0 stands for 0.002.
   */
  double sigma_min;
  /**
   * Most noise, of AMC_VE_... only: above sigma_min, at most 1e150; 0 stands for 80.
   */
  double sigma_max;
} amc_schedule;

/**
 * Points to read, number `(i, j)` at `data[i * row_stride + j * column_stride]`. Made by `amc_rows` and `amc_columns`.
 */
typedef struct amc_points {
  /**
   * First number of the first point; may be NULL if there are no points.
   */
  const double *data;
  /**
   * Number of points n.
   */
  size_t count;
  /**
   * Number of coordinates d.
   */
  size_t dim;
  /**
   * From a number to the same coordinate of the next point, in numbers.
   */
  size_t row_stride;
  /**
   * From a number to the next coordinate of the same point, in numbers.
   */
  size_t column_stride;
} amc_points;

/**
 * A list of numbers to write. Made by `amc_list_mut`.
 */
typedef struct amc_values_mut {
  /**
   * First number; may be NULL if there are none.
   */
  double *data;
  /**
   * Number of numbers.
   */
  size_t count;
  /**
   * From a number to the next; not 0 if there are several.
   */
  size_t stride;
} amc_values_mut;

/**
 * Points to write; no two numbers may share a place.
 */
typedef struct amc_points_mut {
  /**
   * First number of the first point; may be NULL if there are no points.
   */
  double *data;
  /**
   * Number of points n.
   */
  size_t count;
  /**
   * Number of coordinates d.
   */
  size_t dim;
  /**
   * From a number to the same coordinate of the next point, in numbers.
   */
  size_t row_stride;
  /**
   * From a number to the next coordinate of the same point, in numbers.
   */
  size_t column_stride;
} amc_points_mut;

/**
 * A list of numbers to read, number i at `data[i * stride]`. Made by `amc_list`.
 */
typedef struct amc_values {
  /**
   * First number; may be NULL if there are none.
   */
  const double *data;
  /**
   * Number of numbers.
   */
  size_t count;
  /**
   * From a number to the next.
   */
  size_t stride;
} amc_values;

/**
 * Covariances of a mixture.
 */
typedef struct amc_covariance {
  /**
   * An `amc_covariance_kind`.
   */
  int32_t kind;
  /**
   * Their numbers, one covariance after the other without gaps: [count], [count x d] or [count x d x d].
   */
  const double *data;
  /**
   * How many there are: 1, which all components share, or one for each component.
   */
  size_t count;
} amc_covariance;

/**
 * The numbers of a run. Set `size` before it is filled; what a run does not have is NaN.
 */
typedef struct amc_summary {
  /**
   * sizeof(amc_summary).
   */
  size_t size;
  /**
   * Number of samples N.
   */
  size_t count;
  /**
   * Number of coordinates d.
   */
  size_t dim;
  /**
   * Estimate of log Z, Z the integral of gamma.
   */
  double log_z;
  /**
   * Its standard error.
   */
  double log_z_std_error;
  /**
   * Effective sample size of the weights, 1 to N.
   */
  double effective_sample_size;
  /**
   * Mean acceptance probability of the kernel; NaN without kernel.
   */
  double acceptance_rate;
  /**
   * Log-densities that were evaluated, of one point each.
   */
  uint64_t density_evaluations;
  /**
   * Scores.
   */
  uint64_t score_evaluations;
  /**
   * Products with the Hessian.
   */
  uint64_t hessian_product_evaluations;
  /**
   * Proposals and weights that were not finite and therefore rejected.
   */
  uint64_t not_finite;
  /**
   * Wall time of the run in seconds.
   */
  double seconds;
  /**
   * An `amc_verdict`.
   */
  int32_t verdict;
  /**
   * 1 if the run was compared with exact samples of the target and agreed, otherwise 0.
   */
  int32_t coverage_verified;
} amc_summary;

/**
 * Log-densities of a target: `log_densities` [n] receives log gamma(x_i), known up to one constant, of the points
 * `x` [n x d], rows without gaps. -infinity where gamma is 0; NaN and +infinity are counted, and the point is rejected.
 * All coordinates are finite: where a move ran away, another place is asked about and the answer not taken.
 *
 * Returns 0, or another number to end the run, which comes back as `code` of the `amc_error`.
 */
typedef int (*amc_log_densities_fn)(void *user,
                                    size_t count,
                                    size_t dim,
                                    const double *x,
                                    double *log_densities);

/**
 * Log-densities with their gradients, `scores` [n x d], rows without gaps. Otherwise as `amc_log_densities_fn`.
 */
typedef int (*amc_scores_fn)(void *user,
                             size_t count,
                             size_t dim,
                             const double *x,
                             double *log_densities,
                             double *scores);

/**
 * Products with the Hessian: `products` [n x d] receives H(x_i) v_i, H the matrix of second derivatives of log gamma,
 * of the points `x` [n x d] and vectors `v` [n x d]; rows without gaps. Returns as `amc_log_densities_fn`.
 */
typedef int (*amc_hessian_products_fn)(void *user,
                                       size_t count,
                                       size_t dim,
                                       const double *x,
                                       const double *v,
                                       double *products);

/**
 * A target of one's own. Set all of it to 0, then `size`, `dim`, `log_densities` and what else there is.
 *
 * Callbacks are called from threads of the run, several at a time unless `threads` of the options is 1, so what `user`
 * points to must allow that; they must return, not jump out or throw. Nothing is kept after the run.
 */
typedef struct amc_target {
  /**
   * sizeof(amc_target).
   */
  size_t size;
  /**
   * Number of coordinates d.
   */
  size_t dim;
  /**
   * Handed to every callback; never looked at.
   */
  void *user;
  /**
   * Required.
   */
  amc_log_densities_fn log_densities;
  /**
   * NULL if there is none; MALA and HMC need it, or `finite_difference_step` of the options. Bridges take scores from the
   * backbone.
   */
  amc_scores_fn scores;
  /**
   * NULL if there is none; needs `scores`. Maps of several stages take it at the target; without it the backbone stands in.
   */
  amc_hessian_products_fn hessian_products;
  /**
   * Most points of one call, from 8 to 512; 0 stands for 128.
   */
  size_t points_at_once;
} amc_target;

/**
 * How far a run is.
 */
typedef struct amc_progress {
  /**
   * sizeof(amc_progress) of the library; later versions may append fields.
   */
  size_t size;
  /**
   * Name of the phase, such as "pilot"; valid during the call.
   */
  const char *phase;
  /**
   * Levels or rounds of the phase that are done.
   */
  size_t done;
  /**
   * All of them; 0 where that is not known.
   */
  size_t length;
  /**
   * Effective sample size of the weights as a fraction of their number; NaN where the phase has none.
   */
  double effective_sample_size;
  /**
   * Largest rejection rate of replica exchange over pairs of levels so far; NaN where the phase has none.
   */
  double rejection;
} amc_progress;

/**
 * Told when a phase begins and whenever a level or round is done, from a thread of the run, one call at a time.
 *
 * Returns 0, or another number to stop the run, which then ends with AMC_ERROR_STOPPED soon.
 */
typedef int (*amc_progress_fn)(void *user, const struct amc_progress *progress);

/**
 * Options of a run. Set all of it to 0, then `size` and what else is wanted; 0 and NULL stand for the default.
 */
typedef struct amc_options {
  /**
   * sizeof(amc_options).
   */
  size_t size;
  /**
   * Settings as TOML text with the keys of configuration files: `seed` and the sections [path], [bridge], [logdet],
   * [kernel], [sampler] (docs/src/configuration.md). A target of one's own without `backbone` has a tempering path by
   * default.
   */
  const char *settings;
  /**
   * The seed of all random numbers, which then replaces the one in `settings`. The same seed gives the same result.
   */
  const uint64_t *seed;
  /**
   * Threads of the run, which has a pool of its own; 0 takes all cores. Results do not depend on it.
   */
  size_t threads;
  /**
   * For targets of one's own: the mixture whose diffusion path leads to the target. It should be near the target and
   * have all of its modes; its mean and variances centre and scale the target, and give the start of a tempering path.
   */
  const struct amc_mixture *backbone;
  /**
   * For targets of one's own without a backbone: means [d] of the Gaussian that the path starts from; NULL for 0.
   */
  const double *reference_mean;
  /**
   * Standard deviations [d] of that Gaussian, which should be wider than the target; NULL for 1.
   */
  const double *reference_scale;
  /**
   * Allows scores and Hessian products that the target does not offer to be taken by differences with this step, in
   * standard deviations of the reference, between 0 and 1 (1e-4, say); 0 refuses what needs them.
   */
  double finite_difference_step;
  /**
   * Told of the progress, and may stop the run.
   */
  amc_progress_fn progress;
  /**
   * Handed to `progress`; never looked at.
   */
  void *progress_user;
} amc_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Prepares the density of a mixture itself. `density` receives the handle, which goes by `amc_density_free`.
 *
 * Errors: AMC_ERROR_NULL.
 */
amc_status amc_density_new(const struct amc_mixture *mixture,
                           struct amc_density **density,
                           struct amc_error *error);

/**
 * Prepares the density of alpha x + sqrt(variance) z, z standard normal: sum_k w_k N(alpha mu_k, alpha^2 Sigma_k +
 * variance I).
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_NOT_FINITE or AMC_ERROR_VALUE for an alpha that is not above 0 or a negative variance.
 */
amc_status amc_density_noised(const struct amc_mixture *mixture,
                              double alpha,
                              double variance,
                              struct amc_density **density,
                              struct amc_error *error);

/**
 * Prepares the density of a mixture at time t of a noise schedule, 0 <= t <= 1; `schedule` NULL is AMC_VP_LINEAR with
 * its defaults.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for the size of the schedule; AMC_ERROR_VALUE for its parameters and for
 * times that the schedule does not have.
 */
amc_status amc_density_at(const struct amc_mixture *mixture,
                          const struct amc_schedule *schedule,
                          double t,
                          struct amc_density **density,
                          struct amc_error *error);

/**
 * Number of coordinates d of a density; 0 for NULL.
 */
size_t amc_density_dim(const struct amc_density *density);

/**
 * Log-densities: `log_densities` [n] receives log p(x_i) of the points `x` [n x d]; n may be 0.
 *
 * A point so far away that its density vanishes has -infinity. Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other
 * sizes, strides by which numbers of an output share a place, and arrays that overlap; AMC_ERROR_NOT_FINITE for a point
 * that is NaN or infinite, whose index is `row` of the error.
 */
amc_status amc_density_log_densities(const struct amc_density *density,
                                     struct amc_points x,
                                     struct amc_values_mut log_densities,
                                     struct amc_error *error);

/**
 * Scores with log-densities: `log_densities` [n] receives log p(x_i), and `scores` [n x d] its gradients, of the points
 * `x` [n x d]; n may be 0.
 *
 * Outputs may lie in the gaps of `x` and of each other, as in arrays of structures, if all have the same row stride.
 * Errors: those of `amc_density_log_densities`.
 */
amc_status amc_density_scores(const struct amc_density *density,
                              struct amc_points x,
                              struct amc_values_mut log_densities,
                              struct amc_points_mut scores,
                              struct amc_error *error);

/**
 * Products with the Hessian: `products` [n x d] receives H(x_i) v_i, H the matrix of second derivatives of log p, of
 * the points `x` [n x d] and vectors `v` [n x d]; n may be 0. A `v` of row stride 0 is one vector for all points.
 *
 * Errors: those of `amc_density_log_densities`, for `v` as for `x`.
 */
amc_status amc_density_hessian_products(const struct amc_density *density,
                                        struct amc_points x,
                                        struct amc_points v,
                                        struct amc_points_mut products,
                                        struct amc_error *error);

/**
 * Exact samples: `x` [n x d] receives n independent points. The same seed gives the same points, and more of them begin
 * with the fewer.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE as for the outputs of `amc_density_log_densities`.
 */
amc_status amc_density_sample(const struct amc_density *density,
                              uint64_t seed,
                              struct amc_points_mut x,
                              struct amc_error *error);

/**
 * Frees a density; NULL is allowed.
 */
void amc_density_free(struct amc_density *density);

/**
 * Name of a status, such as "AMC_ERROR_SHAPE", or "unknown status". The text is the library's own: do not free it.
 */
const char *amc_status_name(int32_t status);

/**
 * Makes a mixture.
 *
 * `weights` [K] are not negative, not all 0, and are divided by their sum; `means` [K x d]. Nothing of the arrays is
 * kept. `mixture` receives the handle, which goes by `amc_mixture_free`.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other sizes than those; AMC_ERROR_NOT_FINITE for a number that is NaN or
 * infinite; AMC_ERROR_VALUE for an unknown kind, a negative weight, a variance not above 0, a matrix that is not
 * symmetric and positive definite.
 */
amc_status amc_mixture_new(struct amc_values weights,
                           struct amc_points means,
                           struct amc_covariance covariance,
                           struct amc_mixture **mixture,
                           struct amc_error *error);

/**
 * Makes a mixture of a text in the format of mixture files (JSON; the guide describes it in docs/src/files.md).
 *
 * The mixture is the one that the text describes; its field `standardize` concerns runs of the program only.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_UTF8; AMC_ERROR_CONFIGURATION, whose message names the field.
 */
amc_status amc_mixture_from_json(const char *json,
                                 struct amc_mixture **mixture,
                                 struct amc_error *error);

/**
 * Makes a mixture of a mixture file; otherwise as `amc_mixture_from_json`.
 *
 * Errors: those of `amc_mixture_from_json`; AMC_ERROR_FILE for a file that cannot be read.
 */
amc_status amc_mixture_from_file(const char *path,
                                 struct amc_mixture **mixture,
                                 struct amc_error *error);

/**
 * Writes a mixture as the text of a mixture file, from which every number reads back to the same bits.
 *
 * `length` receives the number of bytes without the NUL, and may be NULL. With `buffer` NULL and `capacity` 0 nothing
 * else happens; otherwise `capacity` must be at least one more.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if the text does not fit.
 */
amc_status amc_mixture_json(const struct amc_mixture *mixture,
                            char *buffer,
                            size_t capacity,
                            size_t *length,
                            struct amc_error *error);

/**
 * Number of coordinates d of a mixture; 0 for NULL.
 */
size_t amc_mixture_dim(const struct amc_mixture *mixture);

/**
 * Number of components K of a mixture; 0 for NULL.
 */
size_t amc_mixture_components(const struct amc_mixture *mixture);

/**
 * Frees a mixture; NULL is allowed. Densities and results that were made of it live on.
 */
void amc_mixture_free(struct amc_mixture *mixture);

/**
 * Points [count x dim] as C lays out a matrix: one after the other, without gaps.
 */
struct amc_points amc_rows(const double *data, size_t count, size_t dim);

/**
 * As `amc_rows`, to write.
 */
struct amc_points_mut amc_rows_mut(double *data, size_t count, size_t dim);

/**
 * Points [count x dim] coordinate by coordinate: all first coordinates, then all second ones, and so on. This is how
 * Fortran lays out x(count, dim); x(dim, count) in Fortran is `amc_rows`.
 */
struct amc_points amc_columns(const double *data,
                              size_t count,
                              size_t dim);

/**
 * As `amc_columns`, to write.
 */
struct amc_points_mut amc_columns_mut(double *data, size_t count, size_t dim);

/**
 * Numbers [count] one after the other.
 */
struct amc_values amc_list(const double *data, size_t count);

/**
 * As `amc_list`, to write.
 */
struct amc_values_mut amc_list_mut(double *data, size_t count);

/**
 * Number of samples N of a result; 0 for NULL.
 */
size_t amc_result_count(const struct amc_result *result);

/**
 * Number of coordinates d of a result; 0 for NULL.
 */
size_t amc_result_dim(const struct amc_result *result);

/**
 * Copies the samples: `positions` [N x d], in the target's own coordinates.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other sizes, and for strides by which numbers share a place.
 */
amc_status amc_result_positions(const struct amc_result *result,
                                struct amc_points_mut positions,
                                struct amc_error *error);

/**
 * Copies the weights [N], which sum to 1.
 *
 * Errors: those of `amc_result_positions`.
 */
amc_status amc_result_weights(const struct amc_result *result,
                              struct amc_values_mut weights,
                              struct amc_error *error);

/**
 * Copies the logarithms of the weights [N]; -infinity for a weight of 0.
 *
 * Errors: those of `amc_result_positions`.
 */
amc_status amc_result_log_weights(const struct amc_result *result,
                                  struct amc_values_mut log_weights,
                                  struct amc_error *error);

/**
 * Fills a summary. Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if its `size` was not set.
 */
amc_status amc_result_summary(const struct amc_result *result,
                              struct amc_summary *summary,
                              struct amc_error *error);

/**
 * Writes the whole summary as JSON, as the program does into summary.json (docs/src/files.md).
 *
 * `length` receives the number of bytes without the NUL, and may be NULL. With `buffer` NULL and `capacity` 0 nothing
 * else happens; otherwise `capacity` must be at least one more.
 *
 * Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if the text does not fit.
 */
amc_status amc_result_json(const struct amc_result *result,
                           char *buffer,
                           size_t capacity,
                           size_t *length,
                           struct amc_error *error);

/**
 * Writes the settings of the run as TOML, every default filled in; as `settings` of the options they give the same run.
 *
 * Arguments and errors are those of `amc_result_json`.
 */
amc_status amc_result_settings(const struct amc_result *result,
                               char *buffer,
                               size_t capacity,
                               size_t *length,
                               struct amc_error *error);

/**
 * Frees a result; NULL is allowed.
 */
void amc_result_free(struct amc_result *result);

/**
 * Samples a target of one's own. `result` receives the handle, which goes by `amc_result_free`; `options` may be NULL.
 *
 * Errors: AMC_ERROR_NULL, AMC_ERROR_SHAPE and AMC_ERROR_UTF8 for arguments; AMC_ERROR_CONFIGURATION for settings and
 * for what they need and the target does not offer, all before any work; AMC_ERROR_TARGET for what a callback reports;
 * AMC_ERROR_STOPPED; AMC_ERROR_NUMERICAL for a run that failed.
 */
amc_status amc_sample(const struct amc_target *target,
                      const struct amc_options *options,
                      struct amc_result **result,
                      struct amc_error *error);

/**
 * Samples a mixture, of which log Z = 0 and exact samples are known, so that the summary has metrics and the verdict
 * knows of every mode. The backbone and reference of `options` must not be set. Otherwise as `amc_sample`.
 */
amc_status amc_sample_mixture(const struct amc_mixture *mixture,
                              const struct amc_options *options,
                              struct amc_result **result,
                              struct amc_error *error);

/**
 * Version of the binary interface of the library that is running; compare it with `AMC_ABI_VERSION`.
 */
uint32_t amc_abi_version(void);

/**
 * Version of the library that is running, "major.minor.patch". The text is the library's own: do not free it.
 */
const char *amc_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AMC_H */
