/* A histogram of times: 64 buckets to each doubling, so within 1.6 % of the truth, whatever was measured. */
#include <stdint.h>

enum { BUCKETS = 4096 };
static uint64_t buckets[BUCKETS], slowest, measured;

static int bucket_of(uint64_t ns) {
  uint64_t v = ns / 1000;
  if (v < 64) return (int)v;
  int top = 63 - __builtin_clzll(v), b = (top - 5) * 64 + (int)((v >> (top - 6)) & 63);
  return b < BUCKETS ? b : BUCKETS - 1;
}

static double ms_of(int b) {
  if (b < 64) return b / 1000.0;
  int top = b / 64 + 5;
  return (double)((1ull << top) + ((uint64_t)(b % 64) << (top - 6))) / 1000.0;
}

static void measure(uint64_t ns) {
  buckets[bucket_of(ns)]++;
  measured++;
  if (ns > slowest) slowest = ns;
}

/* Milliseconds that this share of the times stays under. */
static double percentile(double share) {
  uint64_t wanted = (uint64_t)(share * (double)measured), sum = 0;
  for (int b = 0; b < BUCKETS; b++) if ((sum += buckets[b]) > wanted) return ms_of(b);
  return (double)slowest / 1e6;
}
