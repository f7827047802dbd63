/*
 * An upstream that takes everything, one thread, epoll: for measuring what calls it, and for counting what was really sent.
 *
 *   cc -O2 -o sink sink.c
 *   sink [--port 0] [--host 127.0.0.1] [--keys FILE] [--delay MS]      prints {"port":N} once it listens; ends on SIGTERM
 *
 *   POST /sink                  200 {"status":"ok"}         (the gateway `http`)
 *   POST /gateway/gateway.jsp   200 OK ref{n}               (the gateway `sms`)
 *   GET  /stats                 {"calls":…,"distinct":…,"duplicates":…,"without_key":…}: by Idempotency-Key, which is the attempt's id
 *   POST /reset                 forgets all
 * --delay: each call is counted at once and answered so much later, as a gateway that takes its time.
 * --keys: appends each call's key to a file, one a line, for whoever compares them with the log.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 65536 };
typedef struct { int fd, in_len, owed; long skip; char in[IN]; } conn;
/* An answer that is not due yet. All wait equally long: first in, first out. */
typedef struct { conn *to; uint64_t due; int status; const char *type; char text[64]; } late;

static uint64_t *set, set_size, set_used, calls, duplicates, without_key;
static FILE *keys;
static uint64_t delay; /* nanoseconds */
static late *waiting;
static size_t waiting_from, waiting_to, waiting_size;
static volatile sig_atomic_t stopped;

static void stop(int signal) { (void)signal; stopped = 1; }

/* 64-bit FNV-1a: among 10 million keys a collision is one in 370,000. */
static uint64_t hash_of(const char *text, size_t n) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3ull;
  h ^= h >> 32;
  return h ? h : 1;
}

/* 1 when it was not there. The table doubles at half full. */
static int insert(uint64_t h) {
  if (set_used * 2 >= set_size) {
    uint64_t *old = set, size = set_size;
    set_size = size ? size * 2 : 1 << 16;
    set = calloc(set_size, sizeof *set);
    for (uint64_t i = 0; i < size; i++) if (old[i]) {
      uint64_t at = old[i] & (set_size - 1);
      while (set[at]) at = (at + 1) & (set_size - 1);
      set[at] = old[i];
    }
    free(old);
  }
  uint64_t at = h & (set_size - 1);
  while (set[at]) { if (set[at] == h) return 0; at = (at + 1) & (set_size - 1); }
  set[at] = h;
  set_used++;
  return 1;
}

