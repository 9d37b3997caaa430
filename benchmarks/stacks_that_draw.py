"""A GAN that draws stacked digits, by networks that know that a stack is three digits; and is it that?

    python benchmarks/stacks_that_draw.py search   each arm's weight of the penalty, two seeds, half the steps
    python benchmarks/stacks_that_draw.py trial    the arms, five fresh seeds, equal processor time
    python benchmarks/stacks_that_draw.py parts    one painter less one of its parts, the same seeds and time
    python benchmarks/stacks_that_draw.py heavier  the trial's pair, its penalties with ten times the weight
    python benchmarks/stacks_that_draw.py longer   the arm that draws, ten fresh seeds, 8,000 steps
    python benchmarks/stacks_that_draw.py picture  another run: seven of its stacks, and are they copies?

The arms share step sizes, schedule and averaged G. `one painter`: one small network paints each channel and
one looks at each. `one layer for all`: as many multiplications, all three channels in each layer.
`convolutional`: chapter 08's networks with batch norm in G, twice as wide. `ordinary loss`: one painter,
without relativistic loss and penalty, as the trial's baseline. `parts`: G or D with one layer for all, the
ordinary loss with R1, the relativistic loss without a penalty. Target: the judge is sure of 60% of the
stacks, in all 1,000 modes, within ten minutes on two cores. The same command goes on where it was stopped.
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from common import machine, record
from torch import nn

from ganedu import cost, data, diagnostics, losses, penalties
from ganedu.networks import leaky
from ganedu.studies import Trial, show, study, table
from ganedu.treatments import stacks

OUT = Path(__file__).parents[1] / "ganedu" / "results"
STEPS = 4000  # of one painter; the others take as many as fit into its time
GAMMAS = (0.01, 0.1, 1.0)
SEARCHED = (100, 101)


def joint_drawer(width=400, z_dim=100):
    """G whose layers all see the whole stack; as many multiplications a stack as `stacks.painter`."""
    w = width
    G = nn.Sequential(
        *(nn.Linear(z_dim, w), leaky(), nn.Linear(w, w), leaky(), nn.Linear(w, w), leaky()),
        *(nn.Linear(w, 192), nn.Tanh(), stacks.Regrouped(3, 8, 8)),
    )
    G.z_dim, G.z_shape = z_dim, (z_dim,)
    return stacks.he_init(G)


def joint_critic(width=370):
    """D whose layers all see the whole stack; as many multiplications a stack as `stacks.viewer`."""
    w = width
    return stacks.he_init(
        nn.Sequential(
            *(nn.Flatten(), nn.Linear(192, w), leaky(), nn.Linear(w, w), leaky()),
            *(nn.Linear(w, w), leaky(), nn.Linear(w, 1), nn.Flatten(0)),
        )
    )


CONV = {
    "G": partial(stacks.drawer, batch_norm=True, width=32),
    "D": partial(stacks.critic, width=32),
}
ARMS = {  # the recipe, and the time of a step in steps of one painter
    "one painter": (stacks.DRAWING, 1.0),
    "one layer for all": (replace(stacks.DRAWING, G=joint_drawer, D=joint_critic), 1.0),
    "convolutional": (replace(stacks.DRAWING, **CONV), 4.5),
    "ordinary loss": (replace(stacks.DRAWING, loss=losses.nonsaturating, penalty=None), 0.6),
}
PARTS = {
    "one painter": ARMS["one painter"],
    "G alone": (replace(stacks.DRAWING, D=joint_critic), 1.0),
    "D alone": (replace(stacks.DRAWING, G=joint_drawer), 1.0),
    "ordinary loss, R1": (replace(stacks.DRAWING, loss=losses.nonsaturating), 0.95),
    "relativistic, no penalty": (replace(stacks.DRAWING, penalty=None), 0.7),
}
HEAVIER = {  # the trial's arms (ganedu/treatments/stacks.py) with its seeds and its budget
    f"{loss}{name}": replace(of, penalty=partial(penalty, gamma=1.0))
    for loss, of in (("", stacks.BASELINE), ("relativistic + ", stacks.R1_R2))
    for name, penalty in (("R1", penalties.r1), ("R2", penalties.r2), ("R1 + R2", penalties.r1_r2))
}
# The largest quality in the search, of what kept 900 modes in both seeds.
CHOSEN = {"one painter": 0.1, "one layer for all": 1.0, "convolutional": 1.0}
CHOSEN |= {"G alone": 0.1, "D alone": 1.0, "ordinary loss, R1": 1.0}


def recipe(arm, gamma, steps):
    """An arm with this weight of its penalty, in the time that one painter takes for `steps`."""
    chosen, time_of_a_step = (ARMS | PARTS)[arm]
    penalty = chosen.penalty and partial(penalties.r1, gamma=gamma)
    return replace(chosen, penalty=penalty, steps=round(steps / time_of_a_step))


def run(named, seeds, folder, file, command, **more):
    """Train all, print the table, record the rows."""
    trials = {name: Trial(of, stacks.judge) for name, of in named.items()}
    rows = study(trials, seeds, folder=folder)
    print(show(table(rows)))
    record(file, command, rows, **more)


def picture(seed, file, command):
    """A run on four fifths of the digits: seven stacks, not chosen, and whether its digits are copies.

    The stacks are the bytes of [7, 3, 8, 8], in hexadecimal.
    """
    seen, held_out = data.small_digits().split()
    trainer = replace(stacks.DRAWING, data=lambda: data.Stacked(seen)).trainer(seed)
    trainer.fit(stacks.DRAWING.steps)
    x = trainer.sample(7).cpu()
    digits = trainer.sample(1000).cpu().flatten(0, 1)[:, None]  # [3000, 1, 8, 8]
    memory = diagnostics.memorisation(digits, seen.x, held_out.x)
    row = stacks.judge(trainer) | {"nearer": memory.nearer, "ratio": memory.ratio}
    row["in_tail"] = diagnostics.in_tail(digits, seen.x, held_out.x, quantile=0.05)
    row["drawn"] = ((x + 1) * 127.5).round().byte().numpy().tobytes().hex()
    record(file, command, [row])


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "part", choices=["search", "trial", "parts", "heavier", "longer", "picture"]
    )
    options.add_argument("--seeds", type=int, default=10, help="of longer (default: %(default)s)")
    options.add_argument("--out", type=Path, default=Path("stacks_that_draw"), help="folder")
    args = options.parse_args()
    print(machine())
    command = f"python benchmarks/stacks_that_draw.py {args.part}"
    record_it = {"file": OUT / f"stacks_drawing_{args.part}.json", "command": command}
    folder, first = args.out / args.part, 10
    if args.part == "search":
        penalised = [arm for arm, (of, _) in (ARMS | PARTS).items() if of.penalty]
        named = {f"{arm}, {g}": recipe(arm, g, STEPS / 2) for arm in penalised for g in GAMMAS}
        run(named, SEARCHED, folder, **record_it)
    elif args.part == "trial":
        named = {arm: recipe(arm, CHOSEN.get(arm), STEPS) for arm in ARMS}
        flops = {arm: cost.step_work(of.trainer(0)).flops for arm, of in named.items()}
        run(named, range(first, first + 5), folder, **record_it, flops=flops)
    elif args.part == "parts":
        named = {arm: recipe(arm, CHOSEN.get(arm), STEPS) for arm in PARTS}
        run(named, range(first, first + 5), folder, **record_it)
    elif args.part == "heavier":
        budget = {arm: round(stacks.BUDGET / stacks.TREATMENTS[arm].cost) for arm in HEAVIER}
        named = {arm: replace(of, steps=budget[arm]) for arm, of in HEAVIER.items()}
        run(named, range(5), folder, **record_it)
    elif args.part == "longer":
        record_it["command"] += f" --seeds {args.seeds}"
        run({"one painter": stacks.DRAWING}, range(first, first + args.seeds), folder, **record_it)
    else:
        torch.set_num_threads(1)
        picture(first, **record_it)


if __name__ == "__main__":
    main()
