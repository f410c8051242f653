// The loops of the fused kernels, without anything of TensorFlow. instructions.h includes this file once for each
// instruction set, inside a namespace of its own: no include guard, no header of the standard library.
#include "registers.h"

// ---- place by place; x, y and gradients [n]

static void silu(const float* x, float* y, long n, float scale) {
  lanes(n, EACH { V v = load(x, at); store(y, at, v * sigmoidOf(v * scale)); });
}
static void siluGradient(const float* x, const float* dy, float* dx, long n, float scale) {
  lanes(n, EACH {
    V v = load(x, at) * scale, s = sigmoidOf(v);
    store(dx, at, load(dy, at) * (s + v * s * (1.f - s)));
  });
}

static void swiglu(const float* gate, const float* up, float* y, long n) {
  lanes(n, EACH { V g = load(gate, at); store(y, at, g * sigmoidOf(g) * load(up, at)); });
}
static void swigluGradient(const float* gate, const float* up, const float* dy, float* dgate, float* dup, long n) {
  lanes(n, EACH {
    V g = load(gate, at), u = load(up, at), d = load(dy, at), s = sigmoidOf(g), a = g * s;
    store(dgate, at, d * u * (s + a * (1.f - s)));
    store(dup, at, d * a);
  });
}

INLINE V normalShare(V x) { return 0.5f * (1.f + erfOf(x * 0.70710678f)); }
static void gelu(const float* x, float* y, long n, float) {
  lanes(n, EACH { V v = load(x, at); store(y, at, v * normalShare(v)); });
}
static void geluGradient(const float* x, const float* dy, float* dx, long n, float) {
  lanes(n, EACH {
    V v = load(x, at), density = 0.39894228f * expOf(-0.5f * v * v);
    store(dx, at, load(dy, at) * (normalShare(v) + v * density));
  });
}

// (1 + tanh(z)) / 2 is sigmoid(2 z); z = sqrt(2 / pi) (x + 0.044715 x^3)
INLINE V geluTanhShare(V x) { return sigmoidOf(1.5957691f * (x + 0.044715f * x * x * x)); }
static void geluTanh(const float* x, float* y, long n, float) {
  lanes(n, EACH { V v = load(x, at); store(y, at, v * geluTanhShare(v)); });
}
static void geluTanhGradient(const float* x, const float* dy, float* dx, long n, float) {
  lanes(n, EACH {
    V v = load(x, at), s = geluTanhShare(v), slope = 1.5957691f * (1.f + 0.134145f * v * v);
    store(dx, at, load(dy, at) * (s + v * s * (1.f - s) * slope));
  });
}

// ---- row by row; x, y and gradients [rows, w]

// `scale` [rows] keeps 1 / sqrt(mean(x^2) + epsilon).
static void rmsNorm(const float* x, const float* gain, float* y, float* scale, long rows, long w, float epsilon) {
  for (long r = 0; r < rows; r++, x += w, y += w) {
    Lanes squares = lanesOf(0);
    lanes(w, EACH { V v = load(x, at); add(squares, at, v * v); });
    float s = 1.f / __builtin_sqrtf(sum(squares) / (float)w + epsilon);
    scale[r] = s;
    lanes(w, EACH { store(y, at, load(x, at) * s * load(gain, at)); });
  }
}
// dx = s (u - x s^2 mean(u x)) with u = dy gain
static void rmsNormGradient(const float* x, const float* gain, const float* scale, const float* dy, float* dx,
                            long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, dx += w) {
    float s = scale[r];
    Lanes inner = lanesOf(0);
    lanes(w, EACH { add(inner, at, load(dy, at) * load(gain, at) * load(x, at)); });
    float mean = sum(inner) * s * s / (float)w;
    lanes(w, EACH {
      store(dx, at, (load(dy, at) * load(gain, at) - load(x, at) * mean) * s);
    });
  }
}
// Adds the gradient of the gain, summed over rows, to dgain [w].
static void rmsNormGain(const float* x, const float* scale, const float* dy, float* dgain, long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w) {
    float s = scale[r];
    lanes(w, EACH { store(dgain, at, load(dgain, at) + load(dy, at) * (load(x, at) * s)); });
  }
}

