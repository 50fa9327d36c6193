"""Meets a server as no client of Callgate would: garbage.py <socket file> <what to do>."""
import random
import socket
import struct
import sys

path, act = sys.argv[1:]
random.seed(4711)


def meet():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def send(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass  # It has hung up already, which is its right.


def until_end(s):
    """Everything that comes until the server hangs up."""
    found = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            return found
        found += more


# How messages are framed on unix:, see transport/stream/layout.ts.
GREETING = b"\xcaGS\x01" + struct.pack("<I", 65536)


def frame(message):
    return struct.pack("<I", len(message)) + message


def garbage():
    send(peer, b"\0" + random.randbytes(1_000_000))


def http():
    send(peer, b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n")


def half():
    send(peer, GREETING[:5])


def framed():
    send(peer, GREETING + frame(random.randbytes(100)))


def greeting():
    send(peer, GREETING)


def nothing():
    pass


def crowd():
    """Comes and goes, with and without a word."""
    for i in range(100):
        one = meet()
        send(one, random.randbytes(i % 3 * 50))
        one.close()


peer = meet()
{f.__name__: f for f in (garbage, http, half, framed, greeting, nothing, crowd)}[act]()
print("done", flush=True)
if sys.stdin.readline().strip() == "listen":
    print("heard", until_end(peer)[:2000].hex(), flush=True)
peer.close()
