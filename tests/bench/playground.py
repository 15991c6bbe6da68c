"""Whether the page stays smooth: ten messages beside five hundred, in the same run.

A key's time is that from the key to the second frame after it, so 33 ms at best; a message's is
that from the workspace to the page. Long tasks are those that held the page for over 50 ms.
"""

import asyncio
import json
import os
import shutil
import statistics
import time

from playwright.async_api import Page, async_playwright

from bot.demo.playground.playground import Playground, playing
from bot.demo.playground.server import PlaygroundServer
from bot.demo.slack.records import Content
from bot.demo.world import BEN, OPS
from tests.browser.conftest import NAMES, QUIET

FEW, MANY = 10, int(os.environ.get("MESSAGES", "500"))
TIMES = int(os.environ.get("TIMES", "60"))
WATCH = """() => {
  window.long = [];
  new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: "longtask" });
}"""
KEY = """async () => {
  const box = document.querySelector(".composer textarea");
  const began = performance.now();
  box.value += "x";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}"""
SHOWN = "(ts) => document.querySelector(`[data-ts='${ts}']`)"


async def main() -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)))
    async with (
        playing(20) as playground,
        PlaygroundServer(playground) as server,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(server.url)
        await page.wait_for_selector(".composer textarea")
        await page.evaluate(WATCH)
        few = await _measured(page, playground, FEW)
        many = await _measured(page, playground, MANY)
        await browser.close()
    ratios = {name: round(many[name] / few[name], 2) for name in ("key_p50_ms", "message_p50_ms")}
    print(json.dumps({"bench": "playground", "ratios_of_medians": ratios}))  # noqa: T201


async def _measured(page: Page, playground: Playground, count: int) -> dict[str, float]:
    history = playground.world.workspace.history
    while len(history.messages) < count:
        message = history.post(OPS, BEN, Content(f"*message* {len(history.messages)}", []))
        await page.wait_for_function(SHOWN, arg=message.ts)
    await page.evaluate("() => { window.long = []; }")
    keys: list[float] = []
    messages: list[float] = []
    for _ in range(TIMES):
        keys.append(await page.evaluate(KEY))
        began = time.perf_counter()
        message = history.post(OPS, BEN, Content("one more `word`", []))
        await page.wait_for_function(SHOWN, arg=message.ts)
        messages.append((time.perf_counter() - began) * 1000)
    long: list[float] = await page.evaluate("() => window.long")
    found = {
        "messages": count,
        "key_p50_ms": round(statistics.median(keys), 1),
        "key_worst_ms": round(max(keys), 1),
        "message_p50_ms": round(statistics.median(messages), 1),
        "message_worst_ms": round(max(messages), 1),
        "long_tasks": len(long),
        "longest_task_ms": round(max(long, default=0)),
    }
    print(json.dumps({"bench": "playground", "times": TIMES} | found))  # noqa: T201
    return found


asyncio.run(main())
