"""Free processor time: of the processors that may be used, within the limits of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kit.processor import ProcessorMeter


class Machine:
    """The files of the kernel, in a folder, and a clock."""

    def __init__(self, root: Path, *, processors: int = 4) -> None:
        self.root = root
        self.now = 0.0
        self.idle = [0.0] * processors
        self.used = 0.0
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/cgroup").write_text("0::/\n")
        self._write()

    def group(self, path: str, limit: str) -> None:
        """Put the process into a control group of version 2."""
        (self.root / "proc/self/cgroup").write_text(f"0::/{path}\n")
        folder = self.root / "sys/fs/cgroup" / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(f"{limit}\n")
        self._write()

    def group_v1(self, path: str, quota: int) -> None:
        """Put the process into a control group of version 1."""
        (self.root / "proc/self/cgroup").write_text(f"3:cpuset:/other\n2:cpu,cpuacct:/{path}\n0::/\n")
        folder = self.root / "sys/fs/cgroup/cpu" / path
        folder.mkdir(parents=True)
        (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
        (self.root / "sys/fs/cgroup/cpuacct" / path).mkdir(parents=True)
        self._write()

    def passes(self, seconds: float, idle: tuple[float, ...], used: float = 0.0) -> None:
        """Let time pass: the idle part of each processor, and what the group has used."""
        self.now += seconds
        self.idle = [before + seconds * part for before, part in zip(self.idle, idle, strict=True)]
        self.used += used
        self._write()

    def meter(self, *processors: int) -> ProcessorMeter:
        """A meter for a process that may use these."""
        return ProcessorMeter(self.root, processors=frozenset(processors), now=lambda: self.now, ticks=100)

    def _write(self) -> None:
        lines = [f"cpu{n} 1 2 3 {round(idle * 100)} 0 0 0 0 0 0" for n, idle in enumerate(self.idle)]
        (self.root / "proc/stat").write_text("\n".join(["cpu 9 9 9 9 9 9 9 9 9 9", *lines, "ctxt 1"]) + "\n")
        for file in self.root.glob("sys/fs/cgroup/**/cpu.max"):
            file.with_name("cpu.stat").write_text(f"usage_usec {round(self.used * 1e6)}\nuser_usec 0\n")
        for file in self.root.glob("sys/fs/cgroup/cpu/**/cpu.cfs_quota_us"):
            folder = self.root / "sys/fs/cgroup/cpuacct" / file.parent.relative_to(self.root / "sys/fs/cgroup/cpu")
            (folder / "cpuacct.usage").write_text(f"{round(self.used * 1e9)}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with four processors."""
    return Machine(tmp_path)


def test_idle_time_of_all_usable_processors_is_free(machine: Machine) -> None:
    """Those that the process may not use do not count, however idle they are."""
    meter = machine.meter(0, 1)
    before = meter.sample()
    machine.passes(2.0, idle=(1.0, 0.25, 1.0, 1.0))

    assert meter.processors == 2
    assert meter.free_since(before) == pytest.approx(1.25)


def test_a_busy_machine_has_nothing_free(machine: Machine) -> None:
    """Time that others use is not free, although it is not ours."""
    meter = machine.meter(0, 1, 2, 3)
    before = meter.sample()
    machine.passes(1.0, idle=(0.0, 0.0, 0.0, 0.0))

    assert meter.free_since(before) == 0


def test_only_the_time_since_the_sample_counts(machine: Machine) -> None:
    """An idle hour before it does not."""
    meter = machine.meter(0)
    machine.passes(3600, idle=(1.0, 0, 0, 0))
    before = meter.sample()
    machine.passes(1.0, idle=(0.1, 0, 0, 0))

    assert meter.free_since(before) == pytest.approx(0.1)


def test_no_time_is_no_free_time(machine: Machine) -> None:
    """Between two samples at the same time no time has passed, so none was free."""
    meter = machine.meter(0)

    assert meter.free_since(meter.sample()) == 0


@pytest.mark.parametrize("version", [1, 2])
def test_a_control_group_limits_what_is_free(machine: Machine, version: int) -> None:
    """On an idle host a container has what its limit leaves: 1.5 processors, of which it uses 1.2."""
    if version == 2:
        machine.group("box/inner", "150000 100000")
    else:
        machine.group_v1("box/inner", 150000)
    meter = machine.meter(0, 1, 2, 3)
    before = meter.sample()
    machine.passes(2.0, idle=(1.0, 1.0, 1.0, 0.0), used=2.4)

    assert meter.processors == 1.5
    assert meter.free_since(before) == pytest.approx(0.3)


def test_the_tightest_group_decides(machine: Machine) -> None:
    """The limit of a group around the process's own counts, too."""
    machine.group("box", "50000 100000")
    machine.group("box/inner", "200000 100000")

    assert machine.meter(0, 1, 2, 3).processors == 0.5


@pytest.mark.parametrize("limit", ["max 100000", "nonsense"])
def test_a_group_without_a_limit_limits_nothing(machine: Machine, limit: str) -> None:
    """Neither does one that can't be read."""
    machine.group("box", limit)

    assert machine.meter(0, 1).processors == 2


def test_this_machine_can_be_measured() -> None:
    """The kernel's own files have the form that is expected."""
    meter = ProcessorMeter()

    assert meter.processors > 0
    assert 0 <= meter.free_since(meter.sample()) <= meter.processors
