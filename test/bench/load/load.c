/*
 * A load generator for HTTP/1.1, one thread, epoll: N keep-alive connections, one request in flight on each, every request with a fresh
 * Idempotency-Key and a fresh phone number. Prints one line of JSON. Its own work is about 1 µs a request (beside what
 * the kernel takes to carry it), so that it is never what is measured.
 *
 *   cc -O2 -o load load.c                               plain
 *   cc -O2 -DWITH_TLS -o load load.c -lssl -lcrypto     with mutual TLS
 *
 *   load --port 8000 [--host 127.0.0.1] [--path /api/v1/messages] [--connections 64] (--requests N | --seconds T)
 *        [--body '{"to":"{number}","body":"hello"}'] [--header 'Authorization: Bearer …']… [--seed 1] [--first-number 0]
 *        [--tls --cert client.crt --key client.key --ca ca.crt] [--warm-up N] [--record FILE] [--reuse-key KEY] [--reconnect]
 *
 * {number} in the body becomes +1555 and seven to eleven digits, {key} the request's key. --warm-up: that many requests first, not counted.
 * --record: a line "key number status" for each answer, for whoever must look for every acknowledged one afterwards.
 * --reuse-key: the same key for all. --reconnect: connect again where the server closes (else that connection is given up, and counted).
 * Exit: 0 when it ran, whatever the answers were; 2 for a wrong option; 1 when no connection could be made.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "histogram.h"
#include "template.h"
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
static SSL_CTX *tls;
#endif

enum { OUT = 16384, IN = 65536, HEADERS = 16 };

typedef struct {
  int fd, out_len, out_sent, in_len, waiting, wants, warming;
  long need;      /* bytes of body still to be skipped that never went through `in` */
  uint64_t began, number;
  char out[OUT], in[IN], key[64];
#ifdef WITH_TLS
  SSL *ssl;
#endif
} conn;

static const char *host = "127.0.0.1", *path = "/api/v1/messages", *body = "{\"to\":\"{number}\",\"body\":\"hello\"}", *reuse_key, *headers[HEADERS];
static int port, connections = 64, header_count, header_bytes, use_tls, reconnect, epoll, alive;
static long requests, warm_up, begun, finished, counted, errors, closed_early, status_count[1000];
static double seconds;
static uint64_t seed = 1, first_number, started, ended;
static FILE *record;
static struct sockaddr_in address;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void write_request(conn *c) {
  char number[32], text[OUT / 2];
  c->number = first_number + (uint64_t)begun;
  c->warming = begun < warm_up;
  begun++;
  snprintf(number, sizeof number, "+1555%07llu", (unsigned long long)c->number);
  if (reuse_key) snprintf(c->key, sizeof c->key, "%s", reuse_key);
  else snprintf(c->key, sizeof c->key, "k%llx-%llu", (unsigned long long)seed, (unsigned long long)c->number);
  int length = (int)(fill(text, text + sizeof text, body, number, c->key) - text);
  char *to = c->out;
  to += sprintf(to, "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n", path,
                *host == '1' ? "localhost" : host, port, c->key, length);
  for (int i = 0; i < header_count; i++) { to = put(to, headers[i], strlen(headers[i])); to = put(to, "\r\n", 2); }
  to = put(put(to, "\r\n", 2), text, (size_t)length);
  c->out_len = (int)(to - c->out);
  c->out_sent = c->in_len = 0;
  c->need = 0;
  c->waiting = 1;
  c->began = now();
}

static void want(conn *c, int events) {
  if (c->wants == events) return;
  struct epoll_event e = {.events = (uint32_t)events, .data.ptr = c};
  epoll_ctl(epoll, c->wants ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e);
  c->wants = events;
}

/* Bytes moved; 0: not now (the wish is noted); -1: the line is dead. */
static int move(conn *c, char *buffer, int n, int writing) {
#ifdef WITH_TLS
  if (c->ssl) {
    int r = writing ? SSL_write(c->ssl, buffer, n) : SSL_read(c->ssl, buffer, n);
    if (r > 0) return r;
    int e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_WANT_READ) { want(c, EPOLLIN); return 0; }
    if (e == SSL_ERROR_WANT_WRITE) { want(c, EPOLLIN | EPOLLOUT); return 0; }
    ERR_clear_error();
    return -1;
  }
#endif
  ssize_t r = writing ? send(c->fd, buffer, (size_t)n, MSG_NOSIGNAL) : recv(c->fd, buffer, (size_t)n, 0);
  if (r > 0) return (int)r;
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) { want(c, writing ? EPOLLIN | EPOLLOUT : EPOLLIN); return 0; }
  return -1;
}

