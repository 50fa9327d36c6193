"""The other side of shm+simple:, with nothing but Python's standard library: the socket, the memory, two status words.

usage: peer.py <socket> call <service/Method>    calls once, and prints the reply
       peer.py <socket> trick status|length|death
"""
import array, mmap, os, signal, socket, struct, sys, time, zlib

SLOT_BYTES, MESSAGE_AT = 512, 8
EMPTY, FULL = 0, 1
NO_DEADLINE = 0x7FFFFFFF

meeting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
meeting.connect(sys.argv[1])
fds = array.array("i")
welcome, ancillary, _, _ = meeting.recvmsg(16, socket.CMSG_LEN(fds.itemsize))
for level, kind, data in ancillary:
    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
        fds.frombytes(data)
magic, version, status, way_bytes, text_bytes = struct.unpack("<IHHII", welcome)
assert (magic, version, status, way_bytes, text_bytes) == (0x48534743, 1, 0, 500, 0), welcome
memory = mmap.mmap(fds[0], 2 * SLOT_BYTES)


def status_of(slot):
    return struct.unpack_from("<I", memory, slot * SLOT_BYTES)[0]


def put(slot, message, length=None, status=FULL):
    memory[slot * SLOT_BYTES + MESSAGE_AT : slot * SLOT_BYTES + MESSAGE_AT + len(message)] = message
    struct.pack_into("<I", memory, slot * SLOT_BYTES + 4, len(message) if length is None else length)
    struct.pack_into("<I", memory, slot * SLOT_BYTES, status)


def take(slot):
    while status_of(slot) != FULL:
        time.sleep(0.001)
    length = struct.unpack_from("<I", memory, slot * SLOT_BYTES + 4)[0]
    start = slot * SLOT_BYTES + MESSAGE_AT
    message = bytes(memory[start : start + length])
    struct.pack_into("<I", memory, slot * SLOT_BYTES, EMPTY)
    return message


if sys.argv[2] == "call":
    text = b"hello from Python"
    payload = b"\x0a" + bytes([len(text)]) + text
    method = zlib.crc32(sys.argv[3].encode())
    envelope = struct.pack("<HBBHBBIIIIII", 0x4743, 1, 2, 0, 0, 0, len(payload), 0, 2, method, NO_DEADLINE, 0)
    put(0, envelope + payload)
    reply = take(1)
    _, _, kind, _, status, _, length, _, call, _, _, _ = struct.unpack("<HBBHBBIIIIII", reply[:32])
    assert kind == 3, kind
    print(f"reply {call} status {status}: {reply[34:].decode()}")
elif sys.argv[3] == "status":
    put(0, b"x", status=7)
    time.sleep(20)
elif sys.argv[3] == "length":
    put(0, b"x", length=501)
    time.sleep(20)
else:
    os.kill(os.getpid(), signal.SIGKILL)
