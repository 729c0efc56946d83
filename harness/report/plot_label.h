/* Placing names beside points so that no two texts overlap. Works in pixels, origin at the bottom left.
 *
 *   struct plot_label label[3] = {{.x = 100, .y = 80, .width = 60}, ...};
 *   plot_label_place(label, 3, obstacles, n, &area);   // fills left, bottom, leader
 *
 * Greedy start and repeated improvement over a fixed list of places around each point; no random numbers. */
#ifndef REPORT_PLOT_LABEL_H
#define REPORT_PLOT_LABEL_H

struct plot_box {
    double left, bottom, right, top;
};

struct plot_segment {
    double x0, y0, x1, y1;
    double weight; /* cost of a text lying on it */
};

struct plot_label {
    double x, y;          /* the point */
    double radius;        /* of its mark */
    double width, height; /* of the text */
    double left, bottom;  /* result: the text's corner */
    int leader;           /* result: 1 if a line to the point is needed */
    double lx, ly;        /* result: where that line meets the text */
};

/* Width of a text in a proportional sans-serif font of `size` pixels, on the safe side. */
double plot_text_width(const char *text, double size);

/* area: texts stay inside. segments: lines that texts should rather not cover (error bars, the front).
 * Returns the number of pairs of texts that still overlap each other or a mark (0: a clean picture). */
int plot_label_place(struct plot_label *label, int n, const struct plot_segment *segment, int segments,
                     const struct plot_box *area);

#endif
