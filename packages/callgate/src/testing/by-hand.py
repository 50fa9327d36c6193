"""A server of test.Echo over descriptors 3 and 4 that knows nothing of Callgate but its bytes, or a client of it.
by-hand.py serve | call. Layouts: transport/stream/layout.ts, channel/envelope.ts, channel/hello.ts of core."""
import json
import os
import struct
import sys

HELLO, REQUEST, REPLY = 1, 2, 3
BYE = b"\xff\xff\xff\xff\0\0\0\0"


def exactly(count):
    data = b""
    while len(data) < count:
        more = os.read(3, count - len(data))
        if not more:
            sys.exit(1)
        data += more
    return data


def write(data):
    while data:
        data = data[os.write(4, data) :]


def send(kind, payload, call=0, method=0):
    head = struct.pack("<HBBHBBIIIIII", 0x4743, 1, kind, 0, 0, 0, len(payload), 0, call, method, 0x7FFFFFFF, 0)
    write(struct.pack("<I", 32 + len(payload)) + head + payload)


def receive():
    length = struct.unpack("<I", exactly(4))[0]
    if length == 0xFFFFFFFF:
        sys.exit(0)  # the other side has ended, and hears nothing any more
    message = exactly(length)
    _, _, kind, _, status, _, _, _, call, method, _, _ = struct.unpack_from("<HBBHBBIIIIII", message)
    return kind, status, call, method, message[32:]


def hello(methods):
    schemas = {"roots": [0, 0] * len(methods), "messages": [["test.Text", [1, "text", "string", 0]]][: len(methods)]}
    send(HELLO, json.dumps({"maxMessageBytes": 65536, "methods": methods, "schemas": schemas}).encode())


SHOUT = {"service": "test.Echo", "method": "Shout", "kind": "unary"}

write(b"\xcaGS\x01" + struct.pack("<I", 65536))
assert exactly(8)[:4] == b"\xcaGS\x01"

if sys.argv[1] == "serve":
    hello([SHOUT])
    while True:
        kind, _, call, method, payload = receive()
        if kind == REQUEST:
            send(REPLY, payload.upper(), call, method)
else:
    hello([])
    kind, _, _, _, payload = receive()
    assert kind == HELLO
    names = [(entry["service"], entry["method"]) for entry in json.loads(payload)["methods"]]
    send(REQUEST, b"said by hand", 7, names.index(("test.Echo", "Shout")))
    kind, status, call, _, payload = receive()
    print(kind == REPLY, status, call, payload.decode(), flush=True)
    write(BYE)
