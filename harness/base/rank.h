/* Rank correlation of small paired samples: whether two columns order the same things alike. No random numbers. */
#ifndef BASE_RANK_H
#define BASE_RANK_H

enum rank_method {
    RANK_NONE,        /* fewer than 4 pairs, or a constant column: nothing can be said */
    RANK_PERMUTATION, /* 4 to 9 pairs: exact p over all orders, no interval */
    RANK_FISHER       /* 10 and more: 95 % interval by Fisher's z, standard error sqrt((1 + rho^2 / 2) / (n - 3)) of
                       * Bonett and Wright 2000 */
};

enum { RANK_MAX = 512 };

struct rank {
    double rho;    /* Spearman's: Pearson's correlation of the ranks, ties get their mean rank; NaN for RANK_NONE */
    double lo, hi; /* RANK_FISHER only, else NaN; also NaN when rho is 1 or -1 */
    double p;      /* RANK_PERMUTATION only, else NaN: share of the n! orders with |rho| as great, both sides */
    int n;         /* pairs used */
    enum rank_method method;
};

/* Pairs with a value that is not finite are left out, as are those past RANK_MAX. */
struct rank rank_spearman(const double *x, const double *y, int n);

#endif
