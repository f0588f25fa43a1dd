/*
 * Everything that a caller can do wrong, and the status and message it gives. Run under valgrind, it also shows that
 * nothing is read or written that should not be, and nothing leaks.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amc.h"

static int failures = 0, cases = 0;

/* Compares a status with the expected one and looks for a word in the message. */
static void expect(int line, amc_status found, amc_status expected, const amc_error *error, const char *word) {
    cases += 1;
    const int told = error->status == (int32_t)found && strstr(error->message, word) != NULL;
    const int ended = memchr(error->message, 0, sizeof error->message) != NULL;
    if (found != expected || !told || !ended || (expected != AMC_OK) != (error->message[0] != 0)) {
        fprintf(stderr, "line %d: %s instead of %s: %s\n", line, amc_status_name(found), amc_status_name(expected),
                error->message);
        failures += 1;
    }
}
#define EXPECT(call, expected, word)                                  \
    do {                                                              \
        amc_error error;                                              \
        memset(&error, 0x5a, sizeof error);                           \
        const amc_status found = (call);                              \
        expect(__LINE__, found, expected, &error, word);              \
    } while (0)
#define REQUIRE(condition)                                                    \
    do {                                                                      \
        cases += 1;                                                           \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);   \
            failures += 1;                                                    \
        }                                                                     \
    } while (0)

static amc_mixture *two_modes(void) {
    const double weights[] = {1.0, 3.0}, means[] = {-2.0, 0.0, 1.0, 3.0}, variance[] = {0.5};
    amc_mixture *mixture = NULL;
    EXPECT(amc_mixture_new(amc_list(weights, 2), amc_rows(means, 2, 2), (amc_covariance){AMC_ISOTROPIC, variance, 1}, &mixture,
                           &error),
           AMC_OK, "");
    REQUIRE(amc_mixture_dim(mixture) == 2 && amc_mixture_components(mixture) == 2);
    return mixture;
}

static void wrong_mixtures(void) {
    const double weights[] = {1.0, 3.0}, means[] = {-2.0, 0.0, 1.0, 3.0}, negative[] = {1.0, -1.0}, zero[] = {0.0, 0.0};
    const double not_finite[] = {NAN, 0.0, 1.0, 3.0}, skew[] = {1.0, 0.5, -0.5, 1.0}, indefinite[] = {1.0, 2.0, 2.0, 1.0};
    const amc_values w = amc_list(weights, 2);
    const amc_points m = amc_rows(means, 2, 2);
    const amc_covariance fine = {AMC_ISOTROPIC, weights, 1};
    amc_mixture *mixture = (amc_mixture *)1;

    EXPECT(amc_mixture_new(w, m, fine, NULL, &error), AMC_ERROR_NULL, "mixture");
    EXPECT(amc_mixture_new(amc_list(NULL, 2), m, fine, &mixture, &error), AMC_ERROR_NULL, "weights");
    REQUIRE(mixture == NULL);
    EXPECT(amc_mixture_new(w, amc_rows(NULL, 2, 2), fine, &mixture, &error), AMC_ERROR_NULL, "means");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){AMC_FULL, NULL, 1}, &mixture, &error), AMC_ERROR_NULL, "covariance");
    EXPECT(amc_mixture_new(amc_list(weights, 0), m, fine, &mixture, &error), AMC_ERROR_SHAPE, "weights");
    EXPECT(amc_mixture_new(w, amc_rows(means, 1, 2), fine, &mixture, &error), AMC_ERROR_SHAPE, "means");
    EXPECT(amc_mixture_new(w, amc_rows(means, 2, 0), fine, &mixture, &error), AMC_ERROR_SHAPE, "means");
    EXPECT(amc_mixture_new(w, amc_rows(means, 2, SIZE_MAX / 2), fine, &mixture, &error), AMC_ERROR_SHAPE, "means");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){AMC_DIAGONAL, means, 3}, &mixture, &error), AMC_ERROR_SHAPE, "count");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){17, weights, 1}, &mixture, &error), AMC_ERROR_VALUE, "kind");
    EXPECT(amc_mixture_new(amc_list(negative, 2), m, fine, &mixture, &error), AMC_ERROR_VALUE, "weight");
    EXPECT(amc_mixture_new(amc_list(zero, 2), m, fine, &mixture, &error), AMC_ERROR_VALUE, "weights");
    EXPECT(amc_mixture_new(w, amc_rows(not_finite, 2, 2), fine, &mixture, &error), AMC_ERROR_NOT_FINITE, "mean");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){AMC_ISOTROPIC, negative + 1, 1}, &mixture, &error), AMC_ERROR_VALUE, "vari");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){AMC_FULL, skew, 1}, &mixture, &error), AMC_ERROR_VALUE, "symmetric");
    EXPECT(amc_mixture_new(w, m, (amc_covariance){AMC_FULL, indefinite, 1}, &mixture, &error), AMC_ERROR_VALUE, "definite");

    EXPECT(amc_mixture_from_json(NULL, &mixture, &error), AMC_ERROR_NULL, "json");
    EXPECT(amc_mixture_from_json("{", &mixture, &error), AMC_ERROR_CONFIGURATION, "line 1");
    EXPECT(amc_mixture_from_json("{\"dim\": 1, \"weights\": [1], \"means\": [[0]]}", &mixture, &error),
           AMC_ERROR_CONFIGURATION, "covariance");
    EXPECT(amc_mixture_from_json("\xff\xfe", &mixture, &error), AMC_ERROR_UTF8, "byte 0");
    EXPECT(amc_mixture_from_file(NULL, &mixture, &error), AMC_ERROR_NULL, "path");
    EXPECT(amc_mixture_from_file("/no/such/mixture.json", &mixture, &error), AMC_ERROR_FILE, "/no/such/mixture.json");
    EXPECT(amc_mixture_from_file("a\xff", &mixture, &error), AMC_ERROR_UTF8, "byte 1");
    REQUIRE(mixture == NULL && amc_mixture_dim(NULL) == 0 && amc_mixture_components(NULL) == 0);
    amc_mixture_free(NULL);
}

