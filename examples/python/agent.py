#!/usr/bin/env python3
"""A whole agent in Python, by docs/ref/wire.md alone and with the standard library alone: it shows JPEG files as a camera.

    agent.py nats://HUB:4222 porch 10 FOLDER        # 10 pictures a second, in the order of their names, over and over

For a camera of your own change Pictures. A hub that asks who comes wants a credential: put it into BRAMBLE_CREDENTIAL, and apt-get install python3-nacl
for its signature (no test runs that). TLS is left out.
"""
import asyncio
import json
import os
import pathlib
import secrets
import signal
import socket
import sys
import time
from datetime import datetime, timezone

from natsline import Connection, headers

LINGER = float(os.environ.get("BRAMBLE_LINGER", "10"))  # seconds a camera stays open after its last subscriber left
VERBS = ("info", "wake", "keyframe", "snapshot", "configure")


def now():
    return datetime.now(timezone.utc).isoformat()


class Pictures:
    """The camera: frames() opens it, yields JPEGs, and closes it when it is ended."""

    def __init__(self, folder, fps):
        self.files = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix in (".jpeg", ".jpg"))
        self.fps = fps
        if not self.files:
            raise SystemExit(f"{folder}: no .jpeg or .jpg files")

    async def frames(self):
        due = time.monotonic()
        while True:
            for file in self.files:
                yield file.read_bytes()
                due += 1 / self.fps
                await asyncio.sleep(max(0, due - time.monotonic()))


class Outlet:
    """One of a camera's two frame subjects, live or idle by interest (section 5)."""

    def __init__(self, nc, subject, changed, patience):
        self.nc, self.subject, self.changed = nc, subject, changed
        self.patience = patience  # seconds that a due question waits for a frame
        self.live = False
        self.heard = 0.0  # when there was interest last
        self.rider = None  # the reply subject that the next frame takes along
        self.ridden = asyncio.Event()

    def send(self, head, payload):
        """Publishes a frame and returns None, or the reason of its drop."""
        if self.nc.waiting() > len(payload):
            return "queue_head"  # a newer picture takes its place
        drop = self.nc.publish(self.subject, payload, head, self.rider or "")
        if self.rider and not drop:
            self.rider = None
            self.ridden.set()
        return drop

    def wake(self):
        self.live, self.heard = True, time.monotonic()
        self.changed()

    async def attend(self):
        """Asks once a second whether there is interest."""
        while True:
            begun = time.monotonic()
            try:
                interest = await self.ask()
            except ConnectionError:
                interest = self.live and time.monotonic() - self.nc.lost < 60  # nothing can be learned
            if interest and not self.live:
                self.wake()
            elif interest:
                self.heard = time.monotonic()
            elif self.live and time.monotonic() - self.heard >= LINGER:
                self.live = False
                self.changed()
            await asyncio.sleep(max(0, begun + 1 - time.monotonic()))

    async def ask(self):
        with self.nc.question() as question:
            if self.live:
                self.rider = question.reply
                self.ridden.clear()
                try:
                    await asyncio.wait_for(self.ridden.wait(), self.patience)
                except asyncio.TimeoutError:
                    pass
            if not self.live or self.rider:  # no frame came
                self.rider = None
                self.nc.publish(self.subject, b"", headers({"Cam-Time": time.time_ns()}), question.reply)
            return not await question.refused()


