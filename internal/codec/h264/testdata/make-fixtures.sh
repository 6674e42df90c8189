#!/bin/sh
# Makes the .h264 files in this directory again, with ffmpeg and libx264. Another version of x264 gives other bytes, but
# the same numbers of pictures, key frames and NALUs, which is what the tests look at.
set -eu
cd "$(dirname "$0")"

# encode SIZE PICTURES X264-PARAMS: raw H.264 on stdout
encode() {
	ffmpeg -loglevel error -f lavfi -i "testsrc=size=$1:rate=25" -frames:v "$2" -pix_fmt yuv420p -c:v libx264 \
		-x264-params "threads=1:scenecut=0:crf=35:$3" -fflags +bitexact -flags:v +bitexact -f h264 -
}

# 24 pictures of 4 slices, an access unit delimiter before each, 3 key frames
encode 160x96 24 keyint=8:min-keyint=8:bframes=0:slices=4:aud=1 >slices.h264

# 10 pictures of 160x96, then 10 of 96x64 whose parameter sets have the same ids; 4 key frames
{
	encode 160x96 10 keyint=5:min-keyint=5:bframes=0
	encode 96x64 10 keyint=5:min-keyint=5:bframes=0
} >change.h264

# the same, but the second half has SPS 3 and PPS 3
{
	encode 160x96 10 keyint=5:min-keyint=5:bframes=0
	encode 96x64 10 keyint=5:min-keyint=5:bframes=0:sps-id=3
} >ids.h264

# 12 pictures with B-frames, 1 key frame
encode 160x96 12 keyint=12:bframes=2 >bframes.h264

# 6 pictures of 68 slices, one for each row of macroblocks as at 1080p, 2 key frames
encode 16x1088 6 keyint=3:min-keyint=3:bframes=0:slices=68 >rows.h264
