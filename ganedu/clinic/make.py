"""Record the clinic's patients anew: python -m ganedu.clinic.make [folder].

Each patient is a case of `cases.py` with a seed; the order is shuffled, so that a number tells nothing.
The answers are written in base64, which hides nothing from anyone who looks: it only spoils no surprise.
"""

import argparse
import base64
import json
from pathlib import Path

import torch
from tqdm.auto import tqdm

from ganedu.clinic.cases import CASES
from ganedu.clinic.digits import DIGITS, record_digits
from ganedu.doctor import record

LOOKS, SAMPLES = 11, 800
PATIENTS = [  # (case, seed), patient 01 first
    ("uneven_data", 0),
    ("deaf_and_restless", 0),
    ("dropped_in_the_data", 0),
    ("article_loop", 0),
    ("coarse", 0),
    ("turned_data", 0),
    ("few_examples", 0),
    ("momentum", 0),
    ("healthy", 0),
    ("saturated", 0),
    ("dropped_by_waves", 0),
    ("tiny_steps", 0),
    ("collapse_of_waves", 0),
    ("no_room_in_z", 0),
    ("bridges", 0),
]
OF_DIGITS = [("classes_left_out", 0)]  # digits 01 first


def main():
    options = argparse.ArgumentParser(description="record the clinic's patients anew")
    here = Path(__file__).parent
    options.add_argument("folder", nargs="?", type=Path, default=here, help="default: %(default)s")
    folder = options.parse_args().folder
    torch.set_num_threads(1)
    answers = {}
    for number, (name, seed) in enumerate(tqdm(PATIENTS), start=1):
        case = CASES[name]
        answers[f"patient {number:02}"] = encoded(case)
        record_case(case, seed).save(folder / f"patient_{number:02}.npz")
    for number, (name, seed) in enumerate(OF_DIGITS, start=1):
        answers[f"digits {number:02}"] = encoded(DIGITS[name])
        record_digits(name, seed).save(folder / f"digits_{number:02}.npz")
    (folder / "answers.json").write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


def encoded(case):
    """Diagnosis, cause and treatment in base64."""
    answer = [case.diagnosis, case.cause, case.treatment]
    return base64.b64encode(json.dumps(answer).encode()).decode()


def record_case(case, seed):
    """Train the case with the seed -> Run, as all recordings of the clinic are made."""
    recipe = case.recipe(seed)
    watched = {"truth": case.truth, "looks": LOOKS, "n": SAMPLES, "progress": False}
    return record(recipe.trainer(seed), recipe.steps, **watched)


if __name__ == "__main__":
    main()
