#!/usr/bin/env bash
# Everything that a look at a GPU needs, in one go of at most ten minutes, into one file:
#
#     bench/gpu.sh [FILE, default gpu.json] [--quick]
#
# The machine (nvidia-smi, `equipoise doctor`), the ops of every backend against the reference (test/tensor/conformance.test.ts), and
# training steps in float32 and bfloat16 on WebGPU and on the linked TensorFlow (CUDA where that is linked), beside PyTorch on
# the same GPU (EQUIPOISE_PYTHON, or python3, with torch for CUDA). What cannot be had is in the file with its reason. A part
# that takes too long is ended and says so. --quick shows that everything works, not how fast.
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
part conformance 140 npx vitest run test/tensor/conformance.test.ts --reporter=json --outputFile="$work/conformance.json"
for batch in 4 16; do
  part "bench$batch" 180 node bench/bench.cjs $quick --record "$work/bench$batch.json" \
    --only "stories15m,$batch,recorded,bfloat16,webgpu,webgpu-bfloat16,torch-gpu,torch-gpu-bfloat16"
done

node -e '
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const [work, out] = process.argv.slice(1);
const read = (name) => (existsSync(`${work}/${name}`) ? readFileSync(`${work}/${name}`, "utf8") : "");
const json = (name) => { try { return JSON.parse(read(name)); } catch { return null; } };
const part = (name, found) => {
  const [code, seconds] = read(`${name}.end`).trim().split(" ").map(Number);
  const said = read(`${name}.err`).trim().split("\n").slice(-5).join("\n");
  return { code, seconds, ...(code === 124 ? { problem: "took too long" } : {}), ...(code !== 0 && said ? { said } : {}), found };
};
const tests = json("conformance.json");
const count = (status) => tests.testResults.flatMap((file) => file.assertionResults).filter((one) => one.status === status);
const conformance = tests && {
  passed: count("passed").length,
  skipped: count("pending").length + count("skipped").length,
  failed: count("failed").map(({ fullName, failureMessages }) => ({ name: fullName, why: String(failureMessages[0]).split("\n")[0] })),
};
writeFileSync(out, `${JSON.stringify({
  format: "equipoise-gpu/1",
  date: new Date().toISOString(),
  nvidia: part("nvidia", read("nvidia.out").trim().split("\n").filter(Boolean)),
  doctor: part("doctor", json("doctor.out")),
  conformance: part("conformance", conformance),
  bench: [4, 16].map((batch) => ({ batch, ...part(`bench${batch}`, json(`bench${batch}.json`)) })),
}, null, 1)}\n`);
console.log(`wrote ${out}`);
' "$work" "$out"
