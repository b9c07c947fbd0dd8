"""What a calibration consists of: each known fault, how it is met, and what an exact detector reports of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool
from harness.model.shapes import Shape
from harness.traffic.calibration.faults import FAULTS, HANDSHAKES, Ending, Fault

#: Time of attempts that are meant to run into it; short, since nothing else is waited for.
SHORT = 0.2
#: Time of all other attempts: long enough that a starved machine does not make a timeout of them.
LONG = 15.0
#: The shapes that each fault is met with. A connection that waited unused has cases of its own; all other shapes obtain
#: their connections in one of these three ways.
_SHAPES = (Shape.NEW, Shape.REUSED)


class CalibrationError(HarnessError):
    """The calibration could not be carried out; what it has recorded so far stays."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the calibration; its place in ``CASES`` is its route in the ledger.

    Attributes:
        name: What it is called.
        fault: What is asked of the server.
        expected: What the detector must report.
        shapes: The connection shapes it is tried with.
        port: Which of the server's ports it goes to; the main one where empty.
        pool: The pool of its client.
        after: Name of the case that comes first on the same connection, for what happens to an idle one.
        served: Whether the server gets the requests at all.
        server_name: The name that the handshake asks for and checks, where TLS is spoken.
        trusts: The client trusts the server's certificate.
        unused: The end that the server makes of a connection that waits unused, before the attempt.
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
        """Its attempts end by their timeout."""
        return self.expected in {Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE}

    @property
    def is_left_waiting(self) -> bool:
        """Its attempts get through to the server, and wait for an answer in vain."""
        return self.expected is Outcome.TIMEOUT_RESPONSE

    @property
    def timeout(self) -> float:
        """Seconds that its attempts have; of one that is left waiting, the least."""
        return SHORT if self.waits else LONG

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods it is tried with."""
        return self.fault.methods


def _cases() -> tuple[Case, ...]:
    good, naive = FAULTS["ok"], Pool(size=1, look=False)
    new, reused, ahead = (Shape.NEW,), (Shape.REUSED,), (Shape.PREOPENED,)
    return (
        *(Case(fault.name, fault, fault.expected) for fault in FAULTS.values()),
        Case("refused", good, Outcome.REFUSED, new, "refused_port", served=False),
        Case("full-backlog", good, Outcome.TIMEOUT_CONNECT, new, "full_port", served=False),
        Case("look-after-fin", good, Outcome.OK, reused, after="idle-fin"),
        Case("look-after-rst", good, Outcome.OK, reused, after="idle-rst"),
        Case("send-after-fin", good, Outcome.CLOSED, reused, pool=naive, after="idle-fin", served=False),
        Case("send-after-rst", good, Outcome.RESET, reused, pool=naive, after="idle-rst", served=False),
        *(
            Case(name, fault, fault.expected, new, "handshake_port", served=False, server_name=name)
            for name, fault in HANDSHAKES.items()
        ),
        Case("tls-untrusted", good, Outcome.TLS, new, "tls_port", served=False, trusts=False),
        Case("tls-other-name", good, Outcome.TLS, new, "tls_port", served=False, server_name="another"),
        Case("unused-ok", good, Outcome.OK, ahead),
        Case("unused-fin-before", FAULTS["fin-before"], Outcome.CLOSED, ahead),
        Case("unused-rst-before", FAULTS["rst-before"], Outcome.RESET, ahead),
        Case("look-after-unused-fin", good, Outcome.OK, ahead, unused=Ending.FIN),
        Case("look-after-unused-rst", good, Outcome.OK, ahead, unused=Ending.RST),
        Case("send-after-unused-fin", good, Outcome.CLOSED, ahead, pool=naive, unused=Ending.FIN, served=False),
        Case("send-after-unused-rst", good, Outcome.RESET, ahead, pool=naive, unused=Ending.RST, served=False),
    )


CASES = _cases()
ROUTES = {case.name: route for route, case in enumerate(CASES)}


def chosen(names: Iterable[str], *, tls: bool) -> tuple[Case, ...]:
    """The cases of these names.

    Args:
        names: Empty for all.
        tls: Whether TLS is spoken; without it, cases that are about it are left out of all, and can't be named.

    Raises:
        CalibrationError: There is no case of a name.
    """
    known = {case.name: case for case in CASES if tls or not (case.fault.only_tls or case.port == "tls_port")}
    wanted = tuple(names) or tuple(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        why = "needs TLS" if unknown[0] in ROUTES else "is not known"
        raise CalibrationError(f"The fault {unknown[0]!r} {why}.", hint=f"There are {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(wanted))
