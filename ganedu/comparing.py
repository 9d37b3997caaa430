"""Many recipes against one baseline: differences with intervals, exact tests, Holm's correction.

    print(compare(rows, "modes"))

Twenty comparisons at 5% find one "effect" by luck alone; the intervals and p values here are for all
the comparisons of a table together.
"""

from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from ganedu.studies import spread


def compare(rows, measure, baseline="baseline", *, level=0.95):
    """Each recipe of `rows` (as `studies.study` gives them) against the baseline, on one measure.

    A DataFrame: recipe, n, difference of means, low, high, p, holm. The intervals are Welch's, and all
    of them together hold with probability `level` (Bonferroni); p is `rank_p`, `holm` is p corrected.
    """
    runs = pd.DataFrame(rows)
    _check(runs, measure)
    groups = {name: g[measure].to_numpy(float) for name, g in runs.groupby("recipe", sort=False)}
    if baseline not in groups:
        raise ValueError(f"no rows of {baseline!r}; there are {', '.join(groups)}")
    base = groups.pop(baseline)
    each = 1 - (1 - level) / len(groups)
    lines = [
        {"recipe": name, "n": len(x), **_difference(x, base, each), "p": rank_p(x, base)}
        for name, x in groups.items()
    ]
    table = pd.DataFrame(lines)
    return table.assign(holm=holm(table["p"]))


def _check(runs, measure):
    """A run without the measure cannot be compared, and must not be left out without a word."""
    if measure not in runs:
        raise ValueError(f"no measure called {measure!r}; the rows have {', '.join(runs)}")
    without = runs[runs[measure].isna()]
    if len(without):
        which = ", ".join(f"{run.recipe} with seed {run.seed}" for run in without.itertuples())
        raise ValueError(
            f"{measure} is missing or NaN for {which}: give failed runs a value (the worst that there "
            "is), or compare without their recipes, and say so"
        )


def _difference(a, b, level):
    """Difference of means with Welch's interval; a single value where neither group varies."""
    mean = a.mean() - b.mean()
    (_, _, se_a), (_, _, se_b) = spread(a), spread(b)
    if se_a == se_b == 0:
        return {"difference": mean, "low": mean, "high": mean}
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    return {"difference": mean, "low": interval.low, "high": interval.high}


def rank_p(a, b):
    """Two-sided p of the rank-sum test (Mann-Whitney), ties and all, by counting every regrouping.

    Of all ways to call len(a) of the values "a", the share whose rank sum is at least as far from its
    mean as the real one. Nothing is approximated: for 20 and 20 there are 137,846,528,820 ways.
    """
    if min(len(a), len(b)) < 1 or np.isnan([*a, *b]).any():
        raise ValueError("a rank test needs numbers in both groups, none of them NaN")
    ranks = np.rint(2 * stats.rankdata(np.concatenate([a, b]))).astype(
        int
    )  # doubled: whole numbers
    ways = _sums(ranks, len(a))
    middle = len(a) * (len(ranks) + 1)  # the mean of the doubled rank sum
    distance = abs(np.arange(len(ways)) - middle)
    far = distance >= abs(ranks[: len(a)].sum() - middle)
    return sum(ways[far].tolist()) / comb(len(ranks), len(a))


def _sums(values, n):
    """How many choices of n of the values have each sum 0, 1, 2, ...: [sum + 1], exact."""
    ways = np.zeros((n + 1, values.sum() + 1), dtype=object)
    ways[0, 0] = 1
    for v in values:
        for size in range(n, 0, -1):
            ways[size, v:] += ways[size - 1, : ways.shape[1] - v]
    return ways[n]


def holm(p):
    """Holm's corrected p values [m]: valid whatever the dependence, never smaller than p."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)
    worst = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(worst, 1)
    return corrected
