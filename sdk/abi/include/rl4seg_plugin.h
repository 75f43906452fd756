/* The frozen C boundary between rl4seg and its plugins, version 1.0.
 *
 * The rules of every call and the meaning of every field stand in the documentation of the Rust
 * crate rl4seg-abi, which this header repeats in C. In short:
 * - a plugin exports `rl4seg_plugin_v1`, which hands over a constant Rl4segDescriptor;
 * - what goes in is borrowed for the call, what comes out is handed to a sink, which copies it;
 * - a function returns RL4SEG_OK, or another status after it pushed one text for each level of the
 *   error, outermost first;
 * - texts are UTF-8 without a zero at the end; structured values are JSON;
 * - the same arguments give the same bytes, and no exception leaves a function.
 */
#ifndef RL4SEG_PLUGIN_H
#define RL4SEG_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define RL4SEG_EXPORT __declspec(dllexport)
#else
#define RL4SEG_EXPORT __attribute__((visibility("default")))
#endif

#define RL4SEG_MAGIC 0x4c50474553344c52ULL /* "RL4SEGPL", little endian */
#define RL4SEG_ABI_MAJOR 1
#define RL4SEG_ABI_MINOR 1

typedef int32_t Rl4segStatus;
#define RL4SEG_OK 0
#define RL4SEG_NOT_FOUND 1
#define RL4SEG_UNREADABLE 2
#define RL4SEG_INCONSISTENT 3
#define RL4SEG_CONFIGURATION 4
#define RL4SEG_UNSUPPORTED 5
#define RL4SEG_PANICKED 6
#define RL4SEG_NOT_FINITE 7
#define RL4SEG_OTHER 8

#define RL4SEG_DATA_SOURCE 1
#define RL4SEG_VALIDITY_METRIC 2
#define RL4SEG_DISTORTION_GENERATOR 3
#define RL4SEG_CORRECTOR 4
#define RL4SEG_NETWORK_ARCHITECTURE 5   /* since 1.1 */
#define RL4SEG_DIFFERENTIABLE_NETWORK 6 /* since 1.1 */

/* what normalisation layers of a network use */
#define RL4SEG_STATISTICS_RUNNING 0 /* what they have seen */
#define RL4SEG_STATISTICS_BATCH 1   /* mean and variance of the images, which are then told */

#define RL4SEG_THREAD_SAFE 1

#define RL4SEG_SLOW_SINGLE 0
#define RL4SEG_SLOW_DEPTH 1 /* spacing in mm */
#define RL4SEG_SLOW_TIME 2  /* spacing in ms, 0 where it is not known */

/* DLPack 1; its own header may be included first instead. */
#ifndef DLPACK_DLPACK_H_
#define RL4SEG_DL_CPU 1
typedef struct {
  int32_t device_type;
  int32_t device_id;
} DLDevice;
typedef struct {
  uint8_t code; /* 0 signed, 1 unsigned, 2 float */
  uint8_t bits;
  uint16_t lanes;
} DLDataType;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* null: C order */
  uint64_t byte_offset;
} DLTensor;
#endif

typedef struct {
  double y_mm;
  double x_mm;
  double slow;
  uint32_t slow_kind;
  uint32_t reserved;
} Rl4segSpacing;

/* A label map (uint8, [slow, y, x]) or an image (float, [channel, slow, y, x]). */
typedef struct {
  DLTensor array;
  Rl4segSpacing spacing;
} Rl4segVoxels;

typedef struct {
  const uint8_t *ptr;
  size_t len;
} Rl4segStr;
#define RL4SEG_STR(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

typedef struct {
  void *context;
  void (*push)(void *context, Rl4segStr message);
} Rl4segErrorSink;

typedef struct {
  void *context;
  void (*put)(void *context, Rl4segStr json, const Rl4segVoxels *voxels);
} Rl4segItemSink;

typedef struct {
  size_t size;
  uint32_t abi_minor;
  uint32_t threads; /* how many threads the plugin may keep busy */
} Rl4segHost;

typedef struct {
  size_t size;
  Rl4segStatus (*labels)(void *, const Rl4segItemSink *, const Rl4segErrorSink *);
  Rl4segStatus (*cases)(void *, const Rl4segItemSink *, const Rl4segErrorSink *);
  Rl4segStatus (*image)(void *, Rl4segStr id, const Rl4segItemSink *, const Rl4segErrorSink *);
  Rl4segStatus (*reference)(void *, Rl4segStr id, const Rl4segItemSink *, const Rl4segErrorSink *);
} Rl4segDataSourceTable;

typedef struct {
  size_t size;
  Rl4segStatus (*assess)(void *, const Rl4segVoxels *labels, const Rl4segItemSink *, const Rl4segErrorSink *);
} Rl4segValidityMetricTable;

