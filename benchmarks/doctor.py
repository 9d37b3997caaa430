"""How often is the doctor right? Four exams, from the easiest to the hardest.

*Known causes*: the cases of `ganedu/clinic/cases.py` with seeds that nothing was tuned on. The doctor was
made with these causes in view, so this says how it does on other seeds of them, no more.
*Left out*: the same runs, but the doctor's thresholds are chosen anew without the cause that is asked,
each from five values or so, the middle one of the best. This shows what the thresholds know; the patterns
themselves were thought of with all causes in view.
*New causes*: `strangers.py`, of which no threshold has seen a run.
*Exact samplers*: `ganedu/clinic/samplers.py`; the wrong ones must never be called healthy, the perfect
ones seldom anything else.

The unit is the cause: the share of right answers is its mean over seeds, and the interval comes from drawing
causes anew (bootstrap, 95%). Finished runs are kept in `--folder`; the same command goes on from there.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean, median_low

import torch
from common import machine
from strangers import STRANGERS
from tqdm.auto import tqdm

import ganedu.doctor as limits
from ganedu.clinic.cases import CASES
from ganedu.clinic.make import record_case
from ganedu.clinic.samplers import PERFECT, WRONG, sampled_run
from ganedu.doctor import Diagnosis, Run, Signs, diagnose, doctor

GRIDS = {  # what a threshold may be, chosen before any run was looked at
    "FAR": (2, 3, 5, 8, 12),
    "STILL": (0.01, 0.02, 0.03, 0.05, 0.1),
    "PERFECT": (0.9, 0.95, 0.97, 0.98, 0.99),
    "POOR": (0.3, 0.4, 0.5, 0.6, 0.7),
    "COPIED": (0.6, 0.65, 0.7, 0.8, 0.9),
    "CLOSER": (0.3, 0.4, 0.5, 0.6, 0.8),
    "MOVING": (0.05, 0.1, 0.2, 0.3, 0.4),
    "ELSEWHERE": (0.03, 0.05, 0.1, 0.2, 0.3),
    "MISSING": (0.03, 0.05, 0.1, 0.2, 0.3),
    "UNEVEN": (0.02, 0.03, 0.05, 0.08, 0.12),
    "NARROW": (0.3, 0.4, 0.5, 0.6, 0.7),
    "LINE": (0.03, 0.05, 0.1, 0.15, 0.2),
    "GOOD": (0.5, 0.6, 0.75, 0.8, 0.9),
}


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=2, help="of each known cause (default: 2)")
    options.add_argument("--new-seeds", type=int, default=1, help="of each new one (default: 1)")
    options.add_argument("--draws", type=int, default=20, help="of each wrong sampler")
    options.add_argument("--perfect", type=int, default=100, help="of each perfect sampler")
    options.add_argument("--folder", type=Path, default=Path("doctor-runs"), help="kept runs")
    options.add_argument("--kept", action="store_true", help="train nothing: judge the kept runs")
    options.add_argument("--out", type=Path, help="write the numbers here, as JSON")
    args = options.parse_args()
    torch.set_num_threads(1)
    args.folder.mkdir(parents=True, exist_ok=True)
    known = recorded(CASES, 1000, args.seeds, args.folder, args.kept)
    new = recorded(STRANGERS, 2000, args.new_seeds, args.folder, args.kept)
    exams = {
        "known": exam(answers(known)),
        "left out": exam(left_out(known)),
        "new": exam(answers(new)),
        "samplers": samplers(args.draws, args.perfect),
    }
    report(exams)
    if args.out:
        write(exams, args)


def recorded(cases, first, seeds, folder, kept=False):
    """[(cause, right answers, seed, Run)]; what is not in the folder is trained now, or left out."""
    plan = [(name, first + 100 * j + i) for j in range(seeds) for i, name in enumerate(cases)]
    rows = []
    for name, seed in tqdm(plan, unit="run"):
        path = folder / f"{name}-{seed}.npz"
        if kept and not path.exists():
            continue
        if not path.exists():
            record_case(cases[name], seed).save(path)
        case = cases[name]
        right = getattr(case, "right", None) or (case.diagnosis,)
        rows.append((name, right, seed, Run.load(path)))
    return rows


def answers(rows):
    """[(cause, right answers, seed, the doctor's)]"""
    return [(name, right, seed, doctor(run)) for name, right, seed, run in rows]


# ---- thresholds chosen without the cause that is asked --------------------------------------------


def left_out(rows):
    """The answers of doctors whose thresholds were chosen on all causes but the one they judge."""
    signs = [Signs.of(run) if measurable(run) else doctor(run) for *_, run in rows]
    known = {}
    found = []
    for name in dict.fromkeys(row[0] for row in rows):
        others = [i for i, row in enumerate(rows) if row[0] != name]
        chosen = choose(rows, signs, others, known)
        named = said(rows, signs, chosen, known)
        found += [(*rows[i][:3], named[i]) for i, row in enumerate(rows) if row[0] == name]
    return found


def measurable(run):
    return torch.isfinite(run.samples).all() and not run.stopped


def choose(rows, signs, which, known, rounds=2, grids=GRIDS, home=limits):
    """One threshold after the other, twice round, from the middle of every grid; they live in `home`."""
    chosen = {k: values[len(values) // 2] for k, values in grids.items()}
    for _ in range(rounds):
        for k, values in grids.items():
            named = [said(rows, signs, chosen | {k: v}, known, home) for v in values]
            scores = [score(rows, answers, which) for answers in named]
            best = [v for v, s in zip(values, scores) if s == max(scores)]
            chosen[k] = median_low(best)
    return chosen


def said(rows, signs, thresholds, known, home=limits):
    """The answers to all runs with these thresholds; remembered in `known`."""
    key = tuple(thresholds.values())
    if key not in known:
        before = {k: getattr(home, k) for k in thresholds}
        vars(home).update(thresholds)
        known[key] = [s if isinstance(s, Diagnosis) else diagnose(s) for s in signs]
        vars(home).update(before)
    return known[key]


def score(rows, named, which):
    """Mean over causes of the share of right answers."""
    causes = defaultdict(list)
    for i in which:
        causes[rows[i][0]].append(named[i].name in rows[i][1])
    return mean(map(mean, causes.values()))


# ---- exact samplers ------------------------------------------------------------------------------


def samplers(draws, perfect):
    """{name: how often each answer} of wrong samplers and of perfect ones."""
    wrong = {name: Counter(named(s, draws)) for name, s in tqdm(WRONG.items())}
    right = {name: Counter(named(s, perfect)) for name, s in tqdm(PERFECT.items())}
    return {"wrong": wrong, "perfect": right}


def named(sampler, draws):
    return [doctor(sampled_run(sampler, seed)).name for seed in range(draws)]


# ---- what came out -------------------------------------------------------------------------------


def exam(rows):
    """Share right over causes with its interval; what was taken for what; false "healthy"s."""
    causes = defaultdict(list)
    for name, right, _, found in rows:
        causes[name].append(found.name in right)
    shares = {name: mean(values) for name, values in causes.items()}
    low, high = interval(list(shares.values()))
    false = [f"{n}, seed {seed}" for n, right, seed, d in rows if wrongly_healthy(d, right)]
    mistakes = [
        {"cause": n, "seed": seed, "right": list(right), "named": d.name, "evidence": d.evidence}
        for n, right, seed, d in rows
        if d.name not in right
    ]
    pairs = Counter((right[0], d.name) for _, right, _, d in rows)
    return {
        "runs": len(rows),
        "right": sum(d.name in right for _, right, _, d in rows),
        "causes": shares,
        "share": mean(shares.values()),
        "interval": [low, high],
        "falsely healthy": false,
        "confusion": [[*pair, k] for pair, k in sorted(pairs.items())],
        "mistakes": mistakes,
    }


def wrongly_healthy(diagnosis, right):
    return diagnosis.name == "healthy" and "healthy" not in right


def interval(shares, times=10_000):
    """95% of the means of as many causes, drawn with replacement."""
    rng = torch.Generator().manual_seed(0)
    values = torch.tensor(shares).double()
    means = values[torch.randint(len(values), (times, len(values)), generator=rng)].mean(1)
    return means.quantile(torch.tensor([0.025, 0.975]).double()).tolist()


def report(exams):
    for name in ("known", "left out", "new"):
        e = exams[name]
        low, high = e["interval"]
        print(f"{name}: {e['share']:.1%} over {len(e['causes'])} causes ({low:.1%} to {high:.1%}),")
        print(f"  {e['right']} of {e['runs']} runs; falsely healthy: {len(e['falsely healthy'])}")
        for line in e["mistakes"]:
            print(f"  {line['cause']}, seed {line['seed']}: {line['right']}, named {line['named']}")
            print(f"    {line['evidence'][0]}")
    for kind, found in exams["samplers"].items():
        n = sum(sum(c.values()) for c in found.values())
        healthy = sum(c["healthy"] for c in found.values())
        print(f"{kind} samplers: {healthy} of {n} called healthy")
        for name, c in found.items():
            print(f"  {name:38}" + ", ".join(f"{k} {d}" for d, k in c.most_common()))


def write(exams, args):
    command = f"python benchmarks/doctor.py --seeds {args.seeds} --new-seeds {args.new_seeds}"
    command += " --kept" if args.kept else ""
    result = {
        "command": f"{command} --draws {args.draws} --perfect {args.perfect}",
        "machine": machine(),
        "runs": sum(exams[name]["runs"] for name in ("known", "new")),
        **exams,
        "before": BEFORE,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n")


BEFORE = {  # the doctor of version 0.2, on seeds 1000 to 1199 of known causes
    "what": "other seeds of the causes that the first doctor was made for, which called junk healthy",
    "right": 190,
    "runs": 200,
}


if __name__ == "__main__":
    main()
