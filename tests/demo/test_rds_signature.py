"""The simulated gateway checks signatures as Huawei's own signer makes them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.demo.rds.signature import Authorization, canonical_request, signature, string_to_sign
from bot.demo.rds.wire import WireRequest

VECTORS = json.loads(
    (Path(__file__).parents[1] / "rds" / "signing-vectors.json").read_text("utf-8")
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_checker_agrees_with_the_official_signer(vector: dict[str, Any]) -> None:
    """Canonical request, string to sign and signature equal those of the SDK, byte for byte."""
    url = urlsplit(vector["url"])
    sent = {"Host": url.netloc, **vector["headers"]}
    headers = {name.lower(): value for name, value in sent.items()}
    body = (vector["body"] or "").encode()
    request = WireRequest(vector["method"], url.path, url.query, headers, body)
    authorization = Authorization.parse(vector["authorization"])
    assert authorization is not None

    canonical = canonical_request(request, authorization.signed_headers)

    assert canonical == vector["canonical_request"]
    assert string_to_sign(canonical, vector["x_sdk_date"]) == vector["string_to_sign"]
    expected = signature(canonical, vector["x_sdk_date"], vector["sk"])
    assert authorization.signature == expected
    assert authorization.access_key == vector["ak"]


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=beef"]
)
def test_another_authorization_header_is_none(header: str) -> None:
    """A header of another scheme, or cut short, is not an authorization."""
    assert Authorization.parse(header) is None
