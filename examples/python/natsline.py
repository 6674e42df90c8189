"""As much of the NATS client protocol as an agent needs, in the standard library: publish, subscribe, request, and the question for interest."""
import asyncio
import base64
import binascii
import json
import secrets
import sys
import time
from urllib.parse import urlsplit

FRAME_MAX = 8 << 20  # wire.md, section 1
REQUEST_MAX = 1 << 20  # of what others may send to an agent
PATIENCE = 5  # seconds for an answer of the server


def headers(values):
    return b"NATS/1.0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in values.items()) + b"\r\n"


class Question:
    """A message's reply subject, on which the server answers if there is no subscriber."""

    def __init__(self, nc):
        self.nc, self.token = nc, secrets.token_hex(8)
        self.reply, self.answer = f"{nc.inbox}.{self.token}", asyncio.get_running_loop().create_future()

    def __enter__(self):
        self.nc.questions[self.token] = self.answer
        return self

    def __exit__(self, *_):
        del self.nc.questions[self.token]
        self.answer.cancel()

    async def refused(self):
        """Whether the answer is 503. Silence means interest, but only if the server answers a PING meanwhile (section 5)."""
        asked = time.monotonic()
        await self.nc.ping()
        rest = asked + max(0.25, 4 * self.nc.rtt) - time.monotonic()
        await asyncio.wait([self.answer], timeout=max(0, rest))
        if not self.nc.writer:
            raise ConnectionError("lost")  # what was not answered tells nothing
        return self.answer.done() and self.answer.result()[0] == 503


class Connection:
    """A connection that comes back by itself. What is published while there is none is dropped."""

    def __init__(self, url, credential):
        self.url, self.key, self.seed = urlsplit(url), None, credential
        self.inbox = "_INBOX." + secrets.token_hex(8)
        if credential:
            from nacl.signing import SigningKey  # apt-get install python3-nacl
            self.key = SigningKey(base64.b32decode(credential + "=" * (-len(credential) % 8))[2:34])
            public = b"\xa0" + bytes(self.key.verify_key)  # 20 << 3: a user's key
            public += binascii.crc_hqx(public, 0).to_bytes(2, "little")
            self.public = base64.b32encode(public).decode().rstrip("=")
            self.inbox = f"_INBOX_{self.public}.{secrets.token_hex(8)}"
        self.subs = [(self.inbox + ".*", self._answered)]  # the index + 1 is the subscription id
        self.questions, self.pongs = {}, []
        self.writer, self.info, self.rtt, self.lost = None, {}, 0.0, time.monotonic()
        self.on_connect = lambda: None

    async def __aenter__(self):
        up = asyncio.Event()
        self.on_connect = up.set
        self.task = asyncio.create_task(self._stay())
        await up.wait()
        return self

    async def __aexit__(self, *_):
        if self.writer:
            try:
                await self.ping()  # everything is out
            except ConnectionError:
                pass
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def subscribe(self, subject, handle):
        self.subs.append((subject, handle))
        self._write(f"SUB {subject} {len(self.subs)}\r\n".encode())

    def publish(self, subject, payload, head=b"", reply=""):
        """Returns None, or why the message was dropped."""
        if not self.writer:
            return "gone"
        size = len(head) + len(payload)
        if size > self.info.get("max_payload", 1 << 20) or len(payload) > FRAME_MAX:
            return "oversize"
        sizes = f"{len(head)} {size}" if head else f"{size}"
        self._write(f"{'HPUB' if head else 'PUB'} {subject} {reply} {sizes}\r\n".encode() + head + payload + b"\r\n")
        return None

    def waiting(self):
        """How many bytes the network has not taken yet."""
        return self.writer.transport.get_write_buffer_size() if self.writer else 0

    def question(self):
        return Question(self)

    async def request(self, subject):
        """The payload of the answer, or None without an answer."""
        with self.question() as question:
            self.publish(subject, b"", reply=question.reply)
            await asyncio.wait([question.answer], timeout=PATIENCE)
            return question.answer.result()[1] if question.answer.done() and question.answer.result()[0] == 0 else None

    async def ping(self):
        if not self.writer:
            raise ConnectionError("no connection")
        begun, pong = time.monotonic(), asyncio.get_running_loop().create_future()
        self.pongs.append(pong)
        self._write(b"PING\r\n")
        try:
            await asyncio.wait_for(pong, PATIENCE)
        except asyncio.TimeoutError:
            if self.writer:
                self.writer.transport.abort()
            raise ConnectionError("the server is silent") from None
        self.rtt = time.monotonic() - begun

    def _write(self, data):
        if self.writer:
            self.writer.write(data)

    async def _stay(self):
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(self.url.hostname, self.url.port or 4222)
                await self._greet(reader, writer)
                await self._read(reader)
            except (OSError, EOFError, ValueError) as err:
                print(f"nats: {err or type(err).__name__}; trying again", file=sys.stderr)
            finally:
                if self.writer:
                    self.writer, self.lost = None, time.monotonic()
                for pong in self.pongs:
                    if not pong.done():
                        pong.set_exception(ConnectionError("lost"))
                self.pongs = []
                if writer:
                    writer.close()
            await asyncio.sleep(0.5)

    async def _greet(self, reader, writer):
        self.info = json.loads((await reader.readline()).removeprefix(b"INFO "))
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "protocol": 1, "lang": "python", "version": "1", "name": "agent.py"}
        if self.key:
            signed = self.key.sign(self.info.get("nonce", "").encode()).signature
            options.update(nkey=self.public, sig=base64.urlsafe_b64encode(signed).decode().rstrip("="))
        writer.write(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        while (line := (await reader.readline()).strip()) != b"PONG":
            if not line or line.startswith(b"-ERR"):
                raise ConnectionError(line.decode() or "the server hung up")
        self.writer = writer
        for sid, (subject, _) in enumerate(self.subs, 1):
            self._write(f"SUB {subject} {sid}\r\n".encode())
        self.on_connect()

    async def _read(self, reader):
        while line := await reader.readuntil(b"\r\n"):
            words = line.decode().split()
            if words[0] in ("MSG", "HMSG"):
                await self._message(reader, words)
            elif words[0] == "PING":
                self._write(b"PONG\r\n")
            elif words[0] == "PONG" and self.pongs:
                pong = self.pongs.pop(0)
                if not pong.done():
                    pong.set_result(None)
            elif words[0] == "INFO":
                self.info.update(json.loads(line[5:]))
            elif words[0] == "-ERR":
                print("nats:", line.decode().strip(), file=sys.stderr)

    async def _message(self, reader, words):
        with_head = words[0] == "HMSG"
        size, head = int(words[-1]), int(words[-2]) if with_head else 0
        if size > REQUEST_MAX:
            raise ValueError(f"a message of {size} bytes for an agent")
        data = (await reader.readexactly(size + 2))[:-2]
        reply = words[3] if len(words) == (6 if with_head else 5) else ""
        self.subs[int(words[2]) - 1][1](words[1], reply, data[:head], data[head:])

    def _answered(self, subject, _reply, head, payload):
        answer = self.questions.get(subject.rsplit(".", 1)[1])
        if answer and not answer.done():
            status = head.split(b"\r\n", 1)[0].split()[1:2]  # NATS/1.0 503
            answer.set_result((int(status[0]) if status else 0, payload))
