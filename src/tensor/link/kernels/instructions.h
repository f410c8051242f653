// The loops for each instruction set that one file can be compiled for, and the one of this processor: LOOP(name).
#pragma once
#include <cstdlib>
#include <string>

#include "blocks.h"

// Rows whose width no register divides end in a part of one.
#define WIDTH 4
#define LOAD_PART(v, p, count) __builtin_memcpy(&v, p, 4 * (count))
#define STORE_PART(v, p, count) __builtin_memcpy(p, &v, 4 * (count))
// a b + c, rounded once.
#define FUSED(a, b, c) fusedOf(a, b, c)
namespace base {
#include "loops.h"
}
// GCC alone compiles one file for several instruction sets; another compiler has what the processor's family has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SEVERAL 1
#undef WIDTH
#undef LOAD_PART
#undef STORE_PART
#undef FUSED
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define WIDTH 8
#define LOAD_PART(v, p, count) v = __builtin_ia32_maskloadps256((const V*)(p), firstOf(count))
#define STORE_PART(v, p, count) __builtin_ia32_maskstoreps256((V*)(p), firstOf(count), v)
#define FUSED(a, b, c) __builtin_ia32_vfmaddps256(a, b, c)
namespace v3 {
#include "loops.h"
}
#undef WIDTH
#undef LOAD_PART
#undef STORE_PART
#undef FUSED
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define WIDTH 16
#define LOAD_PART(v, p, count) v = __builtin_ia32_loadups512_mask(p, V{}, (1 << (count)) - 1)
#define STORE_PART(v, p, count) __builtin_ia32_storeups512_mask(p, v, (1 << (count)) - 1)
#define FUSED(a, b, c) __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4)
namespace v4 {
#include "loops.h"
}
#pragma GCC pop_options
#endif

namespace {

// The instruction set: the newest that the processor has, or none beyond EQUIPOISE_INSTRUCTIONS (base, v3, v4).
int chosen() {
#ifdef SEVERAL
  const char* given = std::getenv("EQUIPOISE_INSTRUCTIONS");
  std::string most = given ? given : "v4";
  if (most == "v4" && __builtin_cpu_supports("x86-64-v4")) return 4;
  if (most != "base" && __builtin_cpu_supports("x86-64-v3")) return 3;
#endif
  return 0;
}
const int instructions = chosen();

#ifdef SEVERAL
#define LOOP(name) (instructions == 4 ? v4::name : instructions == 3 ? v3::name : base::name)
#else
#define LOOP(name) (base::name)
#endif

}  // namespace
