#!/usr/bin/env bash
# Starts one real Kafka broker (KRaft, broker + controller in one process) on the
# loopback address and returns when it answers. Safe to call again while it runs.
#   start.sh [DATA_DIR]          default: var/kafka of this checkout
# Environment: KAFKA_PORT (19092), KAFKA_CONTROLLER_PORT (KAFKA_PORT+1),
#   KAFKA_HEAP (256m), KAFKA_JARS (the user's cache: one download for all), KAFKA_START_TIMEOUT (60 s),
#   KAFKA_EXTRA (more lines for server.properties, which win over those below),
#   KAFKA_FORMAT (more arguments for the storage tool, such as --add-scram ..., one a line).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/../../var/kafka}; mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
port=${KAFKA_PORT:-19092}
cport=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
jars=${KAFKA_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/tribune/kafka-jars}
heap=${KAFKA_HEAP:-256m}
conf=$dir/server.properties; log=$dir/server.log; pidf=$dir/pid; readyf=$dir/ready

exec 9>"$dir/lock"; flock 9                      # two callers at once: one starts it

running() {                                      # our pid, and still our broker
  local p; p=$(cat "$pidf" 2>/dev/null) || return 1
  [[ -n $p ]] && tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF "kafka.Kafka $conf"
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$(cat "$readyf")") 2>/dev/null; }

if running && [[ -f $readyf ]] && answers; then
  echo "kafka: already running, pid $(cat "$pidf"), 127.0.0.1:$(cat "$readyf")"; exit 0
fi
running && { echo "kafka: pid $(cat "$pidf") runs but is not ready; stop it first" >&2; exit 1; }
rm -f "$pidf" "$readyf"

command -v java >/dev/null || { echo "kafka: no java (17 or newer) on PATH" >&2; exit 1; }
want=$(cksum <"$here/pom.xml")                   # a changed pom.xml fetches again
mkdir -p "$jars"
(
  flock 8                                        # several checkouts share one download
  if [[ "$(cat "$jars/.pom" 2>/dev/null)" != "$want" ]]; then
    command -v mvn >/dev/null || { echo "kafka: no mvn (Maven) on PATH, which fetches the jars" >&2; exit 1; }
    rm -f "$jars"/*.jar
    mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$jars" >"$dir/mvn.log" 2>&1 8>&- 9>&- ||
      { tail -n 20 "$dir/mvn.log" >&2; echo "kafka: could not get the jars" >&2; exit 1; }
    echo "$want" >"$jars/.pom"
  fi
) 8>"$jars/.lock"

cat >"$conf" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$cport
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$cport
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=1
# one broker: every internal topic must get by with one replica
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
min.insync.replicas=1
# tests: no 3 s wait before the first assignment, short sessions allowed
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# after kill -9 a restart waits until the controller has given up the old session (9 s by default)
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# a dead producer's open transaction is ended within 1 s of its timeout (10 s by default)
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# fits the small heap (128 MiB by default)
log.cleaner.dedupe.buffer.size=8388608
${KAFKA_EXTRA:-}
EOF
cat >"$dir/log4j2.properties" <<EOF
appender.f.type=File
appender.f.name=f
appender.f.fileName=$log
appender.f.append=true
appender.f.layout.type=PatternLayout
appender.f.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=INFO
rootLogger.appenderRef.f.ref=f
EOF

jvm=(java "-Xms$heap" "-Xmx$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1
     -Djava.awt.headless=true "-Dlog4j2.configurationFile=$dir/log4j2.properties" -cp "$jars/*")

if [[ ! -f $dir/data/meta.properties ]]; then
  more=(); [[ -z ${KAFKA_FORMAT:-} ]] || mapfile -t more <<<"$KAFKA_FORMAT"
  "${jvm[@]}" kafka.tools.StorageTool format --config "$conf" "${more[@]}" \
      --cluster-id "${KAFKA_CLUSTER_ID:-AAAAAAAAAAAAAAAAAAAAAQ}" >"$dir/format.log" 2>&1 ||
    { cat "$dir/format.log" >&2; exit 1; }
fi

[[ -f $log ]] && mv -f "$log" "$log.old"
setsid nohup "${jvm[@]}" kafka.Kafka "$conf" >"$dir/stdout.log" 2>&1 </dev/null 9>&- &
echo $! >"$pidf"
deadline=$((SECONDS + ${KAFKA_START_TIMEOUT:-60}))
until grep -qs 'Kafka Server started' "$log"; do
  if ! running && sleep 0.3 && ! running; then
    echo "kafka: it stopped while starting (port taken? see $log):" >&2
    grep -hE ' ERROR |Exception' "$dir/stdout.log" "$log" 2>/dev/null | head -n 8 >&2 || true
    rm -f "$pidf"; exit 1
  fi
  if ((SECONDS >= deadline)); then
    echo "kafka: not ready in time; see $log" >&2; kill -9 "$(cat "$pidf")" || true; rm -f "$pidf"; exit 1
  fi
  sleep 0.1
done
echo "$port" >"$readyf"
echo "kafka: ready, pid $(cat "$pidf"), 127.0.0.1:$port, log $log"
