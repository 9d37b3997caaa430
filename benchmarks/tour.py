"""The tour's figures: seconds of training, peak memory, and what the judge says of the samples.

Targets on two cores: training at most 60 s, peak memory under 1.5 GiB, ten digits found, the judge
more than 0.9 sure of at least 85% of the samples. `cpu` is this process's processor time for the whole
tour: where other work shares the cores, it says more than the clock.
"""

import argparse
import io
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import torch
from common import machine, record

from ganedu import tour


def peak_memory():
    """The most memory this process ever held, in GiB; None where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20  # bytes there, KiB elsewhere


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--steps", type=int, default=tour.RECIPE.steps, help="default: %(default)s"
    )
    options.add_argument(
        "--seeds", type=int, default=1, help="tours to make (default: %(default)s)"
    )
    options.add_argument(
        "--threads", type=int, help="torch's threads (default: torch's own choice)"
    )
    options.add_argument("--out", type=Path, help="write what was measured here, as JSON")
    args = options.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(machine())
    print("seed   steps   training         cpu    digits    sure   of real     memory")
    rows = [measure(seed, args.steps) for seed in range(args.seeds)]
    if args.out:
        steps = f" --steps {args.steps}" if args.steps != tour.RECIPE.steps else ""
        command = f"python benchmarks/tour.py --seeds {args.seeds}{steps}"
        record(args.out, command, rows)


def measure(seed, steps):
    """One tour: prints a line and returns it as a row."""
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        found = tour.tour(folder, steps=steps, seed=seed, progress=False)
    cpu, peak = time.process_time() - begin, peak_memory()
    fake, real = found["generated"], found["held_out"]
    memory = "unknown" if peak is None else f"{peak:.2f} GiB"
    print(
        f"{seed:4}{found['steps']:8,}{found['seconds']:9.1f} s{cpu:10.1f} s{fake.found:6}/10"
        f"{fake.sure:8.1%}{real.sure:10.1%}{memory:>11}",
        flush=True,
    )
    row = {"seed": seed, "steps": found["steps"], "seconds": found["seconds"], "cpu_seconds": cpu}
    shares = {"digits": fake.found, "sure": fake.sure, "sure_of_held_out": real.sure}
    return {k: round(v, 4) for k, v in {**row, **shares}.items()}


if __name__ == "__main__":
    main()
