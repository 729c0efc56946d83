/* Which taps of a depthwise filter lie inside the image, and which outputs have all of them. */
#ifndef KERNELS_DEPTHWISE_CLIP_H
#define KERNELS_DEPTHWISE_CLIP_H

/* Taps first .. end - 1 lie inside; first == end when none does. */
struct kn_taps {
    int first, end;
};

/* Along one axis: tap k reads at + k * dilation, inside is [0, size). */
static inline struct kn_taps kn_taps_inside(int at, int kernel, int dilation, int size)
{
    struct kn_taps t = {at < 0 ? (-at + dilation - 1) / dilation : 0,
                        at < size ? (size - at + dilation - 1) / dilation : 0};
    t.end = t.end < kernel ? t.end : kernel;
    t.first = t.first < t.end ? t.first : t.end;
    return t;
}

/* Outputs first .. end - 1 along one axis have all taps inside; both 0 when none has. */
static inline struct kn_taps kn_outputs_inside(int outputs, int kernel, int stride, int dilation, int pad, int size)
{
    int last = size - 1 + pad - (kernel - 1) * dilation; /* where the last such window may begin, counted from -pad */
    struct kn_taps t = {(pad + stride - 1) / stride, last < 0 ? 0 : last / stride + 1};
    t.end = t.end < outputs ? t.end : outputs;
    if (t.first >= t.end)
        t.first = t.end = 0;
    return t;
}

#endif
