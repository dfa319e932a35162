#!/usr/bin/env bash
# Stops the broker that start.sh started. Safe to call when none runs.
#   stop.sh [DATA_DIR]   default: var/kafka of this checkout; the data stays
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/../../var/kafka}
[[ -d $dir ]] || { echo "kafka: not running"; exit 0; }
dir=$(cd "$dir" && pwd)
exec 9>"$dir/lock"; flock 9
pid=$(cat "$dir/pid" 2>/dev/null || true)
ours() { [[ -n $pid ]] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "kafka.Kafka $dir/server.properties"; }
if ours; then
  kill "$pid"
  for ((i = 0; i < ${KAFKA_STOP_TIMEOUT:-30} * 10; i++)); do ours || break; sleep 0.1; done
  if ours; then echo "kafka: did not stop in time, killing $pid" >&2; kill -9 "$pid"; while ours; do sleep 0.1; done; fi
  echo "kafka: stopped"
else
  echo "kafka: not running"
fi
rm -f "$dir/pid" "$dir/ready"
