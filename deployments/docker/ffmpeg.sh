#!/bin/sh
# Builds a static ffmpeg with only what the hub asks of it, for the image hub-ffmpeg. It runs in the build stage, which
# is Debian. The source is Debian's, with its security patches.
#
#   ffmpeg.sh ARCH ROOT      ARCH as Docker writes it: amd64, arm64, armv7. ROOT gets usr/bin/ffmpeg and usr/share/doc
#
# What is enabled below follows the command lines in hub/internal/transcode/args.go. vaapi and nvenc are not in it:
# they need drivers of the host. e2e/docker runs every rendition in the image.
set -eu
root=$2
case $1 in
amd64) debian=amd64 triplet=x86_64-linux-gnu compiler='gcc libc6-dev nasm' options='' ;;
arm64*)
	debian=arm64 triplet=aarch64-linux-gnu compiler='gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
	options='--arch=aarch64'
	;;
armv7)
	debian=armhf triplet=arm-linux-gnueabihf compiler='gcc-arm-linux-gnueabihf libc6-dev-armhf-cross'
	options='--arch=arm'
	;;
*)
	echo "ffmpeg.sh: unknown architecture $1: known are amd64, arm64 and armv7" >&2
	exit 2
	;;
esac

export DEBIAN_FRONTEND=noninteractive
sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources
dpkg --add-architecture "$debian"
apt-get update -qq
# shellcheck disable=SC2086 # several packages
apt-get install -qq --no-install-recommends dpkg-dev pkg-config $compiler "libx264-dev:$debian" >/dev/null
mkdir -p "$root/usr/bin" "$root/usr/share/doc/ffmpeg" "$root/usr/share/doc/x264" "$root/usr/share/doc/glibc"
cd "$(mktemp -d)"
apt-get source -qq ffmpeg
cd ffmpeg-*/

version=$(dpkg-parsechangelog -S Version)
if [ "$debian" != "$(dpkg --print-architecture)" ]; then
	options="$options --enable-cross-compile --target-os=linux --cross-prefix=$triplet-"
fi
# shellcheck disable=SC2086 # several options
set -- $options --prefix=/usr --extra-version="${version##*-}" \
	--pkg-config=pkg-config --pkg-config-flags=--static --extra-ldflags=-static \
	--disable-autodetect --disable-everything --disable-doc --disable-debug --disable-network \
	--disable-ffplay --disable-ffprobe --disable-avdevice --disable-postproc --disable-swresample \
	--enable-gpl --enable-libx264 --enable-v4l2-m2m \
	--enable-protocol=pipe \
	--enable-demuxer=matroska \
	--enable-muxer=tee,framecrc,mjpeg,h264 \
	--enable-decoder=h264,mjpeg,h264_v4l2m2m \
	--enable-encoder=libx264,mjpeg,h264_v4l2m2m \
	--enable-parser=h264,mjpeg \
	--enable-filter=select,scale,transpose,hflip,vflip,format
PKG_CONFIG_LIBDIR=/usr/lib/$triplet/pkgconfig:/usr/share/pkgconfig ./configure "$@" >configure.log ||
	{ tail -n 20 ffbuild/config.log >&2; exit 1; }
make -s -j"$(nproc)" ffmpeg
install -s --strip-program="$triplet-strip" ffmpeg "$root/usr/bin/ffmpeg"

# ffmpeg with x264 is under the GPL. Its source is what Debian has under this version.
cp debian/copyright "$root/usr/share/doc/ffmpeg/copyright"
cp "/usr/share/doc/libx264-dev/copyright" "$root/usr/share/doc/x264/copyright"
cp "/usr/share/doc/libc6/copyright" "$root/usr/share/doc/glibc/copyright"
cat >"$root/usr/share/doc/ffmpeg/source" <<END
/usr/bin/ffmpeg is a static program under the GNU General Public License, version 2 or later.
It was built by deployments/docker/ffmpeg.sh of Bramble from these packages of Debian:

  ffmpeg $version
  x264 $(dpkg-query -W -f '${source:Version}' "libx264-dev:$debian")
  glibc $(dpkg-query -W -f '${source:Version}' libc6)

Their source is at https://snapshot.debian.org. ffmpeg was configured with:

  $*
END
