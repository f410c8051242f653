// Threads of the fused kernels: work in blocks that do not depend on their number, so neither does a result.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

// Numbers below the smallest normal one count as 0 while it lives, as in TensorFlow's own threads, so that every thread
// gives the same bytes.
class Flushing {
#ifdef __SSE2__
 public:
  Flushing() : before(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before | 0x8040); }
  ~Flushing() { __builtin_ia32_ldmxcsr(before); }

 private:
  unsigned before;
#endif
};

class Pool {
 public:
  // As many threads as TensorFlow was started with, the caller among them.
  static Pool& shared() {
    static Pool* pool = new Pool;  // never destroyed: its threads may outlive main
    return *pool;
  }

  // Calls work(from, to) for blocks of `grain` of the `total` pieces. A second caller at once does its work alone.
  void run(long total, long grain, const std::function<void(long, long)>& work) {
    std::unique_lock<std::mutex> mine(one, std::try_to_lock);
    if (total <= grain || threads == 0 || !mine.owns_lock()) {
      Flushing flushing;
      for (long from = 0; from < total; from += grain) work(from, std::min(total, from + grain));
      return;
    }
    {
      std::lock_guard<std::mutex> held(lock);
      job = &work;
      pieces = total;
      block = grain;
      next = 0;
      turn++;
    }
    wake.notify_all();
    take(work);
    std::unique_lock<std::mutex> held(lock);
    job = nullptr;  // who wakes up now finds nothing to do
    idle.wait(held, [this] { return busy == 0; });
  }

 private:
  Pool() {
    const char* given = std::getenv("TF_NUM_INTRAOP_THREADS");
    long count = given ? std::atol(given) : 0;
    if (count < 1) count = std::thread::hardware_concurrency();
    threads = count > 1 ? count - 1 : 0;
    for (long i = 0; i < threads; i++) std::thread([this] { serve(); }).detach();
  }
  void take(const std::function<void(long, long)>& work) {
    Flushing flushing;
    for (long from = next.fetch_add(block); from < pieces; from = next.fetch_add(block))
      work(from, std::min(pieces, from + block));
  }
  void serve() {
    std::unique_lock<std::mutex> held(lock);
    for (unsigned long seen = 0;;) {
      wake.wait(held, [&] { return turn != seen; });
      seen = turn;
      if (job == nullptr) continue;
      const auto* work = job;
      busy++;
      held.unlock();
      take(*work);
      held.lock();
      if (--busy == 0) idle.notify_all();
    }
  }

  std::mutex lock, one;
  std::condition_variable wake, idle;
  const std::function<void(long, long)>* job = nullptr;
  std::atomic<long> next{0};
  long threads = 0, pieces = 0, block = 1, busy = 0;
  unsigned long turn = 0;
};
