// The arithmetic of the fused kernels, without anything of TensorFlow. kernels.cc includes this file once for each
// instruction set, inside a namespace of its own: no include guard, no header of the standard library.
//
// Every number is made by the same additions and multiplications in the same order whatever the instruction set is: 16
// lanes, an element at place i belongs to lane i mod 16, lanes are added up as a fixed tree, nothing is contracted to a
// fused multiply-add (-ffp-contract=off) and exp, erf and log are written out here. So results have the same bytes on
// every processor, with one instruction set or another, with one thread or several.

#define INLINE static inline __attribute__((always_inline))

typedef float V __attribute__((vector_size(64)));
typedef int I __attribute__((vector_size(64)));

#define APART static __attribute__((noinline))

// The first n of 16 lanes; the others are 0, and are not written.
APART V loadPart(const float* p, long n) { V v = {}; __builtin_memcpy(&v, p, 4 * n); return v; }
APART void storePart(float* p, V v, long n) { __builtin_memcpy(p, &v, 4 * n); }
APART V withinPart(V v, float otherwise, long n) {
  for (long i = n; i < 16; i++) v[i] = otherwise;
  return v;
}
INLINE V load(const float* p, long n) {
  if (__builtin_expect(n < 16, 0)) return loadPart(p, n);
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float* p, V v, long n) {
  if (__builtin_expect(n < 16, 0)) return storePart(p, v, n);
  __builtin_memcpy(p, &v, sizeof v);
}
// Lanes beyond the end of a row count as `otherwise`.
INLINE V within(V v, float otherwise, long n) {
  return __builtin_expect(n < 16, 0) ? withinPart(v, otherwise, n) : v;
}
INLINE V all(float x) { return V{} + x; }
INLINE V pick(I where, V yes, V no) { return (V)((where & (I)yes) | (~where & (I)no)); }
// Where a < b, and where x is NaN, by signs: GCC takes comparisons of vectors that are wider than the processor's apart
// lane by lane. Of NaN the first says anything.
INLINE I less(V a, V b) { return (I)(a - b) >> 31; }
INLINE I missing(V x) { return (0x7f800000 - ((I)x & 0x7fffffff)) >> 31; }
INLINE V atLeast(V x, float least) { return pick(less(x, all(least)), all(least), x); }
INLINE V atMost(V x, float most) { return pick(less(all(most), x), all(most), x); }

// Calls f(place, lanes) for every 16 places of a row of `width`.
template <class F> INLINE void lanes(long width, F f) {
  for (long i = 0; i < width; i += 16) f(i, width - i < 16 ? width - i : 16);
}

INLINE float sum(V v) {
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) v[i] += v[i + half];
  return v[0];
}
INLINE float most(V v) {
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) v[i] = v[i] < v[i + half] ? v[i + half] : v[i];
  return v[0];
}

// exp by Cephes' expf: x = n log 2 + r, a polynomial of r; within 2 units of the last place, and exactly 0 below -87.3,
// so that masked places take no share. NaN stays NaN.
INLINE V expOf(V given) {
  V x = atMost(atLeast(given, -87.33f), 88.72f);
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
  p = p * r * r + r + 1.f;
  // 2^n in two factors, since n may be 128
  I whole = (I)shifted - 0x4b400000;
  I half = whole >> 1;
  V value = p * (V)((half + 127) << 23) * (V)((whole - half + 127) << 23);
  return pick(missing(given), given, pick(less(given, all(-87.33f)), V{}, value));
}

INLINE V sigmoidOf(V x) { return 1.f / (1.f + expOf(-x)); }

