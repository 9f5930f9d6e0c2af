#ifndef CONEDNN_H
#define CONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Convolutions of single images by oneDNN's C interface of version 2. Statuses are oneDNN's: 0 is success.

/// Where the features of one image lie, in floats.
typedef struct {
    int64_t channels, height, width;
    /// From a plane, and from a row, to the next.
    int64_t plane_stride, row_stride;
    /// Whether a plane holds 16 channels, pixel by pixel, or one.
    bool blocked;
} conednn_map;

/// `output = act(bias + residual + convolution(input))`.
typedef struct {
    conednn_map input, residual, output;
    int64_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    int64_t dilation_height, dilation_width, groups;
    bool adds_residual, rectifies;
    /// Whether all maps lie as oneDNN likes best rather than as they are described, the residual where the result goes.
    bool own_layout;
} conednn_problem;

typedef struct conednn_convolution conednn_convolution;

/// Chooses oneDNN's implementation and layouts. On success `result` is to be destroyed, else it is null.
int conednn_create(const conednn_problem *problem, conednn_convolution **result);
void conednn_destroy(conednn_convolution *convolution);

/// Bytes of packed weights and bias.
size_t conednn_packed_bytes(const conednn_convolution *convolution);
/// Bytes that a run needs for itself.
size_t conednn_scratch_bytes(const conednn_convolution *convolution);
/// Bytes of the input, and of the output, as oneDNN likes them best.
size_t conednn_input_bytes(const conednn_convolution *convolution);
size_t conednn_output_bytes(const conednn_convolution *convolution);

/// Generates code and packs the weights, `k c/groups r s`, and the bias. Once, before the first run.
int conednn_pack(conednn_convolution *convolution, const float *weights, const float *bias);

/// Runs on the calling thread alone; several threads may run the same convolution at once. Pointers are to pixel (0, 0);
/// `residual` may be `output`; `scratch` is on a cache line. oneDNN allocates some small blocks and frees them.
int conednn_run(
    const conednn_convolution *convolution, const float *input, const float *residual, float *output, void *scratch);

/// A status in words.
const char *conednn_status_text(int status);
/// The library's version: `2.6.3`.
void conednn_version(int *major, int *minor, int *patch);

#endif