// `stats` [rows, 2] keeps the mean and 1 / sqrt(variance + epsilon).
static void layerNorm(const float* x, const float* gain, const float* bias, float* y, float* stats, long rows, long w,
                      float epsilon) {
  for (long r = 0; r < rows; r++, x += w, y += w, stats += 2) {
    Lanes total = lanesOf(0), squares = lanesOf(0);
    lanes(w, EACH { add(total, at, load(x, at)); });
    float mean = sum(total) / (float)w;
    lanes(w, EACH { V c = within(load(x, at) - mean, 0.f, at); add(squares, at, c * c); });
    float s = 1.f / __builtin_sqrtf(sum(squares) / (float)w + epsilon);
    stats[0] = mean;
    stats[1] = s;
    lanes(w, EACH {
      store(y, at, (load(x, at) - mean) * s * load(gain, at) + load(bias, at));
    });
  }
}
// dx = s (u - mean(u) - n mean(u n)) with u = dy gain and n the normalised row
static void layerNormGradient(const float* x, const float* gain, const float* stats, const float* dy, float* dx,
                              long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, dx += w, stats += 2) {
    float mean = stats[0], s = stats[1];
    Lanes total = lanesOf(0), inner = lanesOf(0);
    lanes(w, EACH {
      V u = load(dy, at) * load(gain, at);
      add(total, at, u);
      add(inner, at, u * ((load(x, at) - mean) * s));
    });
    float a = sum(total) / (float)w, b = sum(inner) / (float)w;
    lanes(w, EACH {
      V n = (load(x, at) - mean) * s, u = load(dy, at) * load(gain, at);
      store(dx, at, (u - a - n * b) * s);
    });
  }
}
// Adds the gradients of gain and bias, summed over rows, to dgain and dbias [w].
static void layerNormGain(const float* x, const float* stats, const float* dy, float* dgain, float* dbias, long rows,
                          long w) {
  for (long r = 0; r < rows; r++, x += w, dy += w, stats += 2) {
    float mean = stats[0], s = stats[1];
    lanes(w, EACH {
      V d = load(dy, at);
      store(dgain, at, load(dgain, at) + d * ((load(x, at) - mean) * s));
      store(dbias, at, load(dbias, at) + d);
    });
  }
}

static void logSoftmax(const float* x, float* y, long rows, long w) {
  for (long r = 0; r < rows; r++, x += w, y += w) {
    Lanes top = lanesOf(x[0]), total = lanesOf(0);
    lanes(w, EACH { raise(top, at, within(load(x, at), x[0], at)); });
    float m = most(top);
    lanes(w, EACH { add(total, at, within(expOf(load(x, at) - m), 0.f, at)); });
    float shift = (float)logOf(sum(total));
    lanes(w, EACH { store(y, at, load(x, at) - m - shift); });
  }
}
// dx = dy - exp(y) sum(dy)
static void logSoftmaxGradient(const float* y, const float* dy, float* dx, long rows, long w) {
  for (long r = 0; r < rows; r++, y += w, dy += w, dx += w) {
    Lanes total = lanesOf(0);
    lanes(w, EACH { add(total, at, load(dy, at)); });
    float t = sum(total);
    lanes(w, EACH { store(dx, at, load(dy, at) - expOf(load(y, at)) * t); });
  }
}

// dx = dy (1 at the label, 0 elsewhere, less exp(y)); no label gives 0.
static void labelledGradient(const float* y, const int* labels, const float* dy, float* dx, long rows, long w) {
  for (long r = 0; r < rows; r++, y += w, dx += w) {
    bool known = labels[r] >= 0 && labels[r] < w;
    float slope = known ? dy[r] : 0.f;
    lanes(w, EACH { store(dx, at, -expOf(load(y, at)) * slope); });
    if (known) dx[labels[r]] += slope;
  }
}

// x [d]: halves swapped, times the sine (whose first half is signed), plus x times the cosine; `back` is the transpose.
static void rotary(const float* x, const float* cosine, const float* sine, float* y, long d, bool back) {
  long half = d / 2;
  lanes(half, EACH {
    V a = load(x, at), b = load(x + half, at);
    V first = load(sine, at), second = load(sine + half, at);
    V one = a * load(cosine, at) + (b * (back ? second : first));
    V two = b * load(cosine + half, at) + (a * (back ? first : second));
    store(y, at, one);
    store(y + half, at, two);
  });
}
#include "attentionLoops.h"
#undef INLINE
#undef EACH