static void texts(const amc_mixture *mixture) {
    size_t length = 0;
    char small[8];
    EXPECT(amc_mixture_json(NULL, NULL, 0, &length, &error), AMC_ERROR_NULL, "mixture");
    EXPECT(amc_mixture_json(mixture, NULL, 0, NULL, &error), AMC_ERROR_NULL, "length");
    EXPECT(amc_mixture_json(mixture, NULL, 0, &length, &error), AMC_OK, "");
    EXPECT(amc_mixture_json(mixture, small, sizeof small, &length, &error), AMC_ERROR_SHAPE, "8 bytes");
    char *text = malloc(length + 1);
    EXPECT(amc_mixture_json(mixture, text, length, NULL, &error), AMC_ERROR_SHAPE, "needed");
    EXPECT(amc_mixture_json(mixture, text, length + 1, NULL, &error), AMC_OK, "");
    REQUIRE(strlen(text) == length);
    amc_mixture *again = NULL;
    EXPECT(amc_mixture_from_json(text, &again, &error), AMC_OK, "");
    REQUIRE(amc_mixture_dim(again) == 2);
    amc_mixture_free(again);
    free(text);
}

static void wrong_densities(const amc_mixture *mixture) {
    amc_density *density = NULL;
    amc_schedule schedule = {.size = sizeof schedule, .kind = AMC_VP_COSINE};
    EXPECT(amc_density_new(NULL, &density, &error), AMC_ERROR_NULL, "mixture");
    EXPECT(amc_density_new(mixture, NULL, &error), AMC_ERROR_NULL, "density");
    EXPECT(amc_density_noised(mixture, 1.0, -0.5, &density, &error), AMC_ERROR_VALUE, "variance");
    EXPECT(amc_density_noised(mixture, 0.5, 0.5, &density, &error), AMC_OK, "");
    amc_density_free(density);
    EXPECT(amc_density_at(mixture, &schedule, 1.5, &density, &error), AMC_ERROR_VALUE, "1.5");
    schedule.beta_min = 1.0;
    EXPECT(amc_density_at(mixture, &schedule, 0.5, &density, &error), AMC_ERROR_VALUE, "beta_min");
    schedule.size = 0;
    EXPECT(amc_density_at(mixture, &schedule, 0.5, &density, &error), AMC_ERROR_SHAPE, "size");
    REQUIRE(density == NULL && amc_density_dim(NULL) == 0);
    amc_density_free(NULL);
    /* Without an amc_error the status alone tells. */
    REQUIRE(amc_density_new(NULL, &density, NULL) == AMC_ERROR_NULL);
}

