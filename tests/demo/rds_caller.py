"""A client that signs as the algorithm says, and a clock that moves when told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.demo.rds.region import Region
from bot.demo.rds.signature import canonical_request, signature
from bot.demo.rds.wire import WireRequest
from bot.runtime.clock import Clock


class SteppedClock(Clock):
    """Stands still until `advance`."""

    def __init__(self) -> None:
        self._now = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def advance(self, **by: float) -> None:
        """Move on, by the parameters of timedelta."""
        self._now += timedelta(**by)


class Caller:
    """Calls a region over HTTP with its keys; `secret_key`, `skew` and `headers` may be wrong."""

    def __init__(self, region: Region, endpoint: str, http: httpx.AsyncClient) -> None:
        self.secret_key = region.gateway.secret_key
        self.skew = timedelta()
        self.headers: dict[str, str] = {}
        self._region = region
        self._endpoint = endpoint
        self._http = http

    async def create(self, instance_id: str, name: str, **more: object) -> httpx.Response:
        return await self.post({"instance_id": instance_id, "name": name, **more})

    async def post(self, body: object) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.call("POST", "backups", content=content)

    async def list_backups(self, instance_id: str, query: str = "") -> dict[str, Any]:
        answer = await self.call("GET", f"backups?instance_id={instance_id}{query}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def list_instances(self, query: str = "") -> list[str]:
        """Return the names of the instances listed."""
        answer = await self.call("GET", f"instances{query}")
        assert answer.status_code == 200, answer.text
        return [instance["name"] for instance in answer.json()["instances"]]

    async def call(
        self, method: str, path: str, *, content: bytes = b"", project_id: str | None = None
    ) -> httpx.Response:
        """Sign and send; `path` is what follows the project."""
        return await self._send("v3", method, path, content, project_id)

    async def events(self, path: str, project_id: str | None = None) -> httpx.Response:
        """Ask Cloud Eye; `path` is what follows the project."""
        return await self._send("V1.0", "GET", path, b"", project_id)

    async def _send(
        self, version: str, method: str, path: str, content: bytes, project_id: str | None
    ) -> httpx.Response:
        project_id = project_id or self._region.gateway.project_id
        url = f"{self._endpoint}/{version}/{project_id}/{path}"
        headers = self._signed(method, url, content)
        return await self._http.request(method, url, headers=headers, content=content)

    def _signed(self, method: str, url: str, content: bytes) -> Mapping[str, str]:
        parts = urlsplit(url)
        date = (self._region.clock.now() + self.skew).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": parts.netloc, "x-sdk-date": date, **self.headers}
        if content:
            headers["content-type"] = "application/json"
        names = sorted(headers)
        request = WireRequest(method, parts.path, parts.query, headers, content)
        signed = signature(canonical_request(request, names), date, self.secret_key)
        access = f"SDK-HMAC-SHA256 Access={self._region.gateway.access_key}"
        return headers | {
            "authorization": f"{access}, SignedHeaders={';'.join(names)}, Signature={signed}"
        }


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and RDS's code of a refusal."""
    return answer.status_code, answer.json()["error_code"]
