/// A plugin of one activation, y = x, and one convolution kernel, each with the fault that -DFAULT=… names.
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "resnet_engine_plugin.h"

enum {
    NONE, LATER, LYING, SHORT, NAMELESS, FUNCTIONLESS, UNWILLING, GAP, TAKEN, SHAPE, NO_SHAPE, HUGE_SHAPE, COST, HUGE_COST, MANY_VERSIONS, ODD_NAME, NOT_A_NUMBER, STATUS, ONCE,
    KERNEL_SHAPE, KERNEL_COST, KERNEL_NOT_A_NUMBER, KERNEL_STATUS, KERNEL_OUTPUT_HALO, KERNEL_INPUT_HALO, KERNEL_INPUT
};

uint32_t resnet_engine_plugin_interface(void) { return FAULT == LATER ? 99 : 1; }

static int32_t say(const re_messages *messages, const char *text) {
    messages->write(messages->context, text);
    return 7;
}

static int32_t shape(
    void *user, uint32_t version, const re_shape *inputs, re_shape *output, const re_messages *messages) {
    if (FAULT == NO_SHAPE) return say(messages, "no idea");
    *output = inputs[0];
    if (FAULT == SHAPE) output->width += 1;
    if (FAULT == HUGE_SHAPE) output->channels = output->height = output->width = INT32_MAX;
    return 0;
}

static int32_t cost(
    void *user, uint32_t version, const re_shape *inputs, int64_t *flops, const re_messages *messages) {
    *flops = FAULT == COST ? -1 : FAULT == HUGE_COST ? 1LL << 60 : 1;
    return 0;
}

static int32_t reference(
    void *user, uint32_t version, const re_shape *inputs, const double *const *values, double *output,
    const re_messages *messages) {
    memcpy(output, values[0], sizeof(double) * inputs[0].channels * inputs[0].height * inputs[0].width);
    return 0;
}

static atomic_int calls;

static int32_t run(
    void *user, uint32_t version, const re_map *const *inputs, const re_map *output, int64_t first_row,
    int64_t end_row, const re_messages *messages) {
    if (FAULT == STATUS || (FAULT == ONCE && atomic_fetch_add(&calls, 1) == 0))
        return say(messages, "out of\nluck");
    const re_map *input = inputs[0];
    for (int64_t plane = 0; plane < input->planes; plane++)
        for (int64_t row = first_row; row < end_row; row++)
            for (int64_t i = 0; i < input->shape.width * input->pixel_stride; i++)
                output->origin[plane * output->plane_stride + row * output->row_stride + i] =
                    FAULT == NOT_A_NUMBER && plane == 0 && row == 1 && i == 3
                        ? NAN
                        : input->origin[plane * input->plane_stride + row * input->row_stride + i];
    return 0;
}

static const re_operation operation = {
    .size = FAULT == SHORT ? 8 : sizeof(re_operation),
    .identifier = FAULT == NAMELESS ? NULL : FAULT == GAP || FAULT == TAKEN ? "relu" : FAULT == ODD_NAME ? "a,b" : "identity",
    .first_version = FAULT == GAP ? 3 : 1,
    .last_version = FAULT == GAP ? 3 : FAULT == MANY_VERSIONS ? UINT32_MAX : 1,
    .flags = RE_CUTS_ROWS,
    .input_count = 1,
    .kernel = "identity.f32.1x16.c",
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .run = FAULT == FUNCTIONLESS ? NULL : run,
};

static int32_t supports(void *user, const re_convolution_problem *problem, const re_messages *messages) { return 0; }

static int32_t kernel_shape(
    void *user, const re_convolution_problem *p, re_shape *output, const re_messages *messages) {
    int64_t high = p->dilation_height * (p->kernel_height - 1) + 1, wide = p->dilation_width * (p->kernel_width - 1) + 1;
    output->channels = p->output_channels;
    output->height = (p->input.height + 2 * p->padding_height - high) / p->stride_height + 1;
    output->width = (p->input.width + 2 * p->padding_width - wide) / p->stride_width + (FAULT == KERNEL_SHAPE ? 2 : 1);
    return 0;
}

static int32_t kernel_cost(
    void *user, const re_convolution_problem *problem, re_convolution_cost *cost, const re_messages *messages) {
    cost->cycles = FAULT == KERNEL_COST ? NAN : 1;
    cost->packed_bytes = 64;
    return 0;
}

static int32_t pack(
    void *user, const re_convolution_problem *problem, const float *weight, const float *bias, void *packed,
    const re_messages *messages) {
    return 0;
}

/// All zeros: wrong, but numbers.
static int32_t kernel_run(
    void *user, const re_convolution_problem *problem, const re_convolution_call *call, const re_messages *messages) {
    if (FAULT == KERNEL_STATUS) return say(messages, "no luck");
    const re_map *x = call->input, *y = call->output;
    if (FAULT == KERNEL_OUTPUT_HALO) y->origin[y->shape.width * y->pixel_stride] = 0.5f;
    if (FAULT == KERNEL_INPUT_HALO) x->origin[-1] = 0.5f;
    if (FAULT == KERNEL_INPUT) x->origin[0] = 0.5f;
    for (int64_t plane = 0; plane < y->planes; plane++)
        for (int64_t row = call->first_row; row < call->end_row; row++)
            for (int64_t i = 0; i < y->shape.width * y->pixel_stride; i++)
                y->origin[plane * y->plane_stride + row * y->row_stride + i] = FAULT == KERNEL_NOT_A_NUMBER ? NAN : 0;
    return 0;
}

static const re_convolution kernel = {
    .size = sizeof(re_convolution),
    .name = "zeros.f32.1x16.c",
    .numeric_class = "zeros",
    .flags = RE_CUTS_ROWS,
    .supports = supports,
    .shape = kernel_shape,
    .cost = kernel_cost,
    .pack = pack,
    .run = kernel_run,
};

static const re_operation *const operations[] = {&operation};
static const re_convolution *const kernels[] = {&kernel};

#ifndef WITHOUT_ENTRY
int32_t resnet_engine_plugin(const re_host *host, re_plugin *plugin, const re_messages *messages) {
    if (FAULT == UNWILLING) return say(messages, "not today");
    plugin->interface = FAULT == LYING ? 2 : 1;
    plugin->name = "Faulty";
    plugin->version = "0.9";
    plugin->operations = operations;
    plugin->operation_count = 1;
    plugin->convolutions = kernels;
    plugin->convolution_count = 1;
    return 0;
}
#endif
