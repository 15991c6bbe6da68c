"""Forms, the home tab, lists, help, the policy and the audit trail."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.application.deletions import DeletionTarget
from bot.application.inventory import BackupsView, InstanceRow, InstancesView, MadeView, Page
from bot.application.request_queries import HomeView, Pending, Status
from bot.domain.audit import AuditAction
from bot.domain.commands import CommandError, Typed
from bot.domain.decisions import AskVerdict, Decision, Verdict
from bot.domain.errors import NameTaken
from bot.domain.grammar import parse
from bot.domain.incidents import IncidentKind
from bot.domain.instances import Backup, Instance
from bot.domain.policy import Policy, Rule, RuleReference, RuleSource, Terms
from bot.domain.preferences import Preferences
from bot.domain.requests import Choice
from bot.domain.states import RequestState, Retention
from bot.domain.verbs import VERBS
from bot.slack.messages import answers, views
from bot.slack.messages.deletion_form import deletion_form, wrong_name
from bot.slack.messages.form import Chosen, create_form, unknown_instance
from bot.slack.messages.home import home_view, shown_requests, welcome
from bot.slack.messages.ids import Purpose
from bot.slack.messages.instance_options import suggestions
from bot.slack.messages.mrkdwn import Message, said
from bot.slack.messages.policies import verdict_words
from tests.slack.catalogue_of_incidents import WORST, incident
from tests.slack.samples import (
    BACKUP_ID,
    DECIDED_AT,
    GB,
    TERMS,
    asked,
    expiring,
    in_every_state,
    on_the_trail,
)

S, A = RequestState, AuditAction
NOW = DECIDED_AT + timedelta(minutes=3)
NAME = "before-migration-42"
RULE = RuleReference(source=RuleSource.RULE, number=1, instances=("orders-*",))
ORDERS = Instance(
    id="3d39c18788b54a919bab633874c159dfin01",
    name="orders-prod",
    status="ACTIVE",
    type="Ha",
    engine="MySQL",
    version="8.0",
)
FULL = ORDERS.model_copy(update={"name": "shop-prod", "status": "STORAGE FULL"})
LAST = Backup(
    id=BACKUP_ID,
    instance_id=ORDERS.id,
    name=NAME,
    status="COMPLETED",
    begin_time=DECIDED_AT - timedelta(hours=21),
    size_kb=38 * GB,
)
TWO = Terms(
    requesters=("S0DBA",),
    channels=("C0OPS",),
    approvals=2,
    approvers=("S0DBA",),
    notify=("U0BEN",),
    break_glass=("U0CYD",),
    auditors=("U0BEN",),
    channel="C0DB",
    rule="rule 1 (orders-*)",
)
FREE = Terms(approvals=0, rule="rule 2 (dev-*)")
DETAILS: dict[AuditAction, dict[str, str]] = {
    A.SUBMITTED: {"name": NAME, "description": "before the 4.2 migration"},
    A.ASK_REFUSED: {"name": NAME, "error": "NameTaken"},
    A.LOOKED_UP: {"approvals": "2"},
    A.REJECTED: {"choice": "reject", "reason": "not tonight"},
    A.BREAK_GLASS: {"choice": "break_glass", "reason": "production is down"},
    A.CREATE_ACCEPTED: {"backup_id": BACKUP_ID, "rds_request_id": "9f1c"},
    A.ADOPTED: {"backup_id": BACKUP_ID},
    A.REFUSED: {"reason": "storage_full", "code": "DBS.200316", "rds_request_id": "9f1c"},
    A.COMPLETED: {"seconds": "432", "size_kb": "40265318"},
    A.FAILED: {"seconds": "180"},
    A.STAYS: {"reason": "backup_in_use", "code": "DBS.200316"},
}
BY_PEOPLE = {
    A.SUBMITTED: "U0ANA",
    A.ASK_REFUSED: "U0ANA",
    A.AUDIT_REFUSED: "U0CYD",
    A.APPROVED: "U0BEN",
    A.REJECTED: "U0BEN",
    A.WITHDRAWN: "U0ANA",
    A.STOPPED: "U0ANA",
    A.BREAK_GLASS: "U0BEN",
    A.KEPT: "U0BEN",
}
Shown = Message | dict[str, Any]


def forms() -> Iterator[tuple[str, Shown]]:
    here = Purpose(channel="C0OPS", proposed="orders-prod-20261123")
    yield "Empty, from anywhere", create_form(Typed(), Purpose())
    for title, chosen in {
        "Approval needed": Chosen(ORDERS, TERMS),
        "Approval in another channel": Chosen(ORDERS, TWO),
        "No approval needed": Chosen(ORDERS, FREE),
    }.items():
        yield title, create_form(Typed("orders-prod"), here, chosen)
    for verdict in AskVerdict:
        if objection := verdict_words(verdict, TWO, None, ""):
            chosen = Chosen(ORDERS, TWO, objection)
            yield f"Objection: {verdict}", create_form(Typed("orders-prod"), here, chosen)
    problems = [unknown_instance(Typed("ordres"), is_known=known) for known in (True, False)]
    yield (
        "Wrong, and RDS is away",
        create_form(Typed("ordres"), here, problems=problems, knows_instances=False),
    )
    target = DeletionTarget(ORDERS, NAME, LAST)
    yield "Delete", deletion_form(target, "C0OPS")
    yield "Delete, RDS is away", deletion_form(DeletionTarget(ORDERS, NAME, None), "C0OPS")
    waits = in_every_state(asked(), TWO)[S.AWAITING_APPROVAL]
    yield "Reject", views.reject_view(waits)
    yield "Reject a deletion", views.reject_view(waits.model_copy(update={"kind": "delete"}))
    yield "Start without approval", views.break_glass_view(waits)
    yield "Request again", views.ask_again_view(expiring(), NAME)
    accepted = answers.accepted(asked(), "/backup")
    yield "Answer in a form's place", views.answer_view("Back up a database", accepted)


def beside_fields() -> Iterator[tuple[str, Shown]]:
    yield "Another backup's name was typed", said(wrong_name(NAME))
    for owner in ("U0BEN", None):
        yield f"Name taken by {owner}", said(views.name_taken(NameTaken(NAME, "b-42", owner)))
    for option in suggestions([ORDERS], [FULL])["option_groups"]:
        first = option["options"][0]
        shown = f"{first['text']['text']}: {first['description']['text']}"
        yield f"Group of instances: {option['label']['text']}", said(shown)


def home() -> Iterator[tuple[str, Shown]]:
    every = in_every_state(asked())
    late = [(ORDERS, LAST), (FULL, None)] * 6
    recent = [every[state] for state in (S.COMPLETED, S.REJECTED, S.WITHDRAWN)]
    full = HomeView([every[S.AWAITING_APPROVAL]] * 11, [every[S.RUNNING]], recent, late, NOW)
    links = {request.id: "https://acme.example/p1" for request in shown_requests(full)}
    yield "Full", home_view(full, links, "/backup")
    yield "Empty", home_view(HomeView([], [], [], [], NOW), {}, "/backup")
    yield "First look at the app's messages", welcome("/backup")
    well = HomeView([], [], [], [], NOW, preferences=Preferences(user_id="U0ANA"))
    yield "With the choice of direct messages", home_view(well, {}, "/backup")
    opened = [incident(kind) for kind in IncidentKind]
    wrong = HomeView([], [], [], [], NOW, opened, [WORST], Preferences(user_id="U0ANA"))
    yield "With incidents", home_view(wrong, {}, "/backup")


def lists() -> Iterator[tuple[str, Shown]]:
    every = in_every_state(asked())
    waits, running = every[S.AWAITING_APPROVAL], every[S.RUNNING]
    yield "Status", answers.status_message(Status([waits], [running] * 21, NOW), "/backup")
    yield "Status, nothing", answers.status_message(Status([], [], NOW), "/backup")
    yield "Pending", answers.pending_message(Pending([waits], [waits], NOW), "/backup")
    yield "Pending, for others", answers.pending_message(Pending([], [waits], NOW), "/backup")
    yield "Pending, nothing", answers.pending_message(Pending([], [], NOW), "/backup")
    link = "https://acme.example/p1"
    yield "One request that waits", answers.one_request(waits, NOW, link)
    yield "One request that ended", answers.one_request(every[S.FAILED], NOW, link)
    yield from _tables()


def _tables() -> Iterator[tuple[str, Shown]]:
    made = {LAST.id: in_every_state(asked())[S.COMPLETED]}
    auto = LAST.model_copy(update={"type": "auto", "status": "BUILDING", "size_kb": None})
    for every in (True, False):
        view = BackupsView(ORDERS, [LAST, auto], made, every=every, page=Page(0, 12), at=NOW)
        yield f"Backups, all: {every}", answers.backups_table(view, "/backup")
        empty = BackupsView(ORDERS, [], {}, every=every, page=Page(0, 0), at=NOW)
        yield f"No backups, all: {every}", answers.backups_table(empty, "/backup")
    done = [expiring(retention=state) for state in (None, *Retention)]
    yield (
        "Made by the bot",
        answers.made_table(MadeView(done, 0, has_more=True, at=NOW), "/backup"),
    )
    none = MadeView([], 0, has_more=False, at=NOW)
    yield "None made by the bot", answers.made_table(none, "/backup")
    rows = [
        InstanceRow(ORDERS, looked=True, last_good=LAST, decision=Decision(verdict, RULE))
        for verdict in AskVerdict
    ]
    allowed = Decision(AskVerdict.NEEDS_APPROVAL, RULE)
    rows.append(InstanceRow(FULL, looked=True, last_good=None, decision=allowed))
    rows.append(InstanceRow(FULL, looked=False, last_good=None, decision=allowed))
    instances = InstancesView(None, rows, Page(0, len(rows)), NOW)
    yield "Instances", answers.instances_table(instances, "/backup")
    two = [
        replace(rows[0], instance=ORDERS.model_copy(update={"project": p, "is_namesake": True}))
        for p in ("prod-eu", "prod-us")
    ]
    partly = InstancesView(None, two, Page(0, 2), NOW, unread=["prod-eu"])
    yield "Instances of two projects, one of them away", answers.instances_table(partly, "/backup")
    for like in ("zzz", None):
        nothing = InstancesView(like, [], Page(0, 0), NOW)
        yield f"No instances like {like}", answers.instances_table(nothing, "/backup")


def help_pages() -> Iterator[tuple[str, Shown]]:
    yield "`/backup help`", answers.help_message("/backup")
    for verb in VERBS:
        yield f"`/backup help {verb}`", answers.help_message("/backup", verb)
    try:
        yield "`/backup help blah`", answers.help_message("/backup", parse("help blah").verb)  # type: ignore[union-attr]
    except CommandError as error:
        yield "`/backup help blah`", answers.refusal(error, "/backup")


def policy() -> Iterator[tuple[str, Shown]]:
    rules = (
        Rule(instances=("orders-*",), requesters=("S0DBA",), approvals=2, approvers=("S0DBA",)),
        Rule(instances=("dev-*", "test-*"), approvals=0),
    )
    yield "Rules", answers.policy_overview(Policy(rules=rules), "/backup")
    yield "No rules", answers.policy_overview(Policy(), "/backup")
    for verdict in AskVerdict:
        yield f"Two approvals, {verdict}", _policy(TWO, verdict, frozenset({"U0BEN", "U0ANA"}))
    yield "Nobody can approve", _policy(TWO, AskVerdict.TOO_FEW_APPROVERS, frozenset())
    yield "No approval", _policy(FREE, AskVerdict.RUNS_AT_ONCE, None)
    yield "Defaults", _policy(Terms(), AskVerdict.NEEDS_APPROVAL, None)
    without = Terms(remind_after=timedelta(0), notify=())
    yield "No reminders", _policy(without, AskVerdict.NEEDS_APPROVAL, None)


def _policy(terms: Terms, verdict: AskVerdict, able: frozenset[str] | None) -> Message:
    decision = Decision(verdict, terms.rule)
    return answers.policy_answer(
        ORDERS, terms, decision, user="U0ANA", able=able, break_glass=True, command="/backup"
    )


def audit() -> Iterator[tuple[str, Shown]]:
    entries = [
        on_the_trail(action, BY_PEOPLE.get(action, "backup-bot"), **DETAILS.get(action, {}))
        for action in A
        if action is not A.CLICK_REFUSED
    ]
    for part in (entries[:11], entries[11:]):
        yield f"From {part[0].action} on", _trail([entries[0], *part])
    refused = [
        on_the_trail(A.CLICK_REFUSED, "U0CYD", choice=choice, verdict=verdict)
        for verdict, choice in zip(Verdict, [*Choice] * 9, strict=False)
        if not verdict.counts and verdict is not Verdict.NO_REASON  # leaves no trace
    ]
    yield "Clicks that were refused", _trail([entries[0], *refused])
    yield "Nothing yet", _trail([])


def _trail(entries: list[Any]) -> Message:
    return answers.audit_answer("orders-prod", entries, now=NOW, command="/backup")


SCREENS: dict[str, Callable[[], Iterator[tuple[str, Shown]]]] = {
    "Forms": forms,
    "Beside the fields of forms": beside_fields,
    "Home tab": home,
    "Lists": lists,
    "Help": help_pages,
    "Policy": policy,
    "Audit trail": audit,
}
