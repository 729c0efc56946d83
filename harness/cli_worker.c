/* packlight worker: the serving side of a paired comparison. Started by other commands with a socket on descriptor 3.
 */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli.h"
#include "cli_common.h"
#include "io/plk.h"
#include "measure/build_info.h"
#include "measure/duet_worker.h"
#include "runner.h"

static const char help[] =
    "usage: packlight worker MODEL.plk [options]     (not by hand: other commands start it)\n"
    "\n"
    "Loads a packed model, then times inferences as the process at the other end of descriptor 3 asks.\n"
    "\n"
    "  --isa LEVEL     ref, sse41, avx2, avxvnni, avx512vnni, native (default: $PACKLIGHT_ISA or native)\n"
    "  --kernel KIND   simd, or ref for the plain C kernels (default: simd)\n"
    "  --threads N     that share each layer's work (default: 1)\n"
    "  --batch N       images per inference (default: 1)\n"
    "  --input FILE    raw bytes of one or more images, channel by channel (default: random pixels)\n"
    "  --seed N        of the random pixels (default: 1)\n"
    "\n"
    "example: packlight worker results/latest/artifacts/lenet5-qat-s8.plk --input results/latest/sample.u8\n";

struct subject {
    const char *file, *input;
    struct clock clock;
    uint32_t isa;
    int threads, batch;
    uint64_t seed;
    struct runner runner;
    int exact;
    unsigned char *pixels;       /* of --input; owned */
    struct dataset_splits noise; /* otherwise */
};

/* Inputs as a data set without labels. */
static enum status read_inputs(struct subject *self, const struct graph *graph, struct dataset *out)
{
    const struct value *in = &graph->value[graph_input(graph)];
    size_t image = value_count(in), len;
    int c = in->rank == 3 ? in->dim[0] : 1, h = in->rank == 3 ? in->dim[1] : 1;
    int w = in->rank == 3 ? in->dim[2] : (int)image;

    if (!self->input) {
        TRY(dataset_noise(c, h, w, 1, 0, 0, (uint32_t)(RUNNER_INPUTS * self->batch), self->seed, &self->noise));
        *out = self->noise.test;
        return ST_OK;
    }
    TRY(file_read(self->input, 0, &self->pixels, &len));
    if (len == 0 || len % image != 0)
        return status_fail(ST_FORMAT, "%s: %zu bytes, the model takes images of %zu", self->input, len, image);
    *out = (struct dataset){self->pixels, NULL, (uint32_t)(len / image), c, h, w, 1};
    return ST_OK;
}

/* Over the names of the kernels that run, in order. */
static void hash_kernels(const struct engine *engine, char out_hex[HASH_HEX])
{
    struct hash hash;

    hash_begin(&hash);
    for (int i = 0; i < engine_steps(engine); i++)
        hash_add_text(&hash, engine_step_info(engine, i)->kernel);
    hash_end(&hash, out_hex);
}

static enum status make_facts(const struct subject *self, const struct dataset *inputs, const char *artifact_sha256,
                              char **out)
{
    const struct build_info *build = build_info();
    char kernels[HASH_HEX], pixels[HASH_HEX], threads[16], batch[16];
    cJSON *facts = cJSON_CreateObject();

    hash_kernels(self->runner.engine, kernels);
    hash_bytes(inputs->pixels, engine_input_count(self->runner.engine) * inputs->n, pixels);
    snprintf(threads, sizeof threads, "%d", self->threads);
    snprintf(batch, sizeof batch, "%d", self->batch);
    *out = NULL;
    if (facts && cJSON_AddStringToObject(facts, "code_id", build->code_id) &&
        cJSON_AddStringToObject(facts, "commit", build->commit) &&
        cJSON_AddStringToObject(facts, "dirty", build->dirty ? "yes" : "no") &&
        cJSON_AddStringToObject(facts, "mode", build->mode) &&
        cJSON_AddStringToObject(facts, "isa", kn_isa_name(self->isa)) &&
        cJSON_AddStringToObject(facts, "kernels_sha256", kernels) &&
        cJSON_AddStringToObject(facts, "artifact_sha256", artifact_sha256) &&
        cJSON_AddStringToObject(facts, "inputs_sha256", pixels) && cJSON_AddStringToObject(facts, "threads", threads) &&
        cJSON_AddStringToObject(facts, "batch", batch))
        *out = cJSON_PrintUnformatted(facts);
    cJSON_Delete(facts);
    return *out ? ST_OK : status_fail(ST_NOMEM, "no memory for facts");
}

