/* One line of progress on stderr with the time left: redrawn in place on a terminal, otherwise a plain line
 * now and then. Silent when disabled. Knows nothing of what it counts.
 *
 *   struct progress bar;
 *   progress_begin(&bar, "lenet5 fp32", total_steps);
 *   progress_step(&bar, done, "loss 0.31  val 91.2 %");    // cheap: draws at most 5 times a second
 *   progress_end(&bar, "91.4 % in 83 s");
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

struct progress {
    char label[96];
    double total;
    double start_s, drawn_s;
    double first_done; /* work already done when it began (resumed) */
    int terminal, columns, quiet;
};

/* Applies to every later progress_begin: 1 = print nothing (tests, --quiet). */
void progress_silence(int silent);
int progress_silent(void);
void progress_begin(struct progress *bar, const char *label, double total);
void progress_step(struct progress *bar, double done, const char *detail);
/* Ends the line with the closing words. */
void progress_end(struct progress *bar, const char *closing);
/* Seconds on the monotonic clock. */
double progress_now_s(void);
/* "3 m 12 s", "45 s", "1 h 02 m". */
const char *progress_duration(double seconds, char *buffer, unsigned long size);

#endif
