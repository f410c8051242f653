#!/usr/bin/env bash
# A Slurm cluster for tests, on loopback: one controller and two nodes, all on this machine, with GPUs that are none.
#   slurmCluster.sh start FOLDER PORT    needs root, slurmctld and slurmd; uses the ports PORT to PORT+3
#   slurmCluster.sh stop FOLDER          ends what start started, and its jobs
#   slurmCluster.sh fail FOLDER NODE     the power of a node goes: its daemon and all its processes die at once
#   slurmCluster.sh mend FOLDER NODE     the node comes back
# Commands of Slurm find the cluster by SLURM_CONF=FOLDER/slurm.conf. Everything lies in FOLDER.
set -euo pipefail

action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd -P)
export SLURM_CONF=$folder/slurm.conf
nodes=(n1 n2)

write_configuration() {
  local port=$1 host index
  host=$(hostname -s)
  mkdir -p "$folder/state" "$folder/pids" "$folder/logs" "$folder/devices"
  # Slurm wants character devices for GPUs, whatever is behind them: these are like /dev/null.
  for index in 0 1; do
    [ -c "$folder/devices/nvidia$index" ] || mknod "$folder/devices/nvidia$index" c 1 3
  done
  echo "NodeName=n[1-2] Name=gpu File=$folder/devices/nvidia[0-1] Flags=nvidia_gpu_env" >"$folder/gres.conf"
  cat >"$SLURM_CONF" <<END
ClusterName=equipoise
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
# one machine, one user: neither munge nor signed credentials; a short credential lets requeued jobs start again soon
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
# what a container lacks: cgroups, a mail program, an accounting data base
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/pids/slurmctld
SlurmdPidFile=$folder/pids/%n
SlurmctldLogFile=$folder/logs/slurmctld
SlurmdLogFile=$folder/logs/%n
# processors and memory as written below, however small the machine is
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=10
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
JobRequeue=1
ReturnToService=2
KillWait=5
MinJobAge=3600
MaxArraySize=9
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=1000 Gres=gpu:2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 3)) CPUs=2 RealMemory=1000 Gres=gpu:2
PartitionName=normal Nodes=n[1-2] Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=n[1-2] PriorityTier=9 PreemptMode=OFF
END
}

start_node() {
  mkdir -p "$folder/spool.$1"
  slurmd -N "$1"
}

# Waits up to 20 s until a command succeeds.
until_true() {
  local tries
  for tries in $(seq 200); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  return 1
}

is_up() { [[ "$(sinfo --noheader --Node --nodes="$1" --partition=normal --format=%T 2>/dev/null)" =~ ^(idle|mixed|allocated|completing)$ ]]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# Processes of jobs on one node, or on all: by the environment that this cluster gave them.
job_processes() {
  local entry
  for entry in /proc/[0-9]*; do
    if grep -zqxF "SLURM_CONF=$SLURM_CONF" "$entry/environ" 2>/dev/null && grep -zqxE "SLURMD_NODENAME=$1" "$entry/environ" 2>/dev/null; then
      echo "${entry#/proc/}"
    fi
  done
}

# The processes that watch over jobs have no such environment: they keep the log of their node open.
step_daemons() {
  local entry
  for entry in /proc/[0-9]*; do
    if [ "$(cat "$entry/comm" 2>/dev/null)" = slurmstepd ] && ls -l "$entry/fd" 2>/dev/null | grep -qE " $folder/logs/$1\$"; then
      echo "${entry#/proc/}"
    fi
  done
}

case $action in
  start)
    write_configuration "$3"
    slurmctld -c
    for node in "${nodes[@]}"; do start_node "$node"; done
    for node in "${nodes[@]}"; do
      until_true is_up "$node" || { echo "the node $node does not come up" >&2; tail -n 20 "$folder"/logs/* >&2; exit 1; }
    done
    ;;
  fail)
    for pid in $(cat "$folder/pids/$3") $(step_daemons "$3") $(job_processes "$3"); do kill -KILL "$pid" 2>/dev/null || true; done
    scontrol update NodeName="$3" State=DOWN Reason="power"
    ;;
  mend)
    start_node "$3"
    until_true is_up "$3" || scontrol update NodeName="$3" State=RESUME
    ;;
  stop)
    scancel --quiet --user="$(id -u)" 2>/dev/null || true
    sleep 0.5
    for pid in $(step_daemons '.*') $(job_processes '.*'); do kill -KILL "$pid" 2>/dev/null || true; done
    daemons=$(cat "$folder"/pids/* 2>/dev/null || true)
    for pid in $daemons; do kill "$pid" 2>/dev/null || true; done
    for pid in $daemons; do until_true is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true; done
    ;;
  *)
    echo "usage: slurmCluster.sh start|fail|mend|stop FOLDER [PORT|NODE]" >&2
    exit 2
    ;;
esac
