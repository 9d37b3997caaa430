"""Checkpoints: whole or not there, whatever happens while one is written."""

import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import recipes
import torch
from recipes import same

from ganedu import checkpoint

STATE = {"step": 3, "G": {"w": torch.arange(6.0).reshape(2, 3)}, "optimisers": [{"lr": 0.1}]}


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_what_is_saved_is_what_is_loaded(tmp_path):
    state = recipes.dcgan().state_dict()
    checkpoint.save(state, tmp_path / "run.pt")
    assert same(checkpoint.load(tmp_path / "run.pt"), state)
    assert names(tmp_path) == ["run.pt"]


def test_a_path_may_be_a_string_in_a_folder_that_is_not_there_yet(tmp_path):
    path = str(tmp_path / "a b" / "c" / "run.pt")
    checkpoint.save(STATE, path)
    checkpoint.save({**STATE, "step": 4}, path)
    assert checkpoint.load(path)["step"] == 4


def test_torchs_own_two_words_read_and_write_the_same_files(tmp_path):
    checkpoint.save(STATE, tmp_path / "ours.pt")
    torch.save(STATE, tmp_path / "torchs.pt")
    assert same(torch.load(tmp_path / "ours.pt", weights_only=True), STATE)
    assert same(checkpoint.load(tmp_path / "torchs.pt"), STATE)


def test_a_checkpoint_can_be_read_by_whom_the_users_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        checkpoint.save(STATE, tmp_path / "run.pt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run.pt").stat().st_mode) == 0o644


# ---------------------------------------------------------------- a save that fails or is killed


class Unsaveable:
    def __reduce__(self):
        raise RuntimeError("the disk is full")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("place", [(torch, "save"), (os, "fsync"), (os, "replace")])
def test_a_save_that_fails_leaves_the_earlier_file_and_nothing_else(
    tmp_path, monkeypatch, place, error
):
    checkpoint.save(STATE, tmp_path / "run.pt")

    def fails(*args):
        raise error("the disk is full")

    monkeypatch.setattr(*place, fails)
    with pytest.raises(error):
        checkpoint.save({**STATE, "step": 4}, tmp_path / "run.pt")
    assert names(tmp_path) == ["run.pt"]
    assert checkpoint.load(tmp_path / "run.pt")["step"] == 3


def test_a_state_that_cannot_be_saved_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="the disk is full"):
        checkpoint.save({"step": Unsaveable()}, tmp_path / "run.pt")
    assert names(tmp_path) == []


def test_saving_onto_a_folder_is_an_error_that_leaves_nothing(tmp_path):
    (tmp_path / "run.pt").mkdir()
    with pytest.raises(OSError, match=r"run\.pt"):
        checkpoint.save(STATE, tmp_path / "run.pt")
    assert names(tmp_path) == ["run.pt"]


KILLED = """
import os, pathlib, random, signal, sys, time
import torch
from ganedu import checkpoint

torch.set_num_threads(1)  # a pool of threads does not survive a fork
path = pathlib.Path(sys.argv[1])
state = lambda step: {"step": step, "w": torch.full((200_000,), float(step))}
checkpoint.save(state(0), path)

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def in_a_child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

def killed_while_writing():
    os.fsync = die
    checkpoint.save(state(-1), path)

def killed_before_the_move():
    os.replace = die
    checkpoint.save(state(-1), path)

def saving_for_ever():
    for step in range(1, 10**9):
        checkpoint.save(state(step), path)

for work in (killed_while_writing, killed_before_the_move):
    _, status = os.waitpid(in_a_child(work), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert checkpoint.load(path)["step"] == 0

draw = random.Random(0)
for _ in range(12):
    pid = in_a_child(saving_for_ever)
    time.sleep(draw.uniform(0.0, 0.06))  # some moment: no outcome depends on which
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    found = checkpoint.load(path)
    assert (found["w"] == found["step"]).all()
"""


