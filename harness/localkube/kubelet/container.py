"""Run one container of a pod: start it, probe it, restart it when it ends, stop it with its pod."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from harness.localkube.commands import POD_IP
from harness.localkube.ingress.certificates import certificate_file
from harness.localkube.kubelet.back_off import BackOff
from harness.localkube.kubelet.environment import ConfigError, arguments, environment, without_own_sources
from harness.localkube.kubelet.handlers import HandlerFailedError, RunningContainer
from harness.localkube.kubelet.images import Image
from harness.localkube.kubelet.listeners import Listener
from harness.localkube.kubelet.local_command import ListenerWatch, own_environment
from harness.localkube.kubelet.models import StandInModel, orders, ports_of
from harness.localkube.kubelet.network import PodNetwork
from harness.localkube.kubelet.node import Node
from harness.localkube.kubelet.probes import ProbeKind, Prober
from harness.localkube.kubelet.relist_times import RelistTimes
from harness.localkube.kubelet.runtime import Inside, Process, RuntimeFailedError
from harness.localkube.kubelet.sources import read_sources
from harness.localkube.kubelet.status import ContainerState
from harness.localkube.kubelet.termination import Turn
from harness.localkube.kubelet.volumes import PodVolumes
from harness.localkube.machinery.objects import Object, timestamp
from harness.localkube.profiles import Delay

#: Seconds between two looks at the listeners of a local command.
_LISTENERS_SECONDS = 0.2


class SharedAddressError(ConfigError):
    """A local command listens at an address that other pods share."""


class ContainerWorker:
    """Runs a container of a pod.

    Args:
        node: State that all pods share.
        pod: Its pod.
        spec: Its entry in the pod's spec.
        image: Its image.
        model: The model of the stand-in that runs in place of its image, or None.
        network: The pod's network.
        relists: Times at which the kubelet relists the pod.
        anchor: Time on the loop's clock from which the ticks of its probes are counted.
        changed: Called after each change of ``state``.
        restarts: The restart policy; that of the pod, or of an init container.
        follows: True if it starts after an init container, so that the pod is relisted already.
        volumes: The pod's volumes; None if no local command mounts one.

    Attributes:
        state: The container's part of the pod's status.
        ended: Set once its process has ended and will not be restarted.
        up: Set once it has started: its postStart hook and its startup probe have succeeded.
    """

    def __init__(
        self,
        node: Node,
        pod: Object,
        spec: Object,
        *,
        image: Image,
        model: StandInModel | None,
        network: PodNetwork,
        relists: RelistTimes,
        anchor: float,
        changed: Callable[[], None],
        restarts: str,
        follows: bool,
        volumes: PodVolumes | None = None,
    ) -> None:
        self._policy = restarts
        self._follows = follows
        self._volumes = volumes
        self.state = ContainerState(spec["name"], spec["image"])
        self._node = node
        self._pod = pod
        self._spec = spec
        self._image = image
        self._model = model
        self._network = network
        self._relists = relists
        self._anchor = anchor
        self._changed = changed
        self._target: RunningContainer | None = None
        self.ended = asyncio.Event()
        self.up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended_at = 0.0
        self._end: Object = {}
        self._unhealthy = False
        self._shared = ""
        self._reported: set[str] = set()
        self._probing: dict[ProbeKind | str, asyncio.Task[None]] = {}
        self._readiness: Prober | None = None

    @property
    def running(self) -> RunningContainer | None:
        """Return the running container; None while none runs."""
        return self._target if self._target is not None and self._target.process.alive else None

    async def run(self) -> None:
        """Run the container and restart it as the pod's restart policy says; return after its last end."""
        try:
            await self._run_repeatedly()
        finally:
            self.ended.set()

    async def _run_repeatedly(self) -> None:
        loop = asyncio.get_running_loop()
        pause = BackOff(self._node.profile.crash_backoff, self._node.profile.longest_backoff)
        ended_before: float | None = None
        while True:
            try:
                code = await self._run_once()
            except ConfigError as error:
                # It was not created, so this is no restart: the kubelet tries again at the next sync of the pod.
                self._record_event("Failed", f"Error: {error}", kind="Warning")
                self._set(state={"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}})
                if isinstance(error, SharedAddressError):
                    await self._stopping.wait()
                    return
                if await self._stopped_within(self._node.profile.resync):
                    return
                continue
            if self._stopping.is_set() or not self._restarts(code):
                return
            known = ended_before if self._unhealthy else self._ended_at
            if pause.left(known, self._ended_at):
                known = self._ended_at
                stopped = await self._back_off(pause.seconds)
            else:
                stopped = await self._stopped_within(self._node.profile.restart)
            if stopped:
                self._set(state=self._end)
                return
            pause.count(known, loop.time())
            ended_before = self._ended_at
            self.state.last_state = self._end
            self.state.restarts += 1

    async def stop(self, grace: int, turn: Turn | None = None) -> None:
        """Stop the container without a restart; return once none of its processes runs.

        Readiness is probed to the end, as in the kubelet.

        Args:
            grace: Grace period in seconds.
            turn: Waits until a sidecar may get SIGTERM; None for any other container.
        """
        self._stopping.set()
        for kind in (ProbeKind.STARTUP, ProbeKind.LIVENESS):
            if kind in self._probing:
                self._probing[kind].cancel()
        target = self._target
        if target is not None and target.process.alive:
            self._record_event("Killing", f"Stopping container {self.state.name}")
            await self._stop(target, grace, turn)

    def kill(self) -> None:
        """Kill the container's process and its descendants at once."""
        self._stopping.set()
        if self._target is not None:
            self._node.runtime.kill(self._target.process)

    async def _run_once(self) -> int:
        """Run it to its end and return its exit code.

        Raises:
            ConfigError: It cannot be created from its spec.
        """
        self._unhealthy = False
        try:
            target = self._target = await self._start()
        except RuntimeFailedError as error:
            self._record_event("Failed", f"Error: {error}", kind="Warning")
            self._end = {"waiting": {"reason": "RunContainerError", "message": str(error)}}
            self._set(state=self._end)
            self._ended_at = asyncio.get_running_loop().time()
            return 128
        if self._stopping.is_set():
            self.kill()
        started, started_at = asyncio.get_running_loop().time(), timestamp()
        try:
            if target.folder:
                self._listeners = ListenerWatch(target.process.pid, target.address)
                self._probing["listeners"] = asyncio.create_task(
                    self._watch_listeners(target), name=f"listeners of {self.state.name}"
                )
            if await self._after_start(target):
                await self._become_running(target, started, started_at)
            code, finished_at = await target.process.wait(), timestamp()
            self._ended_at = asyncio.get_running_loop().time()
            if self._shared:
                raise SharedAddressError(self._shared)
            self._end = {"terminated": _terminated(target.process, code, started_at, finished_at)}
            if self._unhealthy and not self._stopping.is_set() and self._restarts(code):
                # The kubelet kills and starts it in one step: nobody sees that it ended, and the pod stays ready.
                return code
            # The container counts as running until a relist finds its end.
            await self._stopped_before(self._relists.next(self._ended_at))
            if self._stopping.is_set():
                self.ended.set()
                # The kubelet stops a pod as a whole. Until then, the pod counts as serving and its probes continue;
                # they find that a container has ended.
                await self._network.removed.wait()
                await asyncio.sleep(self._node.profile.stopped.sample(self._node.rng))
        finally:
            for task in self._probing.values():
                task.cancel()
            self._probing.clear()
        self._set(state=self._end)
        return code

    def _restarts(self, code: int) -> bool:
        return self._policy == "Always" or (self._policy == "OnFailure" and (code != 0 or self._unhealthy))

    async def _start(self) -> RunningContainer:
        """Start the container's process.

        Raises:
            ConfigError: Its spec needs a value that is not available.
            RuntimeFailedError: The program does not exist, or the runtime failed.
        """
        env = await self._environment()
        app, args, folder = self._program(env)
        inside = self._files(folder, env)
        self._record_event("Pulled", f'Container image "{self.state.image}" already present on machine')
        self._record_event("Created", f"Created container: {self.state.name}")
        process = await self._node.runtime.start(
            app=app, args=args, env=env, address=self._network.address, log=self._log_file(), inside=inside
        )
        self._record_event("Started", f"Started container {self.state.name}")
        self.state.container_id = f"processes://{process.pid}"
        return RunningContainer(
            process, self._spec, self._network.address, env, self._image.shell, set(), self._model,
            folder, self._writable(inside),
        )  # fmt: skip

    async def _environment(self) -> dict[str, str]:
        """Return its environment. A stand-in reads no variables, but the objects that these come from must exist.

        Raises:
            ConfigError: A source does not exist, or is not supported.
        """
        sources = await read_sources(self._node.client, self._pod["metadata"]["namespace"], self._spec)
        image, address = self._image, self._network.address
        if self._model is not None and self._model.command:
            own = own_environment(address, tuple(ports_of(self._model, self._spec)))
            return environment(self._pod, self._spec, replace(image, env=own), address, sources)
        spec = self._spec if self._model is None else without_own_sources(self._spec)
        return environment(self._pod, spec, image, address, sources)

    def _program(self, env: dict[str, str]) -> tuple[str, list[str], str]:
        """Return the application, its arguments, and the folder in which it begins.

        The application is empty for a local command, and for another program of an image with a shell.

        Raises:
            ConfigError: The settings of the cluster do not have the local command, or one of its variables is not set.
        """
        args = arguments(self._spec.get("args"), env)
        if self._model is not None and self._model.command:
            found = self._node.settings.commands.get(self._model.command)
            if found is None:
                raise ConfigError(
                    f"the Experiment has no command {self._model.command}; only its commands can run in pods"
                )
            try:
                return "", found.line(args, env), found.folder
            except ValueError as error:
                raise ConfigError(str(error)) from None
        if self._model is not None:
            return self._image.app, [self._orders(self._model)], ""
        command = arguments(self._spec.get("command"), env)
        if not command:
            return self._image.app, args, ""
        if command[0] in self._image.programs:
            return self._image.app, command[1:] + args, ""
        if self._image.shell:
            return "", command + args, ""
        raise RuntimeFailedError(f'exec: "{command[0]}": executable file not found in $PATH')

    def _orders(self, model: StandInModel) -> str:
        certificate = certificate_file(self._node.settings.directory)
        return orders(model, self._pod, self._spec, str(certificate)).encode()

    def _files(self, folder: str, env: dict[str, str]) -> Inside:
        """Return where a local command begins, and what is mounted for it.

        Raises:
            ConfigError: A mount is impossible.
        """
        mounts = self._volumes.mounts(self._spec, env) if folder and self._volumes is not None else []
        if not mounts:
            return Inside(folder)
        root = self._own_folder() / f"root-{self.state.name}"
        root.mkdir(exist_ok=True)
        return Inside(folder, tuple(mounts), str(root))

    def _own_folder(self) -> Path:
        """Return the folder of the pod's executed programs; it exists."""
        metadata = self._pod["metadata"]
        folder = self._node.settings.directory / "exec" / f"{metadata['namespace']}_{metadata['name']}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _writable(self, inside: Inside) -> tuple[str, ...]:
        """Return the folders in which programs executed next to a local command may write."""
        if not inside.folder:
            return ()
        return (str(self._own_folder()), *(each.target for each in inside.mounts if not each.read_only))

    async def _watch_listeners(self, target: RunningContainer) -> None:
        """Kill a local command that listens at an address of other pods; report one that listens at loopback."""
        while True:
            await asyncio.sleep(_LISTENERS_SECONDS)
            self._check_listeners(target, self._node.listeners.get())

    def _check_listeners(self, target: RunningContainer, listeners: Collection[Listener] | None = None) -> None:
        shared, local = self._listeners.look(listeners)
        if shared and not self._shared:
            self._shared = (
                f"the command listens at {shared[0]}, which all pods of the embedded cluster share: "
                f"let it listen at its pod's own address, ${POD_IP}"
            )
            self._node.runtime.kill(target.process)
        for each in local:
            if each not in self._reported:
                self._reported.add(each)
                message = f"The command listens at {each}, which all pods of the embedded cluster share"
                self._record_event("SharedAddress", message, kind="Warning")

    def _log_file(self) -> Path:
        metadata = self._pod["metadata"]
        name = f"{metadata['namespace']}_{metadata['name']}_{self.state.name}.log"
        return self._node.settings.directory / "logs" / "pods" / name

    async def _after_start(self, target: RunningContainer) -> bool:
        """Run the postStart hook; if it fails, stop the container within its grace period and return False."""
        hook = (self._spec.get("lifecycle") or {}).get("postStart")
        if hook is None:
            return True
        try:
            await self._node.handlers.run(hook, target, hook=True)
        except HandlerFailedError as error:
            self._record_event("FailedPostStartHook", f"PostStartHook failed: {error}", kind="Warning")
            self._record_event("Killing", "FailedPostStartHook")
            await self._stop(target, self._pod["spec"].get("terminationGracePeriodSeconds", 30))
            return False
        return True

    async def _become_running(self, target: RunningContainer, started: float, started_at: str) -> None:
        """Report at the next relist that the container runs, and start its probes.

        A container without probes is ready as soon as it is reported running.
        """
        now = asyncio.get_running_loop().time()
        again = self._follows or self.state.restarts
        reported = self._relists.next(now) if again else self._relists.begin(now)
        await asyncio.wait({target.process.exited}, timeout=reported - now)
        if target.folder:
            self._check_listeners(target)
        if not target.process.alive or self._shared:
            return
        started_up = ProbeKind.STARTUP.field not in self._spec
        ready = started_up and ProbeKind.READINESS.field not in self._spec
        self._set(state={"running": {"startedAt": started_at}}, started=started_up, ready=ready)
        if not self._stopping.is_set():
            self._begin_probing(target, started)

    def _begin_probing(self, target: RunningContainer, started: float) -> None:
        self._readiness = None
        for kind in ProbeKind:
            probe = self._spec.get(kind.field)
            if probe is None:
                continue
            prober = self._prober(kind, probe)
            self._probing[kind] = asyncio.create_task(
                prober.run(target, started=started, anchor=self._anchor), name=f"{kind} of {self.state.name}"
            )
            if kind is ProbeKind.READINESS:
                self._readiness = prober
                self._probing["first"] = asyncio.create_task(
                    self._trigger_readiness(prober), name=f"first probes of {self.state.name}"
                )

    async def _trigger_readiness(self, prober: Prober) -> None:
        """Trigger readiness when the container is reported running, and at the next relist if it is not ready."""
        hold, relist = self._node.profile.first_probe.sample(self._node.rng), self._node.profile.relist
        await asyncio.sleep(hold)
        prober.trigger()
        if hold < relist / 2:
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(self._relists.following(now) - now)
            if not self.state.ready:
                prober.trigger()

    def _prober(self, kind: ProbeKind, probe: Object) -> Prober:
        def enabled() -> bool:
            return not self.state.started if kind is ProbeKind.STARTUP else self.state.started

        return Prober(kind, probe, self._node.handlers, self._on_probe, self._on_probe_failure, enabled)

    def _on_probe(self, kind: ProbeKind, ok: bool) -> None:  # noqa: FBT001 - the callback's signature
        if ok:
            self._network.notice_listeners()
        if kind is ProbeKind.READINESS:
            self._set(ready=ok)
        elif not ok:
            then = "" if self._policy == "Never" else ", will be restarted"
            self._record_event("Killing", f"Container {self.state.name} failed {kind.value.lower()} probe{then}")
            self._node.spawn(self._stop_unhealthy(kind), f"stop of {self.state.name}")
        elif kind is ProbeKind.STARTUP:
            self._set(started=True, ready=ProbeKind.READINESS.field not in self._spec)
            if self._readiness is not None:
                loop = asyncio.get_running_loop()
                loop.call_at(self._relists.sync(loop.time()), self._readiness.trigger)

    def _on_probe_failure(self, kind: ProbeKind, message: str) -> None:
        self._record_event("Unhealthy", f"{kind.value} probe failed: {message}", kind="Warning")

    async def _stop_unhealthy(self, kind: ProbeKind) -> None:
        probe = self._spec[kind.field]
        grace = probe.get("terminationGracePeriodSeconds")
        if self._target is not None and self._target.process.alive and not self._stopping.is_set():
            pods = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
            self._unhealthy = True
            await self._stop(self._target, pods if grace is None else grace)

    async def _stop(self, target: RunningContainer, grace: int, turn: Turn | None = None) -> None:
        hook = (self._spec.get("lifecycle") or {}).get("preStop")

        async def pre_stop() -> None:
            await self._node.handlers.run(hook or {}, target, hook=True)

        def failed(message: str) -> None:
            self._record_event("FailedPreStopHook", f"PreStopHook failed: {message}", kind="Warning")

        await self._node.stopper.stop(target.process, grace, pre_stop if hook else None, failed, turn)

    async def _back_off(self, seconds: float) -> bool:
        """Wait out the back-off since the container's end; return True if the container must stop instead.

        The kubelet does not wake up exactly at the end of the back-off; it retries from time to time, and each time it
        reports that the container waits. It reports a crash before that. It reports the end of a container that it has
        stopped itself only with the first back-off.
        """
        loop = asyncio.get_running_loop()
        if self._unhealthy and await self._stopped_before(self._relists.next(loop.time())):
            return True
        name, metadata = self.state.name, self._pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        self._record_event("BackOff", f"Back-off restarting failed container {name} in pod {pod}", kind="Warning")
        message = f"back-off {_duration(seconds)} restarting failed container={name} pod={pod}"
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        if self._unhealthy:
            self.state.last_state = self._end
            self._set(state=waiting)
        while True:
            pause = self._node.profile.resync.sample(self._node.rng)
            if await self._stopped_before(self._relists.next(loop.time() + pause)):
                return True
            self.state.last_state = self._end
            self._set(state=waiting)
            if loop.time() >= self._ended_at + seconds:
                return await self._stopped_within(self._node.profile.restart)

    async def _stopped_within(self, delay: Delay) -> bool:
        """Wait for a delay; return True as soon as the container must stop."""
        return await self._stopped_before(asyncio.get_running_loop().time() + delay.sample(self._node.rng))

    async def _stopped_before(self, when: float) -> bool:
        """Wait until a time on the loop's clock; return True as soon as the container must stop."""
        try:
            async with asyncio.timeout_at(when):
                await self._stopping.wait()
        except TimeoutError:
            return self._stopping.is_set()
        return True

    def _set(self, *, state: Object | None = None, started: bool | None = None, ready: bool | None = None) -> None:
        """Change the container's state; a container that does not run is neither started nor ready."""
        if state is not None:
            self.state.state = state
        running = "running" in self.state.state
        self.state.started = running and (self.state.started if started is None else started)
        self.state.ready = running and (self.state.ready if ready is None else ready)
        if self.state.started:
            self.up.set()
        self._changed()

    def _record_event(self, reason: str, message: str, *, kind: str = "Normal") -> None:
        self._node.record_event(self._pod, reason, message, kind=kind)


def _terminated(process: Process, code: int, started_at: str, finished_at: str) -> Object:
    return {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": started_at,
        "finishedAt": finished_at,
        "containerID": f"processes://{process.pid}",
    }


def _duration(seconds: float) -> str:
    """Format seconds as Go does: ``10s``, ``1m20s``, ``5m0s``."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