// erf as a quotient of polynomials (Eigen's, which TensorFlow's own op has), within 3e-7.
INLINE V erfOf(V given) {
  V x = pick(missing(given), given, atMost(atLeast(given, -4.f), 4.f));
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

// log of a positive finite number: of its mantissa m in [sqrt(1/2), sqrt(2)) by the series of 2 atanh((m - 1) / (m + 1)).
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

// ---- place by place; x, y and gradients [n]

static void silu(const float* x, float* y, long n, float scale) {
  lanes(n, [&](long i, long k) { V v = load(x + i, k); store(y + i, v * sigmoidOf(v * scale), k); });
}
static void siluGradient(const float* x, const float* dy, float* dx, long n, float scale) {
  lanes(n, [&](long i, long k) {
    V v = load(x + i, k) * scale, s = sigmoidOf(v);
    store(dx + i, load(dy + i, k) * (s + v * s * (1.f - s)), k);
  });
}

static void swiglu(const float* gate, const float* up, float* y, long n) {
  lanes(n, [&](long i, long k) { V g = load(gate + i, k); store(y + i, g * sigmoidOf(g) * load(up + i, k), k); });
}
static void swigluGradient(const float* gate, const float* up, const float* dy, float* dgate, float* dup, long n) {
  lanes(n, [&](long i, long k) {
    V g = load(gate + i, k), u = load(up + i, k), d = load(dy + i, k), s = sigmoidOf(g), a = g * s;
    store(dgate + i, d * u * (s + a * (1.f - s)), k);
    store(dup + i, d * a, k);
  });
}

INLINE V normalShare(V x) { return 0.5f * (1.f + erfOf(x * 0.70710678f)); }
static void gelu(const float* x, float* y, long n, float) {
  lanes(n, [&](long i, long k) { V v = load(x + i, k); store(y + i, v * normalShare(v), k); });
}
static void geluGradient(const float* x, const float* dy, float* dx, long n, float) {
  lanes(n, [&](long i, long k) {
    V v = load(x + i, k), density = 0.39894228f * expOf(-0.5f * v * v);
    store(dx + i, load(dy + i, k) * (normalShare(v) + v * density), k);
  });
}

// (1 + tanh(z)) / 2 is sigmoid(2 z); z = sqrt(2 / pi) (x + 0.044715 x^3)
INLINE V geluTanhShare(V x) { return sigmoidOf(1.5957691f * (x + 0.044715f * x * x * x)); }
static void geluTanh(const float* x, float* y, long n, float) {
  lanes(n, [&](long i, long k) { V v = load(x + i, k); store(y + i, v * geluTanhShare(v), k); });
}
static void geluTanhGradient(const float* x, const float* dy, float* dx, long n, float) {
  lanes(n, [&](long i, long k) {
    V v = load(x + i, k), s = geluTanhShare(v), slope = 1.5957691f * (1.f + 0.134145f * v * v);
    store(dx + i, load(dy + i, k) * (s + v * s * (1.f - s) * slope), k);
  });
}

// ---- row by row; x, y and gradients [rows, w]

// `scale` [rows] keeps 1 / sqrt(mean(x^2) + epsilon).
static void rmsNorm(const float* x, const float* gain, float* y, float* scale, long rows, long w, float epsilon) {
  for (long r = 0; r < rows; r++, x += w, y += w) {
    V squares = {};
    lanes(w, [&](long i, long k) { V v = load(x + i, k); squares += v * v; });
    float s = 1.f / __builtin_sqrtf(sum(squares) / (float)w + epsilon);
    scale[r] = s;
    lanes(w, [&](long i, long k) { store(y + i, load(x + i, k) * s * load(gain + i, k), k); });
  }
}
// dx = s (u - x s^2 mean(u x)) with u = dy gain
static void rmsNormGradient(const float* x, const float* gain, const float* scale, const float* dy, float* dx, long rows,
                            long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, dx += w) {
    float s = scale[r];
    V inner = {};
    lanes(w, [&](long i, long k) { inner += load(dy + i, k) * load(gain + i, k) * load(x + i, k); });
    float mean = sum(inner) * s * s / (float)w;
    lanes(w, [&](long i, long k) {
      store(dx + i, (load(dy + i, k) * load(gain + i, k) - load(x + i, k) * mean) * s, k);
    });
  }
}
// Adds the gradient of the gain, summed over rows, to dgain [w].
static void rmsNormGain(const float* x, const float* scale, const float* dy, float* dgain, long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w) {
    float s = scale[r];
    lanes(w, [&](long i, long k) { store(dgain + i, load(dgain + i, k) + load(dy + i, k) * (load(x + i, k) * s), k); });
  }
}

