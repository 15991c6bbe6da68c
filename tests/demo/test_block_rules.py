"""What the simulated Slack takes as a message, and what it says about anything else."""

import json
from collections.abc import Iterator

import pytest

from bot.demo.slack.block_rules import broadcasts, message_problems, view_problems
from bot.demo.slack.block_schema import CHOSEN, LIMITS, SCHEMAS, Surface
from bot.demo.slack.records import Json
from tests.demo.slack_people import APPROVE, CARD, option

TITLE = {"type": "plain_text", "text": "Plan"}


def section(text: str, **more: object) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def task(status: str, task_id: str = "t1") -> Json:
    return {"task_id": task_id, "title": "Backup", "status": status}


def plan(*tasks: Json, block_id: str = "p1") -> Json:
    return {"type": "plan", "block_id": block_id, "title": "Plan", "tasks": list(tasks)}


def table(rows: int, columns: int, cell: str = "x") -> Json:
    cells = [{"type": "raw_text", "text": cell}] * columns
    return {"type": "table", "rows": [cells] * rows}


def series(name: str, values: dict[str, float]) -> Json:
    return {"name": name, "data": [{"label": k, "value": v} for k, v in values.items()]}


def chart(*plotted: Json, categories: tuple[str, ...] = ("Mon", "Tue")) -> Json:
    drawn = {
        "type": "line",
        "series": list(plotted),
        "axis_config": {"categories": list(categories)},
    }
    return {"type": "data_visualization", "title": "Sizes", "chart": drawn}


def pie(*values: float) -> Json:
    segments = [{"label": f"s{place}", "value": value} for place, value in enumerate(values)]
    made = {"type": "pie", "segments": segments}
    return {"type": "data_visualization", "title": "Share", "chart": made}


ORDERS = series("orders", {"Mon": 1.5, "Tue": 2})


def field(element: Json) -> Json:
    return {"type": "input", "label": TITLE, "element": element}


def test_good_messages() -> None:
    """What real cards consist of is taken."""
    link = {"type": "link", "url": "https://example.com"}
    rich = {"type": "rich_text_section", "elements": [link]}
    blocks = [
        {"type": "header", "text": TITLE},
        plan(task("complete"), task("pending", "t2")),
        {"type": "divider"},
        {"type": "markdown", "text": "# Help"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "so far"}]},
        {"type": "rich_text", "elements": [rich]},
        table(100, 20, "ok"),
        chart(*(series(f"n{n}", {"Mon": n, "Tue": 0}) for n in range(6))),
        pie(1, 2.5),
        *CARD,
    ]

    assert message_problems("text", blocks) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text"),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (chart(ORDERS) | {"title": "x" * 51}, "must be less than 51 characters"),
        (chart(), "must have series and categories [json-pointer:/blocks/0/chart]"),
        (chart(ORDERS, ORDERS), "names of series and categories must be unique"),
        (chart(ORDERS, categories=("Mon",)), "must have a value for each category"),
        (chart(series("o", {"Mon": 1})), "must have a value for each category"),
        (pie(), "must not be empty [json-pointer:/blocks/0/chart/segments]"),
        (pie(1, 0), "must have positive values"),
        ({"type": "section"}, "must have text or fields [json-pointer:/blocks/0]"),
        ({"type": "header", "text": {**TITLE, "text": "x" * 151}}, "less than 151"),
        ({"type": "actions", "elements": []}, "must not be empty"),
        ({"type": "actions", "elements": [APPROVE] * 26}, "no more than 25 items"),
        ({"type": "actions", "elements": [APPROVE] * 2}, "action_id approve is not unique"),
        (
            {"type": "actions", "elements": [{**APPROVE, "value": "x" * 2001}]},
            "less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        ({"type": "actions", "elements": [{**APPROVE, "style": "red"}]}, "elements/0/style"),
        ({"type": "actions", "elements": [{"type": "knob"}]}, "none of what is allowed here"),
        ({"type": "context", "elements": [{**TITLE}] * 11}, "no more than 10 items"),
        ({"type": "alert", "text": TITLE}, "unsupported type here: alert"),
        ({"type": "banner"}, "unsupported type: banner [json-pointer:/blocks/0/type]"),
        ({"type": "task_card", **task("pending")}, "can't be pending"),
        (plan(task("completed")), "'completed' is not one of"),
        (plan(task("error"), task("error")), "task_id t1 is not unique"),
        (plan(*[task("pending", f"t{n}") for n in range(51)]), "no more than 50 items"),
        (table(101, 1), "no more than 100 items"),
        (table(1, 21), "no more than 20 columns"),
        (table(100, 20, "x" * 6), "no more than 10000 characters"),
        ({"type": "markdown", "text": "x" * 12_001}, "no more than 12000 characters"),
        (section("x", colour="red"), "Additional properties are not allowed"),
        ("text", "must be an object with a type"),
    ],
)
def test_a_bad_block(block: Json, problem: str) -> None:
    """Each refusal says what is wrong, and where."""
    assert [problem] == [
        problem for found in message_problems("text", [block]) if problem in str(found)
    ]


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ([{"type": "divider"}] * 51, "no more than 50 items"),
        ([section("a", block_id="b"), section("b", block_id="b")], "block_id b is not unique"),
        ([plan(), plan(block_id="p2")], "no more than one plan"),
        ([plan(), {"type": "task_card", **task("error")}], "do not go together"),
        ([table(1, 1), table(1, 1)], "no more than one table"),
        ([pie(1), chart(ORDERS), pie(1)], "no more than 2 data_visualization"),
        ({"type": "divider"}, "must be an array"),
    ],
)
def test_blocks_that_do_not_go_together(blocks: list[Json], problem: str) -> None:
    """Good blocks can make a bad message."""
    (found,) = message_problems("text", blocks)

    assert problem in str(found)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4000])
