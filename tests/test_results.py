"""Recorded results: each says where it comes from, and a wrong name says what there is."""

from pathlib import Path

import pytest

from ganedu import results

FILES = sorted(p.stem for p in Path(results.__file__).parent.glob("*.json"))


@pytest.mark.parametrize("name", FILES)
def test_each_file_names_the_command_and_the_machine_that_made_it(name):
    made = results.load(name)
    assert made["command"] and made["machine"] and (made.get("rows") or made.get("runs"))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match="no recorded results called 'nothing'"):
        results.load("nothing")
