"""A backup asked for in a form: from the command, a mistake, a shortcut or the home tab."""

import asyncio
from dataclasses import replace

import pytest

from bot.demo.rds import faults as rds_faults
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Reply
from bot.demo.slack.views import View
from bot.demo.world import ANA, BEN, OPS
from bot.domain.errors import StoreUnavailable
from bot.slack.messages.ids import (
    ASK_AGAIN,
    BACK_UP,
    BACK_UP_FROM_HERE,
    CHANNEL,
    DESCRIPTION,
    FIX,
    INSTANCE,
    KEEP,
    NAME,
    REASON,
    REJECT,
    START,
)
from bot.storage.store import Store
from tests.story import DEADLINE, Opens, Story


async def form(story: Story, who: str = ANA) -> View:
    """The form in front of somebody, once it is there."""
    view = await story.workspace.until(lambda: story.workspace.modal(who), DEADLINE)
    assert view is not None
    return view


async def chooses(story: Story, text: str = "orders-prod", who: str = ANA) -> None:
    """Somebody types part of a name and takes the first instance that is offered."""
    before = await form(story, who)
    reply = await story.workspace.suggest(who, INSTANCE, text)
    options = [option for entry in reply.options for option in entry.get("options", [entry])]
    await story.workspace.fill(who, INSTANCE, options[0]["value"])
    await story.workspace.until(lambda: story.workspace.modal(who) is not before, DEADLINE)


async def sends(story: Story, who: str = ANA, **values: str) -> Reply:
    return await story.workspace.submit(who, values)


def text_of(view: View, story: Story) -> str:
    return story.workspace.read_view(view)


def field(view: View, action: str) -> dict[str, object]:
    """The element of the form with this action id."""
    elements = (block["element"] for block in view.inputs())
    found: dict[str, object] = next(item for item in elements if item["action_id"] == action)
    return found


async def test_the_command_alone_opens_it(story: Story) -> None:
    """From nothing to a card: what it takes is shown once the instance is chosen."""
    assert (await story.types("")).error is None
    await chooses(story)
    view = await form(story)
    assert "Needs 1 approval from @dba" in text_of(view, story)
    assert str(field(view, NAME)["initial_value"]).startswith("orders-prod-2026")
    reply = await sends(story, **{DESCRIPTION: "before the upgrade", KEEP: "14d"})

    assert reply.errors == {}
    assert "Got it: back up orders-prod as" in story.form(ANA)
    await story.workspace.until(lambda: story.cards, DEADLINE)
    shown = story.workspace.read(story.cards[-1])
    assert "kept for 14 days, then deleted" in shown
    assert "before the upgrade" in shown
    await story.approves(story.cards[-1])
    await story.until_said(story.cards[-1], "is complete")


async def test_it_opens_while_rds_is_slow(opens: Opens) -> None:
    """Slack opens a form within three seconds, RDS answers after five: the name is typed."""
    async with opens() as story:
        story.region.faults.always(rds_faults.slow(5))
        async with story.bot():
            reply = await story.types("create")
            assert reply.error is None
            view = await form(story)
            assert "type the name or the ID" in text_of(view, story)
            story.region.faults.clear()
            values = {"typed_instance": "orders-prod", NAME: "before-42"}
            assert (await sends(story, **values)).errors == {}
            await story.workspace.until(lambda: story.cards, DEADLINE)


async def test_a_mistake_is_mended_in_it(story: Story) -> None:
    """The button opens it with what was typed; the errors stand at their fields."""
    reply = await story.types('create orders-prod 42-before "what for?" --keep 14d')
    assert reply.message is not None
    await story.workspace.click(ANA, reply.message.ts, FIX)
    view = await form(story)
    assert field(view, NAME)["initial_value"] == "42-before"
    assert field(view, DESCRIPTION)["initial_value"] == "what for?"
    assert field(view, INSTANCE)["initial_option"]["text"]["text"] == "orders-prod"  # type: ignore[index]  # an option
    refused = await sends(story, **{DESCRIPTION: "what for & why"})

    (name_block, description) = refused.errors
    assert (name_block[:4], description) == ("name", DESCRIPTION)
    assert "must start with a letter" in refused.errors[name_block]
    assert (await sends(story, **{NAME: "before-42", DESCRIPTION: "why"})).errors == {}
    await story.workspace.until(lambda: story.cards, DEADLINE)
    assert "kept for 14 days" in story.workspace.read(story.cards[-1])


