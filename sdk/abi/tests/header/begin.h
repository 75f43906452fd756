/* The frozen C boundary between rl4seg and its plugins, version {version}.
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

