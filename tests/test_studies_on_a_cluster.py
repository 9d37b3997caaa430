"""A study over joblib's Dask backend, on a cluster of real processes of this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ganedu

pytest.importorskip("distributed")

STUDY = """
import json, os, signal, threading, time
from functools import partial
from pathlib import Path

import joblib
from distributed import Client, LocalCluster

from ganedu.studies import study

here = Path(__file__).parent


def slow(seed, shift):
    (here / "places" / f"{os.getpid()} {shift} {seed}").touch()
    time.sleep(0.3)
    return {"modes": 10 * seed + shift}


def kill_one():
    while len(places := list((here / "places").iterdir())) < 3:
        time.sleep(0.02)
    os.kill(int(places[0].name.split()[0]), signal.SIGKILL)


if __name__ == "__main__":
    (here / "places").mkdir()
    trials = {name: partial(slow, shift=k) for k, name in enumerate("ab")}
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**cluster, silence_logs=50) as local, Client(local):
        threading.Thread(target=kill_one, daemon=True).start()
        with joblib.parallel_config(backend="dask"):
            rows = study(trials, range(6), folder=here / "runs", progress=False)
    print(json.dumps([(row["recipe"], row["seed"], row["modes"]) for row in rows]))
"""


@pytest.mark.skipif(os.name != "posix", reason="a kill there is another thing")
def test_a_killed_worker_loses_no_run_and_none_counts_twice(tmp_path):
    script = tmp_path / "a study.py"
    script.write_text(STUDY)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(ganedu.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    asked = [[name, seed, 10 * seed + k] for k, name in enumerate("ab") for seed in range(6)]
    assert json.loads(done.stdout.splitlines()[-1]) == asked
    assert len(list((tmp_path / "runs").iterdir())) == len(asked)
    ran = [file.name.split() for file in (tmp_path / "places").iterdir()]
    assert len({place for place, *_ in ran}) >= 2  # the killed one's runs went elsewhere
    assert {(int(k), int(seed)) for _, k, seed in ran} == {(k, s) for k in (0, 1) for s in range(6)}
