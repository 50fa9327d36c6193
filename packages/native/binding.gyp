{
  "targets": [
    {
      "target_name": "callgate",
      "sources": [
        "native/addon.cc",
        "native/errno.cc",
        "native/args.cc",
        "native/state.cc",
        "native/fd.cc",
        "native/memory.cc",
        "native/io.cc",
        "native/socket.cc",
        "native/tcp.cc",
        "native/look-up.cc",
        "native/udp.cc",
        "native/bind.cc",
        "native/scm.cc",
        "native/pipe.cc",
        "native/poll.cc",
        "native/watcher.cc",
        "native/system.cc",
        "native/lock.cc",
        "native/message-alarm.cc",
        "native/message-queue.cc",
        "native/message-thread.cc",
        "native/thread.cc",
        "native/callback.cc",
        "native/blocker.cc",
        "native/signal-masks.cc",
        "native/signal.cc",
        "native/shared-memory.cc",
        "native/semaphore.cc",
        "native/semaphore-posix.cc",
        "native/semaphore-sysv.cc",
        "native/sleep-watch.cc",
        "native/bell.cc",
        "native/bell-create.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "_GNU_SOURCE"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-O2", "-Wall", "-Wextra", "-fvisibility=hidden"]
    }
  ]
}
