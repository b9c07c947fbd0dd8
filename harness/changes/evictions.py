"""Evicts pods as ``kubectl drain`` does: all at once, and again those that a PodDisruptionBudget still protects."""

from __future__ import annotations

from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import uid
from harness.errors import HarnessError, WaitTimeoutError
from harness.kit.waiting import at_most_every, wait_until
from harness.kube.api import Objects
from harness.kube.errors import EvictionRefusedError, NotFoundError

#: Seconds until a refused eviction is requested again. kubectl waits 5 s; controllers of nodes are faster.
AGAIN_SECONDS = 1.0


class Evictions:
    """The evictions of some pods.

    Args:
        context: Context of the change.
        pods: The pods.

    Attributes:
        evicted: Names of the pods whose eviction was accepted, in this order.
        begun: Time just before the first accepted request; 0 if none was accepted yet.
    """

    def __init__(self, context: ChangeContext, pods: Objects) -> None:
        self._context = context
        self._left = {uid(pod): str(pod["metadata"]["name"]) for pod in pods}
        self._refused: dict[str, str] = {}
        self._request_left = at_most_every(AGAIN_SECONDS, self._evict_left)
        self.evicted: tuple[str, ...] = ()
        self.begun = 0

    def first(self, within: float) -> None:
        """Request the evictions until at least one was accepted.

        Raises:
            HarnessError: The budgets have allowed none within that many seconds.
        """

        def accepted() -> bool:
            self._context.check()
            self.request()
            return bool(self.evicted)

        try:
            wait_until(accepted, timeout=within, what="an eviction", interval=AGAIN_SECONDS / 10)
        except WaitTimeoutError as error:
            message = f"No pod could be evicted within {within:g} s: {'; '.join(self.missing())}."
            hint = "a PodDisruptionBudget that allows no eviction blocks every drain of a node as well"
            raise HarnessError(message, hint=hint) from error

    def request(self) -> None:
        """Request the evictions that are not accepted yet, at most once a second."""
        self._request_left()

    def missing(self) -> Missing:
        """Return the evictions that are not accepted yet, with the reason of each."""
        return tuple(
            f"the eviction of pod {name} ({self._refused.get(number, 'not requested yet')})"
            for number, name in self._left.items()
        )

    def _evict_left(self) -> None:
        for number, name in list(self._left.items()):
            self._evict(number, name)

    def _evict(self, number: str, name: str) -> None:
        begun = self._context.clock.now()
        try:
            self._context.kube.evict(name, self._context.namespace)
        except EvictionRefusedError as error:
            self._refused[number] = error.answer
            return
        except NotFoundError:
            del self._left[number]  # It ended without this eviction.
            return
        self.begun = self.begun or begun
        self.evicted = (*self.evicted, self._left.pop(number))
