"""What one step of each treatment of chapter 08's trial costs, in steps of the baseline.

The figures become `cost` in ganedu/treatments/: in the trial a treatment takes BUDGET / cost steps.
Processor time of one thread, taking turns, median of the rounds; points in the plane with ten seeds side
by side, as the trial runs them.
"""

import argparse
import statistics
from dataclasses import replace

import torch
from common import in_turns, machine

from ganedu import data
from ganedu.treatments import plane, stacks
from ganedu.treatments.together import Together


def start(recipe, p_data, name):
    """A trainer of one seed for stacks, of ten for points."""
    if name == "stacked":
        return recipe.trainer(0, data=p_data)
    return Together.of(recipe, tuple(range(10)), data=p_data)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", choices=("plane", "stacked"), default="plane")
    options.add_argument("--steps", type=int, default=100, help="a round (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    args = options.parse_args()
    torch.set_num_threads(1)
    print(machine())
    treatments, p_data = plane.TREATMENTS, plane.DATA["grid"]
    if args.data == "stacked":
        treatments, p_data = stacks.TREATMENTS, data.stacked_digits()
    long = {name: replace(t.recipe, steps=10_000) for name, t in treatments.items()}
    trainers = {name: start(recipe, p_data, args.data) for name, recipe in long.items()}

    def steps_of(trainer):
        return lambda: [None for _ in trainer.steps(args.steps)]

    times = in_turns({name: steps_of(t) for name, t in trainers.items()}, args.rounds)
    base = statistics.median(cpu for _, cpu in times["baseline"])
    for name, rounds in times.items():
        middle = statistics.median(cpu for _, cpu in rounds)
        share = middle / base
        now = treatments[name].cost
        print(f"{name:25}{1e3 * middle / args.steps:7.2f} ms{share:7.2f}   (in the trial: {now})")


if __name__ == "__main__":
    main()
