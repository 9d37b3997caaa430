"""The treatments of chapter 08's trial: a baseline that collapses, and one change of it at a time.

Two families, the article's: changes of the architecture and changes of the training strategy. All
get the same compute: a treatment whose step costs twice as much takes half as many steps. What
helps is for the trial to say, not for us.
"""

from functools import partial

from ganedu.treatments import plane, stacks


def trial(name):
    """The trial's recipes on "ring", "grid" or "stacked": {treatment: function(seed, steps=None)}."""
    if name == "stacked":
        return {key: partial(stacks.run, t) for key, t in stacks.TREATMENTS.items()}
    return {key: partial(plane.run, t, plane.DATA[name]) for key, t in plane.TREATMENTS.items()}
