/** Programs that know nothing of Callgate: Python's standard library, with sigqueue(3) by ctypes. */

/** `python3 -c QUEUE <pid> <signal> <value>…` sends one queued signal per value, in order. */
export const QUEUE = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for value in sys.argv[3:]:
    if libc.sigqueue(int(sys.argv[1]), int(sys.argv[2]), ctypes.c_void_p(int(value) & 0xffffffff)) != 0:
        raise OSError(ctypes.get_errno(), 'sigqueue')
print(os.getpid())
`;

/** `python3 -c KILL <pid> <signal>` sends one signal without a value. */
export const KILL = `
import os, sys
os.kill(int(sys.argv[1]), int(sys.argv[2]))
print(os.getpid())
`;

/** `python3 -c HOLD <file> <uid> <base64>` writes a file, gives it to a user (-1: nobody else), and holds its lock. */
export const HOLD = `
import base64, fcntl, os, sys, time
file = open(sys.argv[1], 'wb')
fcntl.flock(file, fcntl.LOCK_EX)
file.write(base64.b64decode(sys.argv[3]))
file.flush()
os.chown(sys.argv[1], int(sys.argv[2]), -1)
print('held', flush=True)
time.sleep(20)
`;

/**
 * `python3 -c RECEIVE <file> <how> <pid> <start>` announces itself in a file, and prints what it receives by
 * sigtimedwait(2). how: "wait" as it should be; "naked" neither handles nor blocks; "ignore" ignores; "terminate" announces SIGTERM; "stale" announces
 * the pid and the start that it is given instead of its own.
 */
export const RECEIVE = `
import ctypes, fcntl, os, signal, sys, time
path, how = sys.argv[1:3]
pid = os.getpid()
start = open('/proc/self/stat').read().rpartition(')')[2].split()[19]
if how == 'stale':
    pid, start = sys.argv[3:5]
ring, visit = signal.SIGUSR2, signal.SIGRTMIN + 4
if how == 'terminate':
    ring = signal.SIGTERM
if how != 'naked':
    signal.pthread_sigmask(signal.SIG_BLOCK, [ring, visit])
if how == 'ignore':
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [ring, visit])
    signal.signal(ring, signal.SIG_IGN)
    signal.signal(visit, signal.SIG_IGN)
file = open(path, 'w')
fcntl.flock(file, fcntl.LOCK_EX)
file.write(f'callgate-signal 1\\npid {pid}\\nstart {start}\\nsignal {int(ring)} house.Bell/Ring\\n'
           f'signal {int(visit)} house.Bell/Visit uint32\\nend\\n')
file.flush()
print('announced', flush=True)
if how in ('naked', 'ignore', 'terminate'):
    time.sleep(20)

class siginfo(ctypes.Structure):
    _fields_ = [('signo', ctypes.c_int), ('errno', ctypes.c_int), ('code', ctypes.c_int), ('pad', ctypes.c_int),
                ('pid', ctypes.c_int), ('uid', ctypes.c_uint), ('value', ctypes.c_uint), ('rest', ctypes.c_char * 200)]

libc = ctypes.CDLL(None, use_errno=True)
wanted = sum(1 << (n - 1) for n in (ring, visit)).to_bytes(128, 'little')
class timespec(ctypes.Structure):
    _fields_ = [('s', ctypes.c_long), ('ns', ctypes.c_long)]
info = siginfo()
while True:
    got = libc.sigtimedwait(wanted, ctypes.byref(info), ctypes.byref(timespec(10, 0)))
    if got < 0:
        break
    print(got, info.pid, info.uid, info.value if info.code == -1 else '-', flush=True)
`;
