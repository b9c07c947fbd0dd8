"""The cases of a calibration: each known fault, the way to meet it, and the outcome that an exact detector reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool
from harness.model.shapes import Shape
from harness.traffic.calibration.faults import FAULTS, HANDSHAKES, Ending, Fault

#: Timeout of attempts that must run into it.
SHORT = 0.2
#: Timeout of all other attempts, which even a starved machine keeps.
LONG = 60.0
#: Connection shapes of a case: its attempts use new or reused connections. Connections that waited unused have cases of
#: their own. All other shapes obtain their connections in one of these three ways.
_SHAPES = (Shape.NEW, Shape.REUSED)


class CalibrationError(HarnessError):
    """The calibration failed; the records so far remain."""


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One case of the calibration; its index in ``CASES`` is its route in the ledger.

    Attributes:
        name: Its name.
        fault: The behaviour that is requested from the server.
        expected: The outcome that the detector must report.
        shapes: Its connection shapes.
        port: Name of the server's port; the main one if empty.
        pool: The pool of its client.
        after: Name of the case that comes first on a kept connection.
        served: True if the requests reach the server.
        server_name: The name that the TLS handshake requests and checks.
        trusts: The client trusts the server's certificate.
        unused: The way in which the server ends a connection that waits unused, before the attempt.
    """

    name: str
    fault: Fault
    expected: Outcome
    shapes: tuple[Shape, ...] = _SHAPES
    port: str = ""
    pool: Pool = Pool(size=1)  # noqa: RUF009 - frozen
    after: str = "ok"
    served: bool = True
    server_name: str = ""
    trusts: bool = True
    unused: Ending = Ending.KEEP

    @property
    def waits(self) -> bool:
        """True if its attempts end by their timeout."""
        return self.expected in {Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE}

    @property
    def is_left_waiting(self) -> bool:
        """True if its attempts reach the server and get no answer."""
        return self.expected is Outcome.TIMEOUT_RESPONSE

    @property
    def timeout(self) -> float:
        """Return the timeout of its attempts in seconds; for attempts that get no answer, the shortest possible one."""
        return SHORT if self.waits else LONG

    @property
    def methods(self) -> tuple[Method, ...]:
        """Return the HTTP methods of its attempts."""
        return self.fault.methods


def _cases() -> tuple[FaultCase, ...]:
    good, naive = FAULTS["ok"], Pool(size=1, look=False)
    new, reused, ahead = (Shape.NEW,), (Shape.REUSED,), (Shape.PREOPENED,)
    return (
        *(FaultCase(fault.name, fault, fault.expected) for fault in FAULTS.values()),
        FaultCase("refused", good, Outcome.REFUSED, new, "refused_port", served=False),
        FaultCase("full-backlog", good, Outcome.TIMEOUT_CONNECT, new, "full_port", served=False),
        FaultCase("look-after-fin", good, Outcome.OK, reused, after="idle-fin"),
        FaultCase("look-after-rst", good, Outcome.OK, reused, after="idle-rst"),
        FaultCase("send-after-fin", good, Outcome.CLOSED, reused, pool=naive, after="idle-fin", served=False),
        FaultCase("send-after-rst", good, Outcome.RESET, reused, pool=naive, after="idle-rst", served=False),
        *(
            FaultCase(name, fault, fault.expected, new, "handshake_port", served=False, server_name=name)
            for name, fault in HANDSHAKES.items()
        ),
        FaultCase("tls-untrusted", good, Outcome.TLS, new, "tls_port", served=False, trusts=False),
        FaultCase("tls-other-name", good, Outcome.TLS, new, "tls_port", served=False, server_name="another"),
        FaultCase("unused-ok", good, Outcome.OK, ahead),
        FaultCase("unused-fin-before", FAULTS["fin-before"], Outcome.CLOSED, ahead),
        FaultCase("unused-rst-before", FAULTS["rst-before"], Outcome.RESET, ahead),
        FaultCase("look-after-unused-fin", good, Outcome.OK, ahead, unused=Ending.FIN),
        FaultCase("look-after-unused-rst", good, Outcome.OK, ahead, unused=Ending.RST),
        FaultCase("send-after-unused-fin", good, Outcome.CLOSED, ahead, pool=naive, unused=Ending.FIN, served=False),
        FaultCase("send-after-unused-rst", good, Outcome.RESET, ahead, pool=naive, unused=Ending.RST, served=False),
    )


CASES = _cases()
ROUTES = {case.name: route for route, case in enumerate(CASES)}


def chosen(names: Iterable[str], *, tls: bool) -> tuple[FaultCase, ...]:
    """Return the cases with these names.

    Args:
        names: Empty for all.
        tls: The traffic uses TLS; without it, cases of TLS do not exist.

    Raises:
        CalibrationError: No case has one of the names.
    """
    known = {case.name: case for case in CASES if tls or not (case.fault.only_tls or case.port == "tls_port")}
    wanted = tuple(names) or tuple(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        why = "needs TLS" if unknown[0] in ROUTES else "is not known"
        raise CalibrationError(f"The fault {unknown[0]!r} {why}.", hint=f"There are {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(wanted))
