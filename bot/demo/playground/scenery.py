"""The playground's initial state: a team, a region with a past, three rules, and a watch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.demo.rds.records import Ending, RdsInstance
from bot.demo.rds.region import Region
from bot.demo.slack.workspace import Workspace
from bot.demo.world import ANA, BEN, CAT, DAN, DBAS, OPS

EVE = "U0EVE"  # has a request waiting from the start
DEVELOPERS = "S0DEV"
DEPLOYS, PAYMENTS = "C0DEPLOYS", "G0PAYMENTS"
ROLES = {
    ANA: "engineer in @dev: can request",
    BEN: "in @dba: can approve",
    CAT: "in @dba: can approve, too",
    DAN: "in neither group: can do neither",
}
CONFIG = """
[rds]
stale_after = "26h"

[approval]
approvers = ["S0DBA"]
expires_after = "8h"
remind_after = "1h"

[[rule]]  # money: two DBAs, or an emergency start
instances = ["billing-*"]
requesters = ["S0DEV"]
approvals = 2
break_glass = ["S0DEV"]

[[rule]]  # no approval needed
instances = ["dev-*", "*-staging"]
approvals = 0

[[rule]]  # everything else
instances = ["*"]
requesters = ["S0DEV", "S0DBA"]
approvals = 1

[aliases]
orders = "orders-prod"

[[watch]]  # those with nightly backups
instances = ["*-prod", "*-staging", "dev-*"]
channel = "C0OPS"
mention = ["S0DBA"]

[[channel]]
id = "C0OPS"
digest = "daily"
"""
WAITING = 'create billing-prod before-invoices "before the invoice run" --keep 14d'
TO_TRY = (
    "As ana, type /backup create orders-prod before-42 in #ops. Then be ben and approve it.",
    "Back up dev-sandbox, which starts at once. Kill the bot and start it again: it continues.",
    "Let RDS lose the response to the next create, and request a backup: only one is made.",
    (
        "Set the speed to 300. Under RDS instances, open dev-ana and switch its automated backups"
        " off: #ops hears about it."
    ),
)
GIGABYTE = 1024 * 1024  # in KB


@dataclass(frozen=True)
class Past:
    """An instance's automated backups: one a night, how long it took and how large it was."""

    nights: int
    minutes: int
    gigabytes: float
    last: timedelta = timedelta(hours=9)  # since the latest one began


def furnish(workspace: Workspace, region: Region) -> None:
    """Fill both simulators."""
    _people(workspace)
    orders = region.add_instance("orders-prod", size_kb=round(38.4 * GIGABYTE))
    region.add_instance("orders-replica", replica_of=orders)
    _nights(region, orders, Past(nights=7, minutes=6, gigabytes=38.2))
    _by_hand(region, orders, "before-4-1", ago=timedelta(days=21))
    _instance(region, "orders-staging", "MySQL", "8.0", Past(2, 2, 3.1))
    billing = _instance(region, "billing-prod", "PostgreSQL", "16", Past(7, 19, 121.7))
    region.add_instance("billing-reports", engine="PostgreSQL", version="16", replica_of=billing)
    customers = _instance(region, "customers-prod", "MySQL", "8.0", Past(4, 11, 64.0))
    _by_hand(region, customers, "before-import", ago=timedelta(days=40))
    busy = _instance(region, "inventory-prod", "MySQL", "5.7", Past(5, 90, 310.5))
    region.add_backup(busy, "nightly-running", takes=timedelta(hours=2))
    full = _instance(region, "search-index", "PostgreSQL", "15", Past(3, 14, 88.0))
    region.set_status(full, "STORAGE FULL")
    stale = Past(nights=1, minutes=9, gigabytes=12.5, last=timedelta(days=4))
    frozen = _instance(region, "legacy-crm", "SQLServer", "2019_SE", stale)
    region.set_status(frozen, "FROZEN")
    rebooting = _instance(region, "analytics-eu", "PostgreSQL", "16", Past(6, 25, 204.9))
    region.set_status(rebooting, "REBOOTING")
    _instance(region, "dev-sandbox", "MySQL", "8.0", Past(3, 2, 0.9))
    _instance(region, "dev-ana", "PostgreSQL", "16", Past(0, 1, 0.2))


async def opening(workspace: Workspace) -> None:
    """Write some messages and make a request that waits for approval."""
    workspace.say(BEN, OPS, "4.2 ships this afternoon. Who's backing up orders-prod?")
    workspace.say(ANA, OPS, "I will, as soon as the migration is reviewed.")
    workspace.say(CAT, DEPLOYS, "web 4.2.0-rc3 is on staging.")
    workspace.say(
        DAN, PAYMENTS, "The bot isn't in this channel. What happens if I request a backup here?"
    )
    workspace.say(BEN, "D0ANABEN", "Request it in #ops. Only the two of us would see it here.")
    await workspace.command(EVE, OPS, "/backup", WAITING)


def _people(workspace: Workspace) -> None:
    everybody = {ANA: "ana", BEN: "ben", CAT: "cat", DAN: "dan", EVE: "eve"}
    for user_id, name in everybody.items():
        workspace.add_user(user_id, name)
    bot = workspace.identity.bot_user_id
    workspace.add_channel(OPS, "ops", [*everybody, bot])
    workspace.add_channel(DEPLOYS, "deploys", [*everybody, bot])
    workspace.add_channel(PAYMENTS, "payments", [ANA, DAN], private=True)
    workspace.add_direct_message("D0ANABEN", [ANA, BEN])
    workspace.add_usergroup(DBAS, "dba", [BEN, CAT])
    workspace.add_usergroup(DEVELOPERS, "dev", [ANA, EVE])


def _instance(region: Region, name: str, engine: str, version: str, past: Past) -> RdsInstance:
    instance = region.add_instance(
        name,
        engine=engine,
        version=version,
        type="Single" if name.startswith("dev-") or name.endswith("-staging") else "Ha",
        backup_takes=timedelta(minutes=past.minutes),
        size_kb=round(past.gigabytes * GIGABYTE),
    )
    _nights(region, instance, past)
    return instance


def _nights(region: Region, instance: RdsInstance, past: Past) -> None:
    """Add one backup a night, each slightly larger; the fourth last failed. More will follow."""
    for night in range(past.nights):
        ago = timedelta(days=past.nights - 1 - night)
        began = region.clock.now() - past.last - ago
        region.add_backup(
            instance,
            f"{instance.name}-{_stamp(began)}",
            began=began,
            takes=timedelta(minutes=past.minutes, seconds=(night * 37) % 60),
            size_kb=round(past.gigabytes * GIGABYTE * (1 - ago.days / 500)),
            ending=Ending.FAILED if ago.days == 3 else Ending.COMPLETED,  # noqa: PLR2004
        )
    region.automate(instance, start=_window_of(region.clock.now() - past.last))


def _by_hand(region: Region, instance: RdsInstance, name: str, *, ago: timedelta) -> None:
    region.add_backup(instance, name, type="manual", began=region.clock.now() - ago)


def _window_of(at: datetime) -> str:
    """Return the hour in which that is, as RDS writes the window of automated backups."""
    at = at.astimezone(UTC)
    return f"{at:%H}:00-{at + timedelta(hours=1):%H}:00"


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d-%H%M")
