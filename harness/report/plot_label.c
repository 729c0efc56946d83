#include "report/plot_label.h"

#include <math.h>
#include <string.h>

#include "report/text.h"

/* Widths of DejaVu Sans in em, by kind of letter: among the widest of the usual screen fonts. */
double plot_text_width(const char *text, double size)
{
    double em = 0.0;

    while (*text) {
        size_t len = text_utf8_len(text);
        if (strchr("il.,:;'|!j", *text))
            em += 0.33;
        else if (strchr("-()ftr /", *text))
            em += 0.40;
        else if (strchr("mwMW+<>=%", *text))
            em += 0.92;
        else
            em += 0.63;
        text += len ? len : 1;
    }
    return em * size;
}

/* ------------------------------------------------------------------------------------------ geometry */

static struct plot_box box_of(const struct plot_label *label, double left, double bottom)
{
    return (struct plot_box){left, bottom, left + label->width, bottom + label->height};
}

static double overlap(const struct plot_box *a, const struct plot_box *b, double margin)
{
    double w = fmin(a->right, b->right) - fmax(a->left, b->left) + margin;
    double h = fmin(a->top, b->top) - fmax(a->bottom, b->bottom) + margin;

    return w > 0.0 && h > 0.0 ? w * h : 0.0;
}

static double cross(double ax, double ay, double bx, double by, double cx, double cy)
{
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
}

static int segments_cross(const struct plot_segment *a, const struct plot_segment *b)
{
    double d1 = cross(a->x0, a->y0, a->x1, a->y1, b->x0, b->y0), d2 = cross(a->x0, a->y0, a->x1, a->y1, b->x1, b->y1);
    double d3 = cross(b->x0, b->y0, b->x1, b->y1, a->x0, a->y0), d4 = cross(b->x0, b->y0, b->x1, b->y1, a->x1, a->y1);

    return ((d1 > 0) != (d2 > 0)) && ((d3 > 0) != (d4 > 0));
}

/* Length of the part of a segment inside a box (Liang and Barsky 1984). */
static double length_inside(const struct plot_segment *s, const struct plot_box *b)
{
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, t0 = 0.0, t1 = 1.0;
    double p[4] = {-dx, dx, -dy, dy}, q[4] = {s->x0 - b->left, b->right - s->x0, s->y0 - b->bottom, b->top - s->y0};

    for (int i = 0; i < 4; i++) {
        double t;
        if (p[i] == 0.0) {
            if (q[i] < 0.0)
                return 0.0;
            continue;
        }
        t = q[i] / p[i];
        if (p[i] < 0.0)
            t0 = fmax(t0, t);
        else
            t1 = fmin(t1, t);
        if (t0 >= t1)
            return 0.0;
    }
    return (t1 - t0) * hypot(dx, dy);
}

/* ------------------------------------------------------------------------------------------ places */

enum { ANGLES = 24, RINGS = 14 };

/* The k-th place: the text touches a ring around the point in one of 24 directions. */
static void place(const struct plot_label *label, int k, double *left, double *bottom, double *distance)
{
    double angle = 2.0 * 3.14159265358979323846 * (k % ANGLES) / ANGLES;
    double gap = 3.0 + 9.0 * (k / ANGLES) * (1.0 + 0.06 * (k / ANGLES));
    double cx = cos(angle), cy = sin(angle), reach = label->radius + gap;
    double x = label->x + cx * reach, y = label->y + cy * reach;

    /* The text's nearest corner or edge lies at (x, y): by direction from fully left to fully right of it. */
    *left = x - label->width * (0.5 - 0.5 * cx / fmax(fabs(cx), fabs(cy)));
    *bottom = y - label->height * (0.5 - 0.5 * cy / fmax(fabs(cx), fabs(cy)));
    *distance = gap;
}

/* A line is drawn where the nearest part of the text is far from the mark; it ends there, but not at a corner. */
static void attach(struct plot_label *label)
{
    struct plot_box b = box_of(label, label->left, label->bottom);

    label->lx = fmin(fmax(label->x, b.left), b.right);
    label->ly = fmin(fmax(label->y, b.bottom), b.top);
    label->leader = hypot(label->lx - label->x, label->ly - label->y) > label->radius + 8.0;
    if (label->ly == b.bottom || label->ly == b.top)
        label->lx = fmin(fmax(label->x, b.left + 0.15 * label->width), b.right - 0.15 * label->width);
    else
        label->ly = b.bottom + 0.5 * label->height;
}

static struct plot_segment leader_of(const struct plot_label *label)
{
    return (struct plot_segment){label->x, label->y, label->lx, label->ly, 0.0};
}

enum { HARD = 1000 };

