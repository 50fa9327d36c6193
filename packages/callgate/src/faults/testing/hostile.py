"""A peer over shm: that speaks just enough of the protocol to do harm: hostile.py <socket file> <what to do>."""
import ctypes
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

# The layout of the memory, see core/src/transport/ring/layout.ts.
CONTROLS = (128, 640)
DATA = 4096
TAIL, HEAD, CONSUMER_SLEEPS, PRODUCER_SLEEPS = 0, 128, 256, 384
WRAP, END = -1, -2
# The envelope, see core/src/channel/envelope.ts.
HELLO, REQUEST, CANCEL, PROBE = 1, 2, 4, 5

server = socket.socket(socket.AF_UNIX)
server.connect(path)
welcome, (memfd,), _, _ = socket.recv_fds(server, 16, 1)
ring_bytes = struct.unpack_from("<I", welcome, 8)[0]
memory = mmap.mmap(memfd, DATA + 2 * ring_bytes)
tail = 0


def word_at(offset):
    return struct.unpack_from("<i", memory, offset)[0]


def word(offset, value):
    struct.pack_into("<i", memory, offset, ctypes.c_int32(value).value)


def ring_bell():
    try:
        server.send(b"\0", socket.MSG_DONTWAIT)
    except OSError:
        pass  # Full, or hung up.


def record(length, body=b"", size=None):
    """Publishes a record that says it has the length, whatever it has."""
    global tail
    at = DATA + tail % ring_bytes
    memory[at + 8 : at + 8 + len(body)] = body
    word(at, length)
    tail += size if size is not None else (len(body) + 15) // 8 * 8
    word(CONTROLS[0] + TAIL, tail)
    ring_bell()


def envelope(kind, payload, call=0, method=0):
    head = struct.pack("<HBBHBBIIIIII", 0x4743, 1, kind, 0, 0, 0, len(payload), 0, call, method, 0x7FFFFFFF, 0)
    return head + payload


def send(message):
    record(len(message), message)


def greet():
    """As any client does, until both have read what the other said; returns the ids of the server's methods by name."""
    none = {"roots": [], "messages": []}
    send(envelope(HELLO, json.dumps({"maxMessageBytes": 65536, "methods": [], "schemas": none}).encode()))
    while word_at(CONTROLS[1] + TAIL) == 0 or word_at(CONTROLS[0] + HEAD) != tail:
        time.sleep(0.001)
    length = word_at(DATA + ring_bytes)
    start = DATA + ring_bytes + 8
    hello = json.loads(bytes(memory[start + 32 : start + length]))
    return {entry["method"]: i for i, entry in enumerate(hello["methods"])}


def until_hung_up(busy=lambda: time.sleep(0.001)):
    """Goes on until the server hangs up."""
    poller = select.poll()
    poller.register(server, select.POLLRDHUP)
    while not poller.poll(0):
        busy()


# --- lies about what was published ---

def tail_ahead():
    greet()
    word(CONTROLS[0] + TAIL, tail + ring_bytes + 8)
    ring_bell()


def tail_back():
    greet()
    word(CONTROLS[0] + TAIL, tail - 8)
    ring_bell()


def negative_length():
    greet()
    record(-77, size=16)


def length_over_ring():
    greet()
    record(ring_bytes - 8, size=16)


def length_over_limit():
    greet()
    record(70000, b"\0" * 70000)


def wrap_for_ever():
    """Skips to the start of the ring, and again from there."""
    greet()
    record(WRAP, size=ring_bytes - tail % ring_bytes)
    record(WRAP, size=8)


def no_envelope():
    greet()
    send(random.randbytes(100))


# --- what hurts nobody but its author ---

def late_end():
    """The end, and then more."""
    greet()
    record(END, size=8)
    send(b"more")


def head_lies():
    """Claims to have read what was never sent, while it asks for a lot."""
    methods = greet()
    for i in range(500):
        word(CONTROLS[1] + HEAD, random.getrandbits(32) & ~7)
        send(envelope(REQUEST, b"", i + 1, methods["Echo"]))
    word(CONTROLS[1] + HEAD, 0)


def bell_storm():
    greet()
    for _ in range(20_000):
        ring_bell()
        try:
            server.send(random.randbytes(5000), socket.MSG_DONTWAIT)
        except OSError:
            pass


def sleeps_never():
    """Always says that it sleeps, in many ways, and asks on, deaf to all the ringing."""
    methods = greet()
    for i in range(1000):
        for ring in CONTROLS:
            word(ring + CONSUMER_SLEEPS, random.choice((1, -1, 7)))
            word(ring + PRODUCER_SLEEPS, random.choice((1, -1, 7)))
        send(envelope(REQUEST, b"", i + 1, methods["Echo"]))


def shrink():
    """Tries to take the memory away from under the server: sealed, or full of holes, it stays."""
    methods = greet()
    for size in (0, 4096, 2**26):
        try:
            os.ftruncate(memfd, size)
            print("shrunk", flush=True)
        except PermissionError:
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    punch_hole = 3
    libc.fallocate(memfd, punch_hole, ctypes.c_long(0), ctypes.c_long(DATA + 2 * ring_bytes))
    send(envelope(REQUEST, b"", 1, methods["Echo"]))


def odd_calls():
    """Well-formed nonsense: unknown methods, cancelled strangers, answers to nothing, probes without end."""
    methods = greet()
    for i in range(300):
        send(envelope(REQUEST, random.randbytes(20), i, random.randrange(1000)))
        send(envelope(CANCEL, b"", random.randrange(1000)))
        send(envelope(PROBE, b"", i % 7, random.choice((methods["Echo"], 999))))


# --- everything at once ---

def scribble():
    """Random words over the control blocks and the data, while the server reads them."""
    methods = greet()

    def busy():
        for _ in range(200):
            where = random.choice((128, 256, 640, 768, DATA + random.randrange(ring_bytes)))
            word(where // 4 * 4, random.choice((0, 8, 64, -1, -2, 1, random.getrandbits(32))))
        ring_bell()

    for i in range(50):
        send(envelope(REQUEST, random.randbytes(100), i + 1, methods["Echo"]))
    until_hung_up(busy)


def tear():
    """Changes requests while the server decodes them."""
    methods = greet()
    stop = threading.Event()

    noise = [random.randbytes(2000) for _ in range(100)]

    def vandal():
        while not stop.is_set():
            memory[DATA + 400 : DATA + 2400] = random.choice(noise)

    threads = [threading.Thread(target=vandal) for _ in range(2)]
    for thread in threads:
        thread.start()
    slip = b"\n\x40" + b"t" * 64 + b"\x12\x80\x01" + b"d" * 128 + b"\x18\x07"
    for i in range(200):
        send(envelope(REQUEST, slip, i + 1, methods["Echo"]))
        time.sleep(0.0002)
    stop.set()
    for thread in threads:
        thread.join()


globals()[act]()
print("done", flush=True)
if sys.stdin.readline().strip() == "stay":
    until_hung_up()
    print("hung up", flush=True)
