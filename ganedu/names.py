"""What to say of a name that nobody knows."""

import difflib


def nearest(name, known):
    """In words: the nearest of the known names, or all of them where none is near."""
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.7)
    return f"; the nearest is {close[0]!r}" if close else f"; there are {', '.join(sorted(known))}"
