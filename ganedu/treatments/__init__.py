"""The treatments of chapter 08's trial: a baseline that collapses, and one change of it at a time.

Two families, the article's: changes of the architecture and changes of the training strategy. All
get the same compute: a treatment whose step costs twice as much takes half as many steps. What
helps is for the trial to say, not for us.
"""

from ganedu import data
from ganedu.studies import Trial
from ganedu.treatments import plane, stacks


def trial(name, steps=None):
    """The trial's arms on "ring", "grid" or "stacked": {treatment: Trial}, equal in cost or in steps."""
    room = stacks if name == "stacked" else plane
    p_data = data.stacked_digits if name == "stacked" else plane.MADE[name]
    made = {key: t.for_budget(room.BUDGET, p_data, steps) for key, t in room.TREATMENTS.items()}
    return {key: Trial(recipe, room.judge) for key, recipe in made.items()}