// `stats` [rows, 2] keeps the mean and 1 / sqrt(variance + epsilon).
static void layerNorm(const float* x, const float* gain, const float* bias, float* y, float* stats, long rows, long w,
                      float epsilon) {
  for (long r = 0; r < rows; r++, x += w, y += w, stats += 2) {
    V total = {}, squares = {};
    lanes(w, [&](long i, long k) { total += load(x + i, k); });
    float mean = sum(total) / (float)w;
    lanes(w, [&](long i, long k) { V c = within(load(x + i, k) - mean, 0.f, k); squares += c * c; });
    float s = 1.f / __builtin_sqrtf(sum(squares) / (float)w + epsilon);
    stats[0] = mean;
    stats[1] = s;
    lanes(w, [&](long i, long k) {
      store(y + i, (load(x + i, k) - mean) * s * load(gain + i, k) + load(bias + i, k), k);
    });
  }
}
// dx = s (u - mean(u) - n mean(u n)) with u = dy gain and n the normalised row
static void layerNormGradient(const float* x, const float* gain, const float* stats, const float* dy, float* dx,
                              long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, dx += w, stats += 2) {
    float mean = stats[0], s = stats[1];
    V total = {}, inner = {};
    lanes(w, [&](long i, long k) {
      V u = load(dy + i, k) * load(gain + i, k);
      total += u;
      inner += u * ((load(x + i, k) - mean) * s);
    });
    float a = sum(total) / (float)w, b = sum(inner) / (float)w;
    lanes(w, [&](long i, long k) {
      V n = (load(x + i, k) - mean) * s, u = load(dy + i, k) * load(gain + i, k);
      store(dx + i, (u - a - n * b) * s, k);
    });
  }
}
// Adds the gradients of gain and bias, summed over rows, to dgain and dbias [w].
static void layerNormGain(const float* x, const float* stats, const float* dy, float* dgain, float* dbias, long rows,
                          long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, stats += 2) {
    float mean = stats[0], s = stats[1];
    lanes(w, [&](long i, long k) {
      V d = load(dy + i, k);
      store(dgain + i, load(dgain + i, k) + d * ((load(x + i, k) - mean) * s), k);
      store(dbias + i, load(dbias + i, k) + d, k);
    });
  }
}

static void logSoftmax(const float* x, float* y, long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, y += w) {
    V top = all(x[0]), total = {};
    lanes(w, [&](long i, long k) { V v = within(load(x + i, k), x[0], k); top = pick(less(top, v), v, top); });
    float m = most(top);
    lanes(w, [&](long i, long k) { total += within(expOf(load(x + i, k) - m), 0.f, k); });
    float shift = (float)logOf(sum(total));
    lanes(w, [&](long i, long k) { store(y + i, load(x + i, k) - m - shift, k); });
  }
}
// dx = dy - exp(y) sum(dy)
static void logSoftmaxGradient(const float* y, const float* dy, float* dx, long rows, long w) {
  for (long r = 0; r < rows; r++, y += w, dy += w, dx += w) {
    V total = {};
    lanes(w, [&](long i, long k) { total += load(dy + i, k); });
    float t = sum(total);
    lanes(w, [&](long i, long k) { store(dx + i, load(dy + i, k) - expOf(load(y + i, k)) * t, k); });
  }
}

// softmax(x scale + mask) of one row
static void softmax(const float* x, const float* mask, float* y, long w, float scale) {
  V top = all(x[0] * scale + mask[0]), total = {};
  lanes(w, [&](long i, long k) {
    V v = load(x + i, k) * scale + load(mask + i, k), seen = within(v, -__builtin_inff(), k);
    top = pick(less(top, seen), seen, top);
    store(y + i, v, k);
  });
  float m = most(top);
  lanes(w, [&](long i, long k) {
    V v = expOf(load(y + i, k) - m);
    total += within(v, 0.f, k);
    store(y + i, v, k);
  });
  float share = 1.f / sum(total);
  lanes(w, [&](long i, long k) { store(y + i, load(y + i, k) * share, k); });
}
// dx = scale y (dy - sum(y dy)) of one row
static void softmaxGradient(const float* y, const float* dy, float* dx, long w, float scale) {
  V inner = {};
  lanes(w, [&](long i, long k) { inner += load(y + i, k) * load(dy + i, k); });
  float t = sum(inner);
  lanes(w, [&](long i, long k) { store(dx + i, load(y + i, k) * (load(dy + i, k) - t) * scale, k); });
}

// x [d]: halves swapped, times the sine (whose first half is signed), plus x times the cosine; `back` is the transpose.
static void rotary(const float* x, const float* cosine, const float* sine, float* y, long d, bool back) {
  long half = d / 2;
  lanes(half, [&](long i, long k) {
    V a = load(x + i, k), b = load(x + half + i, k);
    V first = load(sine + i, k), second = load(sine + half + i, k);
    V one = a * load(cosine + i, k) + (b * (back ? second : first));
    V two = b * load(cosine + half + i, k) + (a * (back ? first : second));
    store(y + i, one, k);
    store(y + half + i, two, k);
  });
}
#undef INLINE
#undef APART
