/// Hard swish (Howard et al., "Searching for MobileNetV3", 2019), loaded at run time:
///
///     y = x * min(max(x + 3, 0), 6) / 6
#include "resnet_engine_plugin.h"

uint32_t resnet_engine_plugin_interface(void) { return 1; }

static int32_t shape(
    void *user, uint32_t version, const re_shape *inputs, re_shape *output, const re_messages *messages) {
    *output = inputs[0];
    return 0;
}

static int32_t cost(
    void *user, uint32_t version, const re_shape *inputs, int64_t *flops, const re_messages *messages) {
    *flops = 5 * inputs[0].channels * inputs[0].height * inputs[0].width;
    return 0;
}

static int32_t reference(
    void *user, uint32_t version, const re_shape *inputs, const double *const *values, double *output,
    const re_messages *messages) {
    int64_t count = inputs[0].channels * inputs[0].height * inputs[0].width;
    for (int64_t i = 0; i < count; i++) {
        double x = values[0][i], gate = x + 3;
        output[i] = x * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;
    }
    return 0;
}

static int32_t run(
    void *user, uint32_t version, const re_map *const *inputs, const re_map *output, int64_t first_row,
    int64_t end_row, const re_messages *messages) {
    const re_map *input = inputs[0];
    // Zero stays zero: the lanes above the last channel need no care.
    int64_t count = input->shape.width * input->pixel_stride;
    for (int64_t plane = 0; plane < input->planes; plane++) {
        for (int64_t row = first_row; row < end_row; row++) {
            const float *x = input->origin + plane * input->plane_stride + row * input->row_stride;
            float *y = output->origin + plane * output->plane_stride + row * output->row_stride;
            for (int64_t i = 0; i < count; i++) {
                float value = x[i], gate = value + 3;
                gate = gate < 0 ? 0 : gate;
                y[i] = value * (gate > 6 ? 6 : gate) * (1.0f / 6);
            }
        }
    }
    return 0;
}

static const re_operation hard_swish = {
    .size = sizeof(re_operation),
    .identifier = "hard-swish",
    .first_version = 1,
    .last_version = 1,
    .flags = RE_CUTS_ROWS | RE_OVERWRITES,
    .input_count = 1,
    .terms = 1,
    .kernel = "hardswish.f32.1x16.c",
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .run = run,
};

static const re_operation *const operations[] = {&hard_swish};

int32_t resnet_engine_plugin(const re_host *host, re_plugin *plugin, const re_messages *messages) {
    plugin->interface = resnet_engine_plugin_interface();
    plugin->name = "HardSwish";
    plugin->version = "1.0";
    plugin->operations = operations;
    plugin->operation_count = 1;
    return 0;
}
