"""How often is the doctor right about pictures? Three exams, on generators of 8 x 8 digits.

*Known causes*: the cases of `ganedu/clinic/digits.py` with fresh seeds; thresholds were set by hand on seeds
0 and 1 of the same causes, so this says how the doctor does on other seeds of them.
*Left out*: the same fresh runs, but thresholds chosen anew on seeds 0 and 1 of all causes but the one that is
asked. The patterns themselves were thought of with all causes in view.
*Samplers*: `ganedu/clinic/digit_samplers.py`; the wrong ones must never be called healthy, held-out digits
seldom anything else.

The unit is the cause, as in `doctor.py`. Finished runs are kept in `--folder`; the same command goes on from
there.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from statistics import mean

import torch
from common import machine
from doctor import choose, exam, said
from tqdm.auto import tqdm

import ganedu.diagnostics.pictures as limits
from ganedu.clinic.digit_samplers import PERFECT, WRONG, sampled_pictures
from ganedu.clinic.digits import DIGITS, record_digits
from ganedu.diagnostics.pictures import PictureRun
from ganedu.doctor import doctor

TUNED, FRESH = (0, 1), 1000
GRIDS = {  # what a threshold may be
    "FAR": (2, 3, 5, 8, 12),
    "RUNAWAY": (20, 50, 100, 200, 500),
    "STILL": (0.01, 0.02, 0.03, 0.05, 0.1),
    "POOR": (0.3, 0.4, 0.5, 0.6, 0.7),
    "COPIED": (0.6, 0.65, 0.7, 0.8, 0.9),
    "CLOSER": (0.3, 0.4, 0.5, 0.6, 0.8),
    "ONE": (0.1, 0.2, 0.3, 0.4, 0.5),
    "ELSEWHERE": (0.03, 0.05, 0.1, 0.2, 0.3),
    "PERFECT": (0.9, 0.95, 0.97, 0.98, 0.99),
    "MOVING": (0.05, 0.1, 0.2, 0.3, 0.4),
    "MISSING": (0.03, 0.05, 0.1, 0.2, 0.3),
    "FEW": (0.5, 0.6, 0.7, 0.75, 0.8),
    "UNEVEN": (0.02, 0.03, 0.05, 0.08, 0.12),
    "GOOD": (0.6, 0.7, 0.8, 0.85, 0.9),
    "SURE": (0.4, 0.5, 0.6, 0.7, 0.8),
}


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=2, help="fresh ones of each cause")
    options.add_argument("--draws", type=int, default=20, help="of each wrong sampler")
    options.add_argument("--perfect", type=int, default=50, help="of held-out digits")
    options.add_argument("--folder", type=Path, default=Path("doctor-images-runs"))
    options.add_argument("--out", type=Path, help="write the numbers here, as JSON")
    args = options.parse_args()
    torch.set_num_threads(1)
    args.folder.mkdir(parents=True, exist_ok=True)
    tuned = recorded(TUNED, args.folder)
    fresh = recorded(range(FRESH, FRESH + args.seeds), args.folder)
    exams = {
        "known": exam(answers(fresh)),
        "left out": exam(left_out(tuned, fresh)),
        "tuned": exam(answers(tuned)),
        "samplers": {
            "wrong": {name: Counter(named(s, args.draws)) for name, s in tqdm(WRONG.items())},
            "perfect": {name: Counter(named(s, args.perfect)) for name, s in PERFECT.items()},
        },
    }
    report(exams)
    if args.out:
        command = f"python benchmarks/doctor_images.py --seeds {args.seeds} --draws {args.draws}"
        command += f" --perfect {args.perfect}"
        runs = sum(exams[part]["runs"] for part in ("known", "tuned"))
        made = {"command": command, "machine": machine(), "runs": runs}
        made |= {"kinds": kinds(exams["known"]), **exams}
        args.out.write_text(json.dumps(made, indent=1) + "\n")


def recorded(seeds, folder):
    """[(cause, right answers, seed, its signs, or the diagnosis where nothing can be measured)]"""
    rows = []
    for name, seed in tqdm([(name, seed) for seed in seeds for name in DIGITS], unit="run"):
        path = folder / f"{name}-{seed}.npz"
        if not path.exists():
            record_digits(name, seed).save(path)
        run = PictureRun.load(path)
        rows.append(
            (name, (DIGITS[name].diagnosis,), seed, doctor(run) if run.stopped else run.signs())
        )
    return rows


def answers(rows):
    """[(cause, right answers, seed, the doctor's)]"""
    found = said(rows, [row[3] for row in rows], {}, {}, limits)
    return [(*row[:3], diagnosis) for row, diagnosis in zip(rows, found)]


def left_out(tuned, fresh):
    """The answers of doctors whose thresholds were chosen on the tuned runs of all causes but one."""
    signs, known, found = [row[3] for row in tuned], {}, []
    for name in dict.fromkeys(row[0] for row in tuned):
        others = [i for i, row in enumerate(tuned) if row[0] != name]
        chosen = choose(tuned, signs, others, known, grids=GRIDS, home=limits)
        asked = [row for row in fresh if row[0] == name]
        named = said(asked, [row[3] for row in asked], chosen, {}, limits)
        found += [(*row[:3], diagnosis) for row, diagnosis in zip(asked, named)]
    return found


def named(sampler, draws):
    seeds = range(FRESH, FRESH + draws)  # the first ones were looked at when thresholds were set
    return [doctor(sampled_pictures(sampler, seed)).name for seed in seeds]


def kinds(known):
    """{diagnosis: share of right answers, mean over its causes}"""
    causes = {}
    for name, share in known["causes"].items():
        causes.setdefault(DIGITS[name].diagnosis, []).append(share)
    return {name: mean(shares) for name, shares in causes.items()}


def report(exams):
    for name in ("known", "left out", "tuned"):
        e = exams[name]
        low, high = e["interval"]
        print(f"{name}: {e['share']:.1%} over {len(e['causes'])} causes ({low:.1%} to {high:.1%}),")
        print(f"  {e['right']} of {e['runs']} runs; falsely healthy: {len(e['falsely healthy'])}")
        for line in e["mistakes"]:
            print(f"  {line['cause']}, seed {line['seed']}: {line['right']}, named {line['named']}")
            print(f"    {line['evidence'][0]}")
    print("by kind:", kinds(exams["known"]))
    for kind, found in exams["samplers"].items():
        for name, c in found.items():
            print(f"{kind}: {name:20}" + ", ".join(f"{k} {d}" for d, k in c.most_common()))


if __name__ == "__main__":
    main()