async def test_an_instance_that_is_misspelt_can_be_mended_in_it(story: Story) -> None:
    """The form says which one it did not know."""
    reply = await story.types("create order-prod before-42")
    assert reply.message is not None
    assert "Did you mean" in story.workspace.read(reply.message)
    await story.workspace.click(ANA, reply.message.ts, FIX)

    assert "I can't find an instance called order-prod" in text_of(await form(story), story)
    await chooses(story)
    assert (await sends(story)).errors == {}
    await story.workspace.until(lambda: story.cards, DEADLINE)
    assert "before-42" in story.workspace.read(story.cards[-1])


async def test_a_read_replica_is_not_said_to_be_unknown(story: Story) -> None:
    """RDS has it; only backups of it there are none."""
    reply = await story.types("create orders-replica before-42")
    assert reply.message is not None
    await story.workspace.click(ANA, reply.message.ts, FIX)

    assert "orders-replica can't be used: it's a read replica" in text_of(await form(story), story)


async def test_from_a_direct_message_it_asks_for_a_channel(story: Story) -> None:
    """Where nobody else reads, nobody could approve."""
    direct = story.workspace.direct_message(ANA).id
    await story.workspace.command(ANA, direct, "/backup", "")
    await chooses(story)
    assert (await sends(story, **{CHANNEL: OPS})).errors == {}
    await story.workspace.until(lambda: story.cards, DEADLINE)


async def test_a_person_from_another_workspace_gets_no_form(story: Story) -> None:
    """Wherever they found the button."""
    eve = story.workspace.add_user("U0EVE", "eve")
    await story.workspace.open_home(eve.id)
    await story.workspace.until(lambda: story.workspace.home(eve.id), DEADLINE)
    story.workspace.users[eve.id] = replace(eve, team_id="T0OTHER")
    assert (await story.workspace.press(eve.id, START)).error is None
    direct = story.workspace.direct_message(eve.id).id
    (told,) = await story.workspace.until(lambda: story.workspace.messages(direct), DEADLINE)

    assert "You belong to another workspace" in story.workspace.read(told)
    assert story.workspace.modal(eve.id) is None


async def test_a_name_of_ones_own_stays(story: Story) -> None:
    """Another instance proposes another name, but not in the place of one that was typed."""
    await story.types("")
    await story.workspace.fill(ANA, NAME, "mine-1")
    await chooses(story)
    assert field(await form(story), NAME)["initial_value"] == "mine-1"
    await chooses(story, "dev-sandbox")

    assert field(await form(story), NAME)["initial_value"] == "mine-1"
    assert "No approval needed" in text_of(await form(story), story)


@pytest.mark.parametrize("slow", [(0.0, 0.0), (0.2, 0.0), (0.0, 0.2), (0.2, 0.2)])
async def test_the_last_choice_is_the_one_that_is_shown(
    story: Story, slow: tuple[float, float]
) -> None:
    """Somebody chose wrong, and right before the form had followed, in whatever order."""
    await story.types("")
    await form(story)
    offered = (await story.workspace.suggest(ANA, INSTANCE, "")).options
    ids = {option["text"]["text"]: option["value"] for option in offered}
    delays = map(slack_faults.slow, slow)
    story.workspace.faults.next("views.update", *delays)
    for name in ("orders-prod", "dev-sandbox"):
        await story.workspace.fill(ANA, INSTANCE, ids[name])
    await asyncio.sleep(1)
    shown = text_of(await form(story), story)

    assert "No approval needed" in shown
    assert "[dev-sandbox-2026" in shown


async def test_a_taken_name_is_said_at_its_field(story: Story) -> None:
    """Somebody has an open request of that name."""
    await story.asks("create orders-prod before-42")
    await story.types("", who=BEN)
    await chooses(story, "dev-sandbox", who=BEN)
    refused = await sends(story, BEN, **{NAME: "before-42"})

    assert [block[:4] for block in refused.errors] == ["name"]
    assert "Try before-42-2" in "".join(refused.errors.values())


async def test_two_without_a_name_in_one_minute(story: Story) -> None:
    """Both get one: the second is told apart."""
    first = await story.types("create orders-prod")
    second = await story.types("create orders-prod", who=BEN)
    assert first.message is not None
    assert second.message is not None

    one, two = (story.workspace.read(reply.message) for reply in (first, second) if reply.message)
    assert one != two
    await story.workspace.until(lambda: len(story.cards) == 2, DEADLINE)


