// Two processes that block in read(2) and write(2) on a fifo each way. The names are gone as soon as both are open.
#include "bare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int up, down;

// Read and write, since the other process does not exist yet: it would be waited for.
static int make(const char *directory, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  if (mkfifo(path, 0600) != 0) fail("mkfifo");
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open");
  unlink(path);
  return fd;
}

static void open_pair(void) {
  char directory[] = "/tmp/bare-fifo-XXXXXX";
  if (mkdtemp(directory) == NULL) fail("mkdtemp");
  up = make(directory, "up");
  down = make(directory, "down");
  rmdir(directory);
}

static void serve(void) { serve_stream(up, down); }

static void call(uint32_t turn) {
  (void)turn;
  call_stream(up, down);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .call = call};
