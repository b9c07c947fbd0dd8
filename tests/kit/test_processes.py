"""Programs run to their end, and children end with all their descendants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.errors import CommandError, HarnessError, MissingToolError, WaitTimeoutError
from harness.kit import guardian
from harness.kit.daemon import Daemon
from harness.kit.leftovers import left_over_processes
from harness.kit.processes import ManagedProcess, run
from harness.kit.waiting import wait_until

pytestmark = pytest.mark.processes

DAEMON = """
import os, signal, sys, time
if os.fork():
    time.sleep(60)
os.setsid()
if os.fork():
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""

STUBBORN = """
import signal, time
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""

HOLDER = """
import pathlib, sys, time
from harness.kit.processes import ManagedProcess
child = ManagedProcess.start([sys.executable, "-c", sys.argv[1], sys.argv[2]], name="x", log=pathlib.Path(sys.argv[3]))
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Return True if the process has ended. An unreaped zombie counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_in(path: Path) -> int:
    """Wait until a script has written its process id into a file. Return it."""
    return wait_until(lambda: path.exists() and int(path.read_text()), timeout=60, what=f"a pid in {path.name}")


def start(script: str, tmp_path: Path, *args: str, **more: bool) -> ManagedProcess:
    """Start a Python script as a managed process."""
    argv = [sys.executable, "-S", "-c", script, *args]
    return ManagedProcess.start(argv, name="script", log=tmp_path / "log", stdin_pipe=more.get("stdin_pipe", False))


def test_run_gives_both_streams() -> None:
    """Output and error output are separate."""
    done = run(["sh", "-c", "echo out; echo err >&2"], timeout=60)

    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_failed_command_can_be_pasted() -> None:
    """The error has the exit code, the end of the output and the command line."""
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo 'no such pod'; exit 3"], timeout=60)

    assert "ended with code 3" in str(caught.value)
    assert "$ sh -c 'echo '\"'\"'no such pod'\"'\"'; exit 3'" in str(caught.value)
    assert "| no such pod" in str(caught.value)


def test_command_that_takes_too_long_is_killed() -> None:
    """A timeout is a CommandError with the output so far."""
    with pytest.raises(CommandError, match="did not end within"):
        run(["sh", "-c", "echo begun; exec sleep 60"], timeout=0.1)


def test_missing_program_is_named(tmp_path: Path) -> None:
    """Neither way to run a program raises another exception."""
    with pytest.raises(MissingToolError, match="no-such-program"):
        run(["no-such-program"], timeout=1)
    with pytest.raises(MissingToolError, match="no-such-program"):
        ManagedProcess.start(["no-such-program"], name="x", log=tmp_path / "log")


def test_program_that_may_not_be_run_is_an_error(tmp_path: Path) -> None:
    """The error says that the file is not executable."""
    with pytest.raises(CommandError, match="Permission denied"):
        ManagedProcess.start(["/etc/passwd"], name="x", log=tmp_path / "log")


