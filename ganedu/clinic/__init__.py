"""Recorded runs with hidden diagnoses: look at a patient, say what it has, then ask for the truth.

    run = patient("patient 03")      # rows and samples, no name
    diagnosis, cause, treatment = truth("patient 03")

`cases.py` says how each was made, `make.py` records them anew. The answers lie beside the runs, encoded
so that a look at the folder spoils nothing; they are no secret.
"""

import base64
import json
from pathlib import Path

from ganedu.doctor import Run

FOLDER = Path(__file__).parent


def patients():
    """The names of all patients: ["patient 01", ...]."""
    return sorted(path.stem.replace("_", " ") for path in FOLDER.glob("patient_*.npz"))


def patient(name):
    """The recorded run of a patient -> Run."""
    return Run.load(FOLDER / f"{_known(name).replace(' ', '_')}.npz")


def truth(name):
    """What was done to a patient: (diagnosis, cause, treatment), each as text."""
    answers = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
    return tuple(json.loads(base64.b64decode(answers[_known(name)])))


def _known(name):
    if name not in patients():
        raise ValueError(f"no patient {name!r}: the clinic has {', '.join(patients())}")
    return name
