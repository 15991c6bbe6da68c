"""Every list, form and home tab, with any text at all in it: Slack takes it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.application.deletions import DeletionTarget
from bot.application.inventory import PAGE, BackupsView, InstanceRow, InstancesView, MadeView, Page
from bot.application.request_queries import HomeView, Pending, Status
from bot.domain.commands import Typed
from bot.domain.decisions import AskVerdict, Decision
from bot.domain.instances import Backup, Instance
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.slack.messages import answers
from bot.slack.messages.deletion_form import deletion_form
from bot.slack.messages.form import Chosen, create_form
from bot.slack.messages.form_values import values_of
from bot.slack.messages.home import home_view, shown_requests
from bot.slack.messages.ids import Purpose
from bot.slack.messages.instance_options import suggestions
from tests.slack.block_kit import check, check_view
from tests.slack.samples import DECIDED_AT, TERMS, asked, expiring, in_every_state
from tests.slack.test_every_message import texts

names = st.text(min_size=1, max_size=64) | texts().map(lambda text: text[:64] or "x")
NOW = DECIDED_AT + timedelta(minutes=3)


def instance(text: str) -> Instance:
    return Instance(id=f"{'a' * 32}in01", name=text, status=text, engine=text, version=text)


def backup(text: str, **changes: Any) -> Backup:
    return Backup(id=text, instance_id="i", name=text, status=text, type=text, **changes)


def requests(text: str) -> list[BackupRequest]:
    return [*in_every_state(asked(text, text, text)).values()]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=names)
def test_slack_takes_every_table(text: str) -> None:
    """Backups and instances, first page, last page, and none at all."""
    rows = [backup(text, begin_time=DECIDED_AT, size_kb=7), backup(text)] * (PAGE // 2)
    made = {text: asked(text, text)}
    for page in (Page(0, 1), Page(1, 34)):
        view = BackupsView(instance(text), rows, made, every=True, page=page, at=NOW)
        check(answers.backups_table(view, "/backup"))
        seen = [
            InstanceRow(instance(text), looked, last, Decision(verdict, None))
            for verdict in AskVerdict
            for looked, last in ((True, rows[0]), (True, None), (False, None))
        ][:PAGE]
        check(answers.instances_table(InstancesView(text, seen, page, NOW), "/backup"))
    empty = BackupsView(instance(text), [], {}, every=False, page=Page(0, 0), at=NOW)
    check(answers.backups_table(empty, "/backup"))
    check(answers.instances_table(InstancesView(text, [], Page(0, 0), NOW, NOW), "/backup"))
    done = [expiring(), in_every_state(asked(text, text))[RequestState.COMPLETED]]
    for view_of_made in (MadeView(done, 3, has_more=True, at=NOW), MadeView([], 0, False, NOW)):  # noqa: FBT003, has_more
        check(answers.made_table(view_of_made, "/backup"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=names)
def test_slack_takes_every_list_of_requests(text: str) -> None:
    """Mine and others', few and hundreds."""
    some = requests(text)
    for mine, others in ((some, some * 40), ([], some), (some, []), ([], [])):
        check(answers.status_message(Status(mine, others, NOW), "/backup"))
        check(answers.pending_message(Pending(mine, others, NOW), "/backup"))
    for request in some:
        check(answers.one_request(request, NOW, "https://acme.example/archives/C0/p1"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=names)
def test_slack_takes_every_home_tab(text: str) -> None:
    """Empty, and with five hundred of everything."""
    some = requests(text) * 36
    late = [(instance(text), backup(text, begin_time=DECIDED_AT)), (instance(text), None)] * 250
    for home in (HomeView(some, some, some[:5], late, NOW), HomeView([], [], [], [], NOW)):
        links = {request.id: "https://acme.example/p1" for request in shown_requests(home)}
        view = home_view(home, links, "/backup")
        check_view(view)
        assert len(view["blocks"]) <= 100


def test_a_home_tab_leaves_no_line_out_unsaid() -> None:
    """Ten that run are shown, however long their names are."""
    run = in_every_state(asked("i" * 64, "n" * 64))[RequestState.RUNNING]
    running = [run.model_copy(update={"id": f"{number:032x}"}) for number in range(12)]
    home = HomeView([], running, [], [], NOW)
    address = "https://acme.example/archives/C0123456789/p1795442640123456"
    view = home_view(home, dict.fromkeys((one.id for one in running), address), "/backup")

    check_view(view)
    texts_shown = [b["text"]["text"] for b in view["blocks"] if b["type"] == "section"]
    assert sum(text.count("n" * 64) for text in texts_shown) == 10
    assert "… and 2 more." in texts_shown


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=texts())
def test_slack_takes_every_form(text: str) -> None:
    """Whatever was typed before, and whatever RDS calls an instance."""
    found = instance(text[:64] or "x")
    typed = Typed(text, text, text, text[:70] or "14d")
    for chosen in (None, Chosen(found, TERMS), Chosen(found, TERMS, "You may not ask.")):
        for purpose in (Purpose(channel="C0OPS", thread_ts="1.2", proposed=text[:64]), Purpose()):
            for knows in (True, False):
                view = create_form(typed, purpose, chosen, problems=[text], knows_instances=knows)
                check_view(view)
    check_view(deletion_form(DeletionTarget(found, text[:64], None), "C0OPS"))
    last = backup(text, begin_time=DECIDED_AT, size_kb=5)
    check_view(deletion_form(DeletionTarget(found, text[:64], last), "C0OPS"))
    check(answers.fixable(answers.unknown_request(), typed))


@pytest.mark.parametrize("char", ["\\", '"', "&", "\U0001f525", "\x1a"])
def test_what_was_typed_fits_behind_its_button(char: str) -> None:
    """Slack takes 2 000 characters there, and some are written as two."""
    check(answers.fixable(answers.unknown_request(), Typed(*[char * 700] * 4)))


def test_a_typeahead_puts_ones_own_on_top() -> None:
    """In groups, if there are any; the names first."""
    orders, shop = instance("orders-prod"), instance("shop")

    assert [
        group["label"]["text"] for group in suggestions([orders], [shop])["option_groups"]
    ] == [
        "Recently requested",
        "Instances",
    ]
    assert suggestions([], [shop])["options"][0]["text"]["text"] == "shop"
    assert suggestions([], []) == {"options": []}


def test_the_values_of_a_form_are_read_back() -> None:
    """An instance that was chosen, or typed while RDS was away."""
    chosen = {"instance": {"instance": {"selected_option": {"value": "i1"}}}}
    typed = {"typed_instance": {"typed_instance": {"value": "orders"}}}
    rest = {
        "name-3": {"name": {"value": "before-42"}},
        "description": {"description": {"value": None}},
        "keep": {"keep": {"selected_option": {"value": "14d"}}},
    }

    assert values_of({"state": {"values": chosen | rest}}) == Typed("i1", "before-42", "", "14d")
    assert values_of({"state": {"values": typed | rest}}).instance == "orders"


@pytest.mark.parametrize("metadata", ["", "{", "[]", '{"other": 1}'])
def test_a_form_of_another_release_is_told_apart(metadata: str) -> None:
    """What it carries is not taken for something else."""
    with pytest.raises(ValueError):  # noqa: PT011, json's own too
        Purpose.parse(metadata)
