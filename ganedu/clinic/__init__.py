"""Recorded runs with hidden diagnoses: look at a patient, say what it has, then ask for the truth.

    run = patient("patient 03")      # rows and samples, no name
    diagnosis, cause, treatment = truth("patient 03")

`cases.py` says how each was made, `make.py` records them anew; `digits.py` does so for a second clinic, of
generators of digits: "digits 01". The answers lie beside the runs, encoded so that a look at the folder
spoils nothing; they are no secret.
"""

import base64
import json
from pathlib import Path

from ganedu.diagnostics.pictures import PictureRun
from ganedu.doctor import Run

FOLDER = Path(__file__).parent


def patients():
    """The names of all patients: ["patient 01", ...]."""
    return _names("patient_*.npz")


def digit_patients():
    """The names of the second clinic's: ["digits 01", ...]."""
    return _names("digits_*.npz")


def patient(name):
    """The recorded run of a patient -> Run, or PictureRun in the second clinic."""
    kind = PictureRun if name in digit_patients() else Run
    return kind.load(FOLDER / f"{_known(name).replace(' ', '_')}.npz")


def _names(pattern):
    return sorted(path.stem.replace("_", " ") for path in FOLDER.glob(pattern))


def truth(name):
    """What was done to a patient: (diagnosis, cause, treatment), each as text."""
    answers = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
    return tuple(json.loads(base64.b64decode(answers[_known(name)])))


def _known(name):
    if name not in patients() + digit_patients():
        raise ValueError(f"no patient {name!r}: the clinic has {', '.join(patients())}")
    return name
