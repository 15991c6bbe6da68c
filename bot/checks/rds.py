"""Check the key, its rights, the clock, the project, and what the settings say of instances."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem, unknown, warning
from bot.checks.wording import clock_words
from bot.config.file import ConfigFile, Source
from bot.config.projects import (
    AGENCY,
    ENVIRONMENT,
    Project,
    ProjectTable,
    endpoint_of,
    names_of_secrets,
)
from bot.config.settings import Reading, Settings
from bot.connections import cloud_eye_client, rds_client, signed_client
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Instance
from bot.domain.quantities import counted
from bot.domain.references import alias_warnings
from bot.domain.watches import is_too_short
from bot.rds.client import HttpClient, RdsClient
from bot.rds.exchange import described
from bot.rds.probe import NO_BACKUP, NO_INSTANCE, NO_NAME, Cause, Probe, probe, project_of
from bot.runtime.clock import Clock
from bot.slack.messages.mrkdwn import rough

TIMEOUT = 20.0  # seconds for each call
MOST_ASKED = 5  # instances of a watch, about the days of their automated backups
EVERY_DAY = range(1, 8)
KEYS = {"access_key", "secret_key"}
PROJECT_ID = "HUAWEICLOUD_SDK_PROJECT_ID"
TOLERANCE = timedelta(minutes=15)  # beyond it, RDS rejects the signature
WORTH_SAYING = timedelta(minutes=1)
NETWORK = {
    Cause.NO_SUCH_HOST: "there is no host",
    Cause.CERTIFICATE: "this machine doesn't trust the certificate of",
    Cause.NO_TLS: "something else than HTTPS answers at",
    Cause.REFUSED: "no one listens at",
    Cause.TIMEOUT: "there is no response from",
}
SIGNATURE = {
    Cause.KEY_UNKNOWN: (Code.RDS_KEY_UNKNOWN, "Huawei Cloud doesn't know HUAWEICLOUD_SDK_AK"),
    Cause.KEY_LOCKED: (Code.RDS_KEY_LOCKED, "the access key is locked for five minutes"),
    Cause.TOKEN: (Code.RDS_TOKEN_REJECTED, "HUAWEICLOUD_SDK_SECURITY_TOKEN isn't valid"),
    Cause.SIGNATURE: (
        Code.RDS_KEY_REJECTED,
        "HUAWEICLOUD_SDK_SK isn't the secret of HUAWEICLOUD_SDK_AK",
    ),
}


@dataclass(frozen=True)
class _Subject:
    """One project that is checked.

    `keys` says where its keys come from. `table` is its `[[project]]`, unless it's the
    environment's.
    """

    project: Project
    iam_endpoint: str
    keys: str
    table: ProjectTable | None = None
    is_one: bool = True  # so that its name says nothing

    def named(self, finding: Finding) -> Finding:
        """Return a finding about it that says which project it's about, and what to change."""
        text, detail = finding.text, finding.cure
        for ours, theirs in self._variables().items():
            text, detail = text.replace(ours, theirs), detail.replace(ours, theirs)
        if not self.is_one:
            text = f"{self.project.name}: {text}"
        return replace(finding, text=text, detail=detail)

    def _variables(self) -> dict[str, str]:
        """Return what the settings of the environment's own project are called here."""
        found: dict[str, str] = {}
        if self.table:
            found[f"{PROJECT_ID}="] = "project_id = "
            found["`RDS_ENDPOINT`"] = "the project's `endpoint`"
            found["`CES_ENDPOINT`"] = "the project's `cloud_eye_endpoint`"
        if self.keys not in (ENVIRONMENT, AGENCY):
            ours = names_of_secrets("HUAWEICLOUD_SDK")
            found |= zip(ours, names_of_secrets(self.keys), strict=True)
        return found


