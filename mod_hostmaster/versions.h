/*
 * Versions as people order them: 1.10 after 1.9, 1.0-rc2 before 1.0. Pure.
 */
#ifndef HM_VERSIONS_H
#define HM_VERSIONS_H

/*
 * Below 0, 0 or above: A is older than B, the same, newer. Runs of digits count as numbers, of any length; words by
 * what they mean: anything else, dev, alpha, beta, rc, a plain end, p, a further number. A beginning "v" does not
 * count, nor does "N.x-", which says what the release is for.
 */
int hm_version_compare(const char *a, const char *b);

/* Is it no dev, alpha, beta or rc? */
int hm_version_stable(const char *version);

#endif
