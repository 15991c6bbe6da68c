"""Whatever stands in an answer of RDS: it is read, or it is an RdsError, and nothing else."""

import asyncio
import copy
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.errors import RdsError
from bot.domain.instances import Backup, Instance
from bot.rds import client as rds_client
from bot.rds.client import RdsClient, call_budget
from tests.stepped_clock import SteppedClock

BACKUPS = {
    "backups": [
        {
            "id": f"{number:032x}br01",
            "instance_id": "d8e6ca5a624745bcb546a227aa3ae1cfin01",
            "name": f"nightly-{number}",
            "begin_time": "2018-08-06T12:41:14+0800",
            "end_time": "2018-08-06T12:43:14+0800",
            "status": "COMPLETED",
            "type": "auto",
            "size": 2803,
            "datastore": {"type": "MySQL", "version": "5.7"},
        }
        for number in range(3)
    ],
    "total_count": 3,
}
INSTANCES = {
    "instances": [
        {
            "id": f"{number:032x}in01",
            "name": f"orders-{number}",
            "status": "ACTIVE",
            "type": "Ha",
            "datastore": {"type": "MySQL", "version": "5.7", "complete_version": "5.7.23"},
            "related_instance": [{"id": "other", "type": "replica"}],
        }
        for number in range(3)
    ],
    "total_count": 3,
}
CREATED = {"backup": BACKUPS["backups"][0]}  # type: ignore[index]
ERROR = {"error_code": "DBS.200011", "error_msg": "x", "errors": [{"code": "DBS.200002"}]}

TEXTS = st.sampled_from(
    ["", " ", "null", "None", "12.5", "-", "2018 - 08 - 06", "9999-12-31T23:59:59-0800", "\ud800"]
) | st.text(st.characters(codec=None))
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, page: Any) -> bytes:
    """The page with a few of its parts replaced, taken out, or said twice."""
    page = copy.deepcopy(page)
    for _ in range(draw(st.integers(1, 3))):
        part: Any = page
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and part[key] and draw(st.booleans()):
                part = part[key]
                continue
            change = draw(st.sampled_from(["replace", "remove", "twice"]))
            if change == "replace":
                part[key] = draw(ODD)
            elif change == "remove":
                del part[key]
            elif isinstance(part, list):
                part.append(part[key])
            else:
                part[f"{key} "] = draw(ODD)
            break
    return json.dumps(page).encode(errors="surrogatepass")


BODIES = st.one_of(
    *(mutated(page) for page in (BACKUPS, INSTANCES, CREATED, ERROR)),
    ODD.map(lambda value: json.dumps(value).encode()),
    st.binary(),
    st.sampled_from([BACKUPS, INSTANCES]).flatmap(
        lambda page: st.integers(0, 400).map(lambda end: json.dumps(page).encode()[:end])
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "X-Request-Id", "X-IAM-Trace-Id", "Content-Type"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip),
)


class Patient(SteppedClock):
    """Time passes at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)


async def _outcomes(status: int, body: bytes, headers: dict[str, str]) -> list[Any]:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(status, content=body, headers=headers)
    )
    clock, outcomes = Patient(), list[Any]()
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        rds = RdsClient(http, "p", call_budget(1_000, clock), clock)
        for call in (
            lambda: rds.list_backups("i"),
            lambda: rds.find_backup("i", "b"),
            rds.list_instances,
            lambda: rds.create_backup("i", "before-42"),
            lambda: rds.delete_backup("b"),
        ):
            try:
                outcomes.append(await call())
            except RdsError as error:
                outcomes.append(error)
    return outcomes


@given(
    status=st.sampled_from([200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503]),
    body=BODIES,
    headers=HEADERS,
)
@example(status=200, body=b"[" * 100_000, headers={})
@example(status=500, body=b'{"a":' * 100_000, headers={})
@example(status=200, body=b'{"instances": [%s], "total_count": 1}' % (b"[" * 9_000), headers={})
@example(status=200, body=b'{"backups": [{"id": "b", "size": 1e999}]}', headers={})
@example(status=200, body=b'{"backups": [{"id": "b", "size": %s}]}' % (b"9" * 5000), headers={})
@example(status=200, body=b'\xef\xbb\xbf{"backups": [], "backups": [{"id": "b"}]}', headers={})
@example(status=429, body=b"", headers={"Retry-After": "9" * 5000})
@settings(max_examples=80, deadline=None)
def test_no_answer_ends_the_process(status: int, body: bytes, headers: dict[str, str]) -> None:
    """What was read can be stored and sent; what was not is an error of RDS."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rds_client, "LONGEST_LIST", 500)
        for outcome in asyncio.run(_outcomes(status, body, headers)):
            if isinstance(outcome, RdsError):
                assert f"{outcome!r}{outcome.code}{outcome.request_id}".isprintable()
                continue
            for found in outcome if isinstance(outcome, list) else [outcome]:
                if isinstance(found, Backup | Instance):
                    assert found.id
                    assert not re.search(r"[\x00-\x1f]", f"{found.name}{found.status}{found.type}")
                    found.model_dump_json().encode()


@given(body=st.data())
@settings(max_examples=40, deadline=None)
def test_one_odd_item_spoils_no_other(body: st.DataObject) -> None:
    """Whatever becomes of the fields of the first, the other two are read."""
    page: Any = copy.deepcopy(BACKUPS)
    for key in body.draw(st.sets(st.sampled_from(list(page["backups"][0])), min_size=1)):
        page["backups"][0][key] = body.draw(ODD)
    content = json.dumps(page).encode()

    found, *_ = asyncio.run(_outcomes(200, content, {}))

    assert {backup.name for backup in found} >= {"nightly-1", "nightly-2"}