async def rds_findings(reading: Reading) -> AsyncIterator[Finding]:
    """Check all that RDS can tell, with one wrong signature a project at the most.

    Five of them lock the key. With several projects, each finding names its project.
    """
    env, file = reading.environment, reading.file or ConfigFile()
    has_address = env.model_fields_set & {"region", "endpoint"}
    if not has_address or not (env.keys == AGENCY or env.model_fields_set >= KEYS):
        return
    usable = tuple(t for t in file.project if t.keys in (None, AGENCY, *reading.keys))
    settings = Settings.model_construct(
        environment=env,
        file=file.model_copy(update={"project": usable}),
        source=reading.source,
        keys=dict(reading.keys),
    )
    listed: dict[str, list[Instance]] = {}
    async with AsyncExitStack() as stack:
        for subject in _subjects(settings):
            async for finding in _project_findings(settings, subject, stack, listed):
                yield subject.named(finding)
            if file.rds.cloud_eye and subject.project.name in listed:
                yield subject.named(await _cloud_eye(subject.project, stack))
        if len(listed) == 1 + len(file.project):
            for finding in _unmatched(settings, [one for of in listed.values() for one in of]):
                yield finding


def _subjects(settings: Settings) -> Iterator[_Subject]:
    own, *others = settings.projects
    keys = settings.environment.keys
    yield _Subject(own, settings.iam_endpoint, keys, is_one=not others)
    for project, table in zip(others, settings.file.project, strict=True):
        iam = endpoint_of("iam", project.region)
        yield _Subject(project, iam, table.keys or keys, table, is_one=False)


async def _project_findings(
    settings: Settings, subject: _Subject, stack: AsyncExitStack, listed: dict[str, list[Instance]]
) -> AsyncIterator[Finding]:
    """Check one project; add its instances to those that are `listed`, if RDS lists them."""
    project = subject.project
    if not project.project_id:
        async for finding in _missing_project(subject, stack):
            yield finding
        return
    http = await signed_client(project, stack, project.endpoint, TIMEOUT)
    try:
        asked = await probe(http, Clock(), project.project_id, "instances?limit=1")
    except RdsUnreachable as error:  # of the agency: there are no keys to ask with
        text = f"RDS: the agency of this machine gives no keys ({_told(error)})"
        yield problem(Code.RDS_AGENCY, text)
        return
    for finding in _clock(asked):
        yield finding
    if asked.error:
        yield await _failed(subject, stack, asked, asked.error)
        return
    async for finding in _accepted(settings, subject, stack, http, listed):
        yield finding


async def _missing_project(subject: _Subject, stack: AsyncExitStack) -> AsyncIterator[Finding]:
    found = await _project(subject, stack)
    if found:
        text = f"project: the one of {subject.project.region} is {found}"
        cure = f"Set {PROJECT_ID}={found}."
        yield problem(Code.RDS_PROJECT, text, cure)


async def _project(subject: _Subject, stack: AsyncExitStack) -> str | None:
    """Ask IAM for the project of the region; None if it doesn't tell."""
    project = subject.project
    if not project.region:
        return None
    http = await signed_client(project, stack, subject.iam_endpoint, TIMEOUT, of_project=False)
    return await project_of(http, project.region)


def _clock(asked: Probe) -> Iterator[Finding]:
    if asked.skew is None or abs(asked.skew) < WORTH_SAYING:
        return
    text = f"clock: {clock_words(asked.skew, 'RDS')}"
    if abs(asked.skew) > TOLERANCE:
        yield problem(Code.RDS_CLOCK, f"{text}, so RDS rejects every signature")
    else:
        yield warning(Code.RDS_CLOCK, text)


async def _failed(
    subject: _Subject, stack: AsyncExitStack, asked: Probe, error: RdsError
) -> Finding:
    if asked.cause in NETWORK:
        text = f"RDS: {NETWORK[asked.cause]} {subject.project.endpoint}"
        return problem(Code.RDS_UNREACHABLE, text)
    if isinstance(error, RdsUnreachable):
        return _not_answered(error, subject.project.endpoint)
    if not isinstance(error, RdsRefused):
        return problem(Code.RDS_FAILED, f"RDS: it answers with an error ({_told(error)})")
    if error.reason is RefusalReason.CREDENTIALS:
        return _key_rejected(asked, _told(error))
    if error.reason is RefusalReason.WRONG_ENDPOINT:
        text = f"RDS: there is no RDS API at {subject.project.endpoint} ({_told(error)})"
        return problem(Code.RDS_ENDPOINT, text)
    return await _refused(subject, stack, error)


