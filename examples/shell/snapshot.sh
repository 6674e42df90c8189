#!/bin/sh
# Asks a camera for one picture, taken now, with NATS' command line tool: NATS_URL=nats://127.0.0.1:4222 snapshot.sh
# porch > porch.jpeg Rather this than "nats sub --count 1": of a camera that was idle, the first message is a question
# without a picture.
set -eu
if [ $# -ne 1 ]; then
  echo "usage: snapshot.sh CAMERA > FILE" >&2
  exit 2
fi
exec nats req "cam.$1.do.snapshot" '' --raw --timeout 6s
