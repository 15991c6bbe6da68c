"""The offline world: one Slack workspace and one RDS region, on loopback, with people in it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.demo.rds.api import RdsServer
from bot.demo.rds.region import Region
from bot.demo.slack.api import SlackServer
from bot.demo.slack.workspace import Workspace
from bot.runtime.clock import Clock
from bot.slack.manifest import manifest

Furnish = Callable[[Workspace, Region], None]

OPS = "C0OPS"
ANA, BEN, CAT, DAN = "U0ANA", "U0BEN", "U0CAT", "U0DAN"
DBAS = "S0DBA"


@dataclass(frozen=True)
class OfflineWorld:
    """Both simulators, and the environment that points a bot at them."""

    workspace: Workspace
    region: Region
    environ: dict[str, str]


def main_job(workspace: Workspace, region: Region) -> None:
    """Ana asks; Ben and Cat are the DBAs of @dba; Dan is in the channel, too."""
    for user_id, name in ((ANA, "ana"), (BEN, "ben"), (CAT, "cat"), (DAN, "dan")):
        workspace.add_user(user_id, name)
    workspace.add_channel(OPS, "ops", [ANA, BEN, CAT, DAN])
    workspace.add_usergroup(DBAS, "dba", [BEN, CAT])
    _fill(region)


@asynccontextmanager
async def offline_world(clock: Clock, furnish: Furnish = main_job) -> AsyncIterator[OfflineWorld]:
    """Serve both on loopback for as long as the block lasts, with what `furnish` puts there."""
    workspace = Workspace(
        clock,
        bot_token="xoxb-demo",
        app_token="xapp-demo",
        signing_secret="demo-signing-secret",
    )
    workspace.manifest = manifest()
    region = Region(clock)
    furnish(workspace, region)
    async with SlackServer(workspace) as slack, RdsServer(region) as rds:
        yield OfflineWorld(
            workspace,
            region,
            {
                "SLACK_BOT_TOKEN": workspace.bot_token,
                "SLACK_APP_TOKEN": workspace.app_token,
                "SLACK_SIGNING_SECRET": workspace.signing_secret,
                "SLACK_API_URL": slack.api_url,
                "HUAWEICLOUD_SDK_AK": region.gateway.access_key,
                "HUAWEICLOUD_SDK_SK": region.gateway.secret_key,
                "HUAWEICLOUD_SDK_PROJECT_ID": region.gateway.project_id,
                "HUAWEICLOUD_REGION": "ap-southeast-1",
                "RDS_ENDPOINT": rds.endpoint,
                "CES_ENDPOINT": rds.endpoint,
                "IAM_ENDPOINT": rds.endpoint,
                "HEALTH_PORT": "0",
            },
        )


def _fill(region: Region) -> None:
    """Instances with a past, so that the card has something to say."""
    orders = region.add_instance("orders-prod", size_kb=40_265_318)
    region.add_instance("orders-replica", replica_of=orders)
    region.add_instance("billing-prod", engine="PostgreSQL", version="16")
    region.add_instance("frozen-legacy", status="FROZEN")
    region.add_instance("dev-sandbox", type="Single", backup_takes=timedelta(minutes=2))
    for days in range(5, 0, -1):
        region.add_backup(
            orders,
            f"nightly-{days}",
            began=region.clock.now() - timedelta(days=days - 1, hours=21),
            takes=timedelta(minutes=6 + days % 3, seconds=11 * days),
            size_kb=40_055_603 - days * 90_000,
        )
