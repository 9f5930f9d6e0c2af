#define _GNU_SOURCE
#include "COneDNN.h"

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <sched.h>
#include <stdlib.h>

// libomp's interface. oneDNN is linked with libgomp, but its calls bind to libomp, which executables load first.
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

/// Makes oneDNN use the calling thread alone; returns what `leave_single_thread` gives back. libomp lets a thread that
/// it meets for the first time run on all CPUs: its mask is kept.
static int enter_single_thread(void) {
    static _Thread_local bool is_known = false;
    if (!is_known) {
        unsigned long mask[1024];
        const int is_saved = sched_getaffinity(0, sizeof mask, (cpu_set_t *)mask) == 0;
        omp_get_max_threads();
        if (is_saved) sched_setaffinity(0, sizeof mask, (cpu_set_t *)mask);
        is_known = true;
    }
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

static void leave_single_thread(int threads) { omp_set_num_threads(threads); }

/// What a run executes, in this order.
enum { LOAD_INPUT, LOAD_RESIDUAL, CONVOLVE, STORE_OUTPUT, PRIMITIVES };

struct conednn_convolution {
    dnnl_engine_t engine;
    /// Null where a map lies as oneDNN wants it.
    dnnl_primitive_desc_t descriptions[PRIMITIVES];
    dnnl_primitive_t primitives[PRIMITIVES];
    /// As the maps lie, and as oneDNN wants them.
    dnnl_memory_desc_t input, residual, output, source, target;
    /// As the caller gives weights.
    dnnl_memory_desc_t plain_weights;
    dnnl_memory_t weights, bias;
};

/// Goes to `end` when a call fails.
#define TRY(call) do { if ((status = (call)) != dnnl_success) goto end; } while (0)

static dnnl_status_t describe(const conednn_map *map, dnnl_memory_desc_t *result) {
    const dnnl_dims_t dimensions = {1, map->channels, map->height, map->width};
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(result, 4, dimensions, dnnl_f32, map->blocked ? dnnl_nChw16c : dnnl_nchw);
    if (status != dnnl_success) return status;
    dnnl_dim_t *strides = result->format_desc.blocking.strides;
    strides[0] = (map->blocked ? (map->channels + 15) / 16 : map->channels) * map->plane_stride;
    strides[1] = map->plane_stride;
    strides[2] = map->row_stride;
    return status;
}

/// The attributes of all primitives: scratch memory is handed in at each run, so that threads share none.
static dnnl_status_t make_attributes(bool adds, bool rectifies, dnnl_primitive_attr_t *result) {
    dnnl_status_t status;
    dnnl_post_ops_t operations = NULL;
    TRY(dnnl_primitive_attr_create(result));
    TRY(dnnl_primitive_attr_set_scratchpad_mode(*result, dnnl_scratchpad_mode_user));
    TRY(dnnl_post_ops_create(&operations));
    if (adds) TRY(dnnl_post_ops_append_sum(operations, 1));
    if (rectifies) TRY(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0));
    TRY(dnnl_primitive_attr_set_post_ops(*result, operations));
end:
    dnnl_post_ops_destroy(operations);
    return status;
}

static const dnnl_memory_desc_t *query(const conednn_convolution *c, int primitive, dnnl_query_t what, int index) {
    return dnnl_primitive_desc_query_md(c->descriptions[primitive], what, index);
}

/// Describes weights in a layout: `k c r s`, or `g k/g c/g r s` where there are groups.
static dnnl_status_t describe_weights(const conednn_problem *p, bool is_plain, dnnl_memory_desc_t *result) {
    const int64_t k = p->output.channels / p->groups, c = p->input.channels / p->groups;
    const dnnl_dims_t grouped = {p->groups, k, c, p->kernel_height, p->kernel_width};
    const bool is_grouped = p->groups > 1;
    const dnnl_format_tag_t plain = is_grouped ? dnnl_goihw : dnnl_oihw;
    return dnnl_memory_desc_init_by_tag(
        result, 4 + is_grouped, grouped + !is_grouped, dnnl_f32, is_plain ? plain : dnnl_format_tag_any);
}

