#include "kernels/kernels.h"

#include <string.h>

#include "kernels/roster.h"

#define KERNEL(isa, impl, mr, nr, kr) {{"kn_gemm_f32__" #impl, isa, mr, nr, kr, 4}, kn_gemm_f32__##impl},
static const struct kn_gemm_f32 gemm_f32[] = {
#include "kernels/gemm_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, nr, kr, a_bytes, pace)                                                                   \
    {{"kn_gemm_u8s8__" #impl, isa, mr, nr, kr, a_bytes},                                                               \
     pace,                                                                                                             \
     kn_gemm_u8s8_u8__##impl,                                                                                          \
     kn_gemm_u8s8_s32__##impl,                                                                                         \
     kn_gemm_u8s8_pack_bytes__##impl,                                                                                  \
     kn_gemm_u8s8_pack__##impl},
static const struct kn_gemm_u8s8 gemm_u8s8[] = {
#include "kernels/gemm_u8s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, contract, mr, nr, kr, a_bytes, pace)                                                         \
    {{"kn_gemm_u7s8__" #impl, isa, mr, nr, kr, a_bytes},                                                               \
     pace,                                                                                                             \
     kn_##contract##_u8__##impl,                                                                                       \
     kn_##contract##_s32__##impl,                                                                                      \
     kn_##contract##_pack_bytes__##impl,                                                                               \
     kn_##contract##_pack__##impl},
static const struct kn_gemm_u8s8 gemm_u7s8[] = {
#include "kernels/gemm_u7s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, contract, mr, nr, kr, a_bytes, pace)                                                         \
    {{"kn_gemm_u8s4__" #impl, isa, mr, nr, kr, a_bytes},                                                               \
     pace,                                                                                                             \
     kn_##contract##_u8__##impl,                                                                                       \
     kn_##contract##_s32__##impl,                                                                                      \
     kn_gemm_u8s4_pack_bytes__##impl,                                                                                  \
     kn_gemm_u8s4_pack__##impl},
static const struct kn_gemm_u8s8 gemm_u8s4[] = {
#include "kernels/gemm_u8s4.def"
};
#undef KERNEL

#define KERNEL(isa, impl, mr, nr, kr, break_even)                                                                      \
    {{"kn_spmv_f32__" #impl, isa, mr, nr, kr, 4},                                                                      \
     break_even,                                                                                                       \
     kn_spmv_f32__##impl,                                                                                              \
     kn_spmv_f32_pack_bytes__##impl,                                                                                   \
     kn_spmv_f32_pack__##impl},
static const struct kn_spmv_f32 spmv_f32[] = {
#include "kernels/spmv_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, nr, kr, break_even)                                                                      \
    {{"kn_spmv_u8s8__" #impl, isa, mr, nr, kr, 1},                                                                     \
     break_even,                                                                                                       \
     kn_spmv_u8s8_u8__##impl,                                                                                          \
     kn_spmv_u8s8_s32__##impl,                                                                                         \
     kn_spmv_u8s8_pack_bytes__##impl,                                                                                  \
     kn_spmv_u8s8_pack__##impl},
static const struct kn_spmv_u8s8 spmv_u8s8[] = {
#include "kernels/spmv_u8s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, nr, kr, a_bytes, break_even)                                                             \
    {{"kn_spmm_f32__" #impl, isa, mr, nr, kr, a_bytes},                                                                \
     break_even,                                                                                                       \
     kn_spmm_f32__##impl,                                                                                              \
     kn_spmm_f32_pack_bytes__##impl,                                                                                   \
     kn_spmm_f32_pack__##impl},
static const struct kn_spmm_f32 spmm_f32[] = {
#include "kernels/spmm_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, nr, kr, a_bytes, break_even)                                                             \
    {{"kn_spmm_u8s8__" #impl, isa, mr, nr, kr, a_bytes},                                                               \
     break_even,                                                                                                       \
     kn_spmm_u8s8_u8__##impl,                                                                                          \
     kn_spmm_u8s8_s32__##impl,                                                                                         \
     kn_spmm_u8s8_pack_bytes__##impl,                                                                                  \
     kn_spmm_u8s8_pack__##impl},
static const struct kn_spmm_u8s8 spmm_u8s8[] = {
#include "kernels/spmm_u8s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, nr, kr, slot_cost, break_even)                                                           \
    {{"kn_sprows_u8s8__" #impl, isa, mr, nr, kr, 1},                                                                   \
     slot_cost,                                                                                                        \
     break_even,                                                                                                       \
     kn_sprows_u8s8_u8__##impl,                                                                                        \
     kn_sprows_u8s8_s32__##impl,                                                                                       \
     kn_sprows_u8s8_slots__##impl,                                                                                     \
     kn_sprows_u8s8_pack_bytes__##impl,                                                                                \
     kn_sprows_u8s8_pack__##impl},
static const struct kn_sprows_u8s8 sprows_u8s8[] = {
#include "kernels/sprows_u8s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, break_even)                                                                              \
    {{"kn_bsr_f32_16x1__" #impl, isa, mr, 16, 1, 4}, 16, 1, break_even, kn_bsr_f32_16x1__##impl},
static const struct kn_bsr_f32 bsr_f32_16x1[] = {
#include "kernels/bsr_f32_16x1.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, break_even)                                                                              \
    {{"kn_bsr_f32_8x1__" #impl, isa, mr, 8, 1, 4}, 8, 1, break_even, kn_bsr_f32_8x1__##impl},
static const struct kn_bsr_f32 bsr_f32_8x1[] = {
#include "kernels/bsr_f32_8x1.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, break_even)                                                                              \
    {{"kn_bsr_f32_4x1__" #impl, isa, mr, 4, 1, 4}, 4, 1, break_even, kn_bsr_f32_4x1__##impl},
static const struct kn_bsr_f32 bsr_f32_4x1[] = {
#include "kernels/bsr_f32_4x1.def"
};
#undef KERNEL
#define KERNEL(isa, impl, mr, break_even)                                                                              \
    {{"kn_bsr_f32_1x4__" #impl, isa, mr, 1, 4, 4}, 1, 4, break_even, kn_bsr_f32_1x4__##impl},
static const struct kn_bsr_f32 bsr_f32_1x4[] = {
#include "kernels/bsr_f32_1x4.def"
};
#undef KERNEL

#define KERNEL(isa, impl, step) {{"kn_maxpool_f32_nhwc__" #impl, isa, 1, step, 1, 4}, kn_maxpool_f32_nhwc__##impl},
static const struct kn_maxpool_f32 maxpool_f32_nhwc[] = {
#include "kernels/maxpool_f32_nhwc.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_maxpool_f32_chw__" #impl, isa, 1, step, 1, 4}, kn_maxpool_f32_chw__##impl},
static const struct kn_maxpool_f32 maxpool_f32_chw[] = {
#include "kernels/maxpool_f32_chw.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_maxpool_u8_nhwc__" #impl, isa, 1, step, 1, 1}, kn_maxpool_u8_nhwc__##impl},
static const struct kn_maxpool_u8 maxpool_u8_nhwc[] = {
#include "kernels/maxpool_u8_nhwc.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_maxpool_u8_chw__" #impl, isa, 1, step, 1, 1}, kn_maxpool_u8_chw__##impl},
static const struct kn_maxpool_u8 maxpool_u8_chw[] = {
#include "kernels/maxpool_u8_chw.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_avgpool_f32_nhwc__" #impl, isa, 1, step, 1, 4}, kn_avgpool_f32_nhwc__##impl},
static const struct kn_avgpool_f32 avgpool_f32_nhwc[] = {
#include "kernels/avgpool_f32_nhwc.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_avgpool_u8_nhwc__" #impl, isa, 1, step, 1, 1}, kn_avgpool_u8_nhwc__##impl},
static const struct kn_avgpool_u8 avgpool_u8_nhwc[] = {
#include "kernels/avgpool_u8_nhwc.def"
};
#undef KERNEL
#define KERNEL(isa, impl, lanes)                                                                                       \
    {{"kn_depthwise_f32__" #impl, isa, 1, lanes, 1, 4},                                                                \
     kn_depthwise_f32__##impl,                                                                                         \
     kn_depthwise_f32_pack_bytes__##impl,                                                                              \
     kn_depthwise_f32_pack__##impl},
static const struct kn_depthwise_f32 depthwise_f32[] = {
#include "kernels/depthwise_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, lanes)                                                                                       \
    {{"kn_depthwise_u8s8__" #impl, isa, 1, lanes, 1, 1},                                                               \
     kn_depthwise_u8s8_u8__##impl,                                                                                     \
     kn_depthwise_u8s8_s32__##impl,                                                                                    \
     kn_depthwise_u8s8_pack_bytes__##impl,                                                                             \
     kn_depthwise_u8s8_pack__##impl},
static const struct kn_depthwise_u8s8 depthwise_u8s8[] = {
#include "kernels/depthwise_u8s8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_quantize_f32_u8__" #impl, isa, 1, step, 1, 4}, kn_quantize_f32_u8__##impl},
static const struct kn_quantize_f32_u8 quantize_f32_u8[] = {
#include "kernels/quantize_f32_u8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_range_f32__" #impl, isa, 1, step, 1, 4}, kn_range_f32__##impl},
static const struct kn_range_f32 range_f32[] = {
#include "kernels/range_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_dequant_s32_f32__" #impl, isa, 1, step, 1, 4}, kn_dequant_s32_f32__##impl},
static const struct kn_dequant_s32_f32 dequant_s32_f32[] = {
#include "kernels/dequant_s32_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_widen_u8_s16__" #impl, isa, 1, step, 1, 1}, kn_widen_u8_s16__##impl},
static const struct kn_widen_u8_s16 widen_u8_s16[] = {
#include "kernels/widen_u8_s16.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_clamp_f32__" #impl, isa, 1, step, 1, 4}, kn_clamp_f32__##impl},
static const struct kn_clamp_f32 clamp_f32[] = {
#include "kernels/clamp_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_clamp_u8__" #impl, isa, 1, step, 1, 1}, kn_clamp_u8__##impl},
static const struct kn_clamp_u8 clamp_u8[] = {
#include "kernels/clamp_u8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_transpose_x32__" #impl, isa, 1, step, 1, 4}, kn_transpose_x32__##impl},
static const struct kn_transpose_x32 transpose_x32[] = {
#include "kernels/transpose_x32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_transpose_x8__" #impl, isa, 1, step, 1, 1}, kn_transpose_x8__##impl},
static const struct kn_transpose_x8 transpose_x8[] = {
#include "kernels/transpose_x8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_add_f32__" #impl, isa, 1, step, 1, 4}, kn_add_f32__##impl},
static const struct kn_binary_f32 add_f32[] = {
#include "kernels/add_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_mul_f32__" #impl, isa, 1, step, 1, 4}, kn_mul_f32__##impl},
static const struct kn_binary_f32 mul_f32[] = {
#include "kernels/mul_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_add_u8__" #impl, isa, 1, step, 1, 1}, kn_add_u8__##impl},
static const struct kn_binary_u8 add_u8[] = {
#include "kernels/add_u8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_mul_u8__" #impl, isa, 1, step, 1, 1}, kn_mul_u8__##impl},
static const struct kn_binary_u8 mul_u8[] = {
#include "kernels/mul_u8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_lut_u8__" #impl, isa, 1, step, 1, 1}, kn_lut_u8__##impl},
static const struct kn_lut_u8 lut_u8[] = {
#include "kernels/lut_u8.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_dequant_u8_f32__" #impl, isa, 1, step, 1, 1}, kn_dequant_u8_f32__##impl},
static const struct kn_dequant_u8_f32 dequant_u8_f32[] = {
#include "kernels/dequant_u8_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_hardswish_f32__" #impl, isa, 1, step, 1, 4}, kn_hardswish_f32__##impl},
static const struct kn_unary_f32 hardswish_f32[] = {
#include "kernels/hardswish_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_sigmoid_f32__" #impl, isa, 1, step, 1, 4}, kn_sigmoid_f32__##impl},
static const struct kn_unary_f32 sigmoid_f32[] = {
#include "kernels/sigmoid_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_gelu_f32__" #impl, isa, 1, step, 1, 4}, kn_gelu_f32__##impl},
static const struct kn_unary_f32 gelu_f32[] = {
#include "kernels/gelu_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_softmax_f32__" #impl, isa, 1, step, 1, 4}, kn_softmax_f32__##impl},
static const struct kn_softmax_f32 softmax_f32[] = {
#include "kernels/softmax_f32.def"
};
#undef KERNEL
#define KERNEL(isa, impl, step) {{"kn_layernorm_f32__" #impl, isa, 1, step, 1, 4}, kn_layernorm_f32__##impl},
static const struct kn_layernorm_f32 layernorm_f32[] = {
#include "kernels/layernorm_f32.def"
};
#undef KERNEL

/* One contract: its slots as bytes (each begins with its facts) and where the chosen one goes in a table. */
struct roster {
    const char *contract;
    const void *line;
    size_t lines, line_bytes, table_offset;
};

#define ROSTER(name)                                                                                                   \
    {                                                                                                                  \
        "kn_" #name, (name), sizeof(name) / sizeof *(name), sizeof *(name), offsetof(struct kn_table, name)            \
    }
static const struct roster rosters[] = {
    ROSTER(gemm_f32),        ROSTER(gemm_u8s8),        ROSTER(spmv_f32),         ROSTER(spmv_u8s8),
    ROSTER(spmm_f32),        ROSTER(spmm_u8s8),        ROSTER(maxpool_f32_nhwc), ROSTER(maxpool_f32_chw),
    ROSTER(maxpool_u8_nhwc), ROSTER(maxpool_u8_chw),   ROSTER(quantize_f32_u8),  ROSTER(range_f32),
    ROSTER(dequant_s32_f32), ROSTER(widen_u8_s16),     ROSTER(clamp_f32),        ROSTER(clamp_u8),
    ROSTER(transpose_x32),   ROSTER(transpose_x8),     ROSTER(add_f32),          ROSTER(mul_f32),
    ROSTER(add_u8),          ROSTER(mul_u8),           ROSTER(lut_u8),           ROSTER(dequant_u8_f32),
    ROSTER(hardswish_f32),   ROSTER(sigmoid_f32),      ROSTER(gelu_f32),         ROSTER(softmax_f32),
    ROSTER(layernorm_f32),   ROSTER(avgpool_f32_nhwc), ROSTER(avgpool_u8_nhwc),  ROSTER(depthwise_f32),
    ROSTER(depthwise_u8s8),  ROSTER(sprows_u8s8),      ROSTER(bsr_f32_16x1),     ROSTER(bsr_f32_8x1),
    ROSTER(bsr_f32_4x1),     ROSTER(bsr_f32_1x4),      ROSTER(gemm_u7s8),        ROSTER(gemm_u8s4),
};
enum { ROSTERS = sizeof rosters / sizeof *rosters };

static const struct kn_facts *roster_facts(const struct roster *roster, size_t i)
{
    return (const struct kn_facts *)(const void *)((const char *)roster->line + i * roster->line_bytes);
}

static void choose_short(struct kn_table *table)
{
    table->gemm_u8s8_short = table->gemm_u8s8;
    for (size_t i = 0; i < sizeof gemm_u8s8 / sizeof *gemm_u8s8; i++)
        if (gemm_u8s8[i].facts.isa == table->gemm_u8s8.facts.isa &&
            gemm_u8s8[i].facts.kr < table->gemm_u8s8_short.facts.kr)
            table->gemm_u8s8_short = gemm_u8s8[i];
}

void kn_table_init(struct kn_table *table, uint32_t mask)
{
    memset(table, 0, sizeof *table);
    table->mask = mask;
    for (int r = 0; r < ROSTERS; r++) {
        const struct roster *roster = &rosters[r];
        for (size_t i = 0; i < roster->lines; i++) {
            const struct kn_facts *facts = roster_facts(roster, i);
            if ((facts->isa & mask) == facts->isa)
                memcpy((char *)table + roster->table_offset, facts, roster->line_bytes);
        }
    }
    choose_short(table);
}

int kn_table_select(struct kn_table *table, const char *kernel)
{
    for (int r = 0; r < ROSTERS; r++) {
        const struct roster *roster = &rosters[r];
        for (size_t i = 0; i < roster->lines; i++) {
            const struct kn_facts *facts = roster_facts(roster, i);
            if (strcmp(facts->name, kernel) == 0) {
                memcpy((char *)table + roster->table_offset, facts, roster->line_bytes);
                if (roster->line == gemm_u8s8)
                    table->gemm_u8s8_short = table->gemm_u8s8;
                return 0;
            }
        }
    }
    return -1;
}

void kn_roster_visit(kn_visit_fn visit, void *context)
{
    for (int r = 0; r < ROSTERS; r++) {
        for (size_t i = 0; i < rosters[r].lines; i++)
            visit(context, rosters[r].contract, roster_facts(&rosters[r], i));
    }
}

float kn_tolerance_f32(int k)
{
    return 2.0f * ((float)k + 2.0f) * 0x1p-24f;
}
