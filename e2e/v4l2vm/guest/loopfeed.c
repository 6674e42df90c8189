// Feeds a v4l2loopback device: loopfeed DEVICE mjpeg|h264 WIDTH HEIGHT FPS CLIP
// The clip is played over and over. A late frame is sent at once, and the schedule restarts from it, without bursts.
#include "frames.h"
#include <linux/videodev2.h>
#include <sys/ioctl.h>

static int open_output(const char *path, int h264, int width, int height, int fps) {
	int fd = open(path, O_RDWR);
	if (fd < 0) die(path);
	struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
	f.fmt.pix.width = width;
	f.fmt.pix.height = height;
	f.fmt.pix.pixelformat = h264 ? V4L2_PIX_FMT_H264 : V4L2_PIX_FMT_MJPEG;
	f.fmt.pix.field = V4L2_FIELD_NONE;
	f.fmt.pix.sizeimage = width * height * 2;
	f.fmt.pix.colorspace = h264 ? V4L2_COLORSPACE_REC709 : V4L2_COLORSPACE_JPEG;
	if (ioctl(fd, VIDIOC_S_FMT, &f)) die("VIDIOC_S_FMT");
	struct v4l2_streamparm s = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
	s.parm.output.timeperframe = (struct v4l2_fract){1, fps};
	if (ioctl(fd, VIDIOC_S_PARM, &s)) die("VIDIOC_S_PARM");
	return fd;
}

int main(int argc, char **argv) {
	if (argc != 7) return 2;
	const char *kind = argv[2];
	int fps = atoi(argv[5]);
	if (fps < 1) return 2;
	struct clip c = load_clip(argv[6], kind, 0);
	int fd = open_output(argv[1], *kind == 'h', atoi(argv[3]), atoi(argv[4]), fps);
	obey_signals();
	long long step = 1000000000LL / fps, next = now_ns();
	for (int i = 0;; i = (i + 1) % c.n) {
		while (frozen) usleep(10000);
		if (write(fd, c.f[i].p, c.f[i].n) < 0) die("write");
		next += step;
		if (now_ns() > next) next = now_ns();
		struct timespec t = {next / 1000000000LL, next % 1000000000LL};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}
