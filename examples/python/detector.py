#!/usr/bin/env python3
"""Look at the stills of all cameras, one a second of each (pip install nats-py):

    detector.py nats://127.0.0.1:4222

Start as many as it takes, on as many machines: NATS gives each picture to one of them, since they are a queue group.
"""
import asyncio
import json
import sys
import time

import nats


def look(jpeg):
    """What is in a picture: put your detector here, as in cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)."""
    at = 2
    while jpeg[at] == 0xFF and not 0xC0 <= jpeg[at + 1] <= 0xC2:  # to the start of frame, which has the size
        at += 2 + int.from_bytes(jpeg[at + 2:at + 4], "big")
    return {"width": int.from_bytes(jpeg[at + 7:at + 9], "big"), "height": int.from_bytes(jpeg[at + 5:at + 7], "big")}


async def handle(msg):
    if not msg.data.startswith(b"\xff\xd8"):
        return  # the agent's question for interest, or an H.264 camera's key frame
    try:
        found = look(msg.data)
    except IndexError:
        print(msg.subject, "sends a broken picture", file=sys.stderr)
        return
    age = time.time_ns() - int(msg.headers["Cam-Time"])  # as right as the clocks of both hosts
    print(json.dumps({"camera": msg.subject.split(".")[1], "seq": int(msg.headers["Cam-Seq"]), "age_ms": age // 1_000_000, **found}), flush=True)


async def main(url):
    nc = await nats.connect(url)
    await nc.subscribe("cam.*.still", queue="detectors", cb=handle, pending_msgs_limit=64)
    await nc.flush()
    print("looking at cam.*.still", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1]))
    except KeyboardInterrupt:
        pass
