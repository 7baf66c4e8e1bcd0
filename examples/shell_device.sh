#!/bin/sh
# A device in a few lines of shell: publishes one blood pressure over MQTT 5 and prints its verdict.
#   PASSWORD=… examples/shell_device.sh HOST PORT VENDOR/DEVICE SYSTOLIC DIASTOLIC
# Needs mosquitto_pub and mosquitto_sub (Debian: mosquitto-clients). Exit status 1 where no verdict came: send again.
set -eu

host=$1 port=$2 device=$3 systolic=$4 diastolic=$5
# In the user name a colon of the device's slug is written %3A; the topic has the slug itself.
user=$(printf %s "$device" | sed 's/:/%3A/g')
id="shell-$(date +%s)-$$"
at=$(date -Iseconds)

# A first, short visit makes the session: from then on the broker keeps our verdicts, whoever is quicker.
listen() {
  mosquitto_sub -h "$host" -p "$port" -V mqttv5 -q 1 -u "$user" -P "$PASSWORD" -i "shell-$device" \
    -c -x 3600 -t "phr/v1/$device/feedback" --will-topic "phr/v1/$device/status" \
    --will-payload '{"status":"offline"}' --will-qos 1 --will-retain "$@"
}
say() {
  mosquitto_pub -h "$host" -p "$port" -V mqttv5 -q 1 -u "$user" -P "$PASSWORD" "$@"
}

listen -E
say -r -t "phr/v1/$device/status" -m '{"status":"online"}'
say -t "phr/v1/$device/readings" -D publish content-type application/vnd.phr.readings+json -m \
  '{"id":"'"$id"'","readings":[{"metric":"blood-pressure","t":"'"$at"'","unit":"mm[Hg]",
    "value":{"systolic":'"$systolic"',"diastolic":'"$diastolic"'}}]}'
listen -W 20 -C 1
