#include "codec/rangecoder.h"

/* max(65536 / (n + 1.5), 65536 / RANGECODER_SLOW) for n = 0 .. RANGECODER_SLOW; the first bit moves P to 1/6 or 5/6. */
const uint16_t rangecoder_rate[RANGECODER_SLOW + 1] = {
    43691, 26214, 18725, 14564, 11916, 10082, 8738, 7710, 6899, 6242, 5699, 5243, 4855, 4520, 4228, 3972, 3745, 3542,
    3361,  3197,  3048,  2913,  2789,  2675,  2570, 2473, 2383, 2300, 2222, 2149, 2081, 2016, 1956, 1900, 1846, 1796,
    1748,  1702,  1659,  1618,  1579,  1542,  1507, 1473, 1440, 1409, 1380, 1351, 1324, 1298, 1273, 1248, 1225, 1202,
    1181,  1160,  1140,  1120,  1101,  1083,  1066, 1049, 1032, 1016, 1001, 986,  971,  957,  943,  930,  917,  904,
    892,   880,   868,   857,   846,   835,   824,  814,  804,  794,  785,  776,  767,  758,  749,  741,  732,  724,
    716,   708,   701,   694,   686,   679,   672,  665,  659,  652,  646,  639,  633,  627,  621,  615,  610,  604,
    599,   593,   588,   583,   577,   572,   567,  563,  558,  553,  548,  544,  539,  535,  531,  526,  522,  518,
    514,   510,   506,   502,   498,   495,   491,  487,  484,  480,  477,  473,  470,  466,  463,  460,  457,  454,
    450,   447,   444,   441,   438,   435,   433,  430,  427,  424,  421,  419,  416,  413,  411,  408,  406,  403,
    401,   398,   396,   394,   391,   389,   387,  384,  382,  380,  378,  376,  373,  371,  369,  367,  365,  363,
    361,   359,   357,   355,   353,   351,   350,  348,  346,  344,  342,  340,  339,  337,  335,  334,  332,  330,
    329,   327,   325,   324,   322,   320,   319,  317,  316,  314,  313,  311,  310,  308,  307,  306,  304,  303,
    301,   300,   299,   297,   296,   295,   293,  292,  291,  289,  288,  287,  286,  284,  283,  282,  281,  279,
    278,   277,   276,   275,   274,   272,   271,  270,  269,  268,  267,  266,  265,  264,  263,  262,  261,  260,
    259,   258,   257,   256,   256,
};

void rangecoder_model_init(struct bit_model *model, size_t count)
{
    for (size_t i = 0; i < count; i++)
        model[i] = (struct bit_model){.fast = 32768, .slow = 32768, .seen = 0};
}

void rangecoder_model_carry(struct bit_model *model, size_t count, unsigned most)
{
    for (size_t i = 0; i < count; i++)
        if (model[i].seen > most)
            model[i].seen = (uint16_t)most;
}

void rangecoder_encode(struct rangecoder *rc, struct bytes *out)
{
    *rc = (struct rangecoder){.range = UINT64_MAX, .out = out, .start = out->len};
}

void rangecoder_carry(struct rangecoder *rc)
{
    size_t at = rc->out->len;

    if (rc->out->failed)
        return;
    while (at > rc->start && ++rc->out->data[--at] == 0)
        ;
}

void rangecoder_put32(struct rangecoder *rc)
{
    for (int shift = 56; shift >= 32; shift -= 8)
        bytes_u8(rc->out, (unsigned)(rc->low >> shift) & 255);
}

void rangecoder_finish(struct rangecoder *rc)
{
    for (int bytes = 0; bytes <= 4; bytes++) {
        uint64_t rest = bytes == 0 ? UINT64_MAX : ((uint64_t)1 << (64 - 8 * bytes)) - 1;
        uint64_t code = (rc->low + rest) & ~rest; /* the next multiple; may pass the top */
        if (code - rc->low >= rc->range)
            continue;
        if (code < rc->low)
            rangecoder_carry(rc);
        for (int i = 0; i < bytes; i++)
            bytes_u8(rc->out, (unsigned)(code >> (56 - 8 * i)) & 255);
        return;
    }
}

uint32_t rangecoder_last32(const unsigned char *data, size_t len, size_t at)
{
    uint32_t word = 0;

    for (int i = 0; i < 4; i++, at++)
        word = word << 8 | (at < len ? data[at] : 0);
    return word;
}