/* Cost of label i where it is now, against all others that are placed. */
static double cost_of(const struct plot_label *label, int n, int i, const unsigned char *placed,
                      const struct plot_segment *segment, int segments, const struct plot_box *area)
{
    const struct plot_label *me = &label[i];
    struct plot_box mine = box_of(me, me->left, me->bottom);
    struct plot_segment line = leader_of(me);
    double cost = 0.0;

    cost += HARD * (fmax(0.0, area->left - mine.left) + fmax(0.0, mine.right - area->right) +
                    fmax(0.0, area->bottom - mine.bottom) + fmax(0.0, mine.top - area->top));
    for (int j = 0; j < n; j++) {
        double r = label[j].radius + 1.5;
        struct plot_box mark = {label[j].x - r, label[j].y - r, label[j].x + r, label[j].y + r};
        if (overlap(&mine, &mark, 0.0) > 0.0)
            cost += HARD + 10.0 * overlap(&mine, &mark, 0.0);
        if (j != i && me->leader && length_inside(&line, &mark) > 0.0)
            cost += 120.0;
        if (j == i || !placed[j])
            continue;
        struct plot_box other = box_of(&label[j], label[j].left, label[j].bottom);
        struct plot_segment its = leader_of(&label[j]);
        double area_shared = overlap(&mine, &other, 3.0);
        if (area_shared > 0.0)
            cost += HARD + 10.0 * area_shared;
        if (me->leader && length_inside(&line, &other) > 0.0)
            cost += 400.0;
        if (label[j].leader && length_inside(&its, &mine) > 0.0)
            cost += 400.0;
        if (me->leader && label[j].leader && segments_cross(&line, &its))
            cost += 150.0;
    }
    for (int s = 0; s < segments; s++)
        cost += segment[s].weight * length_inside(&segment[s], &mine);
    return cost;
}

/* Best place for label i with all others as they are; 1 if it moved. */
static int settle(struct plot_label *label, int n, int i, unsigned char *placed, const struct plot_segment *segment,
                  int segments, const struct plot_box *area)
{
    double best = INFINITY, left = 0.0, bottom = 0.0, old_left = label[i].left, old_bottom = label[i].bottom;
    int moved;

    for (int k = 0; k < ANGLES * RINGS; k++) {
        double distance, cost;
        place(&label[i], k, &label[i].left, &label[i].bottom, &distance);
        attach(&label[i]);
        cost = cost_of(label, n, i, placed, segment, segments, area) + 0.8 * distance;
        /* Right and above read best. */
        cost += label[i].left < label[i].x - 0.5 * label[i].width ? 2.0 : 0.0;
        cost += label[i].bottom < label[i].y - 0.5 * label[i].height ? 1.0 : 0.0;
        if (cost < best) {
            best = cost;
            left = label[i].left;
            bottom = label[i].bottom;
        }
    }
    label[i].left = left;
    label[i].bottom = bottom;
    attach(&label[i]);
    moved = !placed[i] || left != old_left || bottom != old_bottom;
    placed[i] = 1;
    return moved;
}

/* Two lines that cross stay so when only one text moves at a time: both are lifted and put down again, in either order,
 * and stay where they were if that is no better. */
static int uncross(struct plot_label *label, int n, int i, int j, unsigned char *placed,
                   const struct plot_segment *segment, int segments, const struct plot_box *area)
{
    struct plot_label before[2] = {label[i], label[j]};
    double was =
        cost_of(label, n, i, placed, segment, segments, area) + cost_of(label, n, j, placed, segment, segments, area);

    for (int order = 0; order < 2; order++) {
        int first = order ? j : i, second = order ? i : j;
        placed[i] = placed[j] = 0;
        (void)settle(label, n, first, placed, segment, segments, area);
        (void)settle(label, n, second, placed, segment, segments, area);
        if (cost_of(label, n, i, placed, segment, segments, area) +
                cost_of(label, n, j, placed, segment, segments, area) <
            was - 1.0)
            return 1;
        label[i] = before[0];
        label[j] = before[1];
    }
    return 0;
}

static int uncross_all(struct plot_label *label, int n, unsigned char *placed, const struct plot_segment *segment,
                       int segments, const struct plot_box *area)
{
    int better = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            struct plot_segment a = leader_of(&label[i]), b = leader_of(&label[j]);
            if (label[i].leader && label[j].leader && segments_cross(&a, &b))
                better |= uncross(label, n, i, j, placed, segment, segments, area);
        }
    return better;
}

static int count_overlaps(const struct plot_label *label, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++) {
        struct plot_box mine = box_of(&label[i], label[i].left, label[i].bottom);
        for (int j = 0; j < n; j++) {
            struct plot_box other = box_of(&label[j], label[j].left, label[j].bottom);
            struct plot_box mark = {label[j].x - label[j].radius, label[j].y - label[j].radius,
                                    label[j].x + label[j].radius, label[j].y + label[j].radius};
            count += j > i && overlap(&mine, &other, 0.0) > 0.0;
            count += overlap(&mine, &mark, 0.0) > 0.0;
        }
    }
    return count;
}

int plot_label_place(struct plot_label *label, int n, const struct plot_segment *segment, int segments,
                     const struct plot_box *area)
{
    unsigned char placed[256] = {0};

    if (n > (int)sizeof placed)
        n = (int)sizeof placed;
    for (int round = 0, moved = 1; round < 12 && moved; round++) {
        moved = 0;
        for (int i = 0; i < n; i++)
            moved |= settle(label, n, i, placed, segment, segments, area);
        if (!moved)
            moved = uncross_all(label, n, placed, segment, segments, area);
    }
    return count_overlaps(label, n);
}
