"""Numbers that took too long for a notebook: each file names the command and the machine that made it."""

import json
from pathlib import Path


def load(name):
    """The contents of `name`.json: {"command": ..., "machine": ..., "rows": [...], ...}."""
    file = Path(__file__).parent / f"{name}.json"
    if not file.exists():
        known = ", ".join(sorted(p.stem for p in file.parent.glob("*.json")))
        raise FileNotFoundError(f"no recorded results called {name!r}; there are: {known}")
    return json.loads(file.read_text(encoding="utf-8"))
