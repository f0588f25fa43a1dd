/*
 * A density of one's own with two unequal modes, sampled twice: along a tempering path from one wide Gaussian, and along
 * the diffusion path of a mixture that resembles it. Its log Z is known and asserted.
 *
 *   gamma(x) = 3 exp(-|x - a|^2 / (2 0.5^2)) + exp(-|x - b|^2 / (2 0.8^2)),   x of 3 coordinates
 *   Z        = 3 (2 pi 0.5^2)^(3/2) + (2 pi 0.8^2)^(3/2)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "amc.h"

enum { DIM = 3 };

/* What the callbacks read; nothing writes to it, so that threads may share it. */
typedef struct {
    double weight[2], mean[2][DIM], width[2];
} modes;

static const modes two_modes = {{3.0, 1.0}, {{-2.0, 1.0, 0.0}, {2.5, 0.0, -1.0}}, {0.5, 0.8}};

/* Ends the program where a call failed; a real one would clean up and go on. */
static void check(amc_status status, const amc_error *error, const char *what) {
    if (status == AMC_OK) {
        return;
    }
    fprintf(stderr, "%s: %s: %s\n", what, amc_status_name(status), error->message);
    exit(1);
}

static void require(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        exit(1);
    }
}

/* log gamma of one point, and its gradient unless that is NULL. */
static double log_gamma(const modes *m, const double *x, double *score) {
    double exponent[2], share[2];
    for (int k = 0; k < 2; k++) {
        double squares = 0.0;
        for (int j = 0; j < DIM; j++) {
            squares += (x[j] - m->mean[k][j]) * (x[j] - m->mean[k][j]);
        }
        exponent[k] = log(m->weight[k]) - 0.5 * squares / (m->width[k] * m->width[k]);
    }
    /* The larger exponent first: far away both terms alone would be 0. */
    const double largest = fmax(exponent[0], exponent[1]);
    const double sum = exp(exponent[0] - largest) + exp(exponent[1] - largest);
    if (score != NULL) {
        for (int k = 0; k < 2; k++) {
            share[k] = exp(exponent[k] - largest) / sum;
        }
        for (int j = 0; j < DIM; j++) {
            score[j] = 0.0;
            for (int k = 0; k < 2; k++) {
                score[j] -= share[k] * (x[j] - m->mean[k][j]) / (m->width[k] * m->width[k]);
            }
        }
    }
    return largest + log(sum);
}

static int log_densities(void *user, size_t count, size_t dim, const double *x, double *values) {
    for (size_t i = 0; i < count; i++) {
        values[i] = log_gamma(user, x + i * dim, NULL);
    }
    return 0;
}

static int scores(void *user, size_t count, size_t dim, const double *x, double *values, double *slopes) {
    for (size_t i = 0; i < count; i++) {
        values[i] = log_gamma(user, x + i * dim, slopes + i * dim);
    }
    return 0;
}

/* A callback that fails: what it returns reaches the caller. */
static int failing(void *user, size_t count, size_t dim, const double *x, double *values) {
    (void)user, (void)count, (void)dim, (void)x, (void)values;
    return 42;
}

static int tell(void *user, const amc_progress *progress) {
    size_t *calls = user;
    *calls += 1;
    return progress->phase == NULL; /* 0: go on */
}

static void assert_log_z(const amc_result *result, const char *path) {
    const double pi = acos(-1.0);
    const double truth = log(3.0 * pow(2.0 * pi * 0.25, 1.5) + pow(2.0 * pi * 0.64, 1.5));
    amc_error error;
    amc_summary summary = {.size = sizeof summary};
    check(amc_result_summary(result, &summary, &error), &error, "summary");
    printf("%-10s log Z = %.4f +- %.4f (truth %.4f), %.0f effective samples of %zu, %llu evaluations\n", path, summary.log_z,
           summary.log_z_std_error, truth, summary.effective_sample_size, summary.count,
           (unsigned long long)(summary.density_evaluations + summary.score_evaluations));
    require(summary.log_z_std_error > 0.0 && summary.log_z_std_error < 0.1, "an error of log Z below 0.1");
    require(fabs(summary.log_z - truth) < 5.0 * summary.log_z_std_error, "log Z within five standard errors");

    /* The share of the second mode, from the weighted samples. */
    const size_t count = amc_result_count(result);
    double *positions = malloc(count * DIM * sizeof *positions), *weights = malloc(count * sizeof *weights);
    require(positions != NULL && weights != NULL, "memory for the samples");
    check(amc_result_positions(result, amc_rows_mut(positions, count, DIM), &error), &error, "positions");
    check(amc_result_weights(result, amc_list_mut(weights, count), &error), &error, "weights");
    double share = 0.0;
    for (size_t i = 0; i < count; i++) {
        share += positions[i * DIM] > 0.0 ? weights[i] : 0.0;
    }
    const double expected = pow(2.0 * pi * 0.64, 1.5) / exp(truth);
    printf("%-10s share of the second mode = %.3f (truth %.3f)\n", "", share, expected);
    require(fabs(share - expected) < 0.1, "the share of the second mode");
    free(weights);
    free(positions);
}

