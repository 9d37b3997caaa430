"""What a GPU does with small networks: a step of PacGAN's protocol, from Python and as one recorded graph.

    python benchmarks/gpu_step.py

A training step of these networks is about two hundred operations, each started from Python. Recorded once
as a CUDA graph (pacgan_protocol.Recorded) they are started by the GPU itself, of several runs side by side.
Where there is no GPU one core's step is timed. Milliseconds, the mean of 200 or 1,000 steps. What is
measured is put beside what ganedu/results/gpu_step.json holds of other machines.
"""

import itertools
import json
import time
from pathlib import Path

import torch
from common import machine
from pacgan_protocol import Recorded, protocol

from ganedu import cost

FILE = Path(__file__).parents[1] / "ganedu" / "results" / "gpu_step.json"
SEEDS = (1, 2, 3, 5)  # of ring and grid, with packing by 1 and by 2: 4, 8, 12, 20 runs


def milliseconds(take_steps, steps):
    """Of one step, after as many as it takes to get going."""
    take_steps(50)
    _wait()
    begin = time.perf_counter()
    take_steps(steps)
    _wait()
    return 1000 * (time.perf_counter() - begin) / steps


def _wait():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def from_python(trainer):
    def take(n):
        for _ in trainer.steps(n):
            pass

    return take


def from_a_graph(trainers):
    for trainer in trainers:
        from_python(trainer)(20)
    recorded = Recorded(trainers)

    def take(n):
        for _ in range(n // recorded.stride):
            recorded()

    return take


def main():
    torch.set_num_threads(1)
    here = machine()
    print(here)
    trainer = protocol("ring", 2, 0)[0]
    work = cost.step_work(trainer)
    steps = milliseconds(from_python(trainer), 200)
    rows = [{"machine": here, "started by": "Python", "runs": 1, "ms": steps, "calls": work.calls}]
    for seeds in SEEDS if torch.cuda.is_available() else ():
        of = itertools.product(range(seeds), ("ring", "grid"), (1, 2))
        trainers = [protocol(name, pack, seed)[0] for seed, name, pack in of]
        ms = milliseconds(from_a_graph(trainers), 1000)
        rows.append({"machine": here, "started by": "a graph", "runs": len(trainers), "ms": ms})
    for row in rows:
        print(
            f"{row['runs']:2} runs, started by {row['started by']}: {row['ms']:.2f} ms a step of all"
        )
    before = json.loads(FILE.read_text())["rows"] if FILE.exists() else []
    rows = [{**row, "ms": round(row["ms"], 3)} for row in rows]
    name = here.split(";")[0]  # less the versions and the load
    others = [row for row in before if row["machine"].split(";")[0] != name]
    made = {"command": "python benchmarks/gpu_step.py", "machine": "see the rows"}
    FILE.write_text(json.dumps({**made, "rows": others + rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
