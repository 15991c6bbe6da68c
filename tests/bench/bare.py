"""The baseline: a Bolt app that acks with as many words as the bot, and does nothing else."""

import asyncio
import os

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

SAID = (
    "Got it: back up dev-sandbox as `{}`. I'm checking with RDS, then I'll post its card in"
    " the channel or tell you what's wrong. Nothing has started yet. See `/backup help`."
)


async def main() -> None:
    client = AsyncWebClient(
        token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]
    )
    app = AsyncApp(client=client)

    @app.command("/backup")
    async def backup(ack: AsyncAck, command: dict[str, str]) -> None:
        text = SAID.format(command["text"].rpartition(" ")[2])
        said = {"type": "mrkdwn", "text": text, "verbatim": True}
        await ack(response_type="ephemeral", text=text, blocks=[{"type": "section", "text": said}])

    handlers = [AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]) for _ in range(2)]
    await asyncio.gather(*(handler.connect_async() for handler in handlers))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