typedef struct {
  size_t size;
  Rl4segStatus (*requests)(void *, const Rl4segVoxels *image, const Rl4segVoxels *accepted, uint64_t seed,
                           const Rl4segItemSink *, const Rl4segErrorSink *);
} Rl4segDistortionGeneratorTable;

typedef struct {
  size_t size;
  Rl4segStatus (*fit)(void *, const Rl4segVoxels *references, size_t count, const Rl4segErrorSink *); /* may be null */
  Rl4segStatus (*candidates)(void *, const Rl4segVoxels *labels, const Rl4segItemSink *, const Rl4segErrorSink *);
} Rl4segCorrectorTable;

typedef struct {
  size_t size;
  /* puts one item: the layers of a network with these channels, as JSON */
  Rl4segStatus (*architecture)(void *, uint32_t input, uint32_t output, const Rl4segItemSink *, const Rl4segErrorSink *);
} Rl4segNetworkArchitectureTable;

/* What a network that its plugin computes is asked. All arrays are float. */
typedef struct {
  size_t size;
  DLTensor images; /* [plane, channel, y, x] */
  const DLTensor *parameters; /* as describe lists them */
  size_t parameter_count;
  uint32_t output; /* channels of the logits */
  uint32_t statistics;
} Rl4segNetworkCall;

typedef struct {
  size_t size;
  /* puts one item: the parameters of a network with these channels, as JSON */
  Rl4segStatus (*describe)(void *, uint32_t input, uint32_t output, const Rl4segItemSink *, const Rl4segErrorSink *);
  /* puts the logits [plane, channel, y, x], and with RL4SEG_STATISTICS_BATCH what was seen for each running parameter */
  Rl4segStatus (*forward)(void *, const Rl4segNetworkCall *, const Rl4segItemSink *, const Rl4segErrorSink *);
  /* puts, for each parameter that learns, the gradient of the sum of slope times the logits */
  Rl4segStatus (*backward)(void *, const Rl4segNetworkCall *, const DLTensor *slope, const Rl4segItemSink *,
                           const Rl4segErrorSink *);
} Rl4segDifferentiableNetworkTable;

typedef struct {
  uint32_t kind;
  uint32_t flags;
  Rl4segStr id;
  Rl4segStr doc;
  /* config is a JSON object, host an Rl4segHost */
  Rl4segStatus (*create)(Rl4segStr config, const void *host, void **out, const Rl4segErrorSink *);
  void (*destroy)(void *);
  const void *table; /* of the kind; begins with its size */
} Rl4segComponent;

typedef struct {
  uint64_t magic;
  uint32_t abi_major;
  uint32_t abi_minor;
  size_t size;
  uint64_t fingerprint;
  Rl4segStr name;
  Rl4segStr version;
  Rl4segStr sdk;
  const Rl4segComponent *components;
  size_t component_count;
  Rl4segStatus (*modality)(const Rl4segItemSink *, const Rl4segErrorSink *); /* may be null */
} Rl4segDescriptor;

RL4SEG_EXPORT Rl4segStatus rl4seg_plugin_v1(const Rl4segHost *host, const Rl4segDescriptor **out,
                                            const Rl4segErrorSink *errors);

/* FNV-1a over the sizes and offsets of the frozen structs, as the host computes it. */
#define RL4SEG_F(sum, word) (((sum) ^ (uint64_t)(word)) * 0x100000001b3ULL)
#define RL4SEG_F_DL RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F(0xcbf29ce484222325ULL, \
  sizeof(size_t)), sizeof(DLTensor)), offsetof(DLTensor, ndim)), offsetof(DLTensor, shape)), offsetof(DLTensor, byte_offset))
#define RL4SEG_F_VOXELS RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F_DL, \
  sizeof(Rl4segSpacing)), offsetof(Rl4segSpacing, slow_kind)), sizeof(Rl4segVoxels)), offsetof(Rl4segVoxels, spacing))
#define RL4SEG_F_SINKS RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F_VOXELS, \
  sizeof(Rl4segStr)), sizeof(Rl4segErrorSink)), sizeof(Rl4segItemSink))
#define RL4SEG_F_COMPONENT RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F_SINKS, \
  sizeof(Rl4segComponent)), offsetof(Rl4segComponent, id)), offsetof(Rl4segComponent, create)), offsetof(Rl4segComponent, table))
#define RL4SEG_FINGERPRINT RL4SEG_F(RL4SEG_F(RL4SEG_F(RL4SEG_F_COMPONENT, \
  offsetof(Rl4segDescriptor, fingerprint)), offsetof(Rl4segDescriptor, components)), offsetof(Rl4segDescriptor, modality))

#ifdef __cplusplus
}
#endif
#endif
