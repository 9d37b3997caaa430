"""Comparisons: exact p values against scipy and by hand, Holm's correction, intervals that cover."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ganedu.comparing import compare, holm, rank_p


def by_hand(a, b):
    both, n = np.concatenate([a, b]), len(a)
    ranks = stats.rankdata(both)
    sums = np.array([ranks[list(c)].sum() for c in combinations(range(len(both)), n)])
    middle = n * (len(both) + 1) / 2
    return np.mean(abs(sums - middle) >= abs(sums[0] - middle) - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_p_is_the_share_of_all_regroupings_ties_and_all(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, 4).astype(float), rng.integers(0, 4, 6).astype(float)
    assert rank_p(a, b) == pytest.approx(by_hand(a, b))
    assert rank_p(a, b) == pytest.approx(rank_p(b, a))


def test_without_ties_it_is_scipys_exact_test_at_twenty_against_twenty():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=20), rng.normal(0.7, 2.0, size=20)
    assert rank_p(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)


def test_five_against_five_cannot_go_below_2_in_252():
    assert rank_p(np.arange(5.0), 5 + np.arange(5.0)) == pytest.approx(2 / 252)
    assert rank_p(np.full(5, 8.0), np.full(5, 8.0)) == 1


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])


def table_of(groups):
    return [
        {"recipe": name, "seed": i, "modes": x}
        for name, xs in groups.items()
        for i, x in enumerate(xs)
    ]


def test_a_table_has_a_line_for_each_arm_but_the_baseline():
    rows = table_of({"baseline": [1, 2, 1, 2], "better": [8, 7, 8, 8], "same": [2, 1, 2, 1]})
    found = compare(rows, "modes").set_index("recipe")
    assert list(found.index) == ["better", "same"] and (found["n"] == 4).all()
    better, same = found.loc["better"], found.loc["same"]
    assert better.difference == pytest.approx(6.25) and better.low > 0
    assert better.p == pytest.approx(2 / 70) and better.holm == pytest.approx(4 / 70)
    assert same.low < 0 < same.high and same.holm == 1
    pair = stats.ttest_ind([8, 7, 8, 8], [1, 2, 1, 2], equal_var=False)
    assert better.low == pytest.approx(pair.confidence_interval(0.975).low)  # 5% over two arms


def test_groups_that_do_not_vary_have_no_width():
    found = compare(table_of({"baseline": [1, 1, 1], "all": [8, 8, 8]}), "modes").iloc[0]
    assert found.difference == found.low == found.high == 7


def test_an_unknown_baseline_names_what_there_is():
    with pytest.raises(ValueError, match="no rows of 'control'; there are baseline"):
        compare(table_of({"baseline": [1, 2]}), "modes", baseline="control")


@pytest.mark.parametrize("broken", [{"m": math.nan}, {"failed": "the loss is nan"}])
def test_a_run_without_the_measure_is_named_and_not_left_out(broken):
    rows = [{"recipe": r, "seed": s, "m": 1.0 * s} for r in ("baseline", "a") for s in range(3)]
    rows[4] = {"recipe": "a", "seed": 1, **broken}
    with pytest.raises(ValueError, match="m is missing or NaN for a with seed 1: give failed runs"):
        compare(rows, "m")
    with pytest.raises(ValueError, match="no measure called 'n'; the rows have recipe, seed, m"):
        compare(rows, "n")


def test_a_rank_test_of_nan_or_of_nothing_is_one_sentence():
    for a, b in (([1, math.nan], [2, 3]), ([], [1])):
        with pytest.raises(ValueError, match="a rank test needs numbers in both groups"):
            rank_p(a, b)


def test_the_intervals_of_a_table_hold_together_and_luck_is_rarely_called_an_effect():
    """Ten arms that do nothing, 200 times: any interval without 0, or any p below .05, in about 5%."""
    rng = np.random.default_rng(1)
    misses = calls = 0
    for _ in range(200):
        rows = table_of(
            {"baseline": rng.normal(size=8), **{f"{i}": rng.normal(size=8) for i in range(10)}}
        )
        found = compare(rows, "modes")
        misses += bool(((found.low > 0) | (found.high < 0)).any())
        calls += bool((found.holm < 0.05).any())
    assert misses <= 22 and calls <= 22