@pytest.mark.parametrize(("script", "code"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_the_childs_own_code_is_reported(tmp_path: Path, script: str, code: int) -> None:
    """The guardian ends with its child's code or signal."""
    with start(script, tmp_path) as child:
        assert child.wait(60) == code
        assert child.returncode == code


def test_lines_reach_the_child_and_output_its_log(tmp_path: Path) -> None:
    """A written line is read, and both streams go to the log."""
    with start("import sys; print(input()); print('e', file=sys.stderr)", tmp_path, stdin_pipe=True) as child:
        child.write_line("hello")
        assert child.wait(60) == 0
        assert set(child.tail().split()) == {"hello", "e"}
        with pytest.raises(HarnessError, match="no longer accepts input"):
            child.write_line("too late")


def test_end_of_our_side_ends_the_childs_input(tmp_path: Path) -> None:
    """The guardian holds no copy of the child's input: after the child closes it, writing fails."""
    script = "import os, time; os.close(0); open(os.sys.argv[1], 'w').write('1'); time.sleep(60)"
    with start(script, tmp_path, str(tmp_path / "closed"), stdin_pipe=True) as child:
        pid_in(tmp_path / "closed")
        with pytest.raises(HarnessError, match="no longer accepts input"):
            child.write_line("nobody reads")


def test_polite_child_ends_by_sigterm(tmp_path: Path) -> None:
    """SIGTERM comes first, and the child's clean-up is awaited."""
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(5)); print('up', flush=True); signal.pause()"
    with start(script, tmp_path) as child:
        wait_until(lambda: "up" in child.tail(), timeout=60, what="the handler")
        assert child.stop() == 5


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGINT and SIGTERM gets SIGKILL."""
    with start(STUBBORN, tmp_path) as child:
        wait_until(lambda: "deaf" in child.tail(), timeout=60, what="the handlers")
        assert child.stop(interrupt_after=0.05, terminate_after=0.05) == -signal.SIGKILL
        assert gone(child.pid)


def test_still_running_is_a_timeout(tmp_path: Path) -> None:
    """The error names the child."""
    with start("import time; time.sleep(60)", tmp_path) as child, pytest.raises(WaitTimeoutError, match="script still"):
        child.wait(0.01)


def test_daemonised_grandchild_goes_with_its_child(tmp_path: Path) -> None:
    """A process that forked twice, has its own session and ignores signals ends with the context."""
    with start(DAEMON, tmp_path, str(tmp_path / "pid")):
        daemon = pid_in(tmp_path / "pid")
        assert not gone(daemon)

    assert gone(daemon)


def test_daemonised_grandchild_goes_when_the_child_ends_by_itself(tmp_path: Path) -> None:
    """The end of the child ends its descendants."""
    with start(DAEMON, tmp_path, str(tmp_path / "pid")) as child:
        daemon = pid_in(tmp_path / "pid")
        child.signal(signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        assert gone(daemon)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killing_the_holder_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """If the process that holds the child gets SIGKILL, the whole tree ends."""
    argv = [sys.executable, "-c", HOLDER, DAEMON, str(tmp_path / "pid"), str(tmp_path / "log")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        daemon = pid_in(tmp_path / "pid")
        holder.send_signal(number)
        holder.wait()
    wait_until(lambda: gone(child) and gone(daemon), timeout=60, what="the tree to end")


def test_killing_the_guardian_takes_the_child_along(tmp_path: Path) -> None:
    """As second safeguard, the kernel kills a child whose guardian is killed."""
    child = start(STUBBORN, tmp_path)
    os.kill(psutil.Process(child.pid).ppid(), signal.SIGKILL)
    child.stop()
    wait_until(lambda: gone(child.pid), timeout=60, what="the child to end")


def test_left_over_process_is_found_by_its_mark(tmp_path: Path) -> None:
    """A process without its guardian is listed, and one under its guardian is not."""
    child = start(DAEMON, tmp_path, str(tmp_path / "pid"))
    daemon = pid_in(tmp_path / "pid")
    try:
        assert daemon not in {left.pid for left in left_over_processes()}
        os.kill(psutil.Process(child.pid).ppid(), signal.SIGKILL)
        child.stop()
        assert daemon in {left.pid for left in left_over_processes()}
    finally:
        os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: gone(daemon), timeout=60, what="the daemon to end")


def test_guardian_holds_no_descriptor_of_the_child(tmp_path: Path) -> None:
    """The guardian does not keep the child's listener open. Otherwise a dead server would seem to listen."""
    reader, writer = os.pipe()
    argv = [sys.executable, "-S", "-c", f"import os; os.write({writer}, b'x'); os.close({writer}); input()"]
    with ManagedProcess.start(argv, name="x", log=tmp_path / "log", stdin_pipe=True, pass_fds=(writer,)):
        os.close(writer)
        with open(reader, "rb") as pipe:  # noqa: PTH123 - a descriptor
            assert pipe.read() == b"x"


def test_daemon_outlives_its_starter_and_stops_as_a_whole(tmp_path: Path) -> None:
    """A daemon keeps running when its starter ends, and ``stop`` ends all its descendants."""
    script = (
        "import pathlib, sys; from harness.kit.daemon import Daemon;"
        "d = Daemon.start([sys.executable, '-c', *sys.argv[1:3]], log=pathlib.Path(sys.argv[3]));"
        "print(d.pid, d.started)"
    )
    done = run([sys.executable, "-c", script, DAEMON, str(tmp_path / "pid"), str(tmp_path / "log")], timeout=60)
    daemon = Daemon(*map(int, done.stdout.split()))
    grandchild = pid_in(tmp_path / "pid")
    try:
        assert daemon.alive()
    finally:
        daemon.stop()

    assert not daemon.alive()
    assert gone(grandchild)


def test_a_signal_reaches_only_the_process_that_began_at_this_time() -> None:
    """A new process with the same number ends by itself; the right one is killed, and then there is none."""
    argv = [sys.executable, "-S", "-c", "input()"]
    with (
        subprocess.Popen(argv, stdin=subprocess.PIPE) as stranger,
        subprocess.Popen(argv, stdin=subprocess.PIPE) as meant,
    ):
        began = guardian.start_ticks(meant.pid)
        sent = [
            guardian.send(stranger.pid, guardian.start_ticks(stranger.pid) - 1, signal.SIGKILL),
            guardian.send(meant.pid, began, signal.SIGKILL),
        ]
        stranger.communicate(b"\n")
        meant.wait()

    assert sent == [False, True]
    assert (stranger.returncode, meant.returncode) == (0, -signal.SIGKILL)
    assert not guardian.send(meant.pid, began, signal.SIGKILL)


def test_number_given_to_another_process_is_not_the_daemon() -> None:
    """A reused process id is recognised by its start, and that process is never killed."""
    stranger = Daemon(os.getpid(), 1)

    assert not stranger.alive()
    stranger.stop()
