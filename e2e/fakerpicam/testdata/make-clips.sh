#!/bin/sh
# Makes the clips in this directory again, with ffmpeg and libx264: 60 pictures, a key frame each 30, parameter sets
# with each key frame.
set -eu
cd "$(dirname "$0")"

# encode X264-PARAMS: raw H.264 on stdout
encode() {
	ffmpeg -loglevel error -f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 60 -pix_fmt yuv420p -c:v libx264 -profile:v high \
		-x264-params "threads=1:scenecut=0:bframes=0:ref=1:keyint=30:min-keyint=30:bitrate=300:repeat-headers=1:$1" \
		-bsf:v filter_units=remove_types=6 -fflags +bitexact -flags:v +bitexact -f h264 -
}

# as the encoder of the Pi 0 to 4 does: one slice a picture
encode rc-lookahead=0 >whole.h264

# as libx264 does with --low-latency: four
encode rc-lookahead=0:slices=4 >sliced.h264
