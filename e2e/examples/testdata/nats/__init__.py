"""A stand-in for nats-py where that cannot be installed: those of its names that the examples use, over a real connection to a real NATS server."""
import asyncio
import json
from urllib.parse import urlsplit


class Msg:
    def __init__(self, subject, data, headers):
        self.subject, self.data, self.headers = subject, data, headers


class Subscription:
    def __init__(self, cb):
        self.cb, self.queue = cb, asyncio.Queue()

    @property
    def messages(self):
        if self.cb:
            raise RuntimeError("cannot iterate over messages with a non iteration subscription type")
        return self._messages()

    async def _messages(self):
        while True:
            yield await self.queue.get()

    async def _call(self):
        while True:
            await self.cb(await self.queue.get())


class Client:
    async def _open(self, url):
        at = urlsplit(url)
        self.reader, self.writer = await asyncio.open_connection(at.hostname, at.port)
        await self.reader.readline()  # INFO
        self.writer.write(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"python","version":"0"}\r\n')
        self.subs, self.pongs, self.tasks = [], [], [asyncio.create_task(self._read())]
        await self.flush()

    async def subscribe(self, subject, queue="", cb=None, pending_msgs_limit=512 * 1024):
        assert json.dumps(pending_msgs_limit).isdigit()
        sub = Subscription(cb)
        self.subs.append(sub)
        self.writer.write(f"SUB {subject} {queue} {len(self.subs)}\r\n".encode())
        if cb:
            self.tasks.append(asyncio.create_task(sub._call()))
        return sub

    async def flush(self):
        pong = asyncio.get_running_loop().create_future()
        self.pongs.append(pong)
        self.writer.write(b"PING\r\n")
        await pong

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.writer.close()

    async def _read(self):
        while line := await self.reader.readline():
            words = line.decode().split()
            if words[0] == "PING":
                self.writer.write(b"PONG\r\n")
            elif words[0] == "PONG":
                self.pongs.pop(0).set_result(None)
            elif words[0] in ("MSG", "HMSG"):
                head = int(words[-2]) if words[0] == "HMSG" else 0
                data = (await self.reader.readexactly(int(words[-1]) + 2))[:-2]
                pairs = (h.split(":", 1) for h in data[:head].decode().split("\r\n")[1:] if h)
                self.subs[int(words[2]) - 1].queue.put_nowait(Msg(words[1], data[head:], {k: v.strip() for k, v in pairs} or None))


async def connect(url):
    client = Client()
    await client._open(url)
    return client
