"""A channel watches instances, and hears when something is wrong and when it's over."""

from collections.abc import Callable
from datetime import timedelta

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.records import RdsInstance
from bot.demo.rds.wire import Operation
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Message
from bot.demo.world import ANA, BEN, OPS
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    DELETE_OLD,
    EXPECT_INCIDENT,
    SNOOZE,
    SNOOZE_INCIDENT,
)
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, DEADLINE, Opens, Story

DAY = timedelta(days=1)


def automated(story: Story, name: str = "orders-prod") -> RdsInstance:
    """An instance with a good backup every night until now."""
    (instance,) = [one for one in story.region.instances if one.name == name]
    for night in range(1, 11):
        began = story.clock.now() - night * DAY
        story.region.add_backup(instance, f"auto-{night}", began=began)
    story.region.automate(instance)
    return instance


async def passes(
    story: Story, until: Callable[[], object], *, minutes: int = 10, most: int = 400
) -> None:
    """Let time pass in steps until it is so."""
    clock = story.clock
    assert isinstance(clock, SteppedClock)
    for _ in range(most):
        if until():
            return
        await clock.let_pass(minutes=minutes)
    raise AssertionError("it never was so")


def posted(story: Story, words: str) -> list[Message]:
    """The messages of the channel, apart from replies, that say so now."""
    return [m for m in story.cards if words in story.workspace.read(m)]


async def says(story: Story, words: str) -> Message:
    """Let time pass until the channel reads this."""
    await passes(story, lambda: posted(story, words))
    return posted(story, words)[0]


async def clicks(story: Story, card: Message, action: str, who: str = ANA) -> str:
    """Click; what only this person reads."""
    heard = len(story.workspace.ephemerals(who))
    reply = await story.workspace.click(who, card.ts, action)
    assert reply.error is None
    await story.workspace.until(lambda: len(story.workspace.ephemerals(who)) > heard, DEADLINE)
    return story.heard(who)


async def test_from_the_watch_to_recovery(opens: Opens) -> None:
    """Automated backups are switched off and on; the channel has one message that shows it."""
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        await story.types("watch orders-prod")
        assert "This channel now watches orders-prod" in await story.hears("now watches")

        story.region.set_policy(orders, keep_days=0)
        card = await says(story, "Automated backups of orders-prod are off")
        assert "Acknowledged" in await clicks(story, card, ACKNOWLEDGE_INCIDENT)
        await story.workspace.until(
            lambda: "Acknowledged by @ana" in story.workspace.read(card), DEADLINE
        )
        await story.types("watches")
        assert "automated backups are off" in await story.hears("Open incidents")

        story.region.set_policy(orders, keep_days=7)
        await passes(story, lambda: "Recovered after" in story.workspace.read(card))
        await passes(story, lambda: any("Recovered" in line for line in story.thread(card)))
        assert "already recovered" in await _stale_click(story, card)


async def _stale_click(story: Story, card: Message) -> str:
    heard = len(story.workspace.ephemerals(BEN))
    await story.workspace.click(BEN, card.ts, ACKNOWLEDGE_INCIDENT, stale=True)
    await story.workspace.until(lambda: len(story.workspace.ephemerals(BEN)) > heard, DEADLINE)
    return story.heard(BEN)


async def test_a_missing_backup_is_made_from_its_incident(opens: Opens) -> None:
    """Back up now opens the form; the policy asks for approval, and the backup ends it."""
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        await story.types("watch orders-* --fresh-within 26h")
        await story.hears("now watches")
        story.region.set_status(orders, "FROZEN")
        card = await says(story, "No successful backup of orders-prod")

        story.region.set_status(orders, "ACTIVE")
        await story.workspace.click(BEN, card.ts, BACK_UP_NOW)
        await story.workspace.until(lambda: story.workspace.modal(BEN), DEADLINE)
        assert "orders-prod" in story.form(BEN)


