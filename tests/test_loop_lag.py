"""No one's command blocks the event loop for long."""

from tests.bench import loop_lag

MOST = 100.0  # milliseconds of the processor


async def test_no_command_blocks_the_loop() -> None:
    """With thousands of instances and a thousand open requests."""
    lines = await loop_lag.measured()

    assert {line["case"] for line in lines} >= {"unknown_instance", "pending", "home"}
    assert [line for line in lines if line["longest_block_ms"] >= MOST] == []
