"""The trial of chapter 08 on ring and grid: the search of each arm's main number, the trial, two budgets.

    python benchmarks/trial.py search     three values for each arm, on the grid, two seeds, half the budget
    python benchmarks/trial.py trial      every arm, ring and grid, block after block of ten fresh seeds
    python benchmarks/trial.py budgets    the leading arms at 7 budgets, grid, five seeds
    python benchmarks/trial.py ablation   the combination in small, less one of its six changes, equal steps
    python benchmarks/trial.py minute_search   what the ablation leaves: from which weight R2 fades, two seeds
    python benchmarks/trial.py minute     what the ablation leaves, a minute a seed, twenty fresh seeds

Seeds run side by side (`ganedu.treatments.together`); what is finished is kept in --out, and the same
command goes on from there. The last line of a part writes ganedu/results/trial_PART.json.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import torch
from common import machine

from ganedu.files import write_text
from ganedu.treatments import plane
from ganedu.treatments.base import Treatment
from ganedu.treatments.together import Together

SEARCH_SEEDS = (900, 901)
LEFT_OVER = "R2 that fades, fading waves, a larger G"
BLOCKS = [tuple(range(100 + 10 * i, 110 + 10 * i)) for i in range(2)]
LONG_SEEDS = tuple(range(100, 105))
LEADING = ("baseline", "plain coordinates", "R2", "relativistic + R1 + R2")


def run(name, points, treatment, budget, seeds, extra):
    """The rows of one arm: all seeds side by side, or one by one where its D keeps statistics."""
    p_data, recipe = plane.DATA[points], treatment.for_budget(budget, plane.MADE[points])
    begin, cpu = time.perf_counter(), time.process_time()
    try:
        trainer = Together.of(recipe, seeds, data=p_data)
        for _ in trainer.steps(recipe.steps):
            pass
        samples = trainer.samples(plane.SAMPLES)
    except ValueError:
        alone = [recipe.trainer(seed, data=p_data) for seed in seeds]
        for trainer in alone:
            for _ in trainer.steps(recipe.steps):
                pass
        samples = [trainer.sample(plane.SAMPLES) for trainer in alone]
    seconds = (time.perf_counter() - begin) / len(seeds)
    cpu_seconds = (time.process_time() - cpu) / len(seeds)
    same = {"recipe": name, "data": points, "steps": recipe.steps, **extra}
    same |= {"seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2)}
    return [
        {**same, "seed": seed, **{k: round(v, 5) for k, v in plane.measured(x, p_data).items()}}
        for seed, x in zip(seeds, samples)
    ]


def search_jobs():
    """Arm after arm; the baseline's own search says what the arm of another step size uses."""
    for name, search in plane.SEARCHED.items():
        if name == "other step size":
            continue
        for value, treatment in search.arms.items():
            extra = {"what": search.what, "value": value}
            yield name, "grid", treatment, plane.BUDGET / 2, SEARCH_SEEDS, extra


def trial_jobs():
    """Block of seeds after block, so that any stop leaves whole blocks; the eight factors first."""
    for seeds in BLOCKS:
        for arms in (plane.FACTORS, plane.OTHERS):
            for points in ("ring", "grid"):
                for name in arms:
                    if name in plane.TREATMENTS:
                        yield name, points, plane.TREATMENTS[name], plane.BUDGET, seeds, {}


def budget_jobs():
    """Seven budgets for the leading arms on the grid."""
    for name in LEADING:
        t = plane.TREATMENTS[name]
        yield name, "grid", t, 7 * plane.BUDGET, LONG_SEEDS, {"budgets": 7}


def ablation_jobs():
    """All six changes and each taken away, for as many steps as the baseline has."""
    for name, recipe in plane.ABLATED.items():
        yield name, "grid", Treatment("both", recipe, 1.0), plane.BUDGET, BLOCKS[0], {}


def minute_search_jobs():
    """The weights from which R2 fades, on the grid."""
    for weight in plane.FIRST_WEIGHTS:
        t, extra = Treatment("both", plane.left_over(weight), 1.0), {"value": weight}
        yield LEFT_OVER, "grid", t, plane.MINUTE, SEARCH_SEEDS, extra


def minute_jobs():
    """Two seeds at a time, ring and grid in turns; seeds that no earlier version was tried on."""
    t = Treatment("both", plane.LEFT_OVER, 1.0)
    for first in range(110, 130, 2):
        for points in ("ring", "grid"):
            yield LEFT_OVER, points, t, plane.MINUTE, (first, first + 1), {}


JOBS = {
    "search": search_jobs,
    "trial": trial_jobs,
    "budgets": budget_jobs,
    "ablation": ablation_jobs,
    "minute_search": minute_search_jobs,
    "minute": minute_jobs,
}


def made_by(points, treatment, budget, extra):
    """What a kept file must have been made by."""
    recipe = replace(treatment.recipe, steps=round(budget / treatment.cost))
    return json.loads(json.dumps({"data": points, "recipe": recipe.plain(), **extra}))


def kept(folder, part, job):
    """(file, rows or None) of a job."""
    name, points, treatment, budget, seeds, extra = job
    label = "-".join(str(x) for x in (part, name, points, seeds[0], extra.get("value", "")))
    file = Path(folder) / (label.replace(" ", "_") + ".json")
    if not file.exists():
        return file, None
    before = json.loads(file.read_text(encoding="utf-8"))
    now = made_by(points, treatment, budget, extra)
    if before["made by"] != now:
        raise ValueError(f"{file} was made by another recipe: choose another --out")
    return file, before["rows"]


def claimed(file):
    """Whether this process may run the job: commands side by side share the jobs."""
    claim = file.with_suffix(".claim")
    claim.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(claim, "x", encoding="utf-8") as mine:
            mine.write(str(os.getpid()))
        return True
    except FileExistsError:
        if psutil.pid_exists(int(claim.read_text() or 0)):
            return False
        claim.unlink()  # its process was stopped
        return claimed(file)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("part", choices=JOBS)
    options.add_argument("--arms", help="some of them, as a,b,c (default: all)")
    options.add_argument("--out", default="trial", help="folder (default: %(default)s)")
    options.add_argument("--write", help="write what is kept to this file; run nothing")
    args = options.parse_args()
    torch.set_num_threads(1)
    jobs = [j for j in JOBS[args.part]() if not args.arms or j[0] in args.arms.split(",")]
    if args.write:
        rows = [row for job in jobs for row in kept(args.out, args.part, job)[1] or []]
        command = f"python benchmarks/trial.py {args.part}"
        record = {"command": command, "machine": machine(), "rows": rows}
        write_text(args.write, json.dumps(record, indent=1))
        return
    for job in jobs:
        file, rows = kept(args.out, args.part, job)
        if rows is None and claimed(file):
            name, points, treatment, budget, seeds, extra = job
            rows = run(name, points, treatment, budget, seeds, extra)
            of = made_by(points, treatment, budget, extra)
            write_text(file, json.dumps({"made by": of, "rows": rows}))
            means = {
                k: sum(r[k] for r in rows) / len(rows) for k in ("modes", "quality", "overlap")
            }
            said = ", ".join(f"{k} {v:.3g}" for k, v in means.items())
            print(f"{name}, {points} {extra}: {said}; {rows[0]['seconds']} s a seed", flush=True)


if __name__ == "__main__":
    main()
