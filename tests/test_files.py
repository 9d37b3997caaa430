"""Files: whole or not there, and the disk's refusals in words that name the file."""

import os
import stat

import pytest

from ganedu.files import claimed, read_text, replacing, write_text


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_text_is_written_in_one_step_into_a_folder_that_is_not_there_yet(tmp_path):
    file = tmp_path / "a b" / "c" / "notes.txt"
    write_text(file, "γ = 0.1\n")
    write_text(str(file), "γ = 0.2\n")
    assert file.read_bytes() == "γ = 0.2\n".encode() and names(file.parent) == ["notes.txt"]


def test_until_the_end_the_old_file_is_there_whole(tmp_path):
    file = tmp_path / "run"
    write_text(file, "old")
    with replacing(file) as new:
        new.write(b"half")
        new.flush()
        assert file.read_text() == "old" and len(names(tmp_path)) == 2
    assert file.read_text() == "half" and names(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_inside_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write_text(tmp_path / "run", "old")
    with pytest.raises(error), replacing(tmp_path / "run") as new:
        new.write(b"half")
        raise error("stop")
    assert (tmp_path / "run").read_text() == "old" and names(tmp_path) == ["run"]


def test_it_is_on_the_disk_before_it_takes_the_old_ones_place(tmp_path, monkeypatch):
    done = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("synced"))
    monkeypatch.setattr(os, "replace", lambda *a: done.append("moved") or replace(*a))
    write_text(tmp_path / "run", "text")
    assert done == ["synced", "moved"]


def test_a_disk_that_refuses_is_one_sentence_with_the_files_name_and_the_reason(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(OSError, match=r"taken.run could not be written: a file is where"):
        write_text(tmp_path / "taken" / "run", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"folder could not be written: Is a directory"):
        write_text(tmp_path / "folder", "text")
    assert names(tmp_path) == ["folder", "taken"]


def test_others_may_read_it_as_the_users_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "run", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o644


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_text("~/run", "text")
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_text_is_read_in_the_codes_that_windows_writes(tmp_path, code):
    file = tmp_path / "notes.txt"
    bom = "\ufeff" if code == "utf-16-le" else ""
    file.write_bytes(f"{bom}γ = 0.1\r\nδ\n".encode(code))
    assert read_text(file) == "γ = 0.1\nδ\n"
    file.write_bytes("ä".encode("latin-1"))
    with pytest.raises(ValueError, match=r"notes.txt is no text in UTF-8 \(byte 1\)"):
        read_text(file)


def test_a_folder_belongs_to_one_at_a_time_and_nothing_is_left_in_it(tmp_path):
    with claimed(tmp_path / "a" / "run"):
        with pytest.raises(FileExistsError, match=r"another run is writing into .*run now"):
            with claimed(tmp_path / "a" / "run"):
                pass
        with claimed(tmp_path / "a" / "other"):
            pass
    with claimed(tmp_path / "a" / "run"):
        assert names(tmp_path / "a" / "run") == []


def test_a_folder_is_free_again_after_an_error_inside(tmp_path):
    with pytest.raises(KeyError), claimed(tmp_path):
        raise KeyError
    with claimed(tmp_path):
        pass


def test_where_a_file_is_in_the_way_it_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/run"):
        with pytest.raises(OSError, match=f"{place} cannot be a folder: a file is in its place"):
            with claimed(tmp_path / place):
                pass
    with pytest.raises(OSError, match=r"a\.txt could not be written: a file is where its folder"):
        write_text(tmp_path / "file" / "a.txt", "")