def test_text(text: str) -> None:
    """A message needs text for notifications, shorter than 4000 characters, also with blocks."""
    (found,) = message_problems(text, CARD)

    assert found.pointer == "/text"


def test_an_edited_plan() -> None:
    """A plan needs a new block_id at each edit."""
    (found,) = message_problems("text", [plan()], before=[plan()])

    assert "must be a new one" in str(found)
    assert message_problems("text", [plan(block_id="p2")], before=[plan()]) == []


def test_views() -> None:
    """A modal may hold an alert, but no plan, and not much of a title."""
    view = {"type": "modal", "title": TITLE, "blocks": [section("a")]}
    alert = {"type": "alert", "text": {"type": "mrkdwn", "text": "Careful"}}

    assert view_problems(view) == []
    assert view_problems({**view, "blocks": [alert]}) == []
    assert "unsupported" in str(view_problems({**view, "blocks": [plan()]})[0])
    assert "/title" in str(view_problems({**view, "title": {**TITLE, "text": "x" * 25}})[0])


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"submit": {**TITLE, "text": "x" * 25}}, "/submit"),
        ({"close": {**TITLE, "text": "x" * 25}}, "/close"),
        ({"callback_id": "x" * 256}, "/callback_id"),
        ({"external_id": "x" * 256}, "/external_id"),
        ({"private_metadata": "x" * 3001}, "/private_metadata"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100 items"),
        ({"blocks": [field({"type": "plain_text_input"})]}, "/submit"),
        ({"blocks": [{"type": "markdown", "text": "# Hi"}]}, "unsupported type here: markdown"),
        ({"blocks": [table(1, 1)]}, "unsupported type here: table"),
    ],
)
def test_bad_modals(more: Json, problem: str) -> None:
    """Texts, ids and blocks have limits, and some blocks belong to messages."""
    view = {"type": "modal", "title": TITLE, "blocks": [], **more}
    (found,) = view_problems(view)

    assert problem in str(found)


def test_homes() -> None:
    """Fields are fine there without a submit; an alert, a title and a plan are not."""
    home = {"type": "home", "blocks": [field({"type": "plain_text_input"})]}
    alert = {"type": "alert", "text": {"type": "mrkdwn", "text": "Careful"}}

    assert view_problems(home) == []
    assert "alert" in str(view_problems({**home, "blocks": [alert]})[0])
    assert "plan" in str(view_problems({**home, "blocks": [plan()]})[0])
    assert "title" in str(view_problems({**home, "title": TITLE})[0])
    assert "100 items" in str(view_problems({**home, "blocks": [{"type": "divider"}] * 101})[0])


@pytest.mark.parametrize(
    ("menu", "problem"),
    [
        ({"options": [option("a")], "initial_option": option("a")}, ""),
        ({"option_groups": [{"label": TITLE, "options": [option("a")]}]}, ""),
        ({"options": [option("x" * 150)]}, ""),
        ({"options": [option("x" * 151)]}, "less than 151"),
        ({}, "must have options"),
        ({"options": []}, "must have options"),
        ({"options": [{"text": TITLE}]}, "must have a value"),
        ({"options": [option("a")], "initial_option": option("b")}, "one of its options"),
    ],
)
def test_menus(menu: Json, problem: str) -> None:
    """A menu has options with values, and begins with one of them or with none."""
    home = {"type": "home", "blocks": [field({"type": "static_select", **menu})]}

    assert [problem in str(found) for found in view_problems(home)] == ([True] if problem else [])


def test_broadcasts() -> None:
    """Whatever would notify a whole channel is found; what only looks like it is not."""
    spoken = {"type": "mrkdwn", "text": "thanks, @here"}
    quiet = {"type": "section", "text": {**spoken, "verbatim": True}}
    everyone = {"type": "broadcast", "range": "everyone"}
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [everyone]}],
    }

    assert broadcasts("&lt;!channel&gt;, ops@here.org", [quiet, section("a@here.org")]) == []
    assert broadcasts("<!channel>", [section("<!here|here>"), section("@channel"), rich]) == [
        "<!channel>",
        "<!here|here>",
        "@channel",
        "@everyone",
    ]


def asked(schema: Json, name: str = "") -> Iterator[tuple[str, str, object]]:
    """What a schema asks of which property, or definition."""
    for key, value in schema.items():
        for inner in value if key in {"allOf", "anyOf"} else ():
            yield from asked(inner, name)
        if key in {"properties", "definitions"}:
            for other, inner in value.items():
                yield from asked(inner, other)
        elif isinstance(value, dict):
            yield from asked(value, name)
        elif key not in {"allOf", "anyOf", "description", "deprecated", "$schema"}:
            yield name, key, value


@pytest.mark.parametrize("surface", Surface)
def test_the_schemas_ask_no_more_of_a_text_than_what_is_known(surface: Surface) -> None:
    """That is what lets texts of about one length stand for each other."""
    found = list(asked(json.loads((SCHEMAS / surface).read_text("utf-8"))))
    known = {"additionalProperties", "const", "enum", "maxItems", "maxLength", "required", "type"}

    assert {key for _, key, _ in found} == {"$ref", *known}
    colored = {name for name, key, value in found if str(value).endswith("/ColorScheme")}
    chosen = {name for name, key, _ in found if key in {"const", "enum"}}
    assert (chosen - {"ColorScheme"}) | colored == CHOSEN
    assert {limit for _, key, limit in found if key == "maxLength"} <= set(LIMITS)