static dnnl_status_t choose(conednn_convolution *c, const conednn_problem *p) {
    dnnl_status_t status;
    const dnnl_dims_t source_dimensions = {1, p->input.channels, p->input.height, p->input.width};
    const dnnl_dims_t target_dimensions = {1, p->output.channels, p->output.height, p->output.width};
    const dnnl_dims_t strides = {p->stride_height, p->stride_width};
    // oneDNN counts the gaps between taps.
    const dnnl_dims_t dilations = {p->dilation_height - 1, p->dilation_width - 1};
    const dnnl_dims_t padding = {p->padding_height, p->padding_width};
    dnnl_memory_desc_t source, weights, bias, target;
    dnnl_convolution_desc_t operation;
    dnnl_primitive_attr_t attributes = NULL, plain = NULL;
    TRY(dnnl_engine_create(&c->engine, dnnl_cpu, 0));
    TRY(make_attributes(p->adds_residual, p->rectifies, &attributes));
    TRY(make_attributes(false, false, &plain));
    TRY(dnnl_memory_desc_init_by_tag(&source, 4, source_dimensions, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&target, 4, target_dimensions, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&bias, 1, &p->output.channels, dnnl_f32, dnnl_a));
    TRY(describe_weights(p, false, &weights));
    TRY(describe_weights(p, true, &c->plain_weights));
    TRY(dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights, &bias, &target, strides,
        dilations, padding, padding));
    TRY(dnnl_primitive_desc_create(&c->descriptions[CONVOLVE], &operation, attributes, c->engine, NULL));
    c->source = *query(c, CONVOLVE, dnnl_query_src_md, 0);
    c->target = *query(c, CONVOLVE, dnnl_query_dst_md, 0);
    if (p->own_layout) {
        c->input = c->source;
        c->residual = c->output = c->target;
        goto end;
    }
    TRY(describe(&p->input, &c->input));
    TRY(describe(&p->output, &c->output));
    const dnnl_engine_t engine = c->engine;
    if (!dnnl_memory_desc_equal(&c->input, &c->source)) {
        TRY(dnnl_reorder_primitive_desc_create(
            &c->descriptions[LOAD_INPUT], &c->input, engine, &c->source, engine, plain));
    }
    if (p->adds_residual) {
        TRY(describe(&p->residual, &c->residual));
        TRY(dnnl_reorder_primitive_desc_create(
            &c->descriptions[LOAD_RESIDUAL], &c->residual, engine, &c->target, engine, plain));
    }
    if (!dnnl_memory_desc_equal(&c->output, &c->target)) {
        TRY(dnnl_reorder_primitive_desc_create(
            &c->descriptions[STORE_OUTPUT], &c->target, engine, &c->output, engine, plain));
    }
end:
    dnnl_primitive_attr_destroy(attributes);
    dnnl_primitive_attr_destroy(plain);
    return status;
}

int conednn_create(const conednn_problem *problem, conednn_convolution **result) {
    conednn_convolution *c = *result = calloc(1, sizeof *c);
    if (!c) return dnnl_out_of_memory;
    const int threads = enter_single_thread();
    const dnnl_status_t status = choose(c, problem);
    leave_single_thread(threads);
    if (status != dnnl_success) {
        conednn_destroy(c);
        *result = NULL;
    }
    return status;
}

void conednn_destroy(conednn_convolution *c) {
    dnnl_memory_destroy(c->weights);
    dnnl_memory_destroy(c->bias);
    for (int index = 0; index < PRIMITIVES; ++index) {
        dnnl_primitive_destroy(c->primitives[index]);
        dnnl_primitive_desc_destroy(c->descriptions[index]);
    }
    dnnl_engine_destroy(c->engine);
    free(c);
}

static size_t in_cache_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Bytes of scratch memory before oneDNN's own: the maps that do not lie as oneDNN wants them.
static size_t source_bytes(const conednn_convolution *c) {
    return c->descriptions[LOAD_INPUT] ? in_cache_lines(dnnl_memory_desc_get_size(&c->source)) : 0;
}
static size_t target_bytes(const conednn_convolution *c) {
    return c->descriptions[STORE_OUTPUT] ? in_cache_lines(dnnl_memory_desc_get_size(&c->target)) : 0;
}

size_t conednn_packed_bytes(const conednn_convolution *c) {
    return dnnl_memory_desc_get_size(query(c, CONVOLVE, dnnl_query_weights_md, 0))
        + dnnl_memory_desc_get_size(query(c, CONVOLVE, dnnl_query_weights_md, 1));
}

size_t conednn_scratch_bytes(const conednn_convolution *c) {
    size_t largest = 0;
    for (int index = 0; index < PRIMITIVES; ++index) {
        if (!c->descriptions[index]) continue;
        const size_t own = dnnl_memory_desc_get_size(query(c, index, dnnl_query_scratchpad_md, 0));
        if (own > largest) largest = own;
    }
    return source_bytes(c) + target_bytes(c) + largest;
}

size_t conednn_input_bytes(const conednn_convolution *c) { return dnnl_memory_desc_get_size(&c->source); }
size_t conednn_output_bytes(const conednn_convolution *c) { return dnnl_memory_desc_get_size(&c->target); }

/// Lays `from` out as `to` wants it, once.
static dnnl_status_t reorder(dnnl_engine_t engine, dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_status_t status;
    const dnnl_memory_desc_t *source, *target;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    TRY(dnnl_memory_get_memory_desc(from, &source));
    TRY(dnnl_memory_get_memory_desc(to, &target));
    TRY(dnnl_reorder_primitive_desc_create(&description, source, engine, target, engine, NULL));
    TRY(dnnl_primitive_create(&primitive, description));
    TRY(dnnl_primitive_execute(primitive, stream, 2, arguments));
end:
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(description);
    return status;
}