static int dial(conn *c) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  c->wants = 0;
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) { if (c->fd >= 0) close(c->fd); c->fd = -1; return -1; }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef WITH_TLS
  if (use_tls) { /* the handshake is not what is measured: done while the line still blocks */
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, c->fd);
    if (SSL_connect(c->ssl) != 1) { SSL_free(c->ssl); c->ssl = NULL; close(c->fd); c->fd = -1; return -1; }
  }
#endif
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  alive++;
  return 0;
}

static int more(void) {
  if (begun < warm_up) return 1;
  return requests ? begun < requests + warm_up : !started || now() - started < (uint64_t)(seconds * 1e9);
}
static void flush(conn *c);
static void hang_up(conn *c, int failed) {
  if (failed && c->waiting) { errors++; finished++; }
  else if (failed) closed_early++;
  c->waiting = 0;
#ifdef WITH_TLS
  if (c->ssl) { SSL_free(c->ssl); c->ssl = NULL; }
#endif
  close(c->fd);
  c->fd = -1;
  alive--;
  if (failed && reconnect && more() && dial(c) == 0) { write_request(c); flush(c); }
}

static void flush(conn *c) {
  while (c->out_sent < c->out_len) {
    int n = move(c, c->out + c->out_sent, c->out_len - c->out_sent, 1);
    if (n < 0) { hang_up(c, 1); return; }
    if (n == 0) return;
    c->out_sent += n;
  }
  want(c, EPOLLIN);
}

/* The length of a whole answer in `in`, 0 when there is more to come, -1 when it is not HTTP. Skips bodies larger than the buffer. */
static long whole(conn *c) {
  c->in[c->in_len] = 0;
  char *end = memmem(c->in, (size_t)c->in_len, "\r\n\r\n", 4);
  if (!end) return c->in_len >= IN - 1 ? -1 : 0;
  if (c->in_len < 12 || memcmp(c->in, "HTTP/1.", 7)) return -1;
  long head = end + 4 - c->in;
  *end = 0;
  char *length = strcasestr(c->in, "\r\ncontent-length:"), *chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked");
  *end = '\r';
  if (length) return head + atol(length + 17);
  if (chunked) {
    char *last = memmem(end, (size_t)(c->in_len - (end - c->in)), "\r\n0\r\n\r\n", 7);
    if (last) return last + 7 - c->in;
    if (c->in_len >= IN - 1) { memmove(c->in + head, c->in + c->in_len - 6, 6); c->in_len = (int)head + 6; } /* only its end matters */
    return 0;
  }
  return head;
}

static void answered(conn *c, int status) {
  uint64_t took = now() - c->began;
  int closes = 0;
  char *end = memmem(c->in, (size_t)c->in_len, "\r\n\r\n", 4);
  if (end) { *end = 0; closes = strcasestr(c->in, "\r\nconnection: close") != NULL; }
  c->waiting = 0;
  finished++;
  if (record) fprintf(record, "%s +1555%07llu %d\n", c->key, (unsigned long long)c->number, status);
  if (!c->warming) {
    if (!started) started = c->began;
    counted++;
    status_count[status >= 100 && status < 1000 ? status : 0]++;
    measure(took);
  }
  if (closes) { hang_up(c, 0); if (!more() || dial(c) < 0) return; }
  if (more()) { write_request(c); flush(c); }
  else hang_up(c, 0);
}

static void receive(conn *c) {
  for (;;) {
    int n = move(c, c->in + c->in_len, IN - 1 - c->in_len, 0);
    if (n < 0) { hang_up(c, 1); return; }
    if (n == 0) return;
    if (!c->waiting) { hang_up(c, 1); return; }
    if (c->need) { c->need -= n; c->in_len = (int)(strstr(c->in, "\r\n\r\n") + 4 - c->in); }
    else {
      c->in_len += n;
      long size = whole(c);
      if (size < 0) { hang_up(c, 1); return; }
      if (size == 0) continue;
      if (size > c->in_len) {
        if (size < IN) continue;
        c->need = size - c->in_len; /* keep the head, drop the body as it comes */
        c->in_len = (int)(strstr(c->in, "\r\n\r\n") + 4 - c->in);
      }
    }
    if (c->need > 0) continue;
    answered(c, atoi(c->in + 9));
    return;
  }
}

