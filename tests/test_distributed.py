"""Two processes with batches of b are one process with batches of 2b: gradients are averaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ganedu

TWO = """
import os, sys, torch
from torch import distributed
from functools import partial
import recipes
from ganedu import penalties

options = {"penalty": partial(penalties.r1_r2, gamma=0.1), "lr_g": 1e-3, "lr_d": 1e-3}
options |= {"ema": 0.9, "d_steps": 2, "batch": 16}

def train(rank):
    distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}/meet", rank=rank, world_size=2)
    trainer = recipes.mlp(**options)
    trainer.fit(20, progress=False)
    torch.save(trainer.state_dict(), f"{sys.argv[1]}/{rank}.pt")
    distributed.destroy_process_group()

child = os.fork()
if child == 0:
    train(1)
    os._exit(0)
train(0)
assert os.waitpid(child, 0)[1] == 0
one = recipes.mlp(**{**options, "batch": 32})
one.fit(20, progress=False)
a, b = (torch.load(f"{sys.argv[1]}/{rank}.pt", weights_only=True) for rank in (0, 1))
assert recipes.same(a, b), "both processes end with the same state, bit for bit"
one = one.state_dict()
assert a.keys() == one.keys() and all(a[net].keys() == one[net].keys() for net in ("G", "D"))
for net in ("G", "D", "average"):
    for key, weight in one[net].items():
        assert (weight - a[net][key]).abs().max() < 1e-5, (net, key)
start = recipes.mlp(**options).state_dict()
assert all((one[net][key] - start[net][key]).abs().max() > 1e-4 for net in "GD" for key in one[net])
resumed = recipes.mlp(**options)
resumed.load_state_dict(a)
assert resumed.step == 20
print("alike")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts the second process by fork")
def test_two_processes_train_as_one_with_twice_the_batch(tmp_path):
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(ganedu.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWO, tmp_path.as_posix()],
        env={
            **os.environ,
            "PYTHONPATH": places,
            "GLOO_SOCKET_IFNAME": "lo",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout == "alike\n", done.stderr
