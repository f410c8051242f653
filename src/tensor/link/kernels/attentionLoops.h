// The loops of attention without tables of queries by keys (Dao et al. 2022, "FlashAttention"; own code). loops.h
// includes this file for each instruction set.
//
// A block of up to 64 queries stands in columns, keys stand in rows: maxima, sums and products run down the columns,
// each number in one chain of additions in the order of the keys (of the queries, for gradients of keys and values). So
// neither the width of a register nor the number of threads has a part in it. Products use fused multiply-adds, which
// are rounded once and therefore alike on every processor, unlike contractions that a compiler may or may not make.

// Registers of a row that one tile of a product has, so that its sums stay in registers.
constexpr int tileColumns = WIDTH == 16 ? 4 : 2;

// How a product begins: at 0, at what is there, or at that times a factor for each column.
enum class From { zero, there, scaled };

// c [R, N registers] = start + a b, with a [R, k] at a[r * row + p * place] and b [k, N registers].
template <int R, int N, From from>
INLINE void tile(const float* a, long row, long place, const float* b, long bRow, float* c, long cRow, long k,
                 const float* factor) {
  V sums[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
      if constexpr (from == From::zero) sums[r][n] = V{};
      else sums[r][n] = vector(c + r * cRow + n * WIDTH);
      if constexpr (from == From::scaled) sums[r][n] *= vector(factor + n * WIDTH);
    }
  for (long p = 0; p < k; p++, a += place, b += bRow) {
    V columns[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) columns[n] = vector(b + n * WIDTH);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      V x = a[r * row] - V{};
#pragma GCC unroll 8
      for (int n = 0; n < N; n++) sums[r][n] = FUSED(x, columns[n], sums[r][n]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) put(c + r * cRow + n * WIDTH, sums[r][n]);
}

// A matrix by its rows: `place` numbers lie between neighbours of a row, `row` between rows.
struct Left {
  const float* at;
  long row, place;
};

template <int N, From from>
INLINE void columnsOf(Left a, const float* b, long bRow, float* c, long cRow, long rows, long k, const float* factor) {
  long r = 0;
  for (; r + 6 <= rows; r += 6)
    tile<6, N, from>(a.at + r * a.row, a.row, a.place, b, bRow, c + r * cRow, cRow, k, factor);
  for (; r + 2 <= rows; r += 2)
    tile<2, N, from>(a.at + r * a.row, a.row, a.place, b, bRow, c + r * cRow, cRow, k, factor);
  if (r < rows) tile<1, N, from>(a.at + r * a.row, a.row, a.place, b, bRow, c + r * cRow, cRow, k, factor);
}

// c [rows, columns] = start + a [rows, k] b [k, columns]; columns in whole registers, factor [columns].
template <From from>
static void multiply(Left a, const float* b, long bRow, float* c, long cRow, long rows, long columns, long k,
                     const float* factor = nullptr) {
  long n = 0;
  for (; n + tileColumns * WIDTH <= columns; n += tileColumns * WIDTH)
    columnsOf<tileColumns, from>(a, b + n, bRow, c + n, cRow, rows, k, factor + n);
  if constexpr (tileColumns == 4)
    if (n + 2 * WIDTH <= columns) {
      columnsOf<2, from>(a, b + n, bRow, c + n, cRow, rows, k, factor + n);
      n += 2 * WIDTH;
    }
  if (n < columns) columnsOf<1, from>(a, b + n, bRow, c + n, cRow, rows, k, factor + n);
}

typedef float Four __attribute__((vector_size(16)));
typedef int FourPlaces __attribute__((vector_size(16)));

// to [columns, rows] = from [rows, columns] turned over.
static void transpose(const float* from, long fromRow, float* to, long toRow, long rows, long columns) {
  long i = 0;
  for (; i + 4 <= rows; i += 4) {
    long j = 0;
    for (; j + 4 <= columns; j += 4) {
      Four x[4], y[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) __builtin_memcpy(&x[r], from + (i + r) * fromRow + j, 16);
      const FourPlaces low = {0, 4, 1, 5}, high = {2, 6, 3, 7};
      y[0] = __builtin_shuffle(x[0], x[2], low), y[1] = __builtin_shuffle(x[0], x[2], high);
      y[2] = __builtin_shuffle(x[1], x[3], low), y[3] = __builtin_shuffle(x[1], x[3], high);
      x[0] = __builtin_shuffle(y[0], y[2], low), x[1] = __builtin_shuffle(y[0], y[2], high);
      x[2] = __builtin_shuffle(y[1], y[3], low), x[3] = __builtin_shuffle(y[1], y[3], high);
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) __builtin_memcpy(to + (j + r) * toRow + i, &x[r], 16);
    }
    for (; j < columns; j++)
      for (int r = 0; r < 4; r++) to[j * toRow + i + r] = from[(i + r) * fromRow + j];
  }
  for (; i < rows; i++)
    for (long j = 0; j < columns; j++) to[j * toRow + i] = from[i * fromRow + j];
}

INLINE void clear(float* to, long count) { __builtin_memset(to, 0, 4 * count); }

// One more block of keys for the shares of a block of queries, in `columns` of `scores` [keys, queryBlock]: scores turn
// into exp(scores scale + mask - top). `top`, `total` and `factor` [columns] are the maximum and the sum until now, and
// what earlier numbers must be multiplied by. mask [keys, queryBlock] may be null.
static void weigh(float* scores, const float* mask, long keys, long columns, float scale, float* top, float* total,
                  float* factor) {
  for (long n = 0; n < columns; n += WIDTH) {
    V before = vector(top + n), most = before;
    for (long j = 0; j < keys; j++) {
      float* score = scores + j * queryBlock + n;
      V v = vector(score) * scale;
      if (mask != nullptr) v += vector(mask + j * queryBlock + n);
      most = most < v ? v : most;
      put(score, v);
    }
    V less = expOf(before - most), sum = vector(total + n) * less;
    for (long j = 0; j < keys; j++) {
      float* score = scores + j * queryBlock + n;
      V v = expOf(vector(score) - most);
      sum += v;
      put(score, v);
    }
    put(top + n, most);
    put(total + n, sum);
    put(factor + n, less);
  }
}