class Camera:
    def __init__(self, nc, name, source):
        self.nc, self.name, self.source = nc, name, source
        self.instance, self.started = secrets.token_hex(8), now()
        self.state, self.since, self.reason = "idle", self.started, None
        self.epoch = self.frames = self.sent = 0
        self.recent = []  # when frames came, and their sizes, of the last 2 s
        self.drops, self.snapshots, self.next_still = {}, [], 0.0
        self.changed = asyncio.Event()
        self.jpeg = Outlet(nc, f"cam.{name}.jpeg", self.changed.set, 0.2)
        self.still = Outlet(nc, f"cam.{name}.still", self.changed.set, 1.2)
        self.requests = dict.fromkeys(VERBS, 0)

    def wanted(self):
        return self.jpeg.live or self.still.live or bool(self.snapshots)

    def enter(self, state, reason=None):
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, now()
            self.changed.set()

    def status(self):
        recent = [size for at, size in self.recent if at > time.monotonic() - 2] if self.state == "live" else []
        doc = {"camera": self.name, "instance": self.instance, "started": self.started, "host": socket.gethostname(), "agent": "python-example",
               "state": self.state, "since": self.since, "source": "file", "format": "jpeg", "epoch": self.epoch, "fps": len(recent) / 2,
               "bitrate": sum(recent) * 4, "frames": self.frames, "sent": self.sent, "drops": self.drops, "clock": {"source": "arrival", "error_us": -1}}
        return {**doc, "reason": self.reason} if self.reason else doc

    async def report(self):
        """Publishes the status when something changes, and every 5 s at the latest."""
        while True:
            self.changed.clear()
            self.nc.publish(f"cam.{self.name}.status", json.dumps(self.status()).encode())
            try:
                await asyncio.wait_for(self.changed.wait(), 4)
            except asyncio.TimeoutError:
                pass

    async def shoot(self):
        """Has the camera open while it is wanted."""
        while True:
            while not self.wanted():
                await asyncio.sleep(0.02)
            self.enter("starting")
            self.epoch, begun = max(time.time_ns(), self.epoch + 1), time.monotonic_ns()
            stream = self.source.frames()
            try:
                seq = 0
                async for picture in stream:
                    if not self.wanted():
                        break
                    self.frame(picture, seq, (time.monotonic_ns() - begun) // 1000)
                    seq += 1
                self.enter("idle")
            except OSError as err:
                self.enter("degraded", str(err))
                await asyncio.sleep(1)
            finally:
                await stream.aclose()

    def frame(self, picture, seq, pts):
        self.enter("live")
        at = time.monotonic()
        self.frames += 1
        self.recent = [r for r in self.recent if r[0] > at - 2] + [(at, len(picture))]
        head = headers({"Cam-Seq": seq, "Cam-Pts": pts, "Cam-Time": time.time_ns(), "Cam-Epoch": self.epoch})
        waiting, self.snapshots = self.snapshots, []
        for reply in waiting:
            self.nc.publish(reply, picture, head)
        if self.jpeg.live:
            drop = self.jpeg.send(head, picture)
            if drop:
                self.drops[drop] = self.drops.get(drop, 0) + 1
            else:
                self.sent += 1
        if self.still.live and at >= self.next_still:
            self.next_still = at + 1
            self.still.send(head, picture)

    def serve(self, subject, reply, _head, _payload):
        """Answers a verb (section 7)."""
        verb = subject.rsplit(".", 1)[1]
        if not reply or reply.startswith(("cam.", "$")) or verb not in VERBS:
            return
        self.requests[verb] += 1
        if verb == "info":
            self.nc.publish(reply, json.dumps({**self.status(), "controls": []}).encode())
        elif verb == "wake":
            self.jpeg.wake()
            self.nc.publish(reply, b'{"ok":true}')
        elif verb == "snapshot":
            self.snapshots.append(reply)
            asyncio.get_running_loop().call_later(5, self.give_up, reply)
        else:
            self.refuse(reply, 501, "files have no encoder to ask" if verb == "keyframe" else "files have no settings")

    def give_up(self, reply):
        if reply in self.snapshots:
            self.snapshots.remove(reply)
            self.refuse(reply, 503, self.reason or "no picture within 5 s")

    def refuse(self, reply, code, why):
        self.nc.publish(reply, b"", headers({"Nats-Service-Error-Code": code, "Nats-Service-Error": why}))

    def discover(self, subject, reply, _head, _payload):
        """Answers $SRV.PING, .INFO and .STATS, as every NATS micro service does (ADR-32)."""
        kind = subject.split(".")[1].lower()
        doc = {"name": "camera", "id": self.instance, "version": "1.0.0", "type": f"io.nats.micro.v1.{kind}_response",
               "metadata": {"camera": self.name, "host": socket.gethostname(), "format": "jpeg", "root": "cam"}}
        ends = [{"name": v, "subject": f"cam.{self.name}.do.{v}", "queue_group": ""} for v in VERBS]
        if kind == "info":
            doc.update(description=f"camera {self.name}", endpoints=ends)
        elif kind == "stats":
            counts = {"num_errors": 0, "last_error": "", "processing_time": 0, "average_processing_time": 0}
            doc.update(started=self.started, endpoints=[{**e, "num_requests": self.requests[e["name"]], **counts} for e in ends])
        if reply and not reply.startswith(("cam.", "$")):
            self.nc.publish(reply, json.dumps(doc).encode())

    async def run(self, stop):
        other = await self.nc.request(f"cam.{self.name}.do.info")
        if other:  # one id, one agent
            raise SystemExit(f"{self.name} is served already, by {json.loads(other).get('host', 'another agent')}")
        self.nc.subscribe(f"cam.{self.name}.do.>", self.serve)
        for kind in ("PING", "INFO", "STATS"):
            for subject in (f"$SRV.{kind}", f"$SRV.{kind}.camera", f"$SRV.{kind}.camera.{self.instance}"):
                self.nc.subscribe(subject, self.discover)
        self.nc.on_connect = self.changed.set
        tasks = [asyncio.create_task(t) for t in (self.report(), self.shoot(), self.jpeg.attend(), self.still.attend(), stop.wait())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.enter("stopped")
        self.nc.publish(f"cam.{self.name}.status", json.dumps(self.status()).encode())
        for t in done:
            t.result()  # or what went wrong


async def main(url, name, fps, folder):
    stop = asyncio.Event()
    for s in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(s, stop.set)
    async with Connection(url, os.environ.get("BRAMBLE_CREDENTIAL", "")) as nc:
        await Camera(nc, name, Pictures(folder, float(fps))).run(stop)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
