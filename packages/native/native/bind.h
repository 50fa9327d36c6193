// Binding a Unix socket so that its file has exactly the wanted mode from its first moment on.
#pragma once
#include <sys/socket.h>
#include <sys/types.h>

namespace callgate {

/** Zero, or the errno of the call named by `*failed`. */
int BindWithMode(int socket, const sockaddr* address, socklen_t length, mode_t mode, const char** failed);

}  // namespace callgate
