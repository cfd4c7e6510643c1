/*
 * Samples of a window that are read once and kept: for samples*.c only.
 */
#ifndef ANALYSIS_SAMPLES_KEPT_H
#define ANALYSIS_SAMPLES_KEPT_H

#include "analysis/samples.h"

struct samples_kept;

/* Whether all that is wanted of a window is kept, or will be when it is asked
 * for. */
bool samples_kept_hold(
    const struct sampler *, int32_t vp, int64_t since_us, int64_t until_us);

/* As samples_read, of what is kept. */
void samples_kept_copy(
    struct sampler *, struct samples *, int32_t vp, const int64_t window_us[2]);

/* The newest of a lane's kept samples that are in a span; false: what is kept
 * does not say. Where it says that there is none since it began, that is where
 * the rest of the span ends. */
bool samples_kept_last(
    struct sampler *, struct samples_span *, int64_t *last_us);

void samples_kept_free(struct samples_kept *, const struct catalog *);

/* As samples_read, whatever is kept (samples.c). */
void samples_read_window(
    struct sampler *, struct samples *, int32_t vp, const int64_t window_us[2]);

/* Whether a sample is one of those that a span asks for (samples.c). */
bool samples_in_span(
    const struct sampler *, const struct samples_span *, const struct sample *);

#endif
