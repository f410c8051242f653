#!/usr/bin/env bash
# Everything that a look at a GPU needs, in one go of at most ten minutes, into one file:
#
#     bench/gpu.sh [FILE, default gpu.json] [--quick]
#
# The machine (nvidia-smi, `equipoise doctor`), the ops of every backend against the reference
# (test/tensor/conformance.test.ts), and training steps in float32 and bfloat16 on WebGPU and on the linked TensorFlow (CUDA
# where that is linked), beside PyTorch on the same GPU (EQUIPOISE_PYTHON, or python3, with torch for CUDA). What cannot be
# had is in the file with its reason. A part that takes too long is ended and says so. --quick shows that everything works,
# not how fast.
set -u
cd "$(dirname "$0")/.."
out=gpu.json
quick=
for word in "$@"; do
  case $word in --quick) quick=--quick ;; -*) echo "gpu.sh: $word is not known" >&2; exit 2 ;; *) out=$word ;; esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# part NAME SECONDS COMMAND...: its output, exit code (124: too long) and seconds
part() {
  local name=$1 limit=$2 began=$SECONDS
  shift 2
  echo "gpu.sh: $name, at most $limit s" >&2
  timeout --kill-after=5 "$limit" "$@" >"$work/$name.out" 2>"$work/$name.err"
  echo "$? $((SECONDS - began))" >"$work/$name.end"
}

part nvidia 20 nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
part doctor 60 node bin/equipoise.cjs doctor --json
part conformance 140 npx vitest run test/tensor/conformance.test.ts --reporter=json \
  --outputFile="$work/conformance.json"
for batch in 4 16; do
  part "bench$batch" 180 node bench/bench.cjs $quick --record "$work/bench$batch.json" \
    --only "stories15m,$batch,recorded,bfloat16,webgpu,webgpu-bfloat16,torch-gpu,torch-gpu-bfloat16"
done

node -r ts-node/register bench/gpuRecord.ts "$work" "$out"