def test_a_run_killed_at_any_moment_of_a_save_leaves_a_whole_checkpoint(tmp_path):
    package = str(Path(checkpoint.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": package}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "run.pt")],
        env=env,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    left = names(tmp_path)
    assert "run.pt" in left and len(left) > 1, "killed twice inside, so something was left"
    for debris in set(left) - {"run.pt"}:
        assert debris.startswith(".run.pt.") and debris.endswith(".partial")
        an_hour_and_more_ago = time.time() - 3700
        os.utime(tmp_path / debris, (an_hour_and_more_ago, an_hour_and_more_ago))
    checkpoint.save(STATE, tmp_path / "run.pt")
    assert names(tmp_path) == ["run.pt"], "the next save clears it away"


def test_what_another_process_is_writing_now_is_left_alone(tmp_path):
    (tmp_path / ".run.pt.abcd.partial").write_bytes(b"being written")
    (tmp_path / ".other.pt.abcd.partial").write_bytes(b"of another file")
    os.utime(tmp_path / ".other.pt.abcd.partial", (0, 0))
    checkpoint.save(STATE, tmp_path / "run.pt")
    assert names(tmp_path) == [".other.pt.abcd.partial", ".run.pt.abcd.partial", "run.pt"]


@pytest.mark.parametrize(
    "state, says",
    [
        (
            {"step": np.float64(3)},
            r"state\['step'\] is a numpy.*; make it a tensor or a plain number",
        ),
        (
            {"optimisers": [{"lr": 0.1}, {"betas": (0.5, np.float32(0.9))}]},
            r"state\['optimisers'\]\[1\]\['betas'\]\[1\] is a numpy.float32",
        ),
        ({"G": {"w": torch.zeros(2)}, "file": Path("a")}, r"state\['file'\] is a pathlib"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved_and_the_key_is_named(tmp_path, state, says):
    with pytest.raises(TypeError, match=f"cannot be saved so that it can be loaded again: {says}"):
        checkpoint.save(state, tmp_path / "run.pt")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_full_disk_is_said_with_the_files_name_and_the_earlier_file_stays(tmp_path):
    import resource

    checkpoint.save(STATE, tmp_path / "run.pt")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"run\.pt could not be written: File too large"):
            checkpoint.save({"w": torch.zeros(10_000)}, tmp_path / "run.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, usual)
    assert names(tmp_path) == ["run.pt"] and checkpoint.load(tmp_path / "run.pt")["step"] == 3


# ---------------------------------------------------------------- files that cannot be used


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_file_cut_at_any_length_is_one_clear_error(tmp_path, share):
    checkpoint.save(recipes.mlp().state_dict(), tmp_path / "run.pt")
    whole = (tmp_path / "run.pt").read_bytes()
    (tmp_path / "run.pt").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(
        ValueError, match=r"run\.pt is not a whole checkpoint .*Use an earlier"
    ) as e:
        checkpoint.load(tmp_path / "run.pt")
    assert "\n" not in str(e.value) and e.value.__suppress_context__


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04 and nothing more", b"\x80\x02}q\x00."])
def test_another_kind_of_file_is_the_same_clear_error(tmp_path, content):
    (tmp_path / "run.pt").write_bytes(content)
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        checkpoint.load(tmp_path / "run.pt")


class Attack:
    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_a_file_with_code_in_it_is_refused_and_the_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"step": Attack()}, "torchs.pt")
    Path("pickled.pt").write_bytes(pickle.dumps(Attack(), protocol=2))
    for name in ("torchs.pt", "pickled.pt"):
        with pytest.raises(ValueError, match="not a whole checkpoint"):
            checkpoint.load(name)
    with pytest.raises(
        ValueError, match="holds a Python object of another kind, which is not read"
    ):
        checkpoint.load("torchs.pt")
    assert not Path("attacked").exists()


@pytest.mark.parametrize("name", ["absent.pt", "."])
def test_a_checkpoint_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no checkpoint at "):
        checkpoint.load(tmp_path / name)
