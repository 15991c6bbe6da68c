"""Several projects as one: each call goes to the project that its instance is in.

Every project has its own client, list of instances, and watcher, so one that is away, throttled,
or has a rejected key holds up no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.errors import RdsError, RdsUnreachable, UnknownInstance
from bot.domain.instances import Accepted, AutomatedPolicy, Backup, Instance, RestoreWindow
from bot.domain.progress import Expected
from bot.domain.references import References
from bot.rds.catalogue import InstanceCatalogue
from bot.rds.client import RdsClient
from bot.rds.cloud_eye import CloudEye
from bot.watcher.loop import Watcher
from bot.workflow.ports import OnTurn

log = structlog.get_logger(__name__)

NOT_CONFIGURED = "its project isn't configured"


class Store(Protocol):
    """Requests and watched instances. Raises StoreUnavailable."""

    async def project_of(self, instance_id: str) -> str | None:
        """Return the project of an instance that was requested or watched; None if neither."""
        ...


@dataclass(frozen=True)
class Project:
    """One project of one region, and what the bot knows of it."""

    name: str
    rds: RdsClient
    catalogue: InstanceCatalogue
    watcher: Watcher
    cloud_eye: CloudEye | None = None  # if it is enabled


class Projects:
    """Finds the project of an instance; the first project is the default one.

    An instance that isn't listed is looked for among requests and watched instances, so that its
    project is also known after a restart while RDS is away.
    """

    def __init__(
        self,
        projects: Sequence[Project],
        references: References,
        store: Store,
        default_names: Sequence[str] = ("",),
    ) -> None:
        self.all = tuple(projects)
        self.default = self.all[0]
        self.references = references
        self._store = store
        self._by_name = dict.fromkeys(default_names, self.default)
        self._by_name |= {project.name: project for project in self.all}
        self._known: dict[str, Project] = {}  # by instance ID

    @property
    def is_one(self) -> bool:
        """Whether there is only the default project."""
        return len(self.all) == 1

    async def of(self, instance_id: str) -> Project:
        """Return the project of an instance; the default one if nothing is known of it.

        Raises RdsUnreachable if it is no longer configured, and StoreUnavailable.
        """
        if known := self.if_known(instance_id):
            return known
        name = await self._store.project_of(instance_id)
        project = self.default if name is None else self._by_name.get(name)
        if project is None:
            log.error("project_not_configured", project=name, instance=instance_id)
            raise RdsUnreachable(NOT_CONFIGURED)
        self._known[instance_id] = project
        return project

    def if_known(self, instance_id: str) -> Project | None:
        """Return the project of an instance that is listed or was asked about."""
        if listed := self.references.get(instance_id):
            return self._by_name.get(listed.project)
        return self._known.get(instance_id)

    def named(self, name: str) -> Project | None:
        """Return the project of this name, or None."""
        return self._by_name.get(name)

    def told(self, ask: Callable[[Project], str | None]) -> str | None:
        """Return what is told of the projects, each with its name if there are several."""
        if self.is_one:
            return ask(self.default)
        found = [f"{one.name}: {told}" for one in self.all if (told := ask(one))]
        return "; ".join(found) or None

    def parts(self) -> dict[str, dict[str, str]]:
        """Return the status of each project by its name; nothing if there is only one."""
        if self.is_one:
            return {}
        return {
            one.name: {"rds": one.rds.trouble or "ok", "rds_share": one.rds.share or "ok"}
            | ({"cloud_eye": one.cloud_eye.trouble or "ok"} if one.cloud_eye else {})
            for one in self.all
        }


class RoutedRds:
    """RdsClient's calls, each to the client of its instance's project. Also StoreUnavailable."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    @property
    def trouble(self) -> str | None:
        """The last error of each project whose last call failed."""
        return self._projects.told(lambda project: project.rds.trouble)

    @property
    def share(self) -> str | None:
        """How many calls RDS leaves to the bot, where they are fewer than are configured."""
        return self._projects.told(lambda project: project.rds.share)

    @property
    def queued(self) -> int:
        """How many calls are waiting; projects with the same key wait together."""
        return sum({one.rds.budget: one.rds.queued for one in self._projects.all}.values())

    def skew_of(self, instance_id: str) -> timedelta:
        """RDS's clock minus ours, as last measured where the instance is."""
        project = self._projects.if_known(instance_id) or self._projects.default
        return project.rds.clock_skew

    async def create_backup(
        self, instance_id: str, name: str, description: str = "", *, on_turn: OnTurn | None = None
    ) -> Accepted:
        project = await self._projects.of(instance_id)
        return await project.rds.create_backup(instance_id, name, description, on_turn=on_turn)

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None, idle: bool = False
    ) -> list[Backup]:
        rds = (await self._projects.of(instance_id)).rds
        return await rds.list_backups(instance_id, backup_type=backup_type, idle=idle)

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        return await (await self._projects.of(instance_id)).rds.find_backup(instance_id, backup_id)

    async def restore_windows(self, instance_id: str) -> list[RestoreWindow]:
        return await (await self._projects.of(instance_id)).rds.restore_windows(instance_id)

    async def automated_policy(self, instance_id: str) -> AutomatedPolicy:
        return await (await self._projects.of(instance_id)).rds.automated_policy(instance_id)

    async def copies_to(self, instance_id: str) -> str:
        return await (await self._projects.of(instance_id)).rds.copies_to(instance_id)

    async def delete_backup(
        self, instance_id: str, backup_id: str, *, on_turn: OnTurn | None = None
    ) -> None:
        project = await self._projects.of(instance_id)
        await project.rds.delete_backup(backup_id, on_turn=on_turn)


