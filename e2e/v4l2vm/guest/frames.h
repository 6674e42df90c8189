// What loopfeed and uvccam share: the frames of a clip, the clock, and freezing.
// A clip is JPEGs one after another, or Annex B with a delimiter before each access unit, or raw pictures of one size.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct frame { const unsigned char *p; size_t n; };
struct clip { struct frame *f; int n; };

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void add_frame(struct clip *c, const unsigned char *p, const unsigned char *end) {
	if (!(c->n & 255)) c->f = realloc(c->f, (c->n + 256) * sizeof *c->f);
	c->f[c->n++] = (struct frame){p, end - p};
}

static unsigned char *read_file(const char *path, size_t *size) {
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) die(path);
	unsigned char *m = malloc(st.st_size + 1);
	for (off_t got = 0, k; got < st.st_size; got += k)
		if ((k = read(fd, m + got, st.st_size - got)) <= 0) die(path);
	close(fd);
	*size = st.st_size;
	return m;
}

// load_clip reads a clip of kind "mjpeg", "h264" or "yuyv"; size is that of a raw picture.
static struct clip load_clip(const char *path, const char *kind, size_t size) {
	struct clip c = {0};
	size_t total;
	unsigned char *m = read_file(path, &total), *end = m + total, *p, *from = NULL;
	switch (*kind) {
	case 'y':
		for (p = m; p + size <= end; p += size) add_frame(&c, p, p + size);
		break;
	case 'm': // from SOI to EOI
		for (p = m; p + 1 < end; p++) {
			if (p[0] == 0xff && p[1] == 0xd8) {
				from = p;
			} else if (p[0] == 0xff && p[1] == 0xd9 && from) {
				add_frame(&c, from, p + 2);
				from = NULL;
			}
		}
		break;
	case 'h': // from the byte behind one delimiter (00 00 00 01 09 xx) up to the next
		for (p = m; p + 5 < end; p++)
			if (!memcmp(p, "\0\0\0\1\11", 5)) {
				if (from) add_frame(&c, from, p);
				from = p + 6;
			}
		if (from) add_frame(&c, from, end);
	}
	if (!c.n) {
		fprintf(stderr, "%s: no frames\n", path);
		exit(1);
	}
	return c;
}

static long long now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static volatile sig_atomic_t frozen;

static void on_signal(int sig) { frozen = sig == SIGUSR1; }

// obey_signals: USR1 stops the frames, USR2 lets them go on.
static void obey_signals(void) {
	struct sigaction a = {.sa_handler = on_signal};
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGUSR2, &a, NULL);
}
