"""What the bot logs can be read by machines, and by anybody: there is no secret in it."""

import json
from importlib.metadata import version

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.wire import Operation
from bot.demo.slack import faults as slack_faults
from bot.demo.world import ANA, OPS, OfflineWorld
from tests.process.conftest import DEADLINE, SECRETS, Runs, stopped, until_connected


async def test_each_line_is_json_and_none_holds_a_secret(runs: Runs, world: OfflineWorld) -> None:
    """Not even while Slack and RDS fail in all the ways that make a client talk."""
    workspace = world.workspace
    workspace.faults.next("auth.test", slack_faults.DROPPED)
    workspace.sockets.refuse_tickets(1)
    world.region.faults.next(Operation.LIST_INSTANCES, rds_faults.ERROR)
    async with runs(world.environ | {"LOG_FORMAT": "json"}, cold=True) as process:
        await workspace.until(lambda: workspace.sockets.open, DEADLINE)
        workspace.faults.next("chat.postMessage", slack_faults.ERROR)
        await workspace.command(ANA, OPS, "/backup", "create dev-sandbox logged-1")
        await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
        workspace.sockets.drop_all()
        assert await stopped(process) == 0

    lines = [json.loads(line) for line in process.err.splitlines()]
    events = {line["event"] for line in lines}
    assert {"slack_unreachable", "socket_connected", "slack_takes_nothing"} <= events
    assert all({"timestamp", "level", "logger"} <= line.keys() for line in lines)
    everything = process.out + process.err
    held = [*SECRETS.values(), world.region.gateway.access_key, "ticket", "/commands/"]
    assert [secret for secret in held if secret in everything] == []


async def test_the_console_holds_no_secret_either(runs: Runs, world: OfflineWorld) -> None:
    """The default format, with wrong keys: the gateway's refusal is told, not its text."""
    world.region.gateway.secret_key = "the secret key that was there before"
    async with runs(world.environ, cold=True) as process:
        await until_connected(world)
        reply = await world.workspace.command(ANA, OPS, "/backup", "create dev-sandbox keys-1")
        assert reply.message is not None
        assert await stopped(process) == 0

    everything = process.out + process.err + world.workspace.read(reply.message)
    assert [s for s in SECRETS.values() if s in everything] == []


async def test_the_log_tells_the_story(runs: Runs, world: OfflineWorld) -> None:
    """What started, and with which policy; then each step, and by whom."""
    async with runs(world.environ | {"LOG_FORMAT": "json"}) as process:
        await process.until_logged('"no_policy_file"')
        reply = await world.workspace.command(ANA, OPS, "/backup", "create orders-prod told-1 why")
        assert reply.error is None
        await world.workspace.until(lambda: world.workspace.messages(OPS), DEADLINE)
        await process.until_logged('"looked_up"')
        assert await stopped(process) == 0

    lines = [json.loads(line) for line in process.err.splitlines()]
    (started,) = [line for line in lines if line["event"] == "started"]
    assert started["version"] == version("backup-bot")
    assert started["mode"] == "socket"
    assert started["team"].startswith("T0")
    assert started["database"] == "sqlite:///backup-bot.db"
    assert started["policy"] == "none"
    (unbounded,) = [line for line in lines if line["event"] == "no_policy_file"]
    assert "anyone can request a backup" in unbounded["so"]
    steps = [line for line in lines if line["logger"] == "bot.storage.story"]
    assert [(step["event"], step["actor"]) for step in steps] == [
        ("asked", ANA),
        ("looked_up", "backup-bot"),
    ]
    assert len({step["request"] for step in steps}) == 1
    assert {step["instance"] for step in steps} == {"orders-prod"}
