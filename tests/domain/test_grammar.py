"""The /backup grammar, row by row and on any text at all."""

import re
import time
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.commands import (
    Command,
    CommandError,
    CreateBackup,
    DeleteBackup,
    Help,
    ListBackups,
    ListInstances,
    OpenForm,
    ShowAudit,
    ShowPending,
    ShowPolicy,
    ShowStatus,
    Typed,
    Withdraw,
)
from bot.domain.grammar import parse
from bot.domain.verbs import VERBS
from bot.slack.messages.mrkdwn import escape

HEX = "d8e6ca5a624745bcb546a227aa3ae1cf"
UNDERSTOOD: dict[str, Command] = {
    "": OpenForm(),
    " \u200b\u00a0": OpenForm(),
    "create": OpenForm(),
    'create ""': OpenForm(),
    "create orders": CreateBackup("orders"),
    "create orders --keep 14d": CreateBackup("orders", keep=timedelta(days=14)),
    "create orders \u2014keep 14d": CreateBackup("orders", keep=timedelta(days=14)),
    "create --keep=2w orders before-42 why": CreateBackup(
        "orders", "before-42", "why", timedelta(weeks=2)
    ),
    "create orders before-42 why --KEEP 36H not": CreateBackup(
        "orders", "before-42", "why not", timedelta(hours=36)
    ),
    "create orders before-42 then - now": CreateBackup("orders", "before-42", "then - now"),
    "list": ListBackups(),
    "list --all": ListBackups(every=True),
    "list -all orders": ListBackups("orders", every=True),
    "status": ShowStatus(),
    "status before-42": ShowStatus("before-42"),
    "status 0123abcd": ShowStatus("0123abcd"),
    "instances": ListInstances(),
    "instances orders prod": ListInstances("orders prod"),
    "pending": ShowPending(),
    "withdraw before-42": Withdraw("before-42"),
    "delete before-42": DeleteBackup("before-42"),
    "delete before-42 orders": DeleteBackup("before-42", "orders"),
    "policy": ShowPolicy(),
    "policy orders": ShowPolicy("orders"),
    "audit orders": ShowAudit("orders"),
    "help": Help(),
    "HELP create": Help("create"),
    "help creat": Help("create"),
    "create orders before-42": CreateBackup("orders", "before-42"),
    "create \u8ba2\u5355\u5e93-prod": CreateBackup("\u8ba2\u5355\u5e93-prod"),
    "create \uff21\uff22 abcd": CreateBackup("\uff21\uff22", "abcd"),
    "create orders/prod, abcd": CreateBackup("orders/prod,", "abcd"),
    "create 'my orders' abcd": CreateBackup("my orders", "abcd"),
    "audit \u8ba2\u5355\u5e93-prod": ShowAudit("\u8ba2\u5355\u5e93-prod"),
    "Create orders before-42": CreateBackup("orders", "before-42"),
    "create orders before-42 the 4.2 migration": CreateBackup(
        "orders", "before-42", "the 4.2 migration"
    ),
    'create orders before-42 "the 4.2 migration"': CreateBackup(
        "orders", "before-42", "the 4.2 migration"
    ),
    "create 'orders' \"before-42\" the 'big   one'": CreateBackup(
        "orders", "before-42", "the big one"
    ),
    "create orders before-42 \u201cthe 4.2\u201d \u2018big\u2019 one": CreateBackup(
        "orders", "before-42", "the 4.2 big one"
    ),
    "create orders before\u201342": CreateBackup("orders", "before-42"),
    "create orders before\u201442 for 4.1\u20144.2": CreateBackup(
        "orders", "before-42", "for 4.1-4.2"
    ),
    "create\u00a0orders\u2009before-42\u200b": CreateBackup("orders", "before-42"),
    "create \u202eorders\u202c be\u00adfore-42": CreateBackup("orders", "before-42"),
    "create orders before-42 two\nlines\tand\x00a bell\x07": CreateBackup(
        "orders", "before-42", "two lines and a bell"
    ),
    "create orders before-42 for <@U1|ana> in <#C1|ops>, <!here>, see <https://a.b/c|the plan>": (
        CreateBackup("orders", "before-42", "for @ana in #ops, @here, see the plan")
    ),
    "create orders before-42 <#C1|> <@U1> <https://a.b/c>": CreateBackup(
        "orders", "before-42", "#C1 @U1 https://a.b/c"
    ),
    "create <http://orders.dev|orders.dev> before-42": CreateBackup("orders.dev", "before-42"),
    f"create {HEX}in01 abcd": CreateBackup(f"{HEX}in01", "abcd"),
    f"create {HEX}in05 abcd": CreateBackup(f"{HEX}in05", "abcd"),
    "create d8e6ca5a-6247-45bc-b546-a227aa3ae1cf abcd": CreateBackup(
        "d8e6ca5a-6247-45bc-b546-a227aa3ae1cf", "abcd"
    ),
    f"create o {'n' * 64} {'d' * 256}": CreateBackup("o", "n" * 64, "d" * 256),
}
# The text, what its problems are about, and the corrected command after "/backup ".
REFUSED: list[tuple[str, list[str], str | None]] = [
    ("create --keep 14d", ["instance"], None),
    ("create orders --keep", ["keep"], "create orders --keep 14d"),
    ("create orders --keep 3", ["keep"], "create orders --keep 14d"),
    ("create orders --keep 2h", ["keep"], "create orders --keep 14d"),
    ("create orders before-42 --kepe 14d", ["flag"], "create orders before-42 --keep 14d"),
    ("create orders --kep soon", ["flag", "keep"], "create orders --keep 14d"),
    ("create orders --now before-42", ["flag"], "create orders before-42"),
    ("create orders 42-before --now", ["flag", "name"], "create orders before-42"),
    ("list orders --al", ["flag"], "list orders --all"),
    ("list orders shop", ["extra"], None),
    ("pending --all", ["flag"], "pending"),
    ("pending orders", ["extra"], "pending"),
    ("withdraw", ["name"], None),
    ("withdraw before 42", ["extra"], None),
    ("delete", ["name"], None),
    ("delete 42-before", ["name"], None),
    ("delete before-42 orders now", ["extra"], None),
    ("withdraw 42-before", ["name"], None),
    ("audit", ["instance"], None),
    ("lst orders", ["verb"], "list orders"),
    ("create orders 42-before", ["name"], "create orders before-42"),
    ("create orders 2026-11-23", ["name"], "create orders b-2026-11-23"),
    ("create orders 42before", ["name"], "create orders b-42before"),
    ("create orders abc", ["name"], "create orders abc-backup"),
    ("create orders \u65e5\u672c", ["name"], "create orders"),
    ("create orders Z\u00fcri.two", ["name"], "create orders Zuri-two"),
    ("create orders 'before migration' now", ["name"], "create orders before-migration now"),
    ('create orders "before migration', ["name"], "create orders before migration"),
    (f"create orders {'n' * 65}", ["name"], f"create orders {'n' * 64}"),
    ("create orders <#C1|ops-room>", ["name"], "create orders ops-room"),
    ("create <@U1|ana> before-42", ["instance"], None),
    ("create <http://a|b> before-42", ["instance"], None),
    (f"create {'o' * 129} before-42", ["instance"], None),
    (
        "create \u8ba2\u5355\u5e93-prod 42-b",
        ["name"],
        "create \u8ba2\u5355\u5e93-prod b-42",
    ),
    ("create 'a b' 42-before", ["name"], 'create "a b" before-42'),
    ("create 'a \"b\" c' 42-before", ["name"], "create 'a \"b\" c' before-42"),
    ("create a`b 42-before", ["name"], None),
    ("list 'a b' --al", ["flag"], 'list "a b" --all'),
    (f"create {HEX}in02 before-42", ["instance"], None),
    (f"create {HEX}br01 before-42", ["instance"], None),
    ("create orders before-42 don't", ["description"], "create orders before-42 dont"),
    ("create orders before-42 R&amp;D", ["description"], "create orders before-42 R and D"),
    ("create orders before-42 R&D a=b", ["description"], "create orders before-42 R and D a:b"),
    ("create orders before-42 now!", ["description"], "create orders before-42 now"),
    ("create orders before-42 a &lt; b", ["description"], "create orders before-42 a b"),
    ('create orders before-42 "open', ["description"], "create orders before-42 open"),
    (
        f"create orders before-42 {'d' * 257}",
        ["description"],
        f"create orders before-42 {'d' * 256}",
    ),
    (
        f"create orders? 4! {'!' * 300}",
        ["name", "description", "description"],
        "create orders? b-4-backup",
    ),
    ("crreate orders before-42", ["verb"], "create orders before-42"),
    ("crate orders 42-before", ["verb", "name"], "create orders before-42"),
    ("heelp create", ["verb"], "help create"),
    ("restore orders before-42", ["verb"], "help"),
    ("help dance", ["verb"], "help"),
    ("heelp dance", ["verb", "verb"], "help"),
    (f"help {'x' * 3000}", ["verb"], "help"),
    ("<@U1|ana>", ["verb"], "help"),
]
SNIPPETS = [
    *"'\"<>&;|@#!=- \n\t\u200b\u2014\u201c\u2019\x1a\ud800",
    *("create", "help", "orders", "before-42", "42-", f"{HEX}in02", "--keep", "--al", "14d"),
    *("&amp;", "&lt;", "<@U1|x>", "<http://a|b c>"),
]
snippets = st.sampled_from(SNIPPETS)
texts = st.one_of(
    st.text(max_size=300),
    st.lists(snippets, max_size=40).map("".join),
    st.lists(st.one_of(snippets, st.text(max_size=70)), max_size=12).map(
        lambda parts: "create " + " ".join(parts)
    ),
    st.tuples(st.sampled_from(sorted(VERBS)), st.lists(snippets, max_size=8)).map(
        lambda parts: f"{parts[0]} {' '.join(parts[1])}"
    ),
)


