"""A server over shm: that is none, or an evil one: impostor.py <socket file> <what to do>."""
import fcntl
import json
import mmap
import os
import random
import select
import socket
import struct
import sys
import threading
import time

path, act = sys.argv[1:]
random.seed(4711)

RING = 65536
DATA = 4096
# Layouts: transport/ring/layout.ts, channel/envelope.ts and transport-shm's welcome.ts.
TAIL, HEAD = 0, 128
CONTROLS = (128, 640)
F_ADD_SEALS, SEALS = 1033, 1 | 2 | 4


def memfd(size=DATA + 2 * RING, seals=SEALS, magic=0x47524743):
    fd = os.memfd_create("callgate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    os.pwrite(fd, struct.pack("<III", magic, 1, RING), 0)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def welcome(c, fds=(), magic=0x48534743, version=1, status=0, ring=RING, text=b"", text_bytes=None):
    length = len(text) if text_bytes is None else text_bytes
    head = struct.pack("<IHHII", magic, version, status, ring, length)
    if fds:
        socket.send_fds(c, [head + text], fds)
    else:
        c.sendall(head + text)


class Link:
    """The server's end of a link, well made so far."""

    def __init__(self, c):
        fd = memfd()
        welcome(c, [fd])
        self.socket = c
        self.memory = mmap.mmap(fd, DATA + 2 * RING)
        self.tail = 0

    def word_at(self, offset):
        return struct.unpack_from("<i", self.memory, offset)[0]

    def word(self, offset, value):
        struct.pack_into("<i", self.memory, offset, value)

    def ring(self):
        try:
            self.socket.send(b"\0", socket.MSG_DONTWAIT)
        except OSError:
            pass

    def record(self, length, body=b""):
        at = DATA + RING + self.tail
        self.memory[at + 8 : at + 8 + len(body)] = body
        self.word(at, length)
        self.tail += (len(body) + 15) // 8 * 8
        self.word(CONTROLS[1] + TAIL, self.tail)
        self.ring()

    def send(self, kind, payload, call=0):
        head = struct.pack("<HBBHBBIIIIII", 0x4743, 1, kind, 0, 0, 0, len(payload), 0, call, 0, 0x7FFFFFFF, 0)
        self.record(32 + len(payload), head + payload)

    def greet(self):
        """Offers faults.Desk/Echo, and waits until the client has called it."""
        slip = ["faults.Slip", [1, "text", "string", 0], [2, "data", "bytes", 0], [3, "number", "int32", 0]]
        echo = {"service": "faults.Desk", "method": "Echo", "kind": "unary"}
        schemas = {"roots": [0, 0], "messages": [slip]}
        hello = {"maxMessageBytes": 32768, "methods": [echo], "schemas": schemas}
        self.send(1, json.dumps(hello).encode())
        while self.word_at(CONTROLS[0] + TAIL) <= (self.word_at(DATA) + 15) // 8 * 8:
            time.sleep(0.001)

    def until_hung_up(self, busy):
        poller = select.poll()
        poller.register(self.socket, select.POLLRDHUP)
        while not poller.poll(0):
            busy()


# --- at the meeting ---

def silent(c):
    time.sleep(60)


def hang_up(c):
    pass


def http(c):
    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def half(c):
    c.sendall(struct.pack("<IH", 0x48534743, 1))
    time.sleep(60)


def version(c):
    welcome(c, version=9)


def refusal(c):
    welcome(c, status=7, text="für dich nicht".encode())


def long_refusal(c):
    welcome(c, status=7, text_bytes=100_000)


def no_memory(c):
    welcome(c)


def two_memories(c):
    welcome(c, [memfd(), memfd()])


def unsealed(c):
    welcome(c, [memfd(seals=0)])


def small(c):
    welcome(c, [memfd(size=DATA)])


def no_memfd(c):
    welcome(c, [sys.stderr.fileno()])


def odd_ring(c):
    welcome(c, [memfd()], ring=12345)


def no_segment(c):
    welcome(c, [memfd(magic=0x11223344)])


# --- later ---

def no_greeting(c):
    link = Link(c)
    link.until_hung_up(lambda: time.sleep(0.01))


def bad_greeting(c):
    link = Link(c)
    link.send(1, b'{"maxMessageBytes":')
    link.until_hung_up(lambda: time.sleep(0.01))


def bad_reply(c):
    link = Link(c)
    link.greet()
    link.record(-5)
    link.until_hung_up(lambda: time.sleep(0.01))


def scribble(c):
    link = Link(c)
    link.greet()

    def busy():
        for _ in range(100):
            where = random.choice((128, 256, 384, 512, 640, 768, 896, 1024, DATA + RING + random.randrange(RING)))
            link.word(where // 4 * 4, random.choice((0, 8, 64, -1, -2, random.randrange(-(2**31), 2**31))))
        link.ring()

    link.until_hung_up(busy)


listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(10)
print("up", flush=True)


def serve(c):
    globals()[act](c)
    c.close()


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