/// Copies weights or a bias, one after the other in `values`, into memory of their own as the convolution wants them.
static dnnl_status_t pack(
    const conednn_convolution *c, dnnl_stream_t stream, const dnnl_memory_desc_t *plain, const float *values, int index,
    dnnl_memory_t *result
) {
    dnnl_status_t status;
    dnnl_memory_t given = NULL;
    TRY(dnnl_memory_create(&given, plain, c->engine, (void *)values));
    TRY(dnnl_memory_create(result, query(c, CONVOLVE, dnnl_query_weights_md, index), c->engine, DNNL_MEMORY_ALLOCATE));
    TRY(reorder(c->engine, stream, given, *result));
end:
    dnnl_memory_destroy(given);
    return status;
}

int conednn_pack(conednn_convolution *c, const float *weights, const float *bias) {
    dnnl_status_t status;
    dnnl_stream_t stream = NULL;
    const int threads = enter_single_thread();
    TRY(dnnl_stream_create(&stream, c->engine, dnnl_stream_default_flags));
    for (int index = 0; index < PRIMITIVES; ++index) {
        if (c->descriptions[index]) TRY(dnnl_primitive_create(&c->primitives[index], c->descriptions[index]));
    }
    TRY(pack(c, stream, &c->plain_weights, weights, 0, &c->weights));
    TRY(pack(c, stream, query(c, CONVOLVE, dnnl_query_weights_md, 1), bias, 1, &c->bias));
end:
    dnnl_stream_destroy(stream);
    leave_single_thread(threads);
    return status;
}

/// A run in work: what is allocated for it, and the first failure.
typedef struct {
    const conednn_convolution *convolution;
    dnnl_stream_t stream;
    /// Five maps, and scratch memory for each primitive.
    dnnl_memory_t memories[5 + PRIMITIVES];
    int count;
    dnnl_status_t status;
} run;

static dnnl_memory_t wrap(run *run, const dnnl_memory_desc_t *description, const void *data) {
    if (run->status != dnnl_success) return NULL;
    dnnl_memory_t *memory = &run->memories[run->count];
    run->status = dnnl_memory_create(memory, description, run->convolution->engine, (void *)data);
    run->count += run->status == dnnl_success;
    return *memory;
}

/// The first of `arguments` is for the primitive's scratch memory.
static void execute(run *run, int primitive, void *scratchpad, dnnl_exec_arg_t *arguments, int count) {
    const conednn_convolution *c = run->convolution;
    const dnnl_memory_t memory = wrap(run, query(c, primitive, dnnl_query_scratchpad_md, 0), scratchpad);
    arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory};
    if (run->status != dnnl_success) return;
    run->status = dnnl_primitive_execute(c->primitives[primitive], run->stream, count, arguments);
}

int conednn_run(
    const conednn_convolution *c, const float *input, const float *residual, float *output, void *scratch
) {
    const int threads = enter_single_thread();
    run run = {.convolution = c};
    run.status = dnnl_stream_create(&run.stream, c->engine, dnnl_stream_default_flags);
    char *const source_scratch = scratch, *const target_scratch = source_scratch + source_bytes(c);
    void *const scratchpad = target_scratch + target_bytes(c);

    dnnl_memory_t source = wrap(&run, &c->input, input);
    if (c->descriptions[LOAD_INPUT]) {
        dnnl_exec_arg_t arguments[] = {{0}, {DNNL_ARG_FROM, source}, {DNNL_ARG_TO, NULL}};
        arguments[2].memory = source = wrap(&run, &c->source, source_scratch);
        execute(&run, LOAD_INPUT, scratchpad, arguments, 3);
    }
    const dnnl_memory_t result = wrap(&run, &c->output, output);
    const dnnl_memory_t target =
        c->descriptions[STORE_OUTPUT] ? wrap(&run, &c->target, target_scratch) : result;
    if (c->descriptions[LOAD_RESIDUAL] && (target != result || residual != output)) {
        const dnnl_memory_t added = wrap(&run, &c->residual, residual);
        dnnl_exec_arg_t arguments[] = {{0}, {DNNL_ARG_FROM, added}, {DNNL_ARG_TO, target}};
        execute(&run, LOAD_RESIDUAL, scratchpad, arguments, 3);
    }
    dnnl_exec_arg_t arguments[] = {
        {0}, {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, c->weights}, {DNNL_ARG_BIAS, c->bias}, {DNNL_ARG_DST, target},
    };
    execute(&run, CONVOLVE, scratchpad, arguments, 5);
    if (c->descriptions[STORE_OUTPUT]) {
        dnnl_exec_arg_t arguments[] = {{0}, {DNNL_ARG_FROM, target}, {DNNL_ARG_TO, result}};
        execute(&run, STORE_OUTPUT, scratchpad, arguments, 3);
    }
    for (int index = 0; index < run.count; ++index) dnnl_memory_destroy(run.memories[index]);
    dnnl_stream_destroy(run.stream);
    leave_single_thread(threads);
    return run.status;
}

const char *conednn_status_text(int status) { return dnnl_status2str(status); }

void conednn_version(int *major, int *minor, int *patch) {
    const dnnl_version_t *version = dnnl_version();
    *major = version->major;
    *minor = version->minor;
    *patch = version->patch;
}