def _not_answered(error: RdsUnreachable, endpoint: str) -> Finding:
    told = _told(error)
    if error.retry_after is not None:
        return problem(Code.RDS_BUSY, f"RDS: it allows no more calls right now ({told})")
    if error.status is None:
        return problem(Code.RDS_UNREACHABLE, f"RDS: {endpoint} doesn't respond ({told})")
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:  # not RDS, but something before it
        text = f"RDS: {endpoint} doesn't answer as RDS does ({told})"
        return problem(Code.RDS_ENDPOINT, text)
    return problem(Code.RDS_FAILED, f"RDS: it answers with an error ({told})")


def _key_rejected(asked: Probe, told: str) -> Finding:
    if asked.skew is not None and abs(asked.skew) > TOLERANCE:
        return unknown(
            Code.RDS_KEY_REJECTED,
            f"RDS: whether the key is right shows once the clock is ({told})",
            "Set the clock first, then check again.",
        )
    cause = Cause.TOKEN if asked.cause is Cause.DATE else asked.cause
    if cause in SIGNATURE:
        code, text = SIGNATURE[cause]
        return problem(code, f"RDS: {text} ({told})")
    return problem(Code.RDS_KEY_REJECTED, f"RDS: it rejects the access key ({told})")


async def _refused(subject: _Subject, stack: AsyncExitStack, error: RdsRefused) -> Finding:
    project, told = subject.project, _told(error)
    found = await _project(subject, stack)
    if found and found != project.project_id:
        text = f"RDS: {project.project_id} isn't the project of {project.region}, which is {found}"
        return problem(Code.RDS_PROJECT, text, f"Set {PROJECT_ID}={found}.")
    if error.reason is RefusalReason.NOT_PERMITTED:
        of = f"of the project {project.project_id} ({told})"
        text = f"RDS: the key isn't allowed to list instances {of}"
        return problem(Code.RDS_CANNOT_READ, text)
    return problem(Code.RDS_PROJECT, f"RDS: it refuses to list the instances ({told})")


async def _accepted(
    settings: Settings,
    subject: _Subject,
    stack: AsyncExitStack,
    http: HttpClient,
    listed: dict[str, list[Instance]],
) -> AsyncIterator[Finding]:
    project = subject.project
    rds = await rds_client(project, stack, Clock(), timeout_seconds=TIMEOUT)
    try:
        instances = await rds.list_instances()
    except RdsError as error:
        text = f"RDS: {project.endpoint} doesn't answer as RDS does ({_told(error)})"
        yield problem(Code.RDS_ENDPOINT, text)
        return
    if not instances:
        yield warning(Code.RDS_NO_INSTANCES, "RDS: the project has no instances")
    else:
        yield ok(f"RDS: it accepts the keys and lists {counted(len(instances), 'instance')}")
    listed[project.name] = instances
    async for finding in _rights(project.project_id, http, instances):
        yield finding
    async for finding in _too_short(settings, rds, instances):
        yield finding


async def _rights(
    project: str, http: HttpClient, instances: list[Instance]
) -> AsyncIterator[Finding]:
    """Ask for what can't be done: a right that is missing is refused before anything is looked up.

    Nothing is written, since there is no such instance and no such backup.
    """
    clock = Clock()
    listed = instances[0].id if instances else NO_INSTANCE
    path = f"backups?instance_id={listed}&limit=1"
    yield _right(
        await probe(http, clock, project, path),
        "rds:backup:list",
        problem(Code.RDS_CANNOT_READ, "RDS: the key isn't allowed to list backups"),
    )
    body = {"instance_id": NO_INSTANCE, "name": NO_NAME}
    yield _right(
        await probe(http, clock, project, "backups", method="POST", body=body),
        "rds:backup:create",
        problem(Code.RDS_CANNOT_CREATE, "RDS: the key isn't allowed to start backups"),
    )
    yield _right(
        await probe(http, clock, project, f"backups/{NO_BACKUP}", method="DELETE"),
        "rds:backup:delete",
        warning(Code.RDS_CANNOT_DELETE, "RDS: the key isn't allowed to delete backups"),
    )


