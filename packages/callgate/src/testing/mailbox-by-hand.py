# Calls test.Mail/Shout with nothing but the system calls: two callers that share one queue for their answers, by type.
import ctypes, json, struct, sys, zlib

libc = ctypes.CDLL(None, use_errno=True)
roster = json.load(open(sys.argv[1]))
answers = libc.msgget(0, 0o600)

class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * 8192)]

def send(queue, type, data):
    message = Message(type)
    ctypes.memmove(ctypes.addressof(message) + 8, data, len(data))
    assert libc.msgsnd(queue, ctypes.byref(message), len(data), 0) == 0

def receive(queue, type):
    message = Message()
    got = libc.msgrcv(queue, ctypes.byref(message), 8192, ctypes.c_long(type), 0)
    return ctypes.string_at(ctypes.addressof(message) + 8, got)

def request(text, answer_type):
    envelope = struct.pack("<HBBHBBIIIIII", 0x4743, 1, 2, 0, 0, 0, len(text), 0, 1,
                           zlib.crc32(b"test.Mail/Shout"), 0x7FFFFFFF, 0)
    body = envelope + text
    head = struct.pack("<HBBIIIHHIIId", 0x514D, 1, 1, answers, answer_type, 1, 0, 1, len(body), 1, 0, float("inf"))
    send(roster["queue"], 2, head + body)

send(roster["queue"], 2, b"this is no message of Callgate's")
request(b"first", 7)
request(b"second", 9)
for answer_type in (9, 7):
    print(receive(answers, answer_type)[40 + 32:].decode().split()[1])
libc.msgctl(answers, 0, None)
