#!/bin/sh
# Saves every picture of a camera, with NATS' command line tool: NATS_URL=nats://127.0.0.1:4222 save.sh porch DIR
# [HOW-MANY-MESSAGES]
set -eu
if [ $# -lt 2 ]; then
  echo "usage: save.sh CAMERA DIR [HOW-MANY-MESSAGES]" >&2
  exit 2
fi
SAVE_DIR=$2
export SAVE_DIR
# Each message goes through a shell of its own, which is enough for some pictures a second. An empty message is the
# agent's question for interest.
# shellcheck disable=SC2016 # the inner shell's
exec nats sub "cam.$1.jpeg" ${3:+--count "$3"} --translate "sh -c '"'f=$SAVE_DIR/$(date +%s%N); cat > $f.part; if [ -s $f.part ]; then mv $f.part $f.jpeg; else rm $f.part; fi'"'"
