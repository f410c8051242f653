// Numbers in registers of WIDTH, and exp, erf and log of them. loops.h includes this file for each instruction set.
//
// Every number is made by the same additions and multiplications in the same order whatever the instruction set is:
// sums have 16 lanes, an element at place i belongs to lane i mod 16, lanes are added up as a fixed tree, nothing is
// contracted to a fused multiply-add (-ffp-contract=off) and exp, erf and log are written out here. The products of
// attention ask for fused multiply-adds, which every processor rounds alike. So results have the same bytes on every
// processor, with one instruction set or another, with one thread or several.

#define INLINE static inline __attribute__((always_inline))
// The body of a loop over places, called `at`.
#define EACH [&](auto at) __attribute__((always_inline))

typedef float V __attribute__((vector_size(4 * WIDTH)));
typedef int I __attribute__((vector_size(4 * WIDTH)));

// The places of a row that one register holds: all WIDTH of them from `first`, or `count` fewer at its end. They are
// piece P of 16.
template <int P, bool whole> struct Places {
  long first, count;
};

INLINE V all(float x) { return V{} + x; }
INLINE I firstOf(long count) {
  I place = {};
  for (int i = 0; i < WIDTH; i++) place[i] = i;
  return place < I{} + (int)count;
}
// A register of numbers anywhere in memory.
INLINE V vector(const float* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
INLINE void put(float* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
// Fused multiply-adds lane by lane, for processors that have none for whole registers.
INLINE V fusedOf(V a, V b, V c) {
  for (int i = 0; i < WIDTH; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
}
// Beyond the end of a row lanes are 0, and are not written.
template <int P, bool whole> INLINE V load(const float* p, Places<P, whole> at) {
  V v = {};
  p += at.first;
  if constexpr (whole) __builtin_memcpy(&v, p, sizeof v);
  else LOAD_PART(v, p, at.count);
  return v;
}
template <int P, bool whole> INLINE void store(float* p, Places<P, whole> at, V v) {
  p += at.first;
  if constexpr (whole) __builtin_memcpy(p, &v, sizeof v);
  else STORE_PART(v, p, at.count);
}
// Lanes beyond the end of a row count as `otherwise`.
template <int P, bool whole> INLINE V within(V v, float otherwise, Places<P, whole> at) {
  if constexpr (whole) return v;
  else return firstOf(at.count) ? v : all(otherwise);
}

template <int P, class F> INLINE void wholePieces(long first, F f) {
  f(Places<P, true>{first, WIDTH});
  if constexpr ((P + 1) * WIDTH < 16) wholePieces<P + 1>(first + WIDTH, f);
}
template <int P, class F> INLINE void lastPieces(long first, long width, F f) {
  if (first + WIDTH <= width) {
    f(Places<P, true>{first, WIDTH});
    if constexpr ((P + 1) * WIDTH < 16) lastPieces<P + 1>(first + WIDTH, width, f);
  } else if (first < width) f(Places<P, false>{first, width - first});
}
// Calls f(places) for all places of a row of `width`.
template <class F> INLINE void lanes(long width, F f) {
  long first = 0;
  for (; first + 16 <= width; first += 16) wholePieces<0>(first, f);
  lastPieces<0>(first, width, f);
}

// 16 lanes of a sum, or of a maximum.
struct Lanes {
  V of[16 / WIDTH];
};
INLINE Lanes lanesOf(float x) {
  Lanes made;
  for (V& v : made.of) v = all(x);
  return made;
}
template <int P, bool whole> INLINE void add(Lanes& lanes, Places<P, whole>, V v) { lanes.of[P] += v; }
template <int P, bool whole> INLINE void raise(Lanes& lanes, Places<P, whole>, V v) {
  V& top = lanes.of[P];
  top = top < v ? v : top;
}
INLINE float sum(const Lanes& lanes) {
  float v[16];
  __builtin_memcpy(v, &lanes, sizeof v);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) v[i] += v[i + half];
  return v[0];
}
INLINE float most(const Lanes& lanes) {
  float v[16];
  __builtin_memcpy(v, &lanes, sizeof v);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) v[i] = v[i] < v[i + half] ? v[i + half] : v[i];
  return v[0];
}

// exp by Cephes' expf: x = n log 2 + r, a polynomial of r; within 2 units of the last place. Exactly 0 below -87.3, so
// that masked places take no share; above 87.3 (1e38) as there. NaN stays NaN.
INLINE V expOf(V given) {
  V x = given < -87.33f ? all(-87.33f) : given;
  x = 87.33f < x ? all(87.33f) : x;
  V shifted = x * 1.44269504088896341f + 12582912.f;  // its last bits are the nearest whole number
  V n = shifted - 12582912.f;
  V r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.f;
  V value = p * (V)(((I)shifted - 0x4b400000 + 127) << 23);
  return given < -87.33f ? V{} : value;
}

INLINE V sigmoidOf(V x) { return 1.f / (1.f + expOf(-x)); }

// erf as a quotient of polynomials (Eigen's, which TensorFlow's own op has), within 3e-7.
INLINE V erfOf(V given) {
  V x = given < -4.f ? all(-4.f) : given;
  x = 4.f < x ? all(4.f) : x;
  V z = x * x;
  V p = all(-2.72614225801306e-10f);
  p = p * z + 2.77068142495902e-08f;
  p = p * z - 2.10102402082508e-06f;
  p = p * z - 5.69250639462346e-05f;
  p = p * z - 7.34990630326855e-04f;
  p = p * z - 2.95459980854025e-03f;
  p = p * z - 1.60960333262415e-02f;
  V q = all(-1.45660718464996e-05f);
  q = q * z - 2.13374055278905e-04f;
  q = q * z - 1.68282697438203e-03f;
  q = q * z - 7.37332916720468e-03f;
  q = q * z - 1.42647390514189e-02f;
  return x * p / q;
}

// log of a positive finite number: of its mantissa m in [sqrt(1/2), sqrt(2)) by the series of
// 2 atanh((m - 1) / (m + 1)).
INLINE double logOf(double x) {
  long long bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  long long exponent = ((bits >> 52) & 2047) - 1023;
  bits = (bits & 0xfffffffffffffLL) | 0x3ff0000000000000LL;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) { m /= 2; exponent++; }
  double t = (m - 1) / (m + 1), square = t * t, series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * square + 1.0 / k;
  return 2 * t * series + exponent * 0.6931471805599453;
}
