#!/bin/sh
# Makes restart.jpeg again, with ffmpeg: 96x64 in 4 slices, so that restart markers (RST0-RST2) stand in the coded data.
set -eu
cd "$(dirname "$0")"
ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=96x64 -frames:v 1 -c:v mjpeg -q:v 8 -slices 4 -threads 4 -thread_type slice \
	-bitexact restart.jpeg
