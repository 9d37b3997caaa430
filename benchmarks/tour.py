"""The tour's figures: seconds of training, peak memory, and what the judge says of the samples.

Targets on two cores: training at most 60 s, peak memory under 1.5 GiB, ten digits found, the judge
more than 0.9 sure of at least 80% of the samples.
"""

import argparse
import io
import tempfile
from contextlib import redirect_stdout

import torch
from common import machine

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
    args = options.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(machine())
    print("seed   steps   training    digits    sure   of real     memory")
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            found = tour.tour(folder, steps=args.steps, seed=seed, progress=False)
        fake, real, peak = found["generated"], found["held_out"], peak_memory()
        memory = "unknown" if peak is None else f"{peak:.2f} GiB"
        print(
            f"{seed:4}{found['steps']:8,}{found['seconds']:9.1f} s{fake.found:6}/10"
            f"{fake.sure:8.1%}{real.sure:10.1%}{memory:>11}",
            flush=True,
        )


if __name__ == "__main__":
    main()
