/// The interface of plugins that resnet-engine loads at run time: operations and convolution kernels behind C functions.
///
/// A plugin is a shared library that defines two functions: `resnet_engine_plugin_interface` gives the lowest interface that
/// it needs, and `resnet_engine_plugin` describes what it brings.
///
/// Rules
/// - A function returns 0, or a status of its own after it has written a message. Nothing is thrown across.
/// - Who allocates frees. Buffers that functions get belong to the engine and are valid during the call; what a
///   description points to stays valid as long as the library is loaded, which is until the process ends.
/// - Every struct but re_shape begins with its size as the writer knew it. Interfaces add members at the end alone.
/// - All functions may be called by several threads at the same time. Those named `run` work inside a batch: they should
///   not allocate, lock, do input or output or start threads. Denormal numbers are flushed to zero there.
/// - A row of a batch has the same bits wherever it stands: results depend on the arguments alone.
/// - NaN in an output ends the batch with an error where all inputs, and weights, were numbers of at most 2^48.
/// - Names of operations and kernels are letters, digits, '.', '_' and '-'. Limits: 8 inputs, a halo of 65536, 64 versions,
///   2^44 operations, 2^40 bytes or floats.
#ifndef RESNET_ENGINE_PLUGIN_H
#define RESNET_ENGINE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The interface that this header describes.
#define RESNET_ENGINE_INTERFACE 1

/// Where a function says in words what went wrong, or why it cannot do something: at most 255 bytes of UTF-8 are kept.
typedef struct re_messages {
    size_t size;
    void (*write)(void *context, const char *text);
    void *context;
} re_messages;

/// Features of one image, batch excluded. Vectors have height = width = 1.
typedef struct re_shape {
    int64_t channels, height, width;
} re_shape;

enum {
    /// `[c/16] h w 16`: channel c of pixel (h, w) is
    /// origin[c / 16 * plane_stride + h * row_stride + w * pixel_stride + c % 16]. Lanes above the last channel are zero,
    /// and must be written as zero.
    RE_LAYOUT_BLOCKED = 1,
    /// `c h w`: origin[c * plane_stride + h * row_stride + w].
    RE_LAYOUT_PLANAR = 2
};

/// Where the features of one image lie.
typedef struct re_map {
    size_t size;
    /// Pixel (0, 0) of the first plane. Inputs are not written.
    float *origin;
    re_shape shape;
    uint32_t layout;
    /// 16 channels in blocked maps, one in planar ones.
    int64_t planes;
    /// In floats.
    int64_t plane_stride, row_stride, pixel_stride;
    /// Rows and columns of zeros around an input that may be read. An output's are the engine's.
    int64_t halo;
} re_map;

enum {
    /// May be run for some rows of the output at a time, by several threads at once. Otherwise always for all rows.
    RE_CUTS_ROWS = 1,
    /// May write its output over its first input.
    RE_OVERWRITES = 2
};

/// The output's shape, for `input_count` inputs.
typedef int32_t (*re_operation_shape)(
    void *user, uint32_t version, const re_shape *inputs, re_shape *output, const re_messages *messages);

/// Floating-point operations of one image as the operation is defined.
typedef int32_t (*re_operation_cost)(
    void *user, uint32_t version, const re_shape *inputs, int64_t *flops, const re_messages *messages);

/// The operation by its definition in float64, for one image: `c h w` without gaps.
typedef int32_t (*re_operation_reference)(
    void *user, uint32_t version, const re_shape *inputs, const double *const *values, double *output,
    const re_messages *messages);

/// Rows first_row … end_row - 1 of the output of one image. Inputs and output are blocked.
typedef int32_t (*re_operation_run)(
    void *user, uint32_t version, const re_map *const *inputs, const re_map *output, int64_t first_row,
    int64_t end_row, const re_messages *messages);

/// An operation without weights.
typedef struct re_operation {
    size_t size;
    /// As networks name it: "hard-swish".
    const char *identifier;
    /// The versions of its meaning that the functions compute.
    uint32_t first_version, last_version;
    /// RE_CUTS_ROWS, RE_OVERWRITES.
    uint32_t flags;
    uint32_t input_count;
    /// Zeros around its inputs that it reads.
    int64_t halo;
    /// How an output rounds: 0 values are moved or chosen, 1 a few roundings, n a sum of n products.
    int64_t terms;
    /// The name of its kernel, `family.type.tile.isa`: "hardswish.f32.1x16.c".
    const char *kernel;
    /// Handed to every function.
    void *user;
    re_operation_shape shape;
    re_operation_cost cost;
    re_operation_reference reference;
    re_operation_run run;
} re_operation;