static void wrong_points(const amc_mixture *mixture) {
    enum { COUNT = 700 };
    double *x = calloc(2 * COUNT, sizeof *x), *values = calloc(COUNT, sizeof *values), *out = calloc(4 * COUNT, sizeof *out);
    amc_density *density = NULL;
    EXPECT(amc_density_new(mixture, &density, &error), AMC_OK, "");
    const amc_points points = amc_rows(x, COUNT, 2);
    const amc_values_mut list = amc_list_mut(values, COUNT);
    const amc_points_mut slopes = amc_rows_mut(out, COUNT, 2);

    EXPECT(amc_density_log_densities(NULL, points, list, &error), AMC_ERROR_NULL, "density");
    EXPECT(amc_density_log_densities(density, amc_rows(NULL, COUNT, 2), list, &error), AMC_ERROR_NULL, "x");
    EXPECT(amc_density_log_densities(density, points, amc_list_mut(NULL, COUNT), &error), AMC_ERROR_NULL, "log_densities");
    EXPECT(amc_density_log_densities(density, amc_rows(NULL, 0, 2), amc_list_mut(NULL, 0), &error), AMC_OK, "");
    EXPECT(amc_density_log_densities(density, amc_rows(x, COUNT, 1), list, &error), AMC_ERROR_SHAPE, "x");
    EXPECT(amc_density_log_densities(density, points, amc_list_mut(values, COUNT - 1), &error), AMC_ERROR_SHAPE, "log_densities");
    EXPECT(amc_density_log_densities(density, points, (amc_values_mut){values, COUNT, 0}, &error), AMC_ERROR_SHAPE, "share");
    EXPECT(amc_density_log_densities(density, points, amc_list_mut(x, COUNT), &error), AMC_ERROR_SHAPE, "overlap");
    EXPECT(amc_density_log_densities(density, (amc_points){(double *)((char *)x + 1), 1, 2, 2, 1}, amc_list_mut(values, 1), &error),
           AMC_ERROR_SHAPE, "multiple");
    EXPECT(amc_density_scores(density, points, list, (amc_points_mut){out, COUNT, 2, 1, 1}, &error), AMC_ERROR_SHAPE, "share");
    EXPECT(amc_density_scores(density, points, list, amc_rows_mut(values, COUNT, 2), &error), AMC_ERROR_SHAPE, "overlap");
    EXPECT(amc_density_scores(density, points, list, amc_rows_mut(NULL, COUNT, 2), &error), AMC_ERROR_NULL, "scores");
    EXPECT(amc_density_hessian_products(density, points, amc_rows(x, COUNT, 3), slopes, &error), AMC_ERROR_SHAPE, "v");
    EXPECT(amc_density_hessian_products(density, points, points, amc_rows_mut(x, COUNT, 2), &error), AMC_ERROR_SHAPE, "overlap");
    EXPECT(amc_density_hessian_products(density, points, (amc_points){x, COUNT, 2, 0, 1}, slopes, &error), AMC_OK, "");
    EXPECT(amc_density_sample(density, 1, amc_rows_mut(NULL, COUNT, 2), &error), AMC_ERROR_NULL, "x");
    EXPECT(amc_density_sample(density, 1, amc_rows_mut(x, COUNT, 1), &error), AMC_ERROR_SHAPE, "x");

    /* A point that is none is found in rows without gaps and with gaps, behind the first piece. */
    x[2 * 600 + 1] = NAN;
    for (int gaps = 0; gaps < 2; gaps++) {
        amc_error error;
        const amc_points_mut place = {out, COUNT, 2, gaps ? 4 : 2, 1};
        expect(__LINE__, amc_density_scores(density, points, list, place, &error), AMC_ERROR_NOT_FINITE, &error, "600");
        REQUIRE(error.row == 600);
        expect(__LINE__, amc_density_hessian_products(density, points, points, place, &error), AMC_ERROR_NOT_FINITE, &error, "600");
        REQUIRE(error.row == 600);
    }
    /* One that is merely far away is no error. */
    x[2 * 600 + 1] = 1e200;
    EXPECT(amc_density_log_densities(density, points, list, &error), AMC_OK, "");
    REQUIRE(isinf(values[600]) && values[600] < 0.0 && isfinite(values[599]));
    amc_density_free(density);
    free(out);
    free(values);
    free(x);
}

