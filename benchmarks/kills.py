"""Kills at random moments: is the last state loadable, and does a resumed run end as a whole one?

    python benchmarks/kills.py train --kills 30     # one process
    python benchmarks/kills.py two --kills 30       # two by torchrun; one of them, or torchrun, is killed
    python benchmarks/kills.py study --kills 30     # kept runs are whole, the table is the same

A kill is SIGKILL after a random time from the first file on. Nothing may be left behind.
"""

import argparse
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from common import machine

from ganedu import checkpoint

GANEDU = [sys.executable, "-W", "ignore", "-m", "ganedu"]
TWO = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2"]
TWO += ["--master-port=29533", "-m", "ganedu"]
RUN = "train --data ring --batch 8 --device cpu --save-every 20 --timeout 60 --steps 300".split()
STUDY = "study ring --recipes GAN --seeds 6 --steps 60 --jobs 2".split()


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=["train", "two", "study"])
    options.add_argument("--kills", type=int, default=30, help="default: %(default)s")
    options.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    args = options.parse_args()
    print(machine(), flush=True)
    rng, good = random.Random(args.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run = call(args.what, "whole")
        await_first_file("whole", run)
        begin = time.monotonic()
        assert run.wait() == 0
        longest = time.monotonic() - begin
        for k in range(args.kills):
            found = one(args.what, rng, longest)
            good += found["alike"]
            print(k + 1, json.dumps(found), flush=True)
            shutil.rmtree("parts", ignore_errors=True)
    print(f"{good} of {args.kills}: loadable, nothing left behind, and the same end", flush=True)


def call(what, out, wait=False, resume=False):
    """The command, in a session of its own."""
    program = TWO if what == "two" else GANEDU
    words = STUDY if what == "study" else RUN
    if resume:
        words = ["train", "--resume", "--device", "cpu", "--timeout", "60"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen([*program, *words, "--out", out], start_new_session=True, **quiet)
    if wait:
        assert run.wait() == 0, f"{what} into {out} ended with {run.returncode}"
    return run


def one(what, rng, longest):
    """One run, killed, looked at, and resumed."""
    run = call(what, "parts")
    await_first_file("parts", run)
    time.sleep(rng.random() * longest * 0.7)
    agent = psutil.Process(run.pid)
    family = [agent, *agent.children(recursive=True)]
    victim = rng.choice(family)
    victim.send_signal(signal.SIGKILL)
    _, left = psutil.wait_procs(family, timeout=90)
    loadable, step = state_of(what)
    for process in left:
        process.kill()
    again(what, step)
    return {
        "victim": family.index(victim),
        "step": step,
        "left behind": len(left),
        "alike": loadable and not left and alike(what),
    }


def await_first_file(out, run):
    while not any(Path(out).rglob("*.*")) and run.poll() is None:
        time.sleep(0.01)


def state_of(what):
    """(whether what is there can be read, the step or the number of kept runs)."""
    if what == "study":
        kept = list(Path("parts").rglob("runs/*.json"))
        return all("row" in json.loads(file.read_text()) for file in kept), len(kept)
    file = Path("parts/checkpoint.pt")
    return True, checkpoint.load(file)["step"] if file.exists() else 0


def again(what, step):
    if what == "study":
        call(what, "parts", wait=True)
        return
    if step == 0:
        shutil.rmtree("parts", ignore_errors=True)
    if step < 300:
        call(what, "parts", wait=True, resume=step > 0)


def alike(what):
    if what == "study":
        rows = [json.loads(Path(f"{x}/ring/rows.json").read_text()) for x in ("whole", "parts")]
        timeless = [[{k: v for k, v in r.items() if "seconds" not in k} for r in x] for x in rows]
        return timeless[0] == timeless[1]
    a, b = (checkpoint.load(f"{x}/checkpoint.pt") for x in ("whole", "parts"))
    same = all(torch.equal(a[net][k], b[net][k]) for net in ("G", "D", "average") for k in a[net])
    rows = filecmp.cmp("whole/training.csv", "parts/training.csv", shallow=False)
    return same and rows and torch.equal(a["rng"], b["rng"])


if __name__ == "__main__":
    main()
