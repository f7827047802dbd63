/* Text with the placeholders {number} and {key}. */
#include <string.h>

static char *put(char *to, const char *text, size_t n) { memcpy(to, text, n); return to + n; }

/* Writes the template with its placeholders filled in; the end of what was written, never past `end`. */
static char *fill(char *to, const char *end, const char *from, const char *number, const char *key) {
  for (const char *at = from; *at && to < end - 80;) {
    if (!strncmp(at, "{number}", 8)) { to = put(to, number, strlen(number)); at += 8; }
    else if (!strncmp(at, "{key}", 5)) { to = put(to, key, strlen(key)); at += 5; }
    else *to++ = *at++;
  }
  return to;
}