static double elapsed_ns(const struct clock *clock, uint64_t start_ns)
{
    return (double)(clock->wall_ns(clock->context) - start_ns);
}

static enum status subject_open(void *context, struct duet_opening *out)
{
    struct subject *self = context;
    const struct clock *clock = &self->clock;
    struct graph graph = {0};
    struct plk_info info = {0};
    struct kn_table table;
    struct dataset inputs;
    uint64_t start_ns = clock->wall_ns(clock->context);
    enum status st;

    TRY_OUT(plk_read(self->file, &graph, &info));
    out->load_ns = elapsed_ns(clock, start_ns);
    start_ns = clock->wall_ns(clock->context);
    kn_table_init(&table, self->isa);
    TRY_OUT(runner_plan(&graph, &table, self->batch, self->threads, &self->runner));
    out->plan_ns = elapsed_ns(clock, start_ns);
    TRY_OUT(read_inputs(self, &graph, &inputs));
    runner_load(&self->runner, &inputs);
    self->exact = infer_raw_is_output(&graph) && engine_raw(self->runner.engine);
    out->inputs = RUNNER_INPUTS;
    out->steps = engine_steps(self->runner.engine);
    out->values = (size_t)self->batch * (size_t)self->runner.outputs;
    out->exact = self->exact ? out->values : 0;
    TRY_OUT(make_facts(self, &inputs, info.sha256, &out->facts));
out:
    plk_info_free(&info);
    graph_free(&graph);
    return st;
}

static void subject_call(void *context)
{
    runner_call(&((struct subject *)context)->runner);
}

static void subject_begin(void *context)
{
    runner_begin(&((struct subject *)context)->runner);
}

static void subject_step(void *context, int step)
{
    runner_step(&((struct subject *)context)->runner, step);
}

static void subject_end(void *context)
{
    runner_end(&((struct subject *)context)->runner);
}

static void subject_select(void *context, int input)
{
    ((struct subject *)context)->runner.next = input;
}

static const float *subject_values(void *context)
{
    return ((struct subject *)context)->runner.output;
}

static const int32_t *subject_exact(void *context)
{
    struct subject *self = context;
    return self->exact ? engine_raw(self->runner.engine) : NULL;
}

static enum status subject_close(void *context)
{
    if (!engine_guards_intact(((struct subject *)context)->runner.engine))
        return status_fail(ST_MISMATCH, "a kernel wrote outside its buffer");
    return ST_OK;
}

static enum status serve(struct subject *self)
{
    struct duet_subject subject = {self,        subject_open,   subject_call,   subject_begin, subject_step,
                                   subject_end, subject_select, subject_values, subject_exact, subject_close};
    enum status st;

    TRY(duet_worker_check(DUET_DESCRIPTOR));
    clock_system(&self->clock);
    st = duet_worker_serve(DUET_DESCRIPTOR, &self->clock, &subject);
    runner_free(&self->runner);
    dataset_free(&self->noise);
    free(self->pixels);
    return st;
}

enum status cli_worker(int argc, char **argv, int *exit_code)
{
    static const struct option long_options[] = {
        {"isa", required_argument, NULL, 'I'},     {"kernel", required_argument, NULL, 'k'},
        {"threads", required_argument, NULL, 't'}, {"batch", required_argument, NULL, 'b'},
        {"input", required_argument, NULL, 'i'},   {"seed", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    struct subject self = {.seed = 1};
    const char *isa = NULL, *kernel = "simd";
    long threads = 1, batch = 1, seed = 1;
    int option;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'I':
            isa = optarg;
            break;
        case 'k':
            kernel = optarg;
            break;
        case 't':
            TRY(cli_int("--threads", optarg, 1, ENGINE_THREADS_MAX, &threads));
            break;
        case 'b':
            TRY(cli_int("--batch", optarg, 1, 4096, &batch));
            break;
        case 'i':
            self.input = optarg;
            break;
        case 's':
            TRY(cli_int("--seed", optarg, 0, INT32_MAX, &seed));
            break;
        case 'h':
            fputs(help, stdout);
            return ST_OK;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    if (optind != argc - 1)
        return status_fail(ST_BADARG, "expected one model file; see --help");
    if (strcmp(kernel, "simd") != 0 && strcmp(kernel, "ref") != 0)
        return status_fail(ST_BADARG, "--kernel %s: expected simd or ref", kernel);
    TRY(cli_isa(isa, &self.isa));
    self.isa = strcmp(kernel, "ref") == 0 ? 0 : self.isa;
    self.file = argv[optind];
    self.threads = (int)threads;
    self.batch = (int)batch;
    self.seed = (uint64_t)seed;
    return serve(&self);
}
