/* Faults on request, from variables or from a control file that may change while the program runs. See the head of power-cut.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct { char part[256]; long first, count, seen; } fault;

static const char *control;
static struct timespec control_time;
static fault failing_fsync, failing_write;
static long delay_ms;

static void parse_fault(const char *text, fault *f) {
  memset(f, 0, sizeof *f);
  if (!text || sscanf(text, "%255[^:]:%ld:%ld", f->part, &f->first, &f->count) != 3) f->count = 0;
}

static void set_rule(const char *name, const char *value) {
  if (!strcmp(name, "POWER_CUT_FAIL_FSYNC")) parse_fault(value, &failing_fsync);
  else if (!strcmp(name, "POWER_CUT_FAIL_WRITE")) parse_fault(value, &failing_write);
  else if (!strcmp(name, "POWER_CUT_DELAY_FSYNC_MS")) delay_ms = value ? atol(value) : 0;
}
static const char *RULES[] = {"POWER_CUT_FAIL_FSYNC", "POWER_CUT_FAIL_WRITE", "POWER_CUT_DELAY_FSYNC_MS"};

/* A changed control file replaces all rules. */
static void read_control(void) {
  struct stat s;
  if (!control || stat(control, &s) || (s.st_mtim.tv_sec == control_time.tv_sec && s.st_mtim.tv_nsec == control_time.tv_nsec)) return;
  control_time = s.st_mtim;
  FILE *in = fopen(control, "re");
  char line[512], name[64], value[400];
  for (int i = 0; i < 3; i++) set_rule(RULES[i], NULL);
  while (in && fgets(line, sizeof line, in)) if (sscanf(line, "%63[^=]=%399s", name, value) == 2) set_rule(name, value);
  if (in) fclose(in);
}

/* Does this call on this file fail? Counts it. */
static int fails(fault *f, const char *way) {
  if (!f->count || !strstr(way, f->part)) return 0;
  f->seen++;
  return f->seen >= f->first && f->seen < f->first + f->count;
}

static void begin_faults(void) {
  control = getenv("POWER_CUT_CONTROL");
  for (int i = 0; i < 3; i++) set_rule(RULES[i], getenv(RULES[i]));
  read_control();
}