/* Fails with the number that `user` points to, if it is not 0; otherwise a Gaussian of mean 1, or NaN for code -1. */
static int gaussian(void *user, size_t count, size_t dim, const double *x, double *values) {
    const int code = *(const int *)user;
    for (size_t i = 0; i < count; i++) {
        values[i] = code == -1 ? NAN : 0.0;
        for (size_t j = 0; j < dim; j++) {
            values[i] -= 0.5 * (x[i * dim + j] - 1.0) * (x[i * dim + j] - 1.0);
        }
    }
    return code == -1 ? 0 : code;
}

static int gaussian_scores(void *user, size_t count, size_t dim, const double *x, double *values, double *slopes) {
    for (size_t i = 0; i < count * dim; i++) {
        slopes[i] = 1.0 - x[i];
    }
    return gaussian(user, count, dim, x, values);
}

static int products(void *user, size_t count, size_t dim, const double *x, const double *v, double *out) {
    (void)user, (void)x;
    for (size_t i = 0; i < count * dim; i++) {
        out[i] = -v[i];
    }
    return 0;
}

static int stop(void *user, const amc_progress *progress) {
    (void)user;
    return progress->done >= 2 ? 5 : 0;
}

static const char *const settings = "[path]\nlevels = 8\n[kernel]\nkind = \"rwm\"\nsteps = 2\n"
                                    "[sampler]\nkind = \"smc\"\nparticles = 256\n";

