"""study(jobs=2) against a plain loop over the same seeds, in seeds a minute.

The recipe is a real one, a GAN of two MLPs on the ring; the loop runs it in this process with one
thread, as a notebook's cell would. `warm`: the workers of an earlier study are still there, as in a
notebook's second study. `cold`: they are started, and import torch, within the time measured, as in
`ganedu study`; that costs the same few seconds however long the study is.
Target: 1.8 on two cores, warm. `runs` says what sharing the machine costs each run itself, and so
how much of what is missing to 2 is not the study's.
"""

import argparse
import statistics
import time

import torch
from common import load, machine, spread
from joblib.externals.loky import get_reusable_executor

from ganedu import data
from ganedu.diagnostics import mode_coverage
from ganedu.networks import MLPDiscriminator, MLPGenerator
from ganedu.studies import study
from ganedu.trainer import Trainer


def recipe(steps):
    """A function of a seed: train on the ring, count modes."""

    def ring(seed):
        torch.manual_seed(seed)
        G, D = MLPGenerator(), MLPDiscriminator()
        trainer = Trainer(G=G, D=D, data=data.ring(8), lr_g=1e-3, lr_d=1e-3, seed=seed)
        trainer.fit(steps, every=steps, progress=False)
        found = mode_coverage(trainer.sample(2500), trainer.data)
        return {"modes": found.modes, "quality": found.quality}

    return ring


def in_a_loop(ring, seeds):
    """The rows of a plain loop, timed as a study times them."""
    rows = []
    for seed in range(seeds):
        begin = time.perf_counter()
        rows.append({**ring(seed), "seconds": time.perf_counter() - begin})
    return rows


def in_a_study(ring, seeds, jobs, cold):
    if cold:
        get_reusable_executor().shutdown(wait=True)
    return study({"ring": ring}, range(seeds), jobs=jobs, progress=False)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    options.add_argument("--seeds", type=int, default=8, help="default: %(default)s")
    options.add_argument("--steps", type=int, default=1500, help="default: %(default)s")
    options.add_argument("--jobs", type=int, default=2, help="default: %(default)s")
    args = options.parse_args()
    torch.set_num_threads(1)
    ring = recipe(args.steps)
    ways = {
        "loop": lambda: in_a_loop(ring, args.seeds),
        "warm": lambda: in_a_study(ring, args.seeds, args.jobs, cold=False),
        "cold": lambda: in_a_study(ring, args.seeds, args.jobs, cold=True),
    }
    print(machine())
    print(f"{args.rounds} rounds in turns of {args.seeds} seeds x {args.steps:,} steps", flush=True)
    ring(0), in_a_study(ring, args.jobs, args.jobs, cold=False)  # the first time compiles
    report(measure(ways, args.rounds), args.seeds)


def measure(ways, rounds):
    """{way: [(wall, mean seconds of a run), ...]}, in another order each round."""
    times, answers = {way: [] for way in ways}, set()
    for turn in range(rounds):
        for way in [*ways][turn % 3 :] + [*ways][: turn % 3]:
            if way == "warm":  # whatever came before, its workers are there
                in_a_study(lambda seed: {"modes": 0}, 2, 2, cold=False)
            begin = time.perf_counter()
            rows = ways[way]()
            wall = time.perf_counter() - begin
            times[way].append((wall, statistics.mean(row["seconds"] for row in rows)))
            answers.add(tuple((row["modes"], row["quality"]) for row in rows))
            print(f"  {way} {wall:6.2f} s, load {load()}", flush=True)
    assert len(answers) == 1, "the same seeds must give the same answers, loop or study"
    return times


def report(times, seeds):
    for way, taken in times.items():
        speed = statistics.median(60 * seeds / wall for wall, _ in taken)
        print(f"{way:5} {speed:6.1f} seeds a minute")
    for way in ("warm", "cold"):
        both = list(zip(times["loop"], times[way]))
        print(f"{way:5} times as fast as the loop: {spread([a[0] / b[0] for a, b in both])}")
        print(f"      runs, as long as in the loop: {spread([b[1] / a[1] for a, b in both])}")


if __name__ == "__main__":
    main()
