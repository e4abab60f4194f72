/*
 * Times the native build of the simulated kernel: the same Wasm through wasm2c and a C compiler, fed with the same input buffer.
 *
 *   native INPUT SEED WARMUP_NS STEP_NS STEPS     prints events per second of each step
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernel.h"
#include "wasm-rt-impl.h"

struct Z_env_instance_t { int unused; };

void Z_envZ_abort(struct Z_env_instance_t *env, u32 message, u32 file, u32 line, u32 column) {
  (void)env; (void)message; (void)file; (void)column;
  fprintf(stderr, "assertion failed in line %u\n", line);
  exit(3);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  FILE *file = fopen(argv[1], "rb");
  if (!file) { perror(argv[1]); return 2; }
  fseek(file, 0, SEEK_END);
  long bytes = ftell(file);
  rewind(file);
  wasm_rt_init();
  struct Z_env_instance_t env = {0};
  Z_kernel_instance_t kernel;
  Z_kernel_init_module();
  Z_kernel_instantiate(&kernel, &env);
  u32 input = Z_kernelZ_reserveInput(&kernel, (u32)bytes);
  if (fread(Z_kernelZ_memory(&kernel)->data + input, 1, bytes, file) != (size_t)bytes) return 2;
  Z_kernelZ_setup(&kernel, (u32)atoi(argv[2]), 0);
  double at = atof(argv[3]), step = atof(argv[4]);
  Z_kernelZ_run(&kernel, at);
  for (int i = atoi(argv[5]); i > 0; i--) {
    double events = Z_kernelZ_events(&kernel), begin = seconds();
    at += step;
    Z_kernelZ_run(&kernel, at);
    printf("%.0f\n", (Z_kernelZ_events(&kernel) - events) / (seconds() - begin));
  }
  return 0;
}