async def test_a_snooze_ends_by_itself(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        await story.types("watch orders-prod")
        await story.hears("now watches")
        story.region.set_policy(orders, keep_days=0)
        card = await says(story, "Automated backups of orders-prod are off")

        await story.workspace.click(ANA, card.ts, SNOOZE_INCIDENT)
        await story.workspace.until(lambda: story.workspace.modal(ANA), DEADLINE)
        await story.workspace.submit(ANA, {SNOOZE: "1"})
        assert "Snoozed until" in story.form(ANA)
        await story.workspace.until(
            lambda: "Snoozed until" in story.workspace.read(card), DEADLINE
        )
        await passes(story, lambda: any("snooze is over" in line for line in story.thread(card)))


async def test_what_is_unusual_is_declared_normal(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        await story.types("watch orders-prod")
        await story.hears("now watches")
        orders.size_kb //= 3
        card = await says(story, "The last backup of orders-prod shrank")

        assert "Marked as expected" in await clicks(story, card, EXPECT_INCIDENT)
        await story.workspace.until(
            lambda: "Expected: The last backup" in story.workspace.read(card), DEADLINE
        )


async def test_a_channel_that_takes_no_messages_does_not_hide_an_incident(opens: Opens) -> None:
    """It is archived: whoever made the watch hears it."""
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        await story.types("watch orders-prod")
        await story.hears("now watches")
        story.workspace.faults.next("chat.postMessage", slack_faults.refused("is_archived"))
        story.region.set_policy(orders, keep_days=0)

        def told() -> bool:
            ims = [c for c in story.workspace.channels.values() if c.is_im and ANA in c.members]
            said = [m for im in ims for m in story.workspace.messages(im.id)]
            return any("Automated backups" in story.workspace.read(m) for m in said)

        await passes(story, told)


async def test_an_outage_of_rds_is_one_message(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        automated(story)
        await story.types("watch *")
        await story.hears("now watches")
        await passes(story, lambda: _reads(story) >= 4)
        story.region.faults.always(rds_faults.refused(503, "APIGW.0106"), Operation.LIST_BACKUPS)
        card = await says(story, "I haven't been able to check")
        assert len(story.cards) == 1

        story.region.faults.clear()
        await passes(story, lambda: "Recovered" in story.workspace.read(card))


def _reads(story: Story) -> int:
    return sum(call.operation is Operation.LIST_BACKUPS for call in story.region.calls)


async def test_a_restart_repeats_no_incident(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story:
        orders = automated(story)
        async with story.bot():
            await story.types("watch orders-prod")
            await story.hears("now watches")
            story.region.set_policy(orders, keep_days=0)
            card = await says(story, "Automated backups of orders-prod are off")
        async with story.bot():
            story.region.set_policy(orders, keep_days=7)
            await passes(story, lambda: "Recovered" in story.workspace.read(card))

        assert len(posted(story, "utomated backups of orders-prod")) == 1


async def test_a_digest_comes_at_its_local_time(opens: Opens) -> None:
    channel = f'[[channel]]\nid = "{OPS}"\ndigest = "daily"\ntimezone = "Asia/Shanghai"\n'
    watch = f'[[watch]]\ninstances = ["orders-prod"]\nchannel = "{OPS}"\n'
    async with opens(CONFIG + channel + watch, clock=SteppedClock()) as story, story.bot():
        automated(story)
        card = await says(story, "1 of 1 instance backed up in time")

        assert f"{story.clock.now():%H}" in ("01", "00", "02")
        assert "orders-prod: last backup" in story.workspace.read(card)


async def test_an_old_backup_is_deleted_from_the_digest(opens: Opens) -> None:
    """Its button opens the form; the policy decides as always."""
    channel = f'[[channel]]\nid = "{OPS}"\ndigest = "daily"\n'
    watch = f'[[watch]]\ninstances = ["orders-prod"]\nchannel = "{OPS}"\n'
    async with opens(CONFIG + channel + watch, clock=SteppedClock()) as story, story.bot():
        orders = automated(story)
        began = story.clock.now() - 100 * DAY
        story.region.add_backup(orders, "before-1", type="manual", began=began)
        card = await says(story, "1 manual backup older than 90 days")
        await story.workspace.click(ANA, card.ts, f"{DELETE_OLD}:{orders.id}")
        await story.workspace.until(lambda: story.workspace.modal(ANA), DEADLINE)

        assert "before-1" in story.form(ANA)


async def test_how_well_an_instance_is_protected(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        automated(story)
        await story.types("posture orders-prod")
        shown = await story.hears("Protection of orders-prod")

        assert "No channel watches it" in shown
        assert "Automated backups are on" in shown


def asked_for_copies(story: Story) -> bool:
    return any(call.operation is Operation.SHOW_OFFSITE_POLICY for call in story.region.calls)


async def test_where_the_backups_of_a_watched_instance_are_copied_to(opens: Opens) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        automated(story).copies_to = "ap-southeast-2"
        await story.types("watch orders-prod")
        await passes(story, lambda: asked_for_copies(story), minutes=1)
        reads = _reads(story)
        await passes(story, lambda: _reads(story) > reads)  # so the one before is saved
        await story.types("posture orders-prod")

        assert "copied to ap-southeast-2" in await story.hears("Protection of orders-prod")


async def test_a_pattern_that_matches_nothing_and_a_name_that_does_not_exist(
    opens: Opens,
) -> None:
    async with opens(CONFIG, clock=SteppedClock()) as story, story.bot():
        await story.types("watch nothing-*")
        assert "no instance matches yet" in await story.hears("nothing-")
        await story.types("watch no-such-instance")
        assert "can't find an instance" in await story.hears("no-such-instance")
        await story.types("unwatch nothing-*")
        await story.hears("no longer watches")
        await story.types("watch orders --fresh-within 5m")
        assert "must be a duration" in await story.hears("must be a duration")
