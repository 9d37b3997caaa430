"""study(jobs=2) against a plain loop over the same seeds, in seeds a minute.

The recipe is a real one, a GAN of two MLPs on the ring; the loop runs it in this process with one
thread, as a notebook's cell would. `warm`: the workers of an earlier study are still there, as in a
notebook's second study. `cold`: they are started, and import torch, within the time measured, as in
`ganedu study`; that costs the same few seconds however long the study is.
By the clock counts what a user waits, and needs a machine with nothing else to do. By processor time
is what the study adds: jobs x the loop's processor seconds over the study's, workers included.
Target: 1.8 on two cores, warm.
"""

import argparse
import statistics
import time

import psutil
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
    return [{"seed": seed, **ring(seed)} for seed in range(seeds)]


def in_a_study(ring, seeds, jobs):
    return study({"ring": ring}, range(seeds), jobs=jobs, progress=False)


def start_workers(jobs):
    study({"nothing": lambda seed: {"modes": 0}}, range(2 * jobs), jobs=jobs, progress=False)


def end_workers():
    get_reusable_executor().shutdown(wait=True)


def processor_seconds():
    """Of this process and its workers, so far."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def measure(ring, args):
    """{way: [(wall, processor seconds), ...]}, in another order each round."""
    ways = {"loop": in_a_loop, "warm": in_a_study, "cold": in_a_study}
    times, answers = {way: [] for way in ways}, set()
    for turn in range(args.rounds):
        for way in [*ways][turn % 3 :] + [*ways][: turn % 3]:
            end_workers() if way == "cold" else start_workers(args.jobs)
            jobs = () if way == "loop" else (args.jobs,)
            wall, cpu = time.perf_counter(), processor_seconds()
            rows = ways[way](ring, args.seeds, *jobs)
            times[way].append((time.perf_counter() - wall, processor_seconds() - cpu))
            answers.add(tuple((row["seed"], row["modes"], row["quality"]) for row in rows))
            print(f"  {way}  {times[way][-1][0]:6.2f} s  load {load()}", flush=True)
    assert len(answers) == 1, "the same seeds must give the same answers, loop or study"
    return times


def report(times, seeds, jobs):
    for way, taken in times.items():
        speed = statistics.median(60 * seeds / wall for wall, _ in taken)
        print(f"{way}  {speed:6.1f} seeds a minute")
    for way in ("warm", "cold"):
        both = list(zip(times["loop"], times[way]))
        clock, cpu = ([loop[kind] / mine[kind] for loop, mine in both] for kind in (0, 1))
        print(f"{way}  times as fast as the loop by the clock: {spread(clock)}")
        print(f"{way}  by processor time: {spread([jobs * ratio for ratio in cpu])}")


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
    print(machine())
    print(f"{args.rounds} rounds in turns of {args.seeds} seeds x {args.steps:,} steps", flush=True)
    start_workers(args.jobs)
    ring(0)  # the first time is slow
    report(measure(ring, args), args.seeds, args.jobs)
    end_workers()


if __name__ == "__main__":
    main()
