#!/bin/sh
# Runs the real vLLM on this machine's GPU, through evallab, and prints what came out as JSON.
#
#     benchmarks/gpu_smoke.sh MODEL [VERSION]
#
# MODEL is a directory with a small model in Hugging Face's form. With VERSION evallab makes an environment for that
# vLLM, without it the vllm on PATH is used. EVALLAB names another evallab than the one on PATH.
# Exit codes: those of `evallab run`; 2 when there is no GPU, no model, or no evallab.
set -eu

refuse() {
    echo "gpu_smoke: $1" >&2
    exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || refuse "usage: $0 MODEL [VERSION]"
[ -f "$1/config.json" ] || refuse "$1 is no model: there is no config.json in it"
evallab=${EVALLAB:-evallab}
command -v "$evallab" >/dev/null || refuse "there is no evallab on PATH; set EVALLAB to its path"
command -v nvidia-smi >/dev/null || refuse "there is no GPU here: nvidia-smi is missing"
gpus=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null) ||
    refuse "there is no GPU here: nvidia-smi finds none"
[ -n "$gpus" ] || refuse "there is no GPU here: nvidia-smi lists none"

model=$(cd "$1" && pwd)
version=${2:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/job.yaml" <<YAML
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {name: gpu-smoke}
spec:
  model:
    name: gpu-smoke
    serve:
      runtime: vllm
      ${version:+version: "$version"}
      source: {path: "$model"}
      args: ["--gpu-memory-utilization", "0.5"]
  hardwareConfig: {gpu: {count: 1}}
  retries: 0
  benchmarks:
  - {providerId: lm_evaluation_harness, id: demo_arith, parameters: {limit: 50}}
  - {providerId: lm_evaluation_harness, id: demo_facts, parameters: {limit: 50}}
YAML
echo "$gpus" >&2
exit_code=0
"$evallab" run -f "$folder/job.yaml" --local --output json || exit_code=$?
"$evallab" show gpu-smoke --provenance --output json >&2 || true
if nvidia-smi --query-compute-apps=process_name --format=csv,noheader | grep -qi vllm; then
    echo "gpu_smoke: a process of vLLM still runs on the GPU" >&2
    exit_code=70
fi
exit "$exit_code"
