"""Checks that understand wrong answers: check("05.d_step", my_d_step) -> Verdict.

The check of exercise "NN.name" is the function `name` in `ganedu/checks/chNN.py`. It tries the
learner's answer on known, asymmetric inputs and raises `Misconception` when it recognises what went
wrong.
"""

from ganedu.checks.engine import Verdict, check
from ganedu.checks.words import Misconception, catalogue

__all__ = ["Misconception", "Verdict", "catalogue", "check"]