/* A mixture near the target: its modes, a little wider and with equal weights. */
static amc_mixture *backbone(void) {
    const double weights[] = {0.5, 0.5}, variances[] = {0.4, 0.9};
    const amc_covariance covariance = {AMC_ISOTROPIC, variances, 2};
    amc_mixture *mixture;
    amc_error error;
    check(amc_mixture_new(amc_list(weights, 2), amc_rows(two_modes.mean[0], 2, DIM), covariance, &mixture, &error), &error,
          "mixture");
    return mixture;
}

/* Evaluates a mixture at points of one's own, an array of structures. */
static void evaluate(const amc_mixture *mixture) {
    struct particle {
        double position[DIM], log_density, score[DIM];
    } particles[5] = {{{0.0, 0.0, 0.0}, 0.0, {0.0}}};
    enum { STRIDE = sizeof(struct particle) / sizeof(double) };
    amc_density *density;
    amc_error error;
    check(amc_density_at(mixture, NULL, 0.25, &density, &error), &error, "density");
    check(amc_density_sample(density, 7, (amc_points_mut){particles[0].position, 5, DIM, STRIDE, 1}, &error), &error,
          "exact samples");
    const amc_points x = {particles[0].position, 5, DIM, STRIDE, 1};
    const amc_values_mut values = {&particles[0].log_density, 5, STRIDE};
    const amc_points_mut slopes = {particles[0].score, 5, DIM, STRIDE, 1};
    check(amc_density_scores(density, x, values, slopes, &error), &error, "scores");
    for (int j = 0; j < DIM; j++) {
        const double h = 1e-5;
        double moved[2], shifted[2][DIM];
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < DIM; i++) {
                shifted[side][i] = particles[4].position[i] + (i == j ? (2 * side - 1) * h : 0.0);
            }
        }
        check(amc_density_log_densities(density, amc_rows(shifted[0], 2, DIM), amc_list_mut(moved, 2), &error), &error,
              "log-densities");
        require(fabs((moved[1] - moved[0]) / (2.0 * h) - particles[4].score[j]) < 1e-7, "the score by differences");
    }
    amc_density_free(density);
}

int main(void) {
    if (amc_abi_version() != AMC_ABI_VERSION) {
        fprintf(stderr, "compiled for another version of the library\n");
        return 1;
    }
    printf("amc %s\n", amc_version());
    amc_error error;
    amc_result *result;
    const uint64_t seed = 3;
    const double scale[DIM] = {4.0, 4.0, 4.0};
    size_t calls = 0;
    amc_target target = {.size = sizeof target, .dim = DIM, .user = (void *)&two_modes};
    target.log_densities = log_densities;
    target.scores = scores;

    amc_options options = {.size = sizeof options, .seed = &seed, .reference_scale = scale};
    options.settings = "[path]\nlevels = 24\n[kernel]\nkind = \"mala\"\nsteps = 3\n"
                       "[sampler]\nkind = \"smc\"\nparticles = 2048\n";
    options.progress = tell;
    options.progress_user = &calls;
    check(amc_sample(&target, &options, &result, &error), &error, "tempering");
    assert_log_z(result, "tempering");
    require(calls > 24, "a call of the progress callback for every level");
    amc_result_free(result);

    amc_mixture *mixture = backbone();
    evaluate(mixture);
    options = (amc_options){.size = sizeof options, .seed = &seed, .backbone = mixture};
    options.settings = "[path]\nlevels = 24\n[bridge]\nkind = \"ddpm\"\n"
                       "[sampler]\nkind = \"smc\"\nparticles = 2048\n";
    check(amc_sample(&target, &options, &result, &error), &error, "diffusion");
    assert_log_z(result, "diffusion");
    amc_result_free(result);
    amc_mixture_free(mixture);

    target.log_densities = failing;
    target.scores = NULL;
    options = (amc_options){.size = sizeof options, .settings = "[kernel]\nkind = \"rwm\"\n"};
    const amc_status status = amc_sample(&target, &options, &result, &error);
    printf("a failing callback: %s, code %d: %s\n", amc_status_name(status), error.code, error.message);
    require(status == AMC_ERROR_TARGET && error.code == 42 && result == NULL, "the code of a failing callback");
    return 0;
}