async def _too_short(
    settings: Settings, rds: RdsClient, instances: list[Instance]
) -> AsyncIterator[Finding]:
    """Compare the limits of watches with the days of automated backups, for a few instances."""
    for watch in settings.file.watches:
        covered = [
            one
            for one in instances
            if watch.covers(one.name, one.id, one.project) and one.keep_days
        ]
        for one in covered[:MOST_ASKED]:
            try:
                days = (await rds.automated_policy(one.id)).days
            except RdsError:
                return
            if gap := is_too_short(watch.limits, days or EVERY_DAY):
                limit = rough(watch.limits.fresh_within)
                text = (
                    f"watch {watch.number}: fresh_within is {limit}, and automated backups of "
                    f"{one.name} are up to {rough(gap)} apart."
                )
                path = ("watch", (watch.number or 1) - 1, "fresh_within")
                yield warning(Code.WATCH_TOO_SHORT, settings.source.sentence(path, text))
                break


def _right(asked: Probe, right: str, denied: Finding) -> Finding:
    match asked.error:
        case None:
            return ok(f"RDS: the key has the right {right}")
        case RdsRefused(reason=RefusalReason.NOT_PERMITTED):
            return denied
        case RdsRefused():  # it looked for the instance or the backup, so it would be allowed
            return ok(f"RDS: the key has the right {right}")
        case error:
            text = f"RDS: whether the key has the right {right} isn't clear ({_told(error)})"
            return unknown(Code.RDS_RIGHTS_UNKNOWN, text)


async def _cloud_eye(project: Project, stack: AsyncExitStack) -> Finding:
    clock = Clock()
    client = await cloud_eye_client(project, stack, clock, timeout_seconds=TIMEOUT)
    try:
        span = clock.now() - timedelta(hours=1), clock.now()
        await client.summary(*span)
        await client.events(*span)  # a permission of its own
    except RdsError as error:
        what = "doesn't respond" if isinstance(error, RdsUnreachable) else "refuses the call"
        text = f"Cloud Eye: {project.cloud_eye_endpoint} {what} ({_told(error)})"
        return problem(Code.CLOUD_EYE, text)
    return ok("Cloud Eye: it accepts the keys and lists events of failed backups")


def _told(error: RdsError) -> str:
    request = f", request {error.request_id}" if error.request_id else ""
    return described(error) + request


def _unmatched(settings: Settings, instances: list[Instance]) -> Iterator[Finding]:
    """Yield a warning for each rule and watch that matches no instance, and each useless alias."""
    file, source = settings.file, settings.source
    if not instances:
        return
    for number, rule in enumerate(file.policy.rules):
        if not any(rule.covers(one.name, one.id, one.project) for one in instances):
            text = f"rule {number + 1}: it matches no existing instance."
            yield warning(
                Code.RULE_UNMATCHED, source.sentence(("rule", number, "instances"), text)
            )
    for watch in file.watches:
        if not any(watch.covers(one.name, one.id, one.project) for one in instances):
            text = f"watch {watch.number}: it matches no existing instance."
            path = ("watch", (watch.number or 1) - 1, "instances")
            yield warning(Code.WATCH_UNMATCHED, source.sentence(path, text))
    yield from _aliases(file, source, instances)


def _aliases(file: ConfigFile, source: Source, instances: list[Instance]) -> Iterator[Finding]:
    for found in alias_warnings(file.aliases, instances):
        yield warning(Code.ALIAS_UNUSED, source.of_alias(*found))
