"""Our signature, held against Huawei's own."""

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from bot.rds.signing import SIGNED, AkSkAuth

VECTORS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("signing-vectors.json").read_text("utf-8")
)["vectors"]
AK, SK = "EXAMPLEAK0123456789A", "ExampleSecretKeyForUnitTestsOnly0123456x"
NOW = datetime(2024, 3, 1, 12, 34, 56, tzinfo=UTC)


def signed(request: httpx.Request, **keys: Any) -> httpx.Request:
    """The request as it would go out."""
    auth = AkSkAuth(keys.pop("ak", AK), keys.pop("sk", SK), now=lambda: NOW, **keys)
    return next(auth.sync_auth_flow(request))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_of_the_official_signer(vector: dict[str, Any]) -> None:
    """Seven requests signed by huaweicloudsdkcore, byte for byte."""
    headers = {n: v for n, v in vector["headers"].items() if n.lower() == "content-type"}
    request = httpx.Request(
        vector["method"], vector["url"], headers=headers, content=(vector["body"] or "").encode()
    )
    sent = signed(
        request,
        ak=vector["ak"],
        sk=vector["sk"],
        security_token=vector["security_token"],
        project_id=vector["project_id"],
    )

    assert sent.headers["Authorization"] == vector["authorization"]
    assert sent.url.raw_path.decode() == vector["sent_uri"]


class Keys:
    """What the official signer reads of its credentials."""

    ak, sk = AK, SK


segments = st.text(min_size=1, max_size=12).filter(lambda text: text not in (".", ".."))
queries = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=5)


@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=st.lists(segments, min_size=1, max_size=4),
    query=queries,
    body=st.binary(max_size=80),
    token=st.none() | st.text("abcXYZ019+/=", min_size=1, max_size=40),
)
def test_any_request_is_signed_as_the_official_signer_does(
    method: str, path: list[str], query: list[tuple[str, str]], body: bytes, token: str | None
) -> None:
    """Whatever the path, query, body and token: the same Authorization header."""
    encoded = "/".join(quote(part.encode("utf-8", "replace").decode(), safe="") for part in path)
    query = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode())
        for name, value in query
    ]
    wire = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"https://rds.example.com/{encoded}" + (f"?{wire}" if wire else "")
    sent = signed(
        httpx.Request(method, url, content=body, headers={"Content-Type": "application/json"}),
        security_token=token,
    )

    theirs = SdkRequest(
        method=method,
        schema="https",
        host="rds.example.com",
        resource_path="/" + "/".join(p.encode("utf-8", "replace").decode() for p in path),
        query_params=query,
        header_params={
            name: sent.headers[name] for name in SIGNED if name in sent.headers and name != "host"
        },
        body=body,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's own use of utcnow
        expected = Signer(Keys()).sign(theirs).header_params["Authorization"]

    assert sent.headers["Authorization"] == expected


def test_a_port_that_is_not_the_default_is_signed() -> None:
    """The host is signed as it is sent."""
    sent = signed(httpx.Request("GET", "http://127.0.0.1:8443/v3/p/instances"))

    assert sent.headers["Host"] == "127.0.0.1:8443"
    assert "SignedHeaders=host;x-sdk-date" in sent.headers["Authorization"]


def test_a_repr_shows_no_secret() -> None:
    """Neither the secret key nor the token can end in a log."""
    shown = repr(AkSkAuth(AK, SK, security_token="very-secret"))

    assert SK not in shown
    assert "very-secret" not in shown