@pytest.mark.parametrize(("text", "command"), UNDERSTOOD.items())
def test_a_right_command_is_understood(text: str, command: Command) -> None:
    """What people mean is read out of what phones and Slack make of it."""
    assert parse(text) == command


@pytest.mark.parametrize(("text", "about", "corrected"), REFUSED)
def test_a_wrong_command_is_answered(text: str, about: list[str], corrected: str | None) -> None:
    """All that is wrong is said at once, with a command to copy where there can be one."""
    with pytest.raises(CommandError) as refused:
        parse(text)

    assert [problem.about for problem in refused.value.problems] == about
    assert refused.value.corrected == (corrected and f"/backup {corrected}")


def test_a_problem_says_what_why_and_what_to_do() -> None:
    """The words are those a person reads, with what was typed and what to try kept apart."""
    with pytest.raises(CommandError) as refused:
        parse("create orders 42-before now!")
    name, description = refused.value.problems

    assert (name.word, name.suggestion) == ("42-before", "before-42")
    assert str(name) == (
        "42-before isn't a valid backup name: it must start with a letter. Try before-42."
    )
    assert str(description).startswith("! isn't allowed in a description")


@pytest.mark.parametrize(
    ("reference", "hint"), [(f"{HEX}in14", "GaussDB"), (f"{HEX}br03", "a backup")]
)
def test_a_foreign_id_is_named(reference: str, hint: str) -> None:
    """An id of another service, or of another thing, is recognised by its last letters."""
    with pytest.raises(CommandError, match=hint):
        parse(f"create {reference} before-42")


