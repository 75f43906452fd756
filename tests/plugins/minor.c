/* A plugin of another minor version: of a later one with -DLATER, of an earlier one without. */
#include "rl4seg_plugin.h"

static Rl4segStatus create(Rl4segStr config, const void *host, void **out, const Rl4segErrorSink *errors) {
  (void)config, (void)host, (void)errors;
  *out = NULL;
  return RL4SEG_OK;
}
static void destroy(void *object) { (void)object; }

#ifdef LATER
static Rl4segStatus assess(void *object, const Rl4segVoxels *labels, const Rl4segItemSink *items,
                           const Rl4segErrorSink *errors) {
  static const char findings[] = "[{\"metric\":\"voxels\",\"value\":4,\"unit\":\"1\",\"accepted\":{\"min\":1}}]";
  (void)object, (void)labels, (void)errors;
  items->put(items->context, (Rl4segStr)RL4SEG_STR(findings), NULL);
  return RL4SEG_OK;
}

/* This version's table and descriptor go on where those of the header end. */
static const struct {
  Rl4segValidityMetricTable known;
  Rl4segStatus (*explain)(void *);
} TABLE = { { sizeof TABLE, assess }, NULL };
static const Rl4segComponent COMPONENTS[] = {
  { RL4SEG_VALIDITY_METRIC, RL4SEG_THREAD_SAFE | 1u << 31, RL4SEG_STR("component"), RL4SEG_STR(""), create, destroy, &TABLE },
  { 77, 0, RL4SEG_STR("of-a-later-kind"), RL4SEG_STR(""), create, destroy, &TABLE },
};
static const struct {
  Rl4segDescriptor known;
  const char *homepage;
} DESCRIPTOR = {
  { RL4SEG_MAGIC, RL4SEG_ABI_MAJOR, RL4SEG_ABI_MINOR + 7, sizeof DESCRIPTOR, RL4SEG_FINGERPRINT, RL4SEG_STR("later"),
    RL4SEG_STR("0.1.0"), RL4SEG_STR("C"), COMPONENTS, 2, NULL, NULL },
  "https://example.org",
};
#define KNOWN &DESCRIPTOR.known
#else
static Rl4segStatus labels(void *object, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char set[] = "[{\"value\":0,\"name\":\"background\",\"color\":[0,0,0]},"
                            "{\"value\":1,\"name\":\"heart\",\"color\":[1,1,1]}]";
  (void)object, (void)errors;
  items->put(items->context, (Rl4segStr)RL4SEG_STR(set), NULL);
  return RL4SEG_OK;
}
static Rl4segStatus cases(void *object, const Rl4segItemSink *items, const Rl4segErrorSink *errors) {
  static const char none[] = "[]";
  (void)object, (void)errors;
  items->put(items->context, (Rl4segStr)RL4SEG_STR(none), NULL);
  return RL4SEG_OK;
}

/* This version's table ends before `image`; what lies behind it must not be called. */
static const struct {
  size_t size;
  Rl4segStatus (*labels)(void *, const Rl4segItemSink *, const Rl4segErrorSink *);
  Rl4segStatus (*cases)(void *, const Rl4segItemSink *, const Rl4segErrorSink *);
  size_t behind[2];
} TABLE = { offsetof(__typeof__(TABLE), behind), labels, cases, { 1, 1 } };
static const Rl4segComponent COMPONENTS[] = {
  { RL4SEG_DATA_SOURCE, 0, RL4SEG_STR("component"), RL4SEG_STR(""), create, destroy, &TABLE },
};
/* And its descriptor before `settings`. */
static const Rl4segDescriptor DESCRIPTOR = {
  RL4SEG_MAGIC, RL4SEG_ABI_MAJOR, 0, offsetof(Rl4segDescriptor, settings), RL4SEG_FINGERPRINT, RL4SEG_STR("earlier"),
  RL4SEG_STR("0.1.0"), RL4SEG_STR("C"), COMPONENTS, 1, NULL,
  (Rl4segStatus (*)(size_t, const Rl4segItemSink *, const Rl4segErrorSink *))1,
};
#define KNOWN &DESCRIPTOR
#endif

RL4SEG_EXPORT Rl4segStatus rl4seg_plugin_v1(const Rl4segHost *host, const Rl4segDescriptor **out,
                                            const Rl4segErrorSink *errors) {
  (void)host, (void)errors;
  *out = KNOWN;
  return RL4SEG_OK;
}