class RoutedCatalogue:
    """The instances of all projects, found by ID, name, `project/name`, or alias."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        """Return the instance as last listed; reloads the lists if it is unknown.

        Raises what `References.find` raises, and RdsError if the instance may be in a project
        that can't be read within `timeout_seconds` of real time.
        """
        if self._projects.is_one:
            return await self._projects.default.catalogue.find(reference, timeout_seconds)
        references = self._projects.references
        if references.has(reference):
            self._freshen()
            return references.find(reference)
        named = self._projects.named(reference.partition("/")[0]) if "/" in reference else None
        trouble = await self._load(
            [named] if named else self._projects.all,
            timeout_seconds,
            until=lambda: references.has(reference),
        )
        try:
            return references.find(reference)
        except UnknownInstance:
            if trouble:
                raise trouble from None
            raise

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """Return all instances as last listed, including read replicas.

        Without any list, waits at most `timeout_seconds` of real time for one.
        """
        if self._projects.is_one:
            return await self._projects.default.catalogue.known(timeout_seconds)
        if any(project.catalogue.is_listed for project in self._projects.all):
            self._freshen()
        else:
            await self._load(self._projects.all, timeout_seconds)
        return self._projects.references.instances

    async def current(self, instance_id: str) -> Instance | None:
        """Return the instance as RDS shows it now, or None once three answers lack it."""
        project = await self._projects.of(instance_id)
        found = await project.catalogue.current(instance_id)
        if found is None or self._projects.is_one:
            return found
        self._projects.references.update([found])
        return self._projects.references.get(instance_id)

    async def warm(self) -> None:
        """Load what was last known of each project, then its list. A failure is only logged."""
        await asyncio.gather(*(project.catalogue.warm() for project in self._projects.all))

    async def close(self) -> None:
        """Stop refreshes that are under way."""
        await asyncio.gather(*(project.catalogue.close() for project in self._projects.all))

    @property
    def age(self) -> float:
        """Seconds since RDS listed the instances, where that is longest ago; 0 if it never has.

        Projects that can't be read don't count, unless none can.
        """
        every = self._projects.all
        readable = [project for project in every if not project.rds.trouble]
        return max(project.catalogue.age for project in readable or every)

    def unread(self, after: float) -> list[str]:
        """Return the projects whose lists are older than that because they can't be read.

        A single project is never among them: `age` says how old its list is.
        """
        if self._projects.is_one:
            return []
        return [
            one.name
            for one in self._projects.all
            if not one.catalogue.is_listed or (one.rds.trouble and one.catalogue.age >= after)
        ]

    def _freshen(self) -> None:
        """Reload stale lists in the background."""
        for project in self._projects.all:
            project.catalogue.freshen()

    async def _load(
        self,
        projects: Sequence[Project],
        timeout_seconds: float,
        until: Callable[[], bool] = lambda: False,
    ) -> RdsError | None:
        """Load lists at the same time; return why the first that can't be read can't."""
        tasks = [asyncio.create_task(one.catalogue.reload()) for one in projects]
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        waiting = set(tasks)
        while waiting and not until():
            left = deadline - asyncio.get_running_loop().time()
            done, waiting = await asyncio.wait(
                waiting, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
        for task in waiting:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, RdsError):
                return result
            if isinstance(result, asyncio.CancelledError):
                return RdsUnreachable("slow")
            if result is not None:
                raise result
        return None


class RoutedWatcher:
    """Looks at running backups, each with the watcher of its project."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    def listen(self, on_end: Callable[[Backup], Awaitable[None]]) -> None:
        """Call this with each backup whose end is found."""
        for project in self._projects.all:
            project.watcher.listen(on_end)

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        watcher = await self._watcher_of(instance_id, patient=patient)
        return await watcher.look(instance_id, backup_id, after, patient=patient)

    async def follow(
        self,
        instance_id: str,
        backup_id: str,
        began: datetime,
        expected: Expected,
        *,
        within: float,
        patient: bool = False,
    ) -> Backup | None:
        watcher = await self._watcher_of(instance_id, patient=patient)
        return await watcher.follow(
            instance_id, backup_id, began, expected, within=within, patient=patient
        )

    async def _watcher_of(self, instance_id: str, *, patient: bool) -> Watcher:
        """Return the watcher of the instance's project.

        Raises RdsUnreachable if that isn't configured. Only a restart can change that, so who is
        patient waits for it.
        """
        try:
            return (await self._projects.of(instance_id)).watcher
        except RdsUnreachable:
            if patient:
                await asyncio.Event().wait()
            raise


class RoutedCloudEye:
    """What Cloud Eye tells of all projects."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    @property
    def trouble(self) -> str | None:
        """The last error of each project whose last query failed."""
        return self._projects.told(lambda one: one.cloud_eye.trouble if one.cloud_eye else None)

    def listen(self, wake: Callable[[str], None]) -> None:
        """Call this with the ID of each instance whose backup failed."""
        for project in self._projects.all:
            if project.cloud_eye:
                project.cloud_eye.listen(wake)
