/* A plugin that is broken in the way that a macro says, as -DHANG. */
#include "rl4seg_plugin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC RL4SEG_MAGIC
#endif
#ifndef MAJOR
#define MAJOR RL4SEG_ABI_MAJOR
#endif
#ifndef FINGERPRINT
#define FINGERPRINT RL4SEG_FINGERPRINT
#endif
#ifndef SIZE
#define SIZE sizeof(Rl4segDescriptor)
#endif
#ifndef COUNT
#define COUNT 2
#endif
#ifndef NAME
#define NAME "broken"
#endif
#ifndef ENTRY
#define ENTRY rl4seg_plugin_v1
#endif

__attribute__((constructor)) static void initialise(void) {
#if defined(HANG)
  sleep(3600);
#elif defined(ABORT)
  static const char said[] = "licence server unreachable\n";
  (void)!write(2, said, sizeof said - 1);
  abort();
#elif defined(SEGFAULT)
  volatile int *nothing = NULL;
  *nothing = 1;
#elif defined(EXIT)
  _exit(0);
#endif
}

#ifdef UNDEFINED
void nowhere(void);
#endif

static Rl4segStatus create(Rl4segStr config, const void *host, void **out, const Rl4segErrorSink *errors) {
  (void)config, (void)host, (void)errors;
  *out = NULL;
  return RL4SEG_OK;
}
static void destroy(void *object) { (void)object; }

/* Answers with an image that cannot be: -DSHAPE=..., or with text that is no JSON. */
static Rl4segStatus text(void *object, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char labels[] = "[{\"value\":0,\"name\":\"background\",\"color\":[0,0,0]},"
                               "{\"value\":1,\"name\":\"heart\",\"color\":[1,1,1]}]";
  Rl4segStr json = RL4SEG_STR(labels);
  (void)object, (void)errors;
  items->put(items->context, json, NULL);
  return RL4SEG_OK;
}
static Rl4segStatus image(void *object, Rl4segStr id, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static float values[4] = { 0, 1, 2, 3 };
  static int64_t negative[4] = { 1, 1, -2, 2 }, huge[4] = { 1, INT64_MAX, 2, 2 }, flat[1] = { 4 }, sound[4] = { 1, 1, 2, 2 };
  Rl4segVoxels voxels = { { values, { 1, 0 }, 4, { 2, 32, 1 }, sound, NULL, 0 }, { 1, 1, 0, 0, 0 } };
  Rl4segStr empty = { NULL, 0 };
  (void)object, (void)errors;
  int twice = 0;
  if (!memcmp(id.ptr, "negative", id.len)) voxels.array.shape = negative;
  if (!memcmp(id.ptr, "huge", id.len)) voxels.array.shape = huge;
  if (!memcmp(id.ptr, "flat", id.len)) voxels.array.shape = flat, voxels.array.ndim = 1;
  if (!memcmp(id.ptr, "type", id.len)) voxels.array.dtype.bits = 64;
  if (!memcmp(id.ptr, "null", id.len)) voxels.array.data = NULL;
  if (!memcmp(id.ptr, "device", id.len)) voxels.array.device.device_type = 2;
  if (!memcmp(id.ptr, "spacing", id.len)) voxels.spacing.x_mm = 0;
  if (!memcmp(id.ptr, "misaligned", id.len)) voxels.array.byte_offset = 1;
  if (!memcmp(id.ptr, "twice", id.len)) twice = 1;
  if (!memcmp(id.ptr, "nothing", id.len)) return RL4SEG_OK;
  if (!memcmp(id.ptr, "silent", id.len)) return 99;
  items->put(items->context, empty, &voxels);
  if (twice) items->put(items->context, empty, &voxels);
  return RL4SEG_OK;
}

static const Rl4segDataSourceTable TABLE = { sizeof(Rl4segDataSourceTable), text, text, image, NULL };
static const Rl4segComponent COMPONENTS[] = {
  { RL4SEG_DATA_SOURCE, 0, RL4SEG_STR("source"), RL4SEG_STR(""), create, destroy, &TABLE },
  { 77, 0, RL4SEG_STR("from-the-future"), RL4SEG_STR(""), create, destroy, &TABLE },
};
#ifdef MODALITY_PANICS
static Rl4segStatus modality(const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char what[] = "no preset.toml";
  (void)items;
  errors->push(errors->context, (Rl4segStr)RL4SEG_STR(what));
  return RL4SEG_PANICKED;
}
#define MODALITY modality
#else
#define MODALITY NULL
#endif
#if defined(SETTINGS_PANIC)
static Rl4segStatus settings(size_t index, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char what[] = "no schema";
  (void)index, (void)items;
  errors->push(errors->context, (Rl4segStr)RL4SEG_STR(what));
  return RL4SEG_PANICKED;
}
#define SETTINGS settings
#elif defined(SETTINGS_ARE_A_LIST)
static Rl4segStatus settings(size_t index, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char list[] = "[\"root\"]";
  (void)index, (void)errors;
  items->put(items->context, (Rl4segStr)RL4SEG_STR(list), NULL);
  return RL4SEG_OK;
}
#define SETTINGS settings
#else
#define SETTINGS NULL
#endif
static const Rl4segDescriptor DESCRIPTOR = {
  MAGIC, MAJOR, RL4SEG_ABI_MINOR, SIZE, FINGERPRINT,
  RL4SEG_STR(NAME), RL4SEG_STR("0.1.0"), RL4SEG_STR("C"), COMPONENTS, COUNT, MODALITY, SETTINGS,
};

RL4SEG_EXPORT Rl4segStatus ENTRY(const Rl4segHost *host, const Rl4segDescriptor **out, const Rl4segErrorSink *errors) {
  (void)host, (void)errors;
#if defined(UNDEFINED)
  nowhere();
#elif defined(ENTRY_FAILS)
  static const char what[] = "the atlas is not installed", why[] = "no such folder";
  errors->push(errors->context, (Rl4segStr)RL4SEG_STR(what));
  errors->push(errors->context, (Rl4segStr)RL4SEG_STR(why));
  return RL4SEG_NOT_FOUND;
#elif defined(ENTRY_PANICS)
  static const char what[] = "index 7 is out of bounds";
  errors->push(errors->context, (Rl4segStr)RL4SEG_STR(what));
  return RL4SEG_PANICKED;
#elif defined(ENTRY_ABORTS)
  abort();
#elif defined(NO_DESCRIPTOR)
  return RL4SEG_OK;
#endif
  *out = &DESCRIPTOR;
  return RL4SEG_OK;
}