static void wrong_runs(const amc_mixture *mixture) {
    int code = 0;
    amc_result *result = (amc_result *)1;
    amc_target target = {.size = sizeof target, .dim = 2, .user = &code, .log_densities = gaussian};
    amc_options options = {.size = sizeof options, .settings = settings};

    EXPECT(amc_sample(NULL, NULL, &result, &error), AMC_ERROR_NULL, "amc_target");
    REQUIRE(result == NULL);
    EXPECT(amc_sample(&target, &options, NULL, &error), AMC_ERROR_NULL, "result");
    EXPECT(amc_sample_mixture(NULL, &options, &result, &error), AMC_ERROR_NULL, "mixture");
    amc_target wrong = target;
    wrong.size = 8;
    EXPECT(amc_sample(&wrong, &options, &result, &error), AMC_ERROR_SHAPE, "size");
    wrong = target;
    wrong.dim = 0;
    EXPECT(amc_sample(&wrong, &options, &result, &error), AMC_ERROR_SHAPE, "dim");
    wrong = target;
    wrong.log_densities = NULL;
    EXPECT(amc_sample(&wrong, &options, &result, &error), AMC_ERROR_NULL, "log_densities");
    wrong = target;
    wrong.hessian_products = products;
    EXPECT(amc_sample(&wrong, &options, &result, &error), AMC_ERROR_NULL, "scores");
    wrong = target;
    wrong.points_at_once = 5;
    EXPECT(amc_sample(&wrong, &options, &result, &error), AMC_ERROR_SHAPE, "points_at_once");

    amc_options other = options;
    other.size = 1;
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_SHAPE, "size");
    other = options;
    other.settings = "[path]\nlevls = 8\n";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "levls");
    other.settings = "[target]\nkind = \"gmm40\"\n";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "target");
    other.settings = "[kernel]\nkind = \"mala\"\n";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "score");
    other.settings = "[path]\nkind = \"diffusion\"\n[kernel]\nkind = \"rwm\"\n";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "backbone");
    other.settings = "\xc3\x28";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_UTF8, "settings");
    other = options;
    other.finite_difference_step = -1.0;
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "finite_differences");
    const double negative[] = {1.0, -1.0}, scale[] = {3.0, 3.0};
    other = options;
    other.reference_scale = negative;
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "scale[1]");
    other.reference_scale = scale;
    EXPECT(amc_sample_mixture(mixture, &other, &result, &error), AMC_ERROR_CONFIGURATION, "reference");
    other = options;
    other.threads = SIZE_MAX;
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_CONFIGURATION, "threads");
    REQUIRE(result == NULL);

    /* What callbacks report reaches the caller, whichever of several threads it comes from. */
    options.threads = 2;
    for (code = -7; code < 10; code += 16) {
        amc_error error;
        expect(__LINE__, amc_sample(&target, &options, &result, &error), AMC_ERROR_TARGET, &error, "log_densities");
        REQUIRE(error.code == code && result == NULL);
    }
    code = 3;
    target.scores = gaussian_scores;
    other = options;
    other.settings = "[path]\nlevels = 8\n[kernel]\nkind = \"mala\"\n[sampler]\nkind = \"smc\"\nparticles = 256\n";
    EXPECT(amc_sample(&target, &other, &result, &error), AMC_ERROR_TARGET, "code 3");
    code = -1;
    EXPECT(amc_sample(&target, &options, &result, &error), AMC_ERROR_NUMERICAL, "");
    code = 0;
    other = options;
    other.progress = stop;
    amc_error error;
    expect(__LINE__, amc_sample(&target, &other, &result, &error), AMC_ERROR_STOPPED, &error, "stopped");
    REQUIRE(error.code == 5 && result == NULL);

    /* After all that the same target still runs, and the same seed still gives the same. */
    amc_result *second = NULL;
    options.reference_scale = scale;
    EXPECT(amc_sample(&target, &options, &result, &error), AMC_OK, "");
    options.threads = 1;
    EXPECT(amc_sample(&target, &options, &second, &error), AMC_OK, "");
    amc_summary first = {.size = sizeof first}, again = {.size = sizeof again};
    EXPECT(amc_result_summary(result, &first, &error), AMC_OK, "");
    EXPECT(amc_result_summary(second, &again, &error), AMC_OK, "");
    REQUIRE(first.log_z == again.log_z && first.count == 256 && first.dim == 2);
    REQUIRE(fabs(first.log_z - log(2.0 * acos(-1.0))) < 6.0 * first.log_z_std_error);
    amc_result_free(second);

    double *positions = calloc(2 * 256, sizeof *positions), *weights = calloc(256, sizeof *weights);
    EXPECT(amc_result_positions(NULL, amc_rows_mut(positions, 256, 2), &error), AMC_ERROR_NULL, "result");
    EXPECT(amc_result_positions(result, amc_rows_mut(NULL, 256, 2), &error), AMC_ERROR_NULL, "positions");
    EXPECT(amc_result_positions(result, amc_rows_mut(positions, 255, 2), &error), AMC_ERROR_SHAPE, "positions");
    EXPECT(amc_result_positions(result, (amc_points_mut){positions, 256, 2, 1, 1}, &error), AMC_ERROR_SHAPE, "share");
    EXPECT(amc_result_positions(result, amc_columns_mut(positions, 256, 2), &error), AMC_OK, "");
    EXPECT(amc_result_weights(result, amc_list_mut(weights, 3), &error), AMC_ERROR_SHAPE, "weights");
    EXPECT(amc_result_weights(result, amc_list_mut(weights, 256), &error), AMC_OK, "");
    double total = 0.0, mean = 0.0;
    for (size_t i = 0; i < 256; i++) {
        total += weights[i];
        mean += weights[i] * positions[i];
    }
    REQUIRE(fabs(total - 1.0) < 1e-12 && fabs(mean - 1.0) < 0.5);
    EXPECT(amc_result_log_weights(result, amc_list_mut(NULL, 256), &error), AMC_ERROR_NULL, "log_weights");
    EXPECT(amc_result_log_weights(result, amc_list_mut(positions, 256), &error), AMC_OK, "");
    REQUIRE(fabs(exp(positions[9]) - weights[9]) < 1e-15);
    again.size = 16;
    EXPECT(amc_result_summary(result, &again, &error), AMC_ERROR_SHAPE, "size");
    EXPECT(amc_result_summary(result, NULL, &error), AMC_ERROR_NULL, "amc_summary");
    char text[4];
    size_t length = 0;
    EXPECT(amc_result_json(result, text, sizeof text, &length, &error), AMC_ERROR_SHAPE, "bytes");
    EXPECT(amc_result_settings(NULL, text, sizeof text, &length, &error), AMC_ERROR_NULL, "result");
    EXPECT(amc_result_settings(result, NULL, 0, &length, &error), AMC_OK, "");
    REQUIRE(length > 100 && amc_result_count(NULL) == 0 && amc_result_dim(NULL) == 0 && amc_result_dim(result) == 2);
    amc_result_free(result);
    amc_result_free(NULL);
    free(weights);
    free(positions);
}

int main(void) {
    amc_mixture *mixture = two_modes();
    wrong_mixtures();
    texts(mixture);
    wrong_densities(mixture);
    wrong_points(mixture);
    wrong_runs(mixture);
    amc_mixture_free(mixture);
    REQUIRE(strcmp(amc_status_name(12345), "unknown status") == 0);
    printf("%d of %d cases as expected\n", cases - failures, cases);
    return failures != 0;
}