static int wrong(const char *what) { fprintf(stderr, "load: %s\n", what); return 2; }
static const char *cert, *key, *ca;
static int options(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *o = argv[i];
    if (!strcmp(o, "--tls")) { use_tls = 1; continue; }
    if (!strcmp(o, "--reconnect")) { reconnect = 1; continue; }
    if (!strcmp(o, "--help")) { puts("usage: load --port N (--requests N | --seconds T) [options]; the head of load.c lists them"); exit(0); }
    const char *v = ++i < argc ? argv[i] : NULL;
    if (!v) return wrong("an option lacks its value; the head of load.c lists them");
    if (!strcmp(o, "--host")) host = v;
    else if (!strcmp(o, "--port")) port = atoi(v);
    else if (!strcmp(o, "--path")) path = v;
    else if (!strcmp(o, "--body")) body = v;
    else if (!strcmp(o, "--connections")) connections = atoi(v);
    else if (!strcmp(o, "--requests")) requests = atol(v);
    else if (!strcmp(o, "--seconds")) seconds = atof(v);
    else if (!strcmp(o, "--warm-up")) warm_up = atol(v);
    else if (!strcmp(o, "--seed")) seed = strtoull(v, NULL, 0);
    else if (!strcmp(o, "--first-number")) first_number = strtoull(v, NULL, 0);
    else if (!strcmp(o, "--reuse-key")) reuse_key = v;
    else if (!strcmp(o, "--record")) { if (!(record = fopen(v, "w"))) return wrong("cannot write the file of --record"); }
    else if (!strcmp(o, "--cert")) cert = v;
    else if (!strcmp(o, "--key")) key = v;
    else if (!strcmp(o, "--ca")) ca = v;
    else if (!strcmp(o, "--header")) { if (header_count == HEADERS || (header_bytes += (int)strlen(v)) > OUT / 4) return wrong("too many headers"); headers[header_count++] = v; }
    else return wrong("unknown option; the head of load.c lists them");
  }
  if (!port || connections < 1 || (!requests == !(seconds > 0))) return wrong("wants --port, and --requests or --seconds");
  if (strlen(body) > OUT / 4) return wrong("the body is too long");
  return 0;
}

static int prepare_tls(void) {
  if (!use_tls) return 0;
#ifdef WITH_TLS
  tls = SSL_CTX_new(TLS_client_method());
  if (cert && (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 || SSL_CTX_use_PrivateKey_file(tls, key ? key : cert, SSL_FILETYPE_PEM) != 1)) return wrong("cannot read the client certificate or its key");
  if (ca) { if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) return wrong("cannot read the CA's certificate"); SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL); }
  return 0;
#else
  return wrong("built without TLS: compile with -DWITH_TLS -lssl -lcrypto");
#endif
}

int main(int argc, char **argv) {
  int bad = options(argc, argv);
  if (bad || (bad = prepare_tls())) return bad;
  signal(SIGPIPE, SIG_IGN);
  address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, !strcmp(host, "localhost") ? "127.0.0.1" : host, &address.sin_addr) != 1) return wrong("--host wants an IPv4 address or localhost");
  epoll = epoll_create1(0);
  conn *all = calloc((size_t)connections, sizeof *all);
  for (int i = 0; i < connections; i++) if (dial(&all[i]) < 0) { fprintf(stderr, "load: cannot connect to %s:%d: %s\n", host, port, strerror(errno)); return 1; }
  for (int i = 0; i < connections && more(); i++) { write_request(&all[i]); flush(&all[i]); }
  struct epoll_event events[256];
  uint64_t last = now();
  long seen = 0;
  while (alive > 0 && finished < begun) {
    int n = epoll_wait(epoll, events, 256, 1000);
    if (n < 0 && errno != EINTR) break;
    for (int i = 0; i < n; i++) {
      conn *c = events[i].data.ptr;
      if (c->fd < 0) continue;
      if ((events[i].events & EPOLLOUT) && c->out_sent < c->out_len) flush(c);
      if (c->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(c);
    }
    if (finished != seen) { seen = finished; last = now(); }
    else if (now() - last > 60ull * 1000000000ull) break; /* nothing for a minute: what is open is given up, and counted */
  }
  ended = now();
  errors += begun - finished;
  if (record) fclose(record);
  double took = started ? (double)(ended - started) / 1e9 : 0;
  printf("{\"requests\":%ld,\"seconds\":%.3f,\"rate\":%.1f,\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"status\":{", counted, took,
         took > 0 ? (double)counted / took : 0, percentile(.5), percentile(.95), percentile(.99), (double)slowest / 1e6);
  for (int s = 0, first = 1; s < 1000; s++) if (status_count[s]) { printf("%s\"%d\":%ld", first ? "" : ",", s, status_count[s]); first = 0; }
  printf("},\"errors\":%ld,\"closed\":%ld,\"tls\":%s}\n", errors, closed_early, use_tls ? "true" : "false");
  return 0;
}