static void count(char *head, char *end) {
  calls++;
  *end = 0;
  char *key = strcasestr(head, "\r\nidempotency-key:");
  *end = '\r';
  if (!key) { without_key++; return; }
  key += 18;
  while (*key == ' ') key++;
  size_t n = strcspn(key, "\r\n");
  if (!insert(hash_of(key, n))) duplicates++;
  if (keys) fprintf(keys, "%.*s\n", (int)n, key);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int answer(conn *c, int status, const char *type, const char *text) {
  char out[512];
  int n = snprintf(out, sizeof out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", status, status == 200 ? "OK" : "Not Found", type, strlen(text), text);
  /* a few bytes into an idle socket's buffer: they fit, or the other side has stopped reading and may go */
  return send(c->fd, out, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Answers a call: now, or when its time has come. */
static int answer_call(conn *c, int status, const char *type, const char *text) {
  if (!delay) return answer(c, status, type, text);
  if (waiting_to == waiting_size) {
    if (waiting_from > waiting_size / 2) { memmove(waiting, waiting + waiting_from, (waiting_to - waiting_from) * sizeof *waiting); waiting_to -= waiting_from; waiting_from = 0; }
    else waiting = realloc(waiting, (waiting_size = waiting_size ? waiting_size * 2 : 1024) * sizeof *waiting);
  }
  late *l = &waiting[waiting_to++];
  *l = (late){.to = c, .due = now() + delay, .status = status, .type = type};
  snprintf(l->text, sizeof l->text, "%s", text);
  c->owed++;
  return 1;
}

/* Sends what is due; milliseconds until the next is, -1 for none. A line that has closed meanwhile goes with its last answer. */
static int answer_due(void) {
  for (; waiting_from < waiting_to; waiting_from++) {
    late *l = &waiting[waiting_from];
    uint64_t at = now();
    if (l->due > at) return (int)((l->due - at + 999999) / 1000000);
    l->to->owed--;
    if (l->to->fd >= 0) answer(l->to, l->status, l->type, l->text);
    else if (!l->to->owed) free(l->to);
  }
  return -1;
}

static int respond(conn *c, char *end) {
  char text[256];
  if (!strncmp(c->in, "POST /sink ", 11)) { count(c->in, end); return answer_call(c, 200, "application/json", "{\"status\":\"ok\"}"); }
  if (!strncmp(c->in, "POST /gateway/gateway.jsp", 25)) {
    count(c->in, end);
    snprintf(text, sizeof text, "OK ref%llu", (unsigned long long)calls);
    return answer_call(c, 200, "text/plain", text);
  }
  if (!strncmp(c->in, "POST /reset ", 12)) {
    calls = duplicates = without_key = set_used = 0;
    if (set) memset(set, 0, set_size * sizeof *set);
    return answer(c, 200, "application/json", "{}");
  }
  if (!strncmp(c->in, "GET /stats ", 11)) {
    if (keys) fflush(keys);
    snprintf(text, sizeof text, "{\"calls\":%llu,\"distinct\":%llu,\"duplicates\":%llu,\"without_key\":%llu}", (unsigned long long)calls,
             (unsigned long long)set_used, (unsigned long long)duplicates, (unsigned long long)without_key);
    return answer(c, 200, "application/json", text);
  }
  return answer(c, 404, "text/plain", "not found");
}

/* The length of a chunked body that is all there, 0 when it is not. */
static long chunked_length(const char *from, const char *to) {
  const char *last = memmem(from, (size_t)(to - from), "0\r\n\r\n", 5);
  return last ? last + 5 - from : 0;
}

/* Answers every request that is whole. 0: hang up. */
static int serve(conn *c) {
  for (;;) {
    if (c->skip) { /* the rest of a body that is only thrown away */
      long n = c->skip < c->in_len ? c->skip : c->in_len;
      memmove(c->in, c->in + n, (size_t)(c->in_len - n));
      c->in_len -= (int)n;
      c->skip -= n;
      if (c->skip) return 1;
    }
    c->in[c->in_len] = 0;
    char *end = memmem(c->in, (size_t)c->in_len, "\r\n\r\n", 4);
    if (!end) return c->in_len < IN - 1;
    *end = 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    int chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != NULL;
    *end = '\r';
    long size = length ? atol(length + 17) : 0, head = end + 4 - c->in;
    if (chunked && !(size = chunked_length(end + 4, c->in + c->in_len))) return c->in_len < IN - 1;
    /* answered once the body is here, as a real upstream does; a body over the buffer is answered at its head */
    if (head + size > c->in_len && head + size < IN - 1) return 1;
    if (!respond(c, end)) return 0;
    c->skip = head + size;
  }
}

int main(int argc, char **argv) {
  const char *host = "127.0.0.1";
  int port = 0, one = 1;
  for (int i = 1; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(argv[i], "--help")) { printf("usage: sink [--port 0] [--host 127.0.0.1] [--keys FILE] [--delay MS]\n"); return 0; }
    if (value && !strcmp(argv[i], "--port")) port = atoi(value);
    else if (value && !strcmp(argv[i], "--host")) host = value;
    else if (value && !strcmp(argv[i], "--delay")) delay = (uint64_t)(atof(value) * 1e6);
    else if (value && !strcmp(argv[i], "--keys")) { if (!(keys = fopen(value, "a"))) { perror(value); return 1; } }
    else { fprintf(stderr, "sink: %s is unknown or lacks its value\nusage: sink [--port 0] [--host 127.0.0.1] [--keys FILE] [--delay MS]\n", argv[i]); return 2; }
  }
  struct sigaction ends = {.sa_handler = stop};
  sigaction(SIGTERM, &ends, NULL);
  sigaction(SIGINT, &ends, NULL);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t a_len = sizeof a;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 1024)) { perror("sink"); return 1; }
  getsockname(listener, (struct sockaddr *)&a, &a_len);
  printf("{\"port\":%d}\n", ntohs(a.sin_port));
  fflush(stdout);
  struct epoll_event e = {.events = EPOLLIN}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
  while (!stopped) {
    int n = epoll_wait(epoll, events, 256, answer_due());
    for (int i = 0; i < n; i++) {
      conn *c = events[i].data.ptr;
      if (!c) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c = malloc(sizeof *c);
        c->fd = fd;
        c->in_len = c->owed = 0;
        c->skip = 0;
        e = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
        continue;
      }
      ssize_t r = recv(c->fd, c->in + c->in_len, (size_t)(IN - 1 - c->in_len), 0);
      if (r > 0) c->in_len += (int)r;
      if ((r > 0 && serve(c)) || (r < 0 && (errno == EAGAIN || errno == EINTR))) continue;
      close(c->fd);
      c->fd = -1;
      if (!c->owed) free(c);
    }
  }
  if (keys) fclose(keys);
  return 0;
}
