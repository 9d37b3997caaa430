"""The profile: one place that says how long notebooks train."""

import pytest
import torch

from ganedu import profile


@pytest.fixture(autouse=True)
def no_profile_is_set(monkeypatch):
    monkeypatch.delenv("GANEDU_PROFILE", raising=False)


@pytest.mark.parametrize("gpu, expected", [(True, "full"), (False, "lesson")])
def test_without_a_word_the_hardware_decides(monkeypatch, gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert profile.name() == expected
    assert profile.pick(lesson="lesson", full="full") == expected


@pytest.mark.parametrize("gpu", [True, False])
@pytest.mark.parametrize("chosen", ["lesson", "full"])
def test_the_environment_variable_has_the_last_word(monkeypatch, gpu, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setenv("GANEDU_PROFILE", chosen)
    assert profile.pick(lesson="lesson", full="full") == chosen


def test_an_unknown_profile_is_one_sentence(monkeypatch):
    monkeypatch.setenv("GANEDU_PROFILE", "fast")
    with pytest.raises(ValueError, match="GANEDU_PROFILE must be 'lesson' or 'full'; got 'fast'"):
        profile.pick(lesson=1, full=2)


def test_an_empty_variable_is_no_choice(monkeypatch):
    monkeypatch.setenv("GANEDU_PROFILE", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert profile.name() == "lesson"
