"""Several processes train as one: real ones, forked, that meet over gloo on this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import recipes
import torch

import ganedu
from ganedu import checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork")
ENV = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(
        [str(Path(__file__).parent), str(Path(ganedu.__file__).parents[1])]
    ),
    "OMP_NUM_THREADS": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MPLBACKEND": "agg",
    "CUDA_VISIBLE_DEVICES": "",  # gloo's processes are the CPU's
}

# The script's own process is number 0; {work} is done by both, and what it puts into `found` is kept.
TWO = """
import copy, json, os, signal, sys, torch
from functools import partial
import recipes
from ganedu import cli, losses, penalties, processes
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.recording import stop_on_ctrl_c
from ganedu.trainer import NotFinite, Trainer

rank = 0 if (child := os.fork()) else 1
os.environ |= {{"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}}
found = {{}}
{work}
json.dump(found, open(f"{{rank}}.json", "w"))
if rank == 1:
    os._exit(0)
os.waitpid(child, 0)
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def in_two(work, folder):
    """What the work found, in process 0 and in process 1."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWO.format(work=work)],
        env={**ENV, "MASTER_PORT": free_port()},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    return found, done


TRAINING = """
options = {"lr_g": 1e-3, "lr_d": 1e-3, "ema": 0.9, "d_steps": 2, "batch": 16}
both = {**options, "penalty": partial(penalties.r1_r2, gamma=0.1)}

def broken_here(at):
    seen = []
    def d(real, fake):
        seen.append(1)
        bad = float("nan") if rank == 1 and len(seen) == at else 0.0
        return losses.logistic_d(real, fake) + bad
    return losses.Loss(d, losses.nonsaturating_g)

with processes.joined("cpu", 60):
    for name, own in (("plain", options), ("r1_r2", both)):
        trainer = recipes.mlp(**own)
        trainer.fit(20, progress=False)
        torch.save(trainer.state_dict(), f"{name}{rank}.pt")

    torch.manual_seed(5 + rank)  # first weights that differ: the first process's count
    norm = recipes.dcgan(penalty=None, precision=torch.float32, data=recipes.noise_images())
    start = copy.deepcopy([norm.G.state_dict(), norm.D.state_dict()])
    norm.fit(3, progress=False)
    torch.save([start, norm.state_dict()], f"norm{rank}.pt")

    dropout = recipes.mlp_with_everything(batch=4)
    drawn = []
    dropout.D.net[2].register_forward_hook(lambda layer, x, y: drawn.append((y != 0).tolist()))
    dropout.fit(1, progress=False)
    found["masks"] = drawn[0]
    given = []
    recipes.mlp(penalty=lambda D, real, fake, rng: (
        given.append(torch.rand(3, generator=rng).tolist()), 0 * D(real).sum())[1]
    ).fit(2, progress=False)
    found["penalty draws"] = given

    trainer = recipes.mlp(loss=broken_here(at=3))
    try:
        trainer.fit(9, progress=False)
    except NotFinite as error:
        found["not finite"] = [trainer.step, str(error)]

    trainer = recipes.mlp()
    sample = trainer.data.sample
    def interrupted(n, rng):
        if rank == 1 and trainer.step == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)  # torchrun's own: it must not tear a step either
        return sample(n, rng)
    trainer.data.sample = interrupted
    trainer.fit(9, progress=False)
    found["stopped"] = trainer.step

    if rank == 1:
        json.dump(found, open("1.json", "w"))
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        recipes.mlp().fit(9, progress=False)
    except processes.Lost as error:
        found["lost"] = str(error)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return folder, *in_two(TRAINING, folder)[0]


def states(trained, name):
    return [torch.load(trained[0] / f"{name}{r}.pt", weights_only=True) for r in (0, 1)]


def one_process(**changes):
    options = {"lr_g": 1e-3, "lr_d": 1e-3, "ema": 0.9, "d_steps": 2, "batch": 32}
    return recipes.mlp(**options, **changes)


@pytest.mark.parametrize("name", ["plain", "r1_r2"])
def test_two_processes_train_as_one_with_twice_the_batch(trained, name):
    from functools import partial

    from ganedu.penalties import r1_r2

    a, b = states(trained, name)
    del a["global_rng"], b["global_rng"]  # each process's own
    assert recipes.same(a, b), "both processes end with the same state, bit for bit"
    penalty = {"penalty": partial(r1_r2, gamma=0.1)} if name == "r1_r2" else {}
    trainer = one_process(**penalty)
    start = trainer.state_dict()
    trainer.fit(20, progress=False)
    one = trainer.state_dict()
    for net in ("G", "D", "average"):
        for key, weight in one[net].items():
            assert (weight - a[net][key]).abs().max() < 1e-5, (net, key)
            assert net == "average" or (weight - start[net][key]).abs().max() > 1e-4
    trainer.load_state_dict(states(trained, name)[0])
    assert trainer.step == 20


def test_with_batch_norm_each_process_normalises_its_own_part_of_the_batch(trained):
    """The same steps in one process: a forward pass for each half, and the mean of their losses."""
    (start, state), (start_1, state_1) = states(trained, "norm")
    assert recipes.same(start, start_1)  # the first process's weights are given to the others
    trainer = recipes.dcgan(penalty=None, precision=torch.float32, batch=8)
    G, D, rng = trainer.G, trainer.D, torch.Generator().manual_seed(0)
    G.load_state_dict(start[0]), D.load_state_dict(start[1])
    for _ in range(3):
        real = trainer.data.sample(8, rng)
        z = torch.randn(8, *G.z_shape, generator=rng)
        halves = [(real[k::2], G(z[k::2])) for k in (0, 1)]
        d_loss = sum(trainer.loss.d(D(x), D(fake.detach())) for x, fake in halves) / 2
        trainer.opt_D.zero_grad(), d_loss.backward(), trainer.opt_D.step()
        g_loss = sum(trainer.loss.g(D(fake)) for _, fake in halves) / 2
        trainer.opt_G.zero_grad(), g_loss.backward(), trainer.opt_G.step()
    for net, mine in (("G", G), ("D", D)):
        for key, weight in mine.named_parameters():
            assert torch.equal(state[net][key], state_1[net][key])
            assert (state[net][key] - weight).abs().max() < 1e-5, (net, key)
    running = "net.1.running_mean"
    assert not torch.equal(state["G"][running], state_1["G"][running])  # kept: the first one's


def test_each_process_draws_its_own_dropout_and_its_own_points_of_a_penalty(trained):
    _, a, b = trained
    assert a["masks"] != b["masks"]
    draws = [*map(tuple, a["penalty draws"]), *map(tuple, b["penalty draws"])]
    assert len(set(draws)) == 4  # two steps, two processes


def test_a_loss_that_is_not_finite_in_one_process_stops_all_in_the_same_step(trained):
    _, a, b = trained
    assert a["not finite"] == b["not finite"] and a["not finite"][0] == 2
    assert "discriminator's loss is nan at step 3" in a["not finite"][1]


def test_ctrl_c_in_one_process_stops_all_after_the_same_step(trained):
    assert trained[1]["stopped"] == trained[2]["stopped"] == 3


def test_a_process_that_was_killed_is_one_sentence_in_the_other(trained):
    assert trained[1]["lost"].startswith(
        "another process of this training ended, or did not answer"
    )


# ---------------------------------------------------------------- ganedu train

COMMANDS = """
def train(*options):
    os.environ["MASTER_PORT"] = ports.pop()
    codes.append(cli.main(["train", "--device", "cpu", "--timeout", "60", *options]))

codes, ports = [], {ports!r}
new = ("--data", "ring", "--batch", "8", "--save-every", "4")
train(*new, "--steps", "8", "--metric", "kid", "--metric-n", "20", "--metric-every", "4", "--out", "whole")
train(*new, "--steps", "4", "--metric", "kid", "--metric-n", "20", "--metric-every", "4", "--out", "parts")
train("--resume", "--steps", "4", "--out", "parts")
train("--resume", "--out", "absent")
found["codes"] = codes
"""


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    ports = [free_port() for _ in range(4)]
    return folder, *in_two(COMMANDS.replace("{ports!r}", repr(ports)), folder)


def test_a_resumed_run_of_two_processes_is_the_same_run_bit_for_bit(commanded):
    folder, found, _ = commanded
    assert [f["codes"][:3] for f in found] == [[0, 0, 0]] * 2
    whole, parts = (checkpoint.load(folder / name / "checkpoint.pt") for name in ("whole", "parts"))
    assert whole["step"] == 8 and recipes.same(whole, parts)
    for name in ("training.csv", "recipe.toml"):
        assert (folder / "whole" / name).read_text() == (folder / "parts" / name).read_text()


def test_the_first_process_alone_speaks_and_errors_say_of_whom(commanded):
    _, found, done = commanded
    assert done.stdout.count("is saved in") == 3
    assert found[0]["codes"][3] == 2 and "process 0 of 2: no checkpoint at absent" in done.stderr


def test_a_run_of_two_processes_goes_on_in_one(commanded, monkeypatch):
    from ganedu import cli

    monkeypatch.chdir(commanded[0])
    assert cli.main(["train", "--resume", "--steps", "2", "--out", "parts", "--device", "cpu"]) == 0
    assert checkpoint.load("parts/checkpoint.pt")["step"] == 10


def test_torchrun_a_killed_process_leaves_a_whole_checkpoint_and_nobody_behind(tmp_path):
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2"]
    options = "train --data ring --batch 4 --device cpu --save-every 5 --steps 100000 --timeout 60"
    agent = subprocess.Popen(
        [*command, "--master-port", free_port(), "-m", "ganedu", *options.split()],
        env=ENV,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    file, end = tmp_path / "run" / "checkpoint.pt", time.monotonic() + 200
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.1)
    workers = psutil.Process(agent.pid).children(recursive=True)
    second = next(p for p in workers if p.environ().get("RANK") == "1")
    second.send_signal(signal.SIGKILL)
    _, said = agent.communicate(timeout=200)
    assert agent.returncode != 0 and checkpoint.load(file)["step"] % 5 == 0
    assert not psutil.wait_procs(workers, timeout=30)[1]
    assert "process 0 of 2: another process of this training ended" in said
