"""How often is the doctor right on runs it has never seen? 200 runs, each ill by a cause of our making.

The runs are the cases of `ganedu/clinic/cases.py`, as many of each diagnosis as of every other, in turns
over the causes of a diagnosis; each run has a seed of its own. The thresholds of the doctor and the cases
were tuned on seeds 0 to 4 only. Printed: the share of right diagnoses with Wilson's 95% interval, what
was taken for what, and each mistake with its evidence. Target: 95%.

Finished runs are kept in `--folder`, and the same command goes on from there.
"""

import argparse
import json
import math
from collections import Counter
from functools import partial
from pathlib import Path

import torch
from common import machine

from ganedu.clinic.cases import CASES
from ganedu.clinic.make import record_case
from ganedu.doctor import FIRST, Run, doctor
from ganedu.studies import study

NAMES = list(FIRST)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--runs", type=int, default=200, help="default: %(default)s")
    options.add_argument("--first-seed", type=int, default=1000, help="default: %(default)s")
    options.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    options.add_argument("--folder", type=Path, default=Path("doctor-runs"), help="kept runs")
    options.add_argument("--out", type=Path, help="write the numbers here, as JSON")
    args = options.parse_args()
    torch.set_num_threads(1)
    print(machine())
    rows = []
    for name, seeds in plan(args.runs, args.first_seed).items():
        recipes = {name: partial(examine, name, str(args.folder))}
        rows += study(recipes, seeds, folder=args.folder, jobs=args.jobs)
    report(rows, args)


def plan(runs, first_seed):
    """{case: seeds}: as many runs of each diagnosis as of every other, up to one."""
    ways = {d: [name for name, case in CASES.items() if case.diagnosis == d] for d in NAMES}
    chosen = {name: [] for name in CASES}
    for i in range(runs):
        names = ways[NAMES[i % len(NAMES)]]
        chosen[names[i // len(NAMES) % len(names)]].append(first_seed + i)
    return {name: seeds for name, seeds in chosen.items() if seeds}


def examine(name, folder, seed):
    """Train a case, keep its recording, and ask the doctor: the place of its answer in NAMES."""
    case, path = CASES[name], Path(folder) / f"{name}-{seed}.npz"
    record_case(case, seed).save(path)
    found = doctor(Run.load(path)).name  # what a reader would be shown
    return {"named": NAMES.index(found), "right": int(found == case.diagnosis)}


def wilson(right, n, z=1.96):
    """The 95% interval of a share (Wilson 1927)."""
    centre, half = right + z * z / 2, z * math.sqrt(right * (n - right) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def report(rows, args):
    right, n = sum(row["right"] for row in rows), len(rows)
    low, high = wilson(right, n)
    print(f"right: {right} of {n}, {right / n:.1%} (95% interval {low:.1%} to {high:.1%})")
    pairs = Counter((CASES[row["recipe"]].diagnosis, NAMES[row["named"]]) for row in rows)
    for name in NAMES:
        mine = {found: k for (true, found), k in pairs.items() if true == name}
        print(f"  {name:24}" + ", ".join(f"{k} {found}" for found, k in mine.items()))
    mistakes = [mistake(row, args.folder) for row in rows if not row["right"]]
    for line in mistakes:
        print(f"\n{line['case']}, seed {line['seed']}: {line['true']}, taken for {line['named']}")
        print("\n".join(f"  {sentence}" for sentence in line["evidence"]))
    if args.out:
        confusion = [[true, found, k] for (true, found), k in sorted(pairs.items())]
        result = {
            "command": f"python benchmarks/doctor.py --runs {n} --first-seed {args.first_seed}",
            "machine": machine(),
            "right": right,
            "runs": n,
            "share": right / n,
            "interval": [low, high],
            "confusion": confusion,
            "mistakes": mistakes,
            "seconds": sum(row["seconds"] for row in rows),
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n")


def mistake(row, folder):
    """A wrong diagnosis with the doctor's reasons."""
    name, seed = row["recipe"], row["seed"]
    evidence = doctor(Run.load(Path(folder) / f"{name}-{seed}.npz")).evidence
    true, named = CASES[name].diagnosis, NAMES[row["named"]]
    return {"case": name, "seed": seed, "true": true, "named": named, "evidence": evidence}


if __name__ == "__main__":
    main()
