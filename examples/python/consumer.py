#!/usr/bin/env python3
"""Save the pictures of a camera (pip install nats-py):

    consumer.py nats://127.0.0.1:4222 porch DIR [HOW-MANY]
"""
import asyncio
import pathlib
import sys

import nats


async def main(url, camera, folder, want="0"):
    nc = await nats.connect(url)
    # Subscribing starts the camera. Of what waits while the disk is busy, nats-py drops what is over the limit.
    sub = await nc.subscribe(f"cam.{camera}.jpeg", pending_msgs_limit=64)
    saved = 0
    try:
        async for msg in sub.messages:
            if not msg.data:
                continue  # the agent's question for interest
            name = f"{msg.headers['Cam-Epoch']}-{int(msg.headers['Cam-Seq']):06d}.jpeg"  # numbers restart with each epoch
            pathlib.Path(folder, name).write_bytes(msg.data)
            saved += 1
            if saved == int(want):
                break
    finally:
        await nc.close()  # and leaving stops it


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
