/*
 * A model with the C interface of BridgeStan 2, compiled by the tests: two unequal modes in two coordinates,
 *
 *   gamma(x) = 3 exp(-|x - a|^2 / (2 0.5^2)) + exp(-|x - b|^2 / (2 0.8^2)),   Z = 2 pi (3 0.5^2 + 0.8^2).
 *
 * VERSION, WITHOUT_... and ONE_AT_A_TIME make libraries of other kinds. Data that is not "", NULL or a file's path
 * is refused unless it begins with a brace; points beyond LIMIT (1e6) are an error of the model.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION 2
#endif
#ifndef LIMIT
#define LIMIT 1e6
#endif
#ifndef DIM
#define DIM 2
#endif

typedef struct bs_model {
    unsigned seed;
} bs_model;

const int bs_major_version = VERSION;

static const double weight[2] = {3.0, 1.0}, mean[2][2] = {{-2.0, 1.0}, {2.5, 0.0}}, width[2] = {0.5, 0.8};

static char *copy(const char *text) {
    char *message = malloc(strlen(text) + 1);
    return message == NULL ? NULL : strcpy(message, text);
}

bs_model *bs_model_construct(const char *data, unsigned seed, char **error) {
    if (data != NULL && data[0] != 0 && data[0] != '{' && strstr(data, ".json") == NULL) {
        *error = copy("the data are\nno object");
        return NULL;
    }
    bs_model *model = malloc(sizeof *model);
    model->seed = seed;
    return model;
}

void bs_model_destruct(bs_model *model) { free(model); }

void bs_free_error_msg(char *message) { free(message); }

int bs_param_unc_num(const bs_model *model) {
    (void)model;
    return DIM;
}

/* What threads find here when only one may enter. */
static int inside = 0;

const char *bs_model_info(const bs_model *model) {
    (void)model;
#ifdef ONE_AT_A_TIME
    return "compiled for the tests\n\tSTAN_THREADS=false\n";
#else
    return "compiled for the tests\n\tSTAN_THREADS=true\n";
#endif
}

/* log gamma, its gradient and the product of its Hessian with v, where they are wanted. */
static int evaluate(bool propto, bool jacobian, const double *x, const double *v, double *value, double *gradient,
                    double *product, char **error) {
    if (propto || !jacobian) {
        *error = copy("asked for a density without its constants or without Jacobian");
        return -1;
    }
    if (fabs(x[0]) > LIMIT) {
        *error = copy("Exception: x is\ntoo large");
        return -1;
    }
#ifdef ONE_AT_A_TIME
    if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0) {
        *error = copy("two threads at once");
        return -1;
    }
#endif
    double exponent[2], slope[2][2], share[2], score[2] = {0.0, 0.0};
    for (int k = 0; k < 2; k++) {
        double squares = 0.0;
        for (int j = 0; j < 2; j++) {
            slope[k][j] = (mean[k][j] - x[j]) / (width[k] * width[k]);
            squares += (x[j] - mean[k][j]) * (x[j] - mean[k][j]);
        }
        exponent[k] = log(weight[k]) - 0.5 * squares / (width[k] * width[k]);
    }
    const double largest = fmax(exponent[0], exponent[1]);
    const double sum = exp(exponent[0] - largest) + exp(exponent[1] - largest);
    *value = largest + log(sum);
    for (int k = 0; k < 2; k++) {
        share[k] = exp(exponent[k] - largest) / sum;
        for (int j = 0; j < 2; j++) {
            score[j] += share[k] * slope[k][j];
        }
    }
    for (int j = 0; j < 2; j++) {
        if (gradient != NULL) {
            gradient[j] = score[j];
        }
        if (product != NULL) {
            product[j] = -score[j] * (score[0] * v[0] + score[1] * v[1]);
            for (int k = 0; k < 2; k++) {
                const double along = slope[k][0] * v[0] + slope[k][1] * v[1];
                product[j] += share[k] * (slope[k][j] * along - v[j] / (width[k] * width[k]));
            }
        }
    }
#ifdef ONE_AT_A_TIME
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
#endif
    (void)inside;
    return 0;
}

#ifndef WITHOUT_DENSITY
int bs_log_density(const bs_model *model, bool propto, bool jacobian, const double *x, double *value, char **error) {
    (void)model;
    return evaluate(propto, jacobian, x, NULL, value, NULL, NULL, error);
}
#endif

#ifndef WITHOUT_GRADIENT
int bs_log_density_gradient(const bs_model *model, bool propto, bool jacobian, const double *x, double *value,
                            double *gradient, char **error) {
    (void)model;
    return evaluate(propto, jacobian, x, NULL, value, gradient, NULL, error);
}
#endif

#ifndef WITHOUT_PRODUCTS
int bs_log_density_hessian_vector_product(const bs_model *model, bool propto, bool jacobian, const double *x,
                                          const double *v, double *value, double *product, char **error) {
    (void)model;
    return evaluate(propto, jacobian, x, v, value, NULL, product, error);
}
#endif
