"""Interactive pictures, each with a still picture of itself for where no kernel runs."""

from functools import wraps
from threading import RLock

DRAWING = RLock()


def in_turn(method):
    """The method of a face, run while no other draws: JupyterLab's sliders speak in two threads."""

    @wraps(method)
    def waiting(*args):
        with DRAWING:
            return method(*args)

    return waiting
