/*
 * A power cut, for any program on glibc: keeps in a second folder only what the program has made durable.
 *
 *   cc -O2 -shared -fPIC -o power-cut.so power-cut.c -ldl -lpthread
 *   LD_PRELOAD=…/power-cut.so POWER_CUT_DIR=data POWER_CUT_SHADOW=shadow node server.js
 *
 * Writes to files below POWER_CUT_DIR happen as ever, and are remembered. fsync and fdatasync copy what is remembered of that file to its
 * twin below POWER_CUT_SHADOW, with its size, before they return. After `kill -9`, the shadow is the disk after the power came back.
 *
 * Kinder than a disk: that a file exists, was renamed or removed is durable at once, and so is a folder. As hard as one: after a failed
 * fsync what was dirty counts as clean (as Linux does), so a second fsync that succeeds has not saved it.
 * Left out: *-shm (SQLite makes it anew), O_SYNC, mmap, sendfile, dup, io_uring (UV_USE_IO_URING=0), sync().
 * A file that is opened first and has no twin yet is taken as durable; one that has a twin counts as dirty as a whole. A folder that is
 * not empty at the start is best copied to the shadow first.
 *
 *   POWER_CUT_SKIP_FSYNC=1   no real fsync: faster, the shadow is the same
 *   POWER_CUT_CONTROL=FILE   read again whenever it changes, while the program runs; its lines, also as variables of the same name:
 *     POWER_CUT_FAIL_FSYNC=SUBSTRING:N:K    from the N-th fsync (1 = the next) of files with that in their path, K of them fail with EIO
 *     POWER_CUT_FAIL_WRITE=SUBSTRING:N:K    the same for writes, with ENOSPC
 *     POWER_CUT_DELAY_FSYNC_MS=MS           each fsync takes that much longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "faults.h"

enum { FDS = 65536, RANGES = 1024 };

typedef struct file {
  struct file *next;
  char way[PATH_MAX]; /* below the folder, with its leading slash */
  off_t from[RANGES], to[RANGES], lowest; /* dirty ranges; the smallest size since the last fsync, -1: never smaller */
  int ranges, gone;
} file;

static file *files, *of[FDS];
static char folder[PATH_MAX], shadow[PATH_MAX];
static int skip_fsync;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...) static type (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(int, close, int);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
REAL(int, ftruncate, int, off_t);
REAL(int, truncate, const char *, off_t);
REAL(int, unlink, const char *);
REAL(int, unlinkat, int, const char *, int);
REAL(int, rename, const char *, const char *);
REAL(int, fsync, int);
REAL(int, fdatasync, int);

static void find(void) {
#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
  FIND(open); FIND(openat); FIND(close); FIND(write); FIND(writev); FIND(pwrite); FIND(pwritev); FIND(ftruncate); FIND(truncate);
  FIND(unlink); FIND(unlinkat); FIND(rename); FIND(fsync); FIND(fdatasync);
}

__attribute__((constructor)) static void begin(void) {
  find();
  const char *d = getenv("POWER_CUT_DIR"), *s = getenv("POWER_CUT_SHADOW");
  if (!d || !s) return;
  mkdir(d, 0700);
  mkdir(s, 0700);
  if (!realpath(d, folder) || !realpath(s, shadow)) { fprintf(stderr, "power-cut: cannot use %s and %s\n", d, s); _exit(97); }
  skip_fsync = getenv("POWER_CUT_SKIP_FSYNC") != NULL;
  begin_faults();
}

/* The way of a path below the folder, NULL when it is elsewhere or left out. */
static const char *way_of(const char *path) {
  size_t n = strlen(folder), p = strlen(path);
  if (!n || strncmp(path, folder, n) || path[n] != '/') return NULL;
  return p > 4 && !strcmp(path + p - 4, "-shm") ? NULL : path + n;
}

/* A path without links in its folder; the last part need not exist. */
static const char *canonical(const char *path, char *to) {
  char head[PATH_MAX], whole[PATH_MAX];
  if (!*folder || strlen(path) >= PATH_MAX - 2) return NULL;
  snprintf(head, sizeof head, "%s%s", strchr(path, '/') ? "" : "./", path);
  char *slash = strrchr(head, '/');
  const char *name = slash + 1;
  *slash = 0;
  if (!realpath(*head ? head : "/", whole) || strlen(whole) + strlen(name) + 2 > PATH_MAX) return NULL;
  sprintf(to, "%s/%s", whole, name);
  return way_of(to);
}

static int twin(const char *way, char *to) { return snprintf(to, PATH_MAX, "%s%s", shadow, way) < PATH_MAX; }

static int open_twin(const char *way, int flags) {
  char path[PATH_MAX];
  if (!twin(way, path)) return -1;
  for (char *slash = path + strlen(shadow) + 1; (slash = strchr(slash, '/')); *slash++ = '/') { *slash = 0; mkdir(path, 0700); }
  return real_open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
}

static void dirty(file *f, off_t from, off_t to) {
  if (!f || to <= from) return;
  for (int i = f->ranges - 1; i >= 0; i--) /* what touches a known range widens it */
    if (from <= f->to[i] && to >= f->from[i]) { if (from < f->from[i]) f->from[i] = from; if (to > f->to[i]) f->to[i] = to; return; }
  if (f->ranges == RANGES) { /* too many: one range over all of them; clean bytes in it are durable already, or change nothing by being so */
    for (int i = 1; i < RANGES; i++) { if (f->from[i] < f->from[0]) f->from[0] = f->from[i]; if (f->to[i] > f->to[0]) f->to[0] = f->to[i]; }
    f->ranges = 1;
    dirty(f, from < f->from[0] ? from : f->from[0], to);
    return;
  }
  f->from[f->ranges] = from;
  f->to[f->ranges++] = to;
}

static void shrunk(file *f, off_t size) { if (f && (f->lowest < 0 || size < f->lowest)) f->lowest = size; }

/* Copies through the program's own descriptor: to open and close the file once more would drop the locks that SQLite holds on it. */
static void copy(int fd, int to, off_t at, off_t end) {
  static char buffer[1 << 18];
  int from = fd;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    char self[64];
    sprintf(self, "/proc/self/fd/%d", fd);
    if ((from = real_open(self, O_RDONLY | O_CLOEXEC)) < 0) return;
  }
  while (at < end) {
    ssize_t n = pread(from, buffer, (size_t)(end - at < (off_t)sizeof buffer ? end - at : (off_t)sizeof buffer), at);
    if (n <= 0 || real_pwrite(to, buffer, (size_t)n, at) != n) break;
    at += n;
  }
  if (from != fd) real_close(from);
}

