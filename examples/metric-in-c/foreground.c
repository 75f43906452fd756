/* A validity metric in C: the share of voxels that are not background.
 *
 *   cc -shared -fPIC -I../../sdk/abi/include -o libforeground.so foreground.c
 *   rl4seg plugins inspect libforeground.so
 */
#include "rl4seg_plugin.h"

#include <stdio.h>
#include <string.h>

static void fail(const Rl4segErrorSink *errors, const char *message) {
  Rl4segStr text = { (const uint8_t *)message, strlen(message) };
  errors->push(errors->context, text);
}

/* It has no settings, so every instance is the same. */
static Rl4segStatus create(Rl4segStr config, const void *host, void **out, const Rl4segErrorSink *errors) {
  static char instance;
  (void)host;
  if (config.len != 2 || memcmp(config.ptr, "{}", 2) != 0) {
    fail(errors, "foreground has no settings");
    return RL4SEG_CONFIGURATION;
  }
  *out = &instance;
  return RL4SEG_OK;
}

static void destroy(void *instance) { (void)instance; }

static Rl4segStatus assess(void *instance, const Rl4segVoxels *labels, const Rl4segItemSink *items,
                           const Rl4segErrorSink *errors) {
  const DLTensor *array = &labels->array;
  const uint8_t *label = (const uint8_t *)array->data + array->byte_offset;
  size_t count = 1, inside = 0;
  char json[256];
  int length;
  (void)instance;
  for (int axis = 0; axis < array->ndim; axis++) count *= (size_t)array->shape[axis];
  for (size_t index = 0; index < count; index++) inside += label[index] != 0;
  length = snprintf(json, sizeof json,
                    "[{\"metric\":\"foreground\",\"value\":%.17g,\"unit\":\"1\","
                    "\"accepted\":{\"min\":0.01,\"max\":0.9}}]",
                    (double)inside / (double)count);
  if (length < 0 || (size_t)length >= sizeof json) {
    fail(errors, "the finding does not fit its buffer");
    return RL4SEG_OTHER;
  }
  Rl4segStr text = { (const uint8_t *)json, (size_t)length };
  items->put(items->context, text, NULL);
  return RL4SEG_OK;
}

/* Tells `rl4seg plugins inspect` so. */
static Rl4segStatus settings(size_t index, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char schema[] = "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}";
  (void)index, (void)errors;
  items->put(items->context, (Rl4segStr)RL4SEG_STR(schema), NULL);
  return RL4SEG_OK;
}

static const Rl4segValidityMetricTable TABLE = { sizeof(Rl4segValidityMetricTable), assess };
static const Rl4segComponent COMPONENTS[] = {
  { RL4SEG_VALIDITY_METRIC, RL4SEG_THREAD_SAFE, RL4SEG_STR("foreground"),
    RL4SEG_STR("Share of voxels that are not background"), create, destroy, &TABLE },
};
static const Rl4segDescriptor DESCRIPTOR = {
  RL4SEG_MAGIC, RL4SEG_ABI_MAJOR, RL4SEG_ABI_MINOR, sizeof(Rl4segDescriptor), RL4SEG_FINGERPRINT,
  RL4SEG_STR("metric-in-c"), RL4SEG_STR("0.1.0"), RL4SEG_STR("C"), COMPONENTS, 1, NULL, settings,
};

Rl4segStatus rl4seg_plugin_v1(const Rl4segHost *host, const Rl4segDescriptor **out, const Rl4segErrorSink *errors) {
  (void)host;
  (void)errors;
  *out = &DESCRIPTOR;
  return RL4SEG_OK;
}