// The gradient of a block's scores. shares: in, scores [keys, queryBlock]; out, softmax(scores scale + mask) by the
// saved maximum and 1 / sum. slopes: in, the gradient of the shares; out, of the scores. inner [columns] is what the
// gradient of a row's shares sums to with its shares.
static void slope(float* shares, float* slopes, const float* mask, long keys, long columns, float scale,
                  const float* top, const float* share, const float* inner) {
  for (long j = 0; j < keys; j++, shares += queryBlock, slopes += queryBlock) {
    for (long n = 0; n < columns; n += WIDTH) {
      V v = vector(shares + n) * scale;
      if (mask != nullptr) v += vector(mask + n);
      V p = expOf(v - vector(top + n)) * vector(share + n);
      put(shares + n, p);
      put(slopes + n, p * (vector(slopes + n) - vector(inner + n)) * scale);
    }
    if (mask != nullptr) mask += queryBlock;
  }
}

// q [queries, d] of at most queryBlock, k and v [keys, d] -> o [queries, d], stats [queries, 2]: maximum and 1 / sum.
static void attend(const float* q, const float* k, const float* v, const Chunk* chunks, long count, float* o,
                   float* stats, long queries, long d, float scale, float* room) {
  long columns = inRegisters(queries), wide = inRegisters(d);
  float *turned = room, *sums = turned + wide * queryBlock, *scores = sums + wide * queryBlock;
  float *top = scores + keyBlock * queryBlock, *total = top + queryBlock, *factor = total + queryBlock;
  if (queries < columns) clear(turned, d * queryBlock);
  clear(sums, d * queryBlock);
  transpose(q, d, turned, queryBlock, queries, d);
  for (long n = 0; n < columns; n += WIDTH) put(top + n, all(-__builtin_inff()));
  clear(total, columns);
  for (long c = 0; c < count; c++) {
    long from = chunks[c].from, keys = chunks[c].to - from;
    multiply<From::zero>({k + from * d, d, 1}, turned, queryBlock, scores, queryBlock, keys, columns, d);
    weigh(scores, chunks[c].mask, keys, columns, scale, top, total, factor);
    multiply<From::scaled>({v + from * d, 1, d}, scores, queryBlock, sums, queryBlock, d, columns, keys, factor);
  }
  for (long n = 0; n < columns; n += WIDTH) {
    V share = 1.f / vector(total + n);
    put(total + n, share);
    for (long i = 0; i < d; i++) put(sums + i * queryBlock + n, vector(sums + i * queryBlock + n) * share);
  }
  transpose(sums, queryBlock, o, d, d, queries);
  for (long i = 0; i < queries; i++) {
    stats[2 * i] = top[i];
    stats[2 * i + 1] = total[i];
  }
}

// The gradient of a block of queries: dq [queries, d], and what the block adds to dk and dv [keys, inRegisters(d)].
static void attendGradient(const float* q, const float* k, const float* v, const Chunk* chunks, long count,
                           const float* o, const float* stats, const float* dy, float* dq, float* dk, float* dv,
                           long queries, long d, float scale, float* room) {
  long columns = inRegisters(queries), wide = inRegisters(d), block = wide * queryBlock;
  float *turnedQ = room, *turnedDy = turnedQ + block, *turnedDq = turnedDy + block, *rowsQ = turnedDq + block;
  float *rowsDy = rowsQ + block, *shares = rowsDy + block, *slopes = shares + keyBlock * queryBlock;
  float *top = slopes + keyBlock * queryBlock, *share = top + queryBlock, *inner = share + queryBlock;
  clear(turnedDq, block);
  if (queries < columns) clear(room, 2 * block);
  if (d < wide) clear(rowsQ, 2 * block);
  clear(top, 3 * queryBlock);
  transpose(q, d, turnedQ, queryBlock, queries, d);
  transpose(dy, d, turnedDy, queryBlock, queries, d);
  for (long i = 0; i < queries; i++) {
    Lanes products = lanesOf(0);
    lanes(d, EACH {
      V y = load(dy + i * d, at);
      add(products, at, y * load(o + i * d, at));
      store(rowsDy + i * wide, at, y);
      store(rowsQ + i * wide, at, load(q + i * d, at));
    });
    inner[i] = sum(products);
    top[i] = stats[2 * i];
    share[i] = stats[2 * i + 1];
  }
  for (long c = 0; c < count; c++) {
    long from = chunks[c].from, keys = chunks[c].to - from;
    multiply<From::zero>({k + from * d, d, 1}, turnedQ, queryBlock, shares, queryBlock, keys, columns, d);
    multiply<From::zero>({v + from * d, d, 1}, turnedDy, queryBlock, slopes, queryBlock, keys, columns, d);
    slope(shares, slopes, chunks[c].mask, keys, columns, scale, top, share, inner);
    multiply<From::there>({shares, queryBlock, 1}, rowsDy, wide, dv + from * wide, wide, keys, wide, queries);
    multiply<From::there>({slopes, queryBlock, 1}, rowsQ, wide, dk + from * wide, wide, keys, wide, queries);
    multiply<From::there>({k + from * d, 1, d}, slopes, queryBlock, turnedDq, queryBlock, d, columns, keys);
  }
  transpose(turnedDq, queryBlock, dq, d, d, queries);
}
