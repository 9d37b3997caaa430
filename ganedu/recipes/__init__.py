"""Recipes that ship: what `ganedu recipes` lists and `ganedu train NAME` trains."""

from importlib.resources import files


def shipped():
    """{name: text} of all shipped recipes; a text's first line says what it is."""
    found = sorted(files(__name__).iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in found
        if file.name.endswith(".toml")
    }


def about(text):
    """The comment at the top of a recipe, as one line."""
    lines = [line[1:].strip() for line in text.split("\n\n")[0].splitlines() if line[:1] == "#"]
    return " ".join(lines)
