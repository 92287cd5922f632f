# shellcheck shell=bash disable=SC2034  # the variables are used by the scripts that source this file
# Settings and functions of the test cluster's scripts; sourced by each, never run by itself.

KIT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Settings: what the environment says, else these.
: "${EVALLAB_CLUSTER_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/evallab-cluster}" # what was built; survives `down`
: "${EVALLAB_CLUSTER_NAME:=evallab}"          # cluster and node (at most 12 characters: it names a network link)
: "${EVALLAB_CLUSTER_RUN:=$EVALLAB_CLUSTER_CACHE/run/$EVALLAB_CLUSTER_NAME}" # one cluster's state; `down` removes it
: "${EVALLAB_CLUSTER_NET:=10.77}"             # first two octets of every address the cluster uses
: "${EVALLAB_CLUSTER_PORT:=16440}"            # first of nine consecutive host ports
: "${EVALLAB_CLUSTER_APISERVER_ARGS:=}"       # more words for the API server
: "${EVALLAB_CLUSTER_CNI:=$(for d in /usr/lib/cni /opt/cni/bin; do [[ -x $d/ptp ]] && echo $d && break; done)}"

CACHE=$EVALLAB_CLUSTER_CACHE
NAME=$EVALLAB_CLUSTER_NAME
RUN=$EVALLAB_CLUSTER_RUN
NET=$EVALLAB_CLUSTER_NET
PORT=$EVALLAB_CLUSTER_PORT
CNI=$EVALLAB_CLUSTER_CNI

K8S_VERSION=v1.36.3                           # keep in step with go/go.mod
BASE_IMAGE_NAME=localhost/python-base:1
BIN=$CACHE/bin
LOG=$RUN/log
PIDS=$RUN/pids

HOST_IP=$NET.0.1                              # host end of the link to the node; pods reach host processes here
NODE_IP=$NET.0.2                              # node end of the link
POD_CIDR=$NET.16.0/20
SERVICE_CIDR=$NET.128.0/20
ETCD_PORT=$PORT
ETCD_PEER_PORT=$((PORT + 1))
API_PORT=$((PORT + 3))
CM_PORT=$((PORT + 4))
SCHEDULER_PORT=$((PORT + 5))
KWOK_PORT=$((PORT + 6))
CGROUP=evallab-$NAME                          # parent of every pod cgroup, in each controller
LINK=el-$NAME

export KUBECONFIG=$RUN/admin.kubeconfig
export PATH=$BIN:$PATH:/usr/sbin:/sbin

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# start NAME COMMAND...: run in the background with a log file and a recorded PID.
start() {
    local name=$1
    shift
    setsid "$@" >"$LOG/$name.log" 2>&1 </dev/null &
    # The start time guards against killing a stranger who got the PID later.
    echo "$! $(awk '{print $22}' "/proc/$!/stat")" >"$PIDS/$name"
}

# alive NAME: the recorded process still runs (and is the one we started).
alive() {
    local pid born
    [[ -e $PIDS/$1 ]] && read -r pid born <"$PIDS/$1" || return 1
    [[ $(awk '$3 != "Z" {print $22}' "/proc/$pid/stat" 2>/dev/null) == "$born" ]]
}

# stop NAME...: TERM to all, two seconds of patience (the state is thrown away anyhow), KILL.
stop() {
    local name pid _ patience=20
    for name in "$@"; do
        ! alive "$name" || { read -r pid _ <"$PIDS/$name"; kill -TERM "$pid" 2>/dev/null || true; }
    done
    for name in "$@"; do
        while alive "$name" && ((patience-- > 0)); do sleep 0.1; done
        ! alive "$name" || { read -r pid _ <"$PIDS/$name"; kill -KILL "$pid" 2>/dev/null || true; }
        while alive "$name"; do sleep 0.05; done
        rm -f "$PIDS/$name"
    done
}

# wait_for SECONDS NAME WHAT COMMAND...: poll until COMMAND succeeds; NAME must stay alive meanwhile.
wait_for() {
    local seconds=$1 name=$2 what=$3 deadline
    shift 3
    deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        alive "$name" || { tail -n 20 "$LOG/$name.log" >&2; die "$name died while waiting for: $what"; }
        ((SECONDS < deadline)) || { tail -n 20 "$LOG/$name.log" >&2; die "no $what within $seconds s"; }
        sleep 0.2
    done
}

# render FILE: fill the @NAME@ placeholders of a template in config/ from the shell variables.
render() {
    local text name
    text=$(<"$KIT_DIR/config/$1")
    for name in RUN NAME HOST_IP NODE_IP POD_CIDR API_PORT CGROUP CNI; do
        text=${text//@$name@/${!name-}}
    done
    printf '%s\n' "$text"
}

ctr_node() { ctr --address "$RUN/containerd.sock" --namespace k8s.io "$@"; }

# alone WHAT: wait until no other one builds it.
alone() {
    mkdir -p "$CACHE"
    exec {BUILDING}>"$CACHE/$1.lock"
    flock "$BUILDING"
}