/// A convolution: output[k] = act(bias[k] + residual[k] + sum over c, r, s of input[c] weight[k, c, r, s]), zero-padded,
/// act being max(x, 0) where `rectifies`.
typedef struct re_convolution_problem {
    size_t size;
    re_shape input;
    /// RE_LAYOUT_BLOCKED or RE_LAYOUT_PLANAR. Residual and output are blocked.
    uint32_t input_layout;
    int64_t output_channels;
    int64_t kernel_height, kernel_width;
    int64_t stride_height, stride_width;
    int64_t padding_height, padding_width;
    int64_t dilation_height, dilation_width;
    int64_t groups;
    uint32_t has_residual;
    /// The residual is what the output is written over.
    uint32_t residual_in_place;
    uint32_t rectifies;
} re_convolution_problem;

/// What a convolution kernel takes for one image.
typedef struct re_convolution_cost {
    size_t size;
    /// Cycles of one core: the kernel of the least is picked. One of INFINITY is taken only where an option names it.
    double cycles;
    /// Bytes that `pack` fills, once for all workers.
    int64_t packed_bytes;
    /// Floats that `run` needs for itself, in each worker.
    int64_t scratch_floats;
} re_convolution_cost;

/// The maps of one image.
typedef struct re_convolution_call {
    size_t size;
    const re_map *input;
    /// NULL where there is none.
    const re_map *residual;
    const re_map *output;
    /// What `pack` filled, aligned to 64 bytes.
    const void *packed;
    /// Aligned to 64 bytes; holds anything.
    float *scratch;
    /// Rows of the output to compute: first_row … end_row - 1.
    int64_t first_row, end_row;
} re_convolution_call;

/// 0, or any other status and a message that says why the problem is not supported.
typedef int32_t (*re_convolution_supports)(
    void *user, const re_convolution_problem *problem, const re_messages *messages);

/// The output's shape.
typedef int32_t (*re_convolution_shape)(
    void *user, const re_convolution_problem *problem, re_shape *output, const re_messages *messages);

typedef int32_t (*re_convolution_costs)(
    void *user, const re_convolution_problem *problem, re_convolution_cost *cost, const re_messages *messages);

/// Packs `k c/groups r s` weights and k biases.
typedef int32_t (*re_convolution_pack)(
    void *user, const re_convolution_problem *problem, const float *weight, const float *bias, void *packed,
    const re_messages *messages);

typedef int32_t (*re_convolution_run)(
    void *user, const re_convolution_problem *problem, const re_convolution_call *call,
    const re_messages *messages);

/// One way to compute convolutions.
typedef struct re_convolution {
    size_t size;
    /// `family.type.tile.isa`, unlike every other kernel's.
    const char *name;
    /// Kernels of one class give a layer the same bits.
    const char *numeric_class;
    /// Whether the products summed are those of the definition: 1 or 0.
    uint32_t keeps_definition;
    /// RE_CUTS_ROWS.
    uint32_t flags;
    /// Handed to every function.
    void *user;
    re_convolution_supports supports;
    re_convolution_shape shape;
    re_convolution_costs cost;
    re_convolution_pack pack;
    re_convolution_run run;
} re_convolution;

/// The engine that loads the plugin.
typedef struct re_host {
    size_t size;
    /// Its interface: at least what the plugin needs.
    uint32_t interface;
} re_host;

/// What a plugin brings. The engine sets `size`; the plugin fills the rest in.
typedef struct re_plugin {
    size_t size;
    /// As `resnet_engine_plugin_interface` gives it.
    uint32_t interface;
    /// Stands in every error about the plugin.
    const char *name;
    /// The plugin's own version: "1.0".
    const char *version;
    const re_operation *const *operations;
    size_t operation_count;
    const re_convolution *const *convolutions;
    size_t convolution_count;
} re_plugin;

/// Defined by the plugin: the lowest interface that it needs. Called before anything else.
uint32_t resnet_engine_plugin_interface(void);

/// Defined by the plugin. May be called more than once, and must describe the same each time.
int32_t resnet_engine_plugin(const re_host *host, re_plugin *plugin, const re_messages *messages);

#ifdef __cplusplus
}
#endif

#endif
