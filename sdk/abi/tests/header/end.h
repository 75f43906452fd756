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
