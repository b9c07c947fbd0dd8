"""One process writes a list of addresses, and others read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kit.backends import Backends, BackendsReader, backends_file, read_backends, write_backends

ONE = Backends((("127.9.1.1", 5678),))
TWO = Backends((("127.9.1.1", 5678), ("127.9.1.2", 80)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Addresses and a refusal are read as they were written."""
    path = backends_file(tmp_path, "n", "s")
    refused = Backends(refusal="it is headless")
    write_backends(path, TWO)

    assert read_backends(path) == TWO
    write_backends(path, refused)

    assert read_backends(path) == refused


def test_a_reader_sees_each_change_and_reads_no_more_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is only read if it has changed."""
    path = tmp_path / "s.json"
    write_backends(path, ONE)
    reader = BackendsReader(path)
    read = []

    def counted(source: Path) -> Backends:
        read.append(source)
        return read_backends(source)

    monkeypatch.setattr("harness.kit.backends.read_backends", counted)
    before = [reader.now() for _ in range(5)]
    write_backends(path, TWO)
    after = [reader.now() for _ in range(5)]

    assert before == [ONE] * 5
    assert after == [TWO] * 5
    assert len(read) == 2


def test_a_file_that_is_gone_has_no_addresses(tmp_path: Path) -> None:
    """Its Service is deleted. The file may come back."""
    path = tmp_path / "s.json"
    write_backends(path, ONE)
    reader = BackendsReader(path)
    assert reader.now() == ONE
    path.unlink()
    assert reader.now() == Backends()
    write_backends(path, TWO)

    assert reader.now() == TWO


def test_two_services_have_two_files(tmp_path: Path) -> None:
    """Different pairs of namespace and name never share a file."""
    assert backends_file(tmp_path, "a-b", "c") != backends_file(tmp_path, "a", "b-c")
