"""The record of a run: looking changes nothing, and waiting can be ended politely."""

import math
import signal

import pytest
import recipes
import torch
from tqdm.auto import tqdm

from ganedu import data, losses, recording
from ganedu.recording import Recorder, ctrl_c, numbers, progress, stop_on_ctrl_c


def test_a_row_is_the_latest_step_in_plain_numbers():
    trainer = recipes.mlp()
    (now,) = list(trainer.steps(1))
    assert trainer.latest is now
    assert numbers(trainer) == {
        "step": 1,
        "d_loss": now["d_loss"].item(),
        "g_loss": now["g_loss"].item(),
        "d_real": now["real"].sigmoid().mean().item(),
        "d_fake": now["fake"].sigmoid().mean().item(),
    }


@pytest.mark.parametrize("loss", [losses.nonsaturating, losses.wasserstein])
def test_before_the_first_step_a_row_has_the_same_names_and_no_numbers(loss):
    trainer = recipes.mlp(loss=loss)
    before = numbers(trainer)
    trainer.fit(1, progress=False)
    assert before.pop("step") == 0 and all(map(math.isnan, before.values()))
    assert [*before] == [*numbers(trainer)][1:]


def test_a_state_that_is_loaded_has_no_latest_step():
    trainer = recipes.mlp()
    trainer.fit(2, progress=False)
    trainer.load_state_dict(trainer.state_dict())
    assert numbers(trainer)["step"] == 2 and math.isnan(numbers(trainer)["d_loss"])


def test_a_look_keeps_a_row_what_is_measured_and_samples_of_the_same_z():
    trainer, recorder = recipes.mlp(), Recorder(measure=lambda t: {"twice": 2 * t.step}, n=5)
    first = trainer.sample(5)
    recorder.look(trainer)
    for _ in trainer.steps(3):
        recorder.look(trainer)
    assert [(row["step"], row["twice"]) for row in recorder.rows] == [
        (0, 0),
        (1, 2),
        (2, 4),
        (3, 6),
    ]
    assert torch.equal(recorder.samples[0], first.cpu())
    assert torch.equal(recorder.samples[-1], trainer.sample(5).cpu()) and len(recorder.samples) == 4


def test_without_a_number_of_samples_none_are_drawn(monkeypatch):
    trainer, recorder = recipes.mlp(), Recorder()
    monkeypatch.setattr(trainer, "sample", lambda n: pytest.fail("drawn"))
    recorder.look(trainer)
    assert recorder.samples == [] and Recorder().rows == []


def test_looking_once_looks_at_no_step_twice():
    trainer, recorder = recipes.mlp(), Recorder()
    for _ in trainer.steps(2):
        recorder.look_once(trainer)
        recorder.look_once(trainer)
    assert [row["step"] for row in recorder.rows] == [1, 2]


def test_looking_at_every_step_changes_no_bit_of_a_run():
    watched, recorder = recipes.mlp_with_everything(), Recorder(n=3)
    for _ in watched.steps(4):
        recorder.look(watched)
    state, unwatched = watched.state_dict(), recipes.mlp_with_everything()
    for _ in unwatched.steps(4):
        pass
    assert recipes.same(state, unwatched.state_dict())


# ---------------------------------------------------------------- waiting


class InterruptedRing:
    """A ring that presses Ctrl-C during the third step."""

    ring, draws = data.ring(8), -1  # the first draw is a check

    def sample(self, n, rng):
        self.draws += 1
        if self.draws == 3:
            signal.raise_signal(signal.SIGINT)
        return self.ring.sample(n, rng)


def test_after_ctrl_c_the_step_under_way_is_the_last_and_is_seen():
    trainer, seen = recipes.mlp(data=InterruptedRing()), []
    with progress(trainer, 100, show=False) as steps:
        for now in steps:
            seen.append(now["step"])
    assert seen == [1, 2, 3] and trainer.step == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_while_looking_gives_ctrl_c_back_at_once():
    kept = []
    with pytest.raises(ZeroDivisionError) as error:
        with progress(recipes.mlp(), 100, show=False) as steps:
            for _ in steps:
                _ = 1 / 0
    kept.append(error.value.__traceback__)  # as a notebook keeps the last one
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_bar_counts_steps_and_can_be_silent(capsys, monkeypatch):
    from ganedu import recording

    usual = recording.tqdm
    monkeypatch.setattr(recording, "tqdm", lambda **o: usual(**{**o, "delay": 0, "leave": True}))
    for show in (False, True):
        with progress(recipes.mlp(), 3, show=show) as steps:
            list(steps)
        assert ("3/3" in capsys.readouterr().err) is show


@pytest.mark.parametrize("asked, seconds", [(None, 0.5), ("10", 10.0)])
def test_the_bar_moves_seldom_enough_for_nbval(monkeypatch, asked, seconds):
    """Its queue holds 2,000 messages, which a bar of ten moves a second fills in minutes."""
    monkeypatch.delenv("TQDM_MININTERVAL", raising=False)
    if asked:
        monkeypatch.setenv("TQDM_MININTERVAL", asked)
    made = []
    monkeypatch.setattr(recording, "tqdm", lambda **kwargs: made.append(kwargs) or tqdm(**kwargs))
    with progress(recipes.mlp(), 2) as steps:
        assert len(list(steps)) == 2
    assert made[0]["mininterval"] == seconds


def test_ctrl_c_means_what_is_asked_inside_and_what_it_meant_before_outside():
    pressed = []
    with ctrl_c(lambda *args: pressed.append("outer")):
        with ctrl_c(lambda *args: pressed.append("inner")):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with stop_on_ctrl_c() as stop:
            signal.raise_signal(signal.SIGINT)
        assert not stop.is_set(), "who handles Ctrl-C already goes on doing so"
    assert pressed == ["inner", "outer", "outer"]
    with stop_on_ctrl_c() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
