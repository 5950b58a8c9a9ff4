/* Prints the GF/s of fused multiply-adds in single precision on one core. */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#ifdef __AVX512F__
typedef __m512 vector;
#define WIDTH 16
#define SET _mm512_set1_ps
#define FMA _mm512_fmadd_ps
#else
typedef __m256 vector;
#define WIDTH 8
#define SET _mm256_set1_ps
#define FMA _mm256_fmadd_ps
#endif
#define CHAINS 12 /* enough independent sums to fill every unit's latency */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

int main(void) {
  const long rounds = 10000000;
  vector sum[CHAINS], factor = SET(0.999f), term = SET(1e-7f);
  volatile float kept = 0;
  double best = 0;
  for (int repeat = 0; repeat < 5; repeat++) {
    for (int i = 0; i < CHAINS; i++) sum[i] = SET(i * 1e-3f);
    double began = seconds();
    for (long k = 0; k < rounds; k++)
      for (int i = 0; i < CHAINS; i++) sum[i] = FMA(sum[i], factor, term);
    double rate = rounds * 2.0 * CHAINS * WIDTH / (seconds() - began) / 1e9;
    for (int i = 0; i < CHAINS; i++) kept += ((float *)&sum[i])[0];
    if (rate > best) best = rate;
  }
  printf("%f\n", best);
  return 0;
}