def test_a_huge_word_is_shown_short() -> None:
    """An answer does not repeat three thousand characters."""
    with pytest.raises(CommandError) as refused:
        parse("create orders " + "\u00e9" * 3000)

    assert len(refused.value.problems[0].word) == 80


def test_the_command_may_have_another_name() -> None:
    """The corrected line begins with the command that was typed."""
    with pytest.raises(CommandError) as refused:
        parse("create orders abc", command="/dump")

    assert refused.value.corrected == "/dump create orders abc-backup"


def command_meant(text: str) -> Command | None:
    """What the text says, or its correction; None for a text that has none."""
    try:
        return parse(text)
    except CommandError as error:
        refused = error
    assert refused.problems
    str(refused).encode()  # no halves of characters: it can be sent
    if refused.corrected is None:
        return None
    return parse(escape(refused.corrected.removeprefix("/backup")))  # as Slack sends it


def assert_allowed(command: Command | None) -> None:
    if isinstance(command, CreateBackup):
        assert 0 < len(command.instance) <= 128
        assert re.fullmatch(r"([A-Za-z][A-Za-z0-9_-]{3,63})?", command.name)
        assert re.fullmatch(r"[^>!<\"&'=\x00-\x1f]{0,256}", command.description)


@given(texts)
@settings(max_examples=500, deadline=None)
def test_whatever_is_typed_is_right_or_answered(text: str) -> None:
    """CommandError alone is raised; what passes is within RDS's rules, and so is a correction."""
    assert_allowed(command_meant(text))


def test_ten_thousand_texts_are_read_in_a_moment() -> None:
    """Many a wrong command costs next to nothing."""
    random = Random(42)  # noqa: S311, nothing secret hangs on it
    texts = ["create " * (n % 2) + "".join(random.choices(SNIPPETS, k=20)) for n in range(10_000)]
    began = time.process_time()
    for text in texts:
        assert_allowed(command_meant(text))

    assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    "part",
    [
        *('"a ', "'a'b ", "<@U", "<http://a|", "&amp;", "1-", "-", "--a ", "--kep x ", " "),
        *("\u201cx\u201d ", "\x00", "\ufdfa", "e\u0301", "\u202e", "`", "\x1a", "\u8ba2"),
    ],
)
def test_a_long_text_takes_no_longer_than_its_length(part: str) -> None:
    """The longest and forty thousand characters of the worst kind are answered in a moment."""
    for length in (3900, 40_000):
        for text in (part * (length // len(part)), f"create a {part * (length // len(part))}"):
            began = time.process_time()
            with suppress(CommandError):
                parse(text + "!")
            assert time.process_time() - began < 0.2


def test_what_was_typed_can_be_mended_in_a_form() -> None:
    """Nobody types it twice: the form begins with the words of the command."""
    with pytest.raises(CommandError) as refused:
        parse("crate orders 42-before now! --keep soon")

    assert refused.value.typed == Typed("orders", "42-before", "now!", "soon")


def test_only_a_create_command_can_be_fixed_in_a_form() -> None:
    """Only a create has a form."""
    with pytest.raises(CommandError) as refused:
        parse("delete 42-before")

    assert refused.value.typed is None


@pytest.mark.parametrize("flag", ["--keep", "--keep="])
def test_a_flag_without_its_value_is_not_blamed_for_a_word(flag: str) -> None:
    """Nobody typed a question mark, nor wanted to keep it for ever."""
    with pytest.raises(CommandError) as wrong:
        parse(f"create orders {flag}")

    (problem,) = wrong.value.problems
    assert str(problem) == "--keep needs a duration, e.g. 14d."
