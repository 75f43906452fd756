/* The frozen C boundary between rl4seg and its plugins, version 1.2.
 *
 * Written from sdk/abi/src/lib.rs by sdk/abi/tests/header.rs; change it there. The rules of every
 * call stand at the head of the Rust crate rl4seg-abi. In short:
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

// The first eight bytes of every descriptor: `RL4SEGPL` in ASCII, little endian.
#define RL4SEG_MAGIC 0x4c50474553344c52ULL

// Changes only when old plugins can no longer be loaded. It is part of the entry's symbol.
#define RL4SEG_ABI_MAJOR 1
// Grows with every function or number that is added.
#define RL4SEG_ABI_MINOR 2

// What a call came to: RL4SEG_OK or what kind of failure it was.
typedef int32_t Rl4segStatus;

// Done.
#define RL4SEG_OK 0
// A file, a case or a component that is not there.
#define RL4SEG_NOT_FOUND 1
// It is there but cannot be read.
#define RL4SEG_UNREADABLE 2
// It was read and contradicts itself or what belongs to it.
#define RL4SEG_INCONSISTENT 3
// A setting that is missing, unknown or out of range.
#define RL4SEG_CONFIGURATION 4
// The component does not do what was asked.
#define RL4SEG_UNSUPPORTED 5
// The component panicked.
#define RL4SEG_PANICKED 6
// A computation gave NaN or infinity.
#define RL4SEG_NOT_FINITE 7
// Any other failure; a number that the host does not know reads as this one.
#define RL4SEG_OTHER 8

// A Rl4segDataSourceTable.
#define RL4SEG_DATA_SOURCE 1
// A Rl4segValidityMetricTable.
#define RL4SEG_VALIDITY_METRIC 2
// A Rl4segDistortionGeneratorTable.
#define RL4SEG_DISTORTION_GENERATOR 3
// A Rl4segCorrectorTable.
#define RL4SEG_CORRECTOR 4
// A Rl4segNetworkArchitectureTable. Since 1.1.
#define RL4SEG_NETWORK_ARCHITECTURE 5
// A Rl4segDifferentiableNetworkTable. Since 1.1.
#define RL4SEG_DIFFERENTIABLE_NETWORK 6

// Normalisation layers use what they have seen.
#define RL4SEG_STATISTICS_RUNNING 0
// Normalisation layers use mean and variance of the images, and tell them.
#define RL4SEG_STATISTICS_BATCH 1

// The component may be called by several threads at once.
#define RL4SEG_THREAD_SAFE 1

// A 2-D image: one entry along the slow axis.
#define RL4SEG_SLOW_SINGLE 0
// The slow axis is depth; its spacing is in mm.
#define RL4SEG_SLOW_DEPTH 1
// The slow axis is time; its spacing is in ms, 0 where it is not known.
#define RL4SEG_SLOW_TIME 2

// The device type of host memory in DLPack.
#define RL4SEG_DL_CPU 1
// The type of label maps: unsigned, 8 bits.
#define RL4SEG_DL_U8 { 1, 8, 1 }
// The type of images: float, 32 bits.
#define RL4SEG_DL_F32 { 2, 32, 1 }

// DLPack's own header may be included first instead.
#ifndef DLPACK_DLPACK_H_
// Where an array lies (DLPack 1).
typedef struct {
  // RL4SEG_DL_CPU; version 1 of the boundary knows no other.
  int32_t device_type;
  // 0.
  int32_t device_id;
} DLDevice;

// The type of an array's elements (DLPack 1).
typedef struct {
  // 0 signed, 1 unsigned, 2 float.
  uint8_t code;
  // Bits of one element.
  uint8_t bits;
  // 1.
  uint16_t lanes;
} DLDataType;

// A borrowed array in C order (DLPack 1).
typedef struct {
  // The elements.
  void *data;
  // Where they lie.
  DLDevice device;
  // Number of axes.
  int32_t ndim;
  // What they are.
  DLDataType dtype;
  // Number of entries along each axis, slowest first.
  int64_t *shape;
  // Null, or what C order gives.
  int64_t *strides;
  // Where the first element lies, in bytes from `data`.
  uint64_t byte_offset;
} DLTensor;
#endif

// The physical size of a voxel. There is no default: a plugin that does not know it reports an error.
typedef struct {
  // Along y, mm, above 0.
  double y_mm;
  // Along x, mm, above 0.
  double x_mm;
  // Along the slow axis, in the unit that `slow_kind` says; 0 with RL4SEG_SLOW_SINGLE.
  double slow;
  // RL4SEG_SLOW_SINGLE, RL4SEG_SLOW_DEPTH or RL4SEG_SLOW_TIME.
  uint32_t slow_kind;
  // 0.
  uint32_t reserved;
} Rl4segSpacing;

// A label map (`uint8_t`, `[slow, y, x]`) or an image (`float`, `[channel, slow, y, x]`) on its grid.
typedef struct {
  // The values.
  DLTensor array;
  // The size of a voxel.
  Rl4segSpacing spacing;
} Rl4segVoxels;

// Borrowed UTF-8, without a zero at its end.
typedef struct {
  // The first byte; may be null if `len` is 0.
  const uint8_t *ptr;
  // Number of bytes.
  size_t len;
} Rl4segStr;

// Takes an error, one text for each level, outermost first.
typedef struct {
  // For the receiver alone.
  void *context;
  // Takes one level.
  void (*push)(void *context, Rl4segStr message);
} Rl4segErrorSink;

// Takes what a component gives: JSON, voxels, or both, as the function says.
typedef struct {
  // For the receiver alone.
  void *context;
  // Takes one item; `json` may be empty, `voxels` null.
  void (*put)(void *context, Rl4segStr json, const Rl4segVoxels *voxels);
} Rl4segItemSink;

// A component's own data, known to its plugin alone.
typedef void *Rl4segObject;

// What the host tells a component when it makes it.
typedef struct {
  // `sizeof(Rl4segHost)` of the host.
  size_t size;
  // RL4SEG_ABI_MINOR of the host.
  uint32_t abi_minor;
  // How many threads this plugin may keep busy.
  uint32_t threads;
} Rl4segHost;

// The functions of a data source. All are required.
typedef struct {
  // `sizeof(Rl4segDataSourceTable)` of the plugin.
  size_t size;
  // Puts one item: its label set as JSON.
  Rl4segStatus (*labels)(Rl4segObject, const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item: its table of contents, a JSON array.
  Rl4segStatus (*cases)(Rl4segObject, const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item: the image of the case, and what else its file tells as a JSON object, or no JSON: `affine`, three rows from voxel
  // index (x, y, z) to position in mm (RAS+), or null; `notes`, an array of sentences. JSON since 1.2.
  Rl4segStatus (*image)(Rl4segObject, Rl4segStr id, const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item, the expert's label map of the case, or none where there is none.
  Rl4segStatus (*reference)(Rl4segObject, Rl4segStr id, const Rl4segItemSink*, const Rl4segErrorSink*);
} Rl4segDataSourceTable;

// The functions of a validity metric. All are required.
typedef struct {
  // `sizeof(Rl4segValidityMetricTable)` of the plugin.
  size_t size;
  // Puts one item: its findings, a JSON array.
  Rl4segStatus (*assess)(Rl4segObject, const Rl4segVoxels *labels, const Rl4segItemSink*, const Rl4segErrorSink*);
} Rl4segValidityMetricTable;

// The functions of a distortion generator. All are required.
typedef struct {
  // `sizeof(Rl4segDistortionGeneratorTable)` of the plugin.
  size_t size;
  // Puts one item for each request: JSON with `name` and `kind`, which says what else there is:
  // - `given`: the wrong label map as voxels;
  // - `of_altered_image`: the altered image as voxels;
  // - `of_noisy_policy`: `std` and `seed`;
  // - `of_another_case`: `seed`.
  Rl4segStatus (*requests)(Rl4segObject,
                           const Rl4segVoxels *image,
                           const Rl4segVoxels *accepted,
                           uint64_t seed,
                           const Rl4segItemSink*,
                           const Rl4segErrorSink*);
} Rl4segDistortionGeneratorTable;

// The functions of a corrector.
typedef struct {
  // `sizeof(Rl4segCorrectorTable)` of the plugin.
  size_t size;
  // Learns from `count` label maps. Absent from a corrector that learns nothing.
  Rl4segStatus (*fit)(Rl4segObject, const Rl4segVoxels *references, size_t count, const Rl4segErrorSink*);
  // Puts one item for each candidate: a label map, the most faithful first. Required.
  Rl4segStatus (*candidates)(Rl4segObject, const Rl4segVoxels *labels, const Rl4segItemSink*, const Rl4segErrorSink*);
} Rl4segCorrectorTable;

// The functions of a network as data. All are required. Since 1.1.
typedef struct {
  // `sizeof(Rl4segNetworkArchitectureTable)` of the plugin.
  size_t size;
  // Puts one item: the layers of a network with these channels, as JSON.
  Rl4segStatus (*architecture)(Rl4segObject,
                               uint32_t input,
                               uint32_t output,
                               const Rl4segItemSink*,
                               const Rl4segErrorSink*);
} Rl4segNetworkArchitectureTable;

// What a network that its plugin computes is asked. All arrays are `float`.
typedef struct {
  // `sizeof(Rl4segNetworkCall)` of the host.
  size_t size;
  // `[plane, channel, y, x]`
  DLTensor images;
  // The parameters, as `describe` lists them.
  const DLTensor *parameters;
  // How many they are.
  size_t parameter_count;
  // Channels of the logits.
  uint32_t output;
  // RL4SEG_STATISTICS_RUNNING or RL4SEG_STATISTICS_BATCH.
  uint32_t statistics;
} Rl4segNetworkCall;

// The functions of a network that its plugin computes. All are required. Since 1.1.
typedef struct {
  // `sizeof(Rl4segDifferentiableNetworkTable)` of the plugin.
  size_t size;
  // Puts one item: the parameters of a network with these channels, as JSON.
  Rl4segStatus (*describe)(Rl4segObject, uint32_t input, uint32_t output, const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item, the logits `[plane, channel, y, x]`; with RL4SEG_STATISTICS_BATCH then one for each running parameter:
  // the mean or unbiased variance that was seen. Of the items' spacing nothing is read.
  Rl4segStatus (*forward)(Rl4segObject, const Rl4segNetworkCall *call, const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item for each parameter that learns: the gradient of the sum of `slope` times the logits.
  Rl4segStatus (*backward)(Rl4segObject,
                           const Rl4segNetworkCall *call,
                           const DLTensor *slope,
                           const Rl4segItemSink*,
                           const Rl4segErrorSink*);
} Rl4segDifferentiableNetworkTable;

// One component of a plugin.
typedef struct {
  // What it is, as RL4SEG_DATA_SOURCE. A host skips what it does not know.
  uint32_t kind;
  // RL4SEG_THREAD_SAFE, or 0.
  uint32_t flags;
  // Its name within the plugin.
  Rl4segStr id;
  // One sentence for people.
  Rl4segStr doc;
  // Makes one from `config`, a JSON object; `host` points at a Rl4segHost.
  Rl4segStatus (*create)(Rl4segStr config, const void *host, void **out, const Rl4segErrorSink *errors);
  // Frees one.
  void (*destroy)(void*);
  // The table of functions that `kind` says; its first field is its size.
  const void *table;
} Rl4segComponent;

// What a plugin tells about itself. It lives as long as the library.
typedef struct {
  // RL4SEG_MAGIC.
  uint64_t magic;
  // RL4SEG_ABI_MAJOR of the plugin.
  uint32_t abi_major;
  // RL4SEG_ABI_MINOR of the plugin.
  uint32_t abi_minor;
  // `sizeof(Rl4segDescriptor)` of the plugin.
  size_t size;
  // RL4SEG_FINGERPRINT of the plugin.
  uint64_t fingerprint;
  // The plugin's name, the first half of its components' ids.
  Rl4segStr name;
  // The plugin's version.
  Rl4segStr version;
  // What it was made with, as `rl4seg-sdk 0.1.0` or `C`.
  Rl4segStr sdk;
  // Its components.
  const Rl4segComponent *components;
  // How many they are.
  size_t component_count;
  // Puts one item, the modality as JSON. May be absent.
  Rl4segStatus (*modality)(const Rl4segItemSink*, const Rl4segErrorSink*);
  // Puts one item, what may stand in the configuration of the component at this index of `components`, as a JSON
  // Schema (2020-12) of an object; or none, where nothing is known of it. May be absent. Since 1.2.
  Rl4segStatus (*settings)(size_t index, const Rl4segItemSink*, const Rl4segErrorSink*);
} Rl4segDescriptor;

// The one function that a plugin exports: hands over its descriptor. `host` points at a Rl4segHost.
typedef Rl4segStatus (*Rl4segEntry)(const Rl4segHost *host, const Rl4segDescriptor **out, const Rl4segErrorSink *errors);

// Initialises a Rl4segStr with a string literal.
#define RL4SEG_STR(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

// The one function that a plugin exports: hands over its descriptor. See Rl4segEntry.
RL4SEG_EXPORT Rl4segStatus rl4seg_plugin_v1(const Rl4segHost *host, const Rl4segDescriptor **out,
                                            const Rl4segErrorSink *errors);

// A sum (FNV-1a over words) of the sizes and offsets of the frozen structs, as the host computes it.
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