async def test_the_global_shortcut_asks_for_a_channel(story: Story) -> None:
    """It comes from nowhere, and a card stands somewhere."""
    assert (await story.workspace.global_shortcut(ANA, BACK_UP)).error is None
    await chooses(story)
    assert (await sends(story, **{CHANNEL: OPS})).errors == {}
    await story.workspace.until(lambda: story.cards, DEADLINE)

    assert "orders-prod" in story.workspace.read(story.cards[-1])


async def test_the_home_tab_has_a_button_for_it(story: Story) -> None:
    """The same form."""
    await story.workspace.open_home(ANA)
    await story.workspace.until(lambda: story.workspace.home(ANA), DEADLINE)
    await story.workspace.press(ANA, START)
    await chooses(story)
    assert (await sends(story, **{CHANNEL: OPS})).errors == {}
    await story.workspace.until(lambda: story.cards, DEADLINE)


async def test_from_a_thread_a_link_leads_to_the_card(story: Story) -> None:
    """Commands do not work in threads, so a message has a shortcut; its thread gets the link."""
    message = story.workspace.say(BEN, OPS, "the upgrade is at nine")
    await story.workspace.message_shortcut(ANA, message.ts, BACK_UP_FROM_HERE)
    await chooses(story)
    assert (await sends(story)).errors == {}
    link = await story.workspace.until(lambda: story.thread(message), DEADLINE)

    assert link[0].startswith("@ana requested a backup of orders-prod as")
    assert "the card" in link[0]


async def test_ones_own_instances_are_on_top(story: Story) -> None:
    """Of all that fit, those one asked for lately."""
    await story.types("create dev-sandbox before-42")
    await story.workspace.until(lambda: story.cards, DEADLINE)
    await story.types("")
    await form(story)
    reply = await story.workspace.suggest(ANA, INSTANCE, "")

    assert [group["label"]["text"] for group in reply.options] == [
        "Recently requested",
        "Instances",
    ]
    assert [option["text"]["text"] for option in reply.options[0]["options"]] == ["dev-sandbox"]
    assert (await story.workspace.suggest(ANA, INSTANCE, "nothing like it")).options == []


async def test_who_may_not_ask_reads_it_before_anything_is_sent(opens: Opens) -> None:
    """The form says who may instead."""
    config = '[approval]\napprovers = ["S0DBA"]\nrequesters = ["U0BEN"]\n'
    async with opens(config=config) as story, story.bot():
        await story.types("")
        await chooses(story)

        assert "You can't request a backup: only @ben can" in text_of(await form(story), story)


async def test_a_form_sent_twice_is_one_request(story: Story) -> None:
    """Slack may deliver it again; the same form is the same request."""
    await story.types("")
    await chooses(story)
    await story.workspace.submit(ANA, {NAME: "before-42"}, deliver_twice=True)
    await story.workspace.until(lambda: story.cards, DEADLINE)
    await story.approves(story.cards[-1])
    await story.until_said(story.cards[-1], "is complete")

    assert (len(story.cards), story.creates) == (1, 1)


async def test_a_form_that_slack_does_not_open_is_told(story: Story) -> None:
    """A shortcut has no place for an answer but a direct message."""
    story.workspace.faults.next("views.open", slack_faults.ERROR)
    assert (await story.workspace.global_shortcut(ANA, BACK_UP)).error is None
    direct = story.workspace.direct_message(ANA).id
    (told,) = await story.workspace.until(lambda: story.workspace.messages(direct), DEADLINE)

    assert "Slack didn't open the form. Nothing was started. Try again." in (
        story.workspace.read(told)
    )


@pytest.mark.parametrize("action", [REJECT, ASK_AGAIN])
async def test_a_form_that_cannot_be_written_down_says_so(
    story: Story, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """In its place, instead of closing as if all were well."""
    card = await story.asks()
    if action == ASK_AGAIN:
        await story.withdraws(card)
        await story.until_said(card, "withdrew")
    await story.workspace.click(BEN, card.ts, action)
    await form(story, BEN)
    with monkeypatch.context() as patch:
        for name in ("transaction", "load"):
            patch.setattr(Store, name, _takes_nothing)
        await sends(story, BEN, **({REASON: "no"} if action == REJECT else {}))

    assert "so nothing was saved" in story.form(BEN)


def _takes_nothing(*_: object) -> None:
    raise StoreUnavailable
