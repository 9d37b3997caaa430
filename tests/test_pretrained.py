"""The generator that ships: small, whole, as good as recorded; and the script that made it."""

import hashlib
import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from recipes import same

from ganedu import data, results
from ganedu.classifier import probabilities, train_classifier
from ganedu.diagnostics import class_coverage
from ganedu.pretrained import FILE, digits_generator, make, save
from ganedu.trainer import evaluating, latent

RECORDED = results.load("pretrained")


@pytest.fixture(scope="module")
def G():
    return digits_generator()


@pytest.fixture(scope="module")
def judge():
    return train_classifier(data.digits().split()[0], progress=False)


def some_z(G, n, seed=0):
    return latent(G, n, torch.Generator().manual_seed(seed))


def test_the_file_is_small_and_float16():
    assert FILE.stat().st_size <= 1_500_000
    with np.load(FILE) as found:
        kinds = {found[name].dtype for name in found.files if found[name].ndim}
    assert kinds == {np.dtype("float16")}


def test_the_recorded_numbers_are_of_this_file():
    assert RECORDED["sha256"] == hashlib.sha256(FILE.read_bytes()).hexdigest()


def test_it_draws_digits_in_evaluation_mode_the_same_each_time(G):
    z = some_z(G, 4)
    x = G(z)
    assert x.shape == (4, 1, 28, 28) and x.abs().max() <= 1 and not x.requires_grad
    assert not any(layer.training for layer in G.modules())
    assert torch.allclose(G(z[:1]), x[:1], atol=1e-5)  # alone as in company


def test_the_judge_is_as_sure_as_recorded(G, judge):
    """Four standard errors of a share of 1,000, against the recorded share of 10,000."""
    p = RECORDED["rows"][0]["sure"]
    error = math.sqrt(p * (1 - p) * (1 / 1000 + 1 / RECORDED["n"]))
    found = class_coverage(G(some_z(G, 1000)), judge)
    assert found.sure > p - 4 * error and found.sure > 0.85
    assert (
        found.counts.min() > 100 - 4 * math.sqrt(90) - 25
    )  # of each digit about 100, less the unsure


def test_each_digit_that_is_asked_for_is_drawn(G, judge):
    """Where the judge's name differs, judge or G is wrong: at most 1 in 10 (real digits: 1 in 50)."""
    y = torch.arange(10).repeat_interleave(100)
    named = probabilities(judge, G(some_z(G, 1000), y)).argmax(1)
    assert ((named == y).view(10, 100).float().mean(1) > 0.9).all()


def test_recorded_judges_of_both_halves_are_as_sure_of_these_digits_as_of_real_ones():
    rows = RECORDED["rows"]
    mine = [row for row in rows if row["trained_on"] == rows[0]["trained_on"]]
    assert len(mine) >= 5 and len(rows) == 2 * len(mine)
    assert min(row["sure"] for row in mine) > 0.85
    assert all(row["sure"] > row["sure_of_unseen_real"] - 0.05 for row in rows)
    assert all(min(row["named"]) > 0.08 * RECORDED["n"] for row in rows)


def test_recorded_digits_are_as_far_from_the_training_set_as_fresh_real_ones():
    """Copies would have distances near 0, a ratio near 0 and be nearer in all cases."""
    near = RECORDED["nearest_training_digit"]
    assert near["generated"]["least"] > near["held_out"]["least"] / 2
    assert near["generated"]["median"] > 0.9 * near["held_out"]["median"]
    assert RECORDED["memorisation"]["ratio"] > 0.9 and RECORDED["memorisation"]["nearer"] < 0.75


def test_recorded_digits_are_nearly_as_many_kinds_as_real_ones():
    ours, real = RECORDED["generated_against_held_out"], RECORDED["train_against_held_out"]
    assert ours["recall"] > 0.8 * real["recall"] and ours["coverage"] > 0.85 * real["coverage"]


def test_the_largest_of_the_first_numbers_of_z_chooses_the_digit(G):
    z = torch.zeros(2, 26, 1, 1)
    z[0, :10], z[0, 3], z[0, 20], z[1, :3, 0, 0] = -2.0, -1.0, 9.0, torch.tensor([0.1, 0.3, 0.2])
    assert G.label(z).tolist() == [3, 1] and G.z_shape == (26, 1, 1)
    assert torch.equal(G(z), G.G(z[:, 10:], torch.tensor([3, 1])))
    assert torch.equal(G(z, torch.tensor([8, 8])), G.G(z[:, 10:], torch.tensor([8, 8])))


def test_digits_are_chosen_equally_often(G):
    """9 degrees of freedom: chi-squared exceeds 30 once in 2,000 such tests."""
    counts = G.label(some_z(G, 5000)).bincount(minlength=10).double()
    assert len(counts) == 10 and ((counts - 500) ** 2 / 500).sum() < 30


# ---------------------------------------------------------------- made anew


@pytest.fixture
def quick(monkeypatch):
    """The script with two steps to a checkpoint, weak judges and few samples."""
    monkeypatch.setattr(make, "EVERY", 2)
    monkeypatch.setattr(make, "JUDGES", 1)
    monkeypatch.setattr(make, "SAMPLES", 300)
    monkeypatch.setattr(make, "train_classifier", partial(train_classifier, steps=10))
    return make


def test_a_stopped_training_goes_on_where_it_was(quick, tmp_path):
    whole, first, second = (replace(quick.RECIPE, steps=4).trainer(device="cpu") for _ in range(3))
    quick.fit(whole, 4, tmp_path / "whole.pt")
    quick.fit(first, 2, tmp_path / "parts.pt")
    quick.fit(second, 4, tmp_path / "parts.pt")
    assert second.step == 4 and same(whole.state_dict(), second.state_dict())


def test_what_is_saved_is_what_draws(quick, tmp_path):
    trainer = quick.RECIPE.trainer(device="cpu")
    trainer.fit(2, progress=False)
    save(trainer.average, tmp_path / "digits.npz")
    G = digits_generator(tmp_path / "digits.npz")
    z = some_z(G, 20)
    with evaluating(trainer.average):
        expected = trainer.average(z[:, 10:], G.label(z)).detach()
    assert torch.allclose(G(z), expected, atol=5e-3)  # float16 has 11 bits


def test_the_command_leaves_weights_and_what_was_measured(quick, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["make", "--out", str(tmp_path / "made"), "--steps", "3"])
    quick.main()
    made = json.loads((tmp_path / "made" / "pretrained.json").read_text())
    assert made["command"] == "python -m ganedu.pretrained.make --steps 3 --seed 0"
    assert made["n"] == sum(made["asked_for"]) == 300 and set(made) == set(RECORDED)
    assert (tmp_path / "made" / "digits.npz").exists() and '"sure"' in capsys.readouterr().out