static void make_durable(file *f, int fd) {
  struct stat s;
  int to = f->gone || fstat(fd, &s) ? -1 : open_twin(f->way, O_CREAT);
  if (to >= 0) {
    if (f->lowest >= 0) (void)!real_ftruncate(to, f->lowest);
    for (int i = 0; i < f->ranges; i++) copy(fd, to, f->from[i], f->to[i] < s.st_size ? f->to[i] : s.st_size);
    (void)!real_ftruncate(to, s.st_size);
    fchmod(to, s.st_mode & 0777);
    real_close(to);
  }
  f->ranges = 0;
  f->lowest = -1;
}

/* Remembers a descriptor that was just opened. */
static int opened(int fd, int flags) {
  char self[64], path[PATH_MAX];
  struct stat s, t;
  if (fd < 0 || fd >= FDS || !*folder) return fd;
  int kept = errno;
  sprintf(self, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(self, path, sizeof path - 1);
  path[n > 0 ? n : 0] = 0;
  const char *way = n > 0 ? way_of(path) : NULL;
  pthread_mutex_lock(&lock);
  of[fd] = NULL;
  if (way && !fstat(fd, &s) && S_ISREG(s.st_mode)) {
    file *f = files;
    while (f && (f->gone || strcmp(f->way, way))) f = f->next;
    if (!f) {
      f = calloc(1, sizeof *f);
      strcpy(f->way, way);
      f->lowest = -1;
      f->next = files;
      files = f;
      twin(way, path);
      if (stat(path, &t)) { dirty(f, 0, s.st_size); make_durable(f, fd); }
      else { dirty(f, 0, s.st_size); shrunk(f, s.st_size); }
    }
    if (flags & O_TRUNC) shrunk(f, 0);
    of[fd] = f;
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
  return fd;
}

#define MODE(flags) mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
/* Another library's constructor may come before ours. */
#define EARLY if (!real_open) find();
int open(const char *path, int flags, ...) { EARLY MODE(flags) return opened(real_open(path, flags, mode), flags); }
int open64(const char *path, int flags, ...) { EARLY MODE(flags) return opened(real_open(path, flags | O_LARGEFILE, mode), flags); }
int openat(int at, const char *path, int flags, ...) { EARLY MODE(flags) return opened(real_openat(at, path, flags, mode), flags); }
int openat64(int at, const char *path, int flags, ...) { EARLY MODE(flags) return opened(real_openat(at, path, flags | O_LARGEFILE, mode), flags); }

static file *tracked(int fd) { return fd >= 0 && fd < FDS ? of[fd] : NULL; }

int close(int fd) {
  EARLY
  if (tracked(fd)) { pthread_mutex_lock(&lock); of[fd] = NULL; pthread_mutex_unlock(&lock); }
  return real_close(fd);
}

/* The lock is held over write and note, so that no fsync of another thread falls between them. */
#define WRITING(call, start) \
  EARLY \
  file *f = tracked(fd); \
  if (!f) return call; \
  pthread_mutex_lock(&lock); \
  read_control(); \
  ssize_t n = fails(&failing_write, f->way) ? (errno = ENOSPC, -1) : call; \
  if (n > 0) { off_t first = start; dirty(f, first, first + n); } \
  pthread_mutex_unlock(&lock); \
  return n;
#define BEFORE (lseek(fd, 0, SEEK_CUR) - n)

ssize_t write(int fd, const void *data, size_t size) { WRITING(real_write(fd, data, size), BEFORE) }
ssize_t writev(int fd, const struct iovec *parts, int count) { WRITING(real_writev(fd, parts, count), BEFORE) }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { WRITING(real_pwrite(fd, data, size, at), at) }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { WRITING(real_pwrite(fd, data, size, at), at) }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { WRITING(real_pwritev(fd, parts, count, at), at) }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { WRITING(real_pwritev(fd, parts, count, at), at) }

int ftruncate(int fd, off_t size) {
  file *f = tracked(fd);
  if (!f) return real_ftruncate(fd, size);
  pthread_mutex_lock(&lock);
  int answer = real_ftruncate(fd, size);
  if (!answer) shrunk(f, size);
  pthread_mutex_unlock(&lock);
  return answer;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int truncate(const char *path, off_t size) {
  int fd = open(path, O_WRONLY | O_CLOEXEC), answer = fd < 0 ? -1 : ftruncate(fd, size);
  if (fd >= 0) close(fd);
  return answer;
}

static void forget(const char *way) {
  for (file *f = files; f; f = f->next) if (!strcmp(f->way, way)) f->gone = 1;
}

static int removed(int answer, const char *way) {
  char path[PATH_MAX];
  if (answer || !way) return answer;
  pthread_mutex_lock(&lock);
  if (twin(way, path)) real_unlink(path);
  forget(way);
  pthread_mutex_unlock(&lock);
  return answer;
}
int unlink(const char *path) { char to[PATH_MAX]; const char *way = canonical(path, to); return removed(real_unlink(path), way); }
int remove(const char *path) { struct stat s; return lstat(path, &s) ? -1 : S_ISDIR(s.st_mode) ? rmdir(path) : unlink(path); }
int unlinkat(int at, const char *path, int flags) {
  char to[PATH_MAX];
  const char *way = (flags & AT_REMOVEDIR) || (at != AT_FDCWD && *path != '/') ? NULL : canonical(path, to);
  return removed(real_unlinkat(at, path, flags), way);
}

int rename(const char *old, const char *new) {
  char a[PATH_MAX], b[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
  const char *was = canonical(old, a), *is = canonical(new, b);
  int answer = real_rename(old, new);
  if (answer || !was || !is || !twin(was, from) || !twin(is, to)) return answer;
  pthread_mutex_lock(&lock);
  forget(is);
  for (file *f = files; f; f = f->next) if (!f->gone && !strcmp(f->way, was)) strcpy(f->way, is);
  int made = open_twin(is, O_CREAT); /* makes the folders */
  if (made >= 0) real_close(made);
  if (real_rename(from, to)) real_unlink(to); /* never opened here: at its first open it is taken as durable */
  pthread_mutex_unlock(&lock);
  return answer;
}

static int flush(int fd, int (*real)(int)) {
  file *f = tracked(fd);
  if (!f) return real(fd);
  pthread_mutex_lock(&lock);
  read_control();
  long wait = delay_ms;
  pthread_mutex_unlock(&lock);
  if (wait) usleep((useconds_t)wait * 1000);
  pthread_mutex_lock(&lock);
  int bad = fails(&failing_fsync, f->way);
  if (bad) { f->ranges = 0; f->lowest = -1; }
  else make_durable(f, fd);
  pthread_mutex_unlock(&lock);
  if (bad) { errno = EIO; return -1; }
  return skip_fsync ? 0 : real(fd);
}
int fsync(int fd) { return flush(fd, real_fsync); }
int fdatasync(int fd) { return flush(fd, real_fdatasync); }
