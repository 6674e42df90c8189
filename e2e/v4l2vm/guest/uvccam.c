// A USB webcam: a device on vhci_hcd (USB/IP), its far end served by this process over a socketpair, so that the guest's uvcvideo enumerates and
// drives it as any other camera. Bulk streaming. The camera is unplugged when the process ends. (dummy_hcd with usb_f_uvc cannot stream: dummy_hcd fails
// all isochronous transfers, and usb_f_uvc of 6.1 has no bulk endpoint.)
//
//   uvccam KIND:WIDTHxHEIGHT:CLIP[:bare]...    KIND is mjpeg, yuyv or h264
//
// bare makes JPEGs as many webcams send them: without Huffman tables, and with padding behind. The camera speaks UVC 1.1, with 30, 15 and 10 fps for each
// size, and has controls of the camera and of the processing unit that keep their values and do nothing more.
#include "frames.h"
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

static const uint32_t intervals[] = {333333, 666666, 1000000};
enum { NINT = 3 };

static struct mode { const char *kind; int w, h, format, frame; size_t max; struct clip clip; } modes[16];
static int nmodes;
static uint8_t config[1024], device[] = {
	18, 1, 0x00, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 0x02, 0x01, 0x00, 1, 1, 2, 3, 1};
static const char *strings[] = {"v4l2vm", "Rig UVC Camera", "V4L2VM0001"};
static int nconfig;

static void b8(int v) { config[nconfig++] = v; }
static void b16(int v) { b8(v & 255); b8(v >> 8 & 255); }
static void b32(uint32_t v) { b16(v & 65535); b16(v >> 16); }
static void bytes(const char *p, int n) { memcpy(config + nconfig, p, n); nconfig += n; }
static void put16(int at, int v) { config[at] = v; config[at + 1] = v >> 8; }

static void descriptors(void) {
	int formats = modes[nmodes - 1].format, at;
	bytes("\x09\x02\0\0\x02\x01\0\x80\xfa", 9);             // configuration, 500 mA
	bytes("\x08\x0b\0\x02\x0e\x03\0\x02", 8);                // association: video
	bytes("\x09\x04\0\0\0\x0e\x01\0\x02", 9);                // control interface
	at = nconfig;
	bytes("\x0d\x24\x01\x10\x01\0\0\0\x6c\xdc\x02\x01\x01", 13);
	bytes("\x12\x24\x02\x01\x01\x02\0\0\0\0\0\0\0\0\x03", 15); // camera terminal 1:
	b8(0x0a), b8(0x02), b8(0);                               //   exposure mode and time, zoom
	bytes("\x0c\x24\x05\x02\x01\0\0\x02", 8);                // processing unit 2:
	b8(0x5f), b8(0x16), b8(0), b8(0);                        //   see controls[]
	bytes("\x09\x24\x03\x03\x01\x01\0\x02\0", 9);            // output terminal 3
	put16(at + 5, nconfig - at);
	bytes("\x09\x04\x01\0\x01\x0e\x02\0\0", 9);              // streaming interface
	at = nconfig;
	b8(13 + formats), b8(0x24), b8(1), b8(formats), b16(0), b8(0x81), b8(0), b8(3), b8(0), b8(0), b8(0), b8(1);
	for (int i = 0; i < formats; i++) b8(0);
	for (int i = 0; i < nmodes; i++) {
		struct mode *m = &modes[i];
		int n = 0, h264 = *m->kind == 'h', yuyv = *m->kind == 'y';
		if (m->frame == 1) {
			for (int j = i; j < nmodes && modes[j].format == m->format; j++) n++;
			b8(h264 ? 28 : yuyv ? 27 : 11), b8(0x24), b8(h264 ? 0x10 : yuyv ? 4 : 6), b8(m->format), b8(n);
			if (h264 || yuyv) {
				bytes(h264 ? "H264" : "YUY2", 4);
				bytes("\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 12), b8(16);
			} else b8(1);
			b8(1), b32(0);
			if (h264) b8(1);
		}
		b8(26 + 4 * NINT), b8(0x24), b8(h264 ? 0x11 : yuyv ? 5 : 7), b8(m->frame), b8(0), b16(m->w), b16(m->h);
		b32(m->max * 80), b32(m->max * 240);
		if (!h264) b32(m->max);
		b32(intervals[0]), b8(NINT);
		if (h264) b32(0);
		for (int j = 0; j < NINT; j++) b32(intervals[j]);
		if (!h264 && (i + 1 == nmodes || modes[i + 1].format != m->format)) bytes("\x06\x24\x0d\x01\x01\x04", 6);
	}
	put16(at + 4, nconfig - at);
	bytes("\x07\x05\x81\x02\0\x02\0", 7);                    // bulk IN, 512 bytes
	put16(2, nconfig);
}

static struct control { uint8_t entity, cs, len; int32_t min, max, res, def, cur; } controls[] = {
	{1, 0x02, 1, 0, 0, 0x09, 8, 8},            // auto exposure mode (res: those there are)
	{1, 0x04, 4, 3, 2047, 1, 250, 250},        // exposure time
	{1, 0x0b, 2, 100, 400, 1, 100, 100},       // zoom
	{2, 0x02, 2, -64, 64, 1, 0, 0},            // brightness
	{2, 0x03, 2, 0, 64, 1, 32, 32},            // contrast
	{2, 0x06, 2, -40, 40, 1, 0, 0},            // hue
	{2, 0x07, 2, 0, 128, 1, 64, 64},           // saturation
	{2, 0x08, 2, 0, 6, 1, 3, 3},               // sharpness
	{2, 0x0a, 2, 2800, 6500, 1, 4600, 4600},   // white balance temperature
	{2, 0x04, 2, 0, 100, 1, 0, 0},             // gain
	{2, 0x05, 1, 0, 2, 1, 1, 1},               // power line frequency
	{2, 0x0b, 1, 0, 1, 1, 1, 1},               // automatic white balance
};

// make_bare takes the Huffman tables out of a clip's JPEGs and adds 1 to 512 bytes of padding behind.
static void make_bare(struct clip *c) {
	for (int i = 0; i < c->n; i++) {
		const unsigned char *p = c->f[i].p, *end = p + c->f[i].n;
		unsigned char *out = calloc(1, c->f[i].n + 512), *o = out;
		memcpy(o, p, 2), o += 2, p += 2;                           // SOI
		while (p + 4 <= end && p[1] != 0xda) {                     // segments up to SOS
			size_t n = 2 + (p[2] << 8 | p[3]);
			if (p[1] != 0xc4) memcpy(o, p, n), o += n;
			p += n;
		}
		memcpy(o, p, end - p), o += end - p;
		c->f[i] = (struct frame){out, ((o - out) / 512 + 1) * 512};
	}
}

// The stream.
static struct mode *mode, *probed;
static uint32_t interval = 333333;
static long long next;
static struct clip *playing;
static int index_, fid;
static size_t sent;
static int busy;
static struct urb { uint32_t seq; int len; } urbs[64];
static int nurbs;
static int sock;

static void xwrite(const void *p, size_t n) {
	for (ssize_t k; n; n -= k, p = (const char *)p + k)
		if ((k = write(sock, p, n)) < 0) { if (errno != EINTR) die("usbip write"); k = 0; }
}
static int xread(void *p, size_t n) {
	for (ssize_t k; n; n -= k, p = (char *)p + k) {
		if ((k = read(sock, p, n)) == 0) return 0;
		if (k < 0) { if (errno != EINTR) return 0; k = 0; }
	}
	return 1;
}
static void reply(uint32_t cmd, uint32_t seq, int status, int actual) {
	uint32_t h[12] = {htobe32(cmd), htobe32(seq), 0, 0, 0, htobe32(status), htobe32(actual)};
	xwrite(h, sizeof h);
}

// One URB's worth of the frame being sent: 2 bytes of header, then the frame; a
// URB that is not full ends it.
static void serve(void) {
	if (!nurbs) return;
	long long now = now_ns();
	if (!busy) {
		if (frozen) return;
		if (now < next) return;
		next += interval * 100LL;
		if (next < now) next = now + interval * 100LL;
		if (playing != &mode->clip) playing = &mode->clip, index_ = 0;
		busy = 1, sent = 0, fid ^= 1;
	}
	struct frame *f = &playing->f[index_ % playing->n];
	while (busy && nurbs) {
		struct urb u = urbs[0];
		memmove(urbs, urbs + 1, --nurbs * sizeof *urbs);
		int head = sent == 0 ? 2 : 0, n = f->n - sent;
		if (n > u.len - head) n = u.len - head;
		uint8_t h[2] = {2, 0x80 | 0x02 | fid};
		reply(3, u.seq, 0, head + n);
		if (head) xwrite(h, 2);
		xwrite(f->p + sent, n);
		sent += n;
		if (head + n < u.len) busy = 0, index_++;
	}
}

static int probe(uint8_t *d, const uint8_t *asked) {
	static uint32_t iv;
	struct mode *m = probed;
	if (!iv) iv = intervals[0];
	if (asked) {
		uint32_t want;
		memcpy(&want, asked + 4, 4);
		for (int i = nmodes - 1; i >= 0; i--)
			if (modes[i].format == asked[2] && (modes[i].frame == asked[3] || modes[i].frame == 1)) {
				m = &modes[i];
				if (modes[i].frame == asked[3]) break;
			}
		iv = intervals[0];
		for (int i = 0; i < NINT; i++)
			if (want >= intervals[i]) iv = intervals[i];
	}
	memset(d, 0, 34);
	d[0] = 1, d[2] = m->format, d[3] = m->frame;
	memcpy(d + 4, &iv, 4);
	uint32_t size = m->max, payload = m->max + 2;
	memcpy(d + 18, &size, 4), memcpy(d + 22, &payload, 4);
	d[30] = 3, d[31] = 1;
	probed = m;
	return 34;
}

// Control request: length of the answer in d, or -1 to stall.
static int request(const uint8_t *s, uint8_t *d) {
	int type = s[0], req = s[1], value = s[2] | s[3] << 8, index = s[4] | s[5] << 8;
	static uint8_t conf;
	if (type == 0x80 && req == 6) {
		int n = value & 255;
		switch (value >> 8) {
		case 1: memcpy(d, device, 18); return 18;
		case 2: memcpy(d, config, nconfig); return nconfig;
		case 3:
			if (n == 0) { memcpy(d, "\4\3\x09\4", 4); return 4; }
			if (n > 3) return -1;
			d[0] = 2 + 2 * strlen(strings[n - 1]), d[1] = 3;
			for (int i = 0; strings[n - 1][i]; i++) d[2 + 2 * i] = strings[n - 1][i], d[3 + 2 * i] = 0;
			return d[0];
		}
		return -1;
	}
	if (type == 0x80 && req == 8) { d[0] = conf; return 1; }
	if ((type & 0x60) == 0 && type & 0x80) { memset(d, 0, 2); return req == 0 ? 2 : 1; } // GET_STATUS, GET_INTERFACE
	if (type == 0 && req == 9) { conf = value; return 0; }
	if ((type & 0x60) == 0) {                                 // SET_INTERFACE, CLEAR_FEATURE
		if (type == 2 && req == 1) busy = 0, next = 0;
		return 0;
	}
	if ((type & 0x7f) != 0x21) return -1;
	int cs = value >> 8;
	if ((index & 255) == 1) {
		if (cs != 1 && cs != 2) return -1;
		if (req == 0x01) {
			uint8_t o[34];
			probe(o, d);
			if (cs == 2) memcpy(&interval, o + 4, 4), mode = probed, playing = NULL, busy = 0, next = 0;
			return 0;
		}
		if (req == 0x85) { d[0] = 34, d[1] = 0; return 2; }
		if (req == 0x86) { d[0] = 3; return 1; }
		return probe(d, NULL);
	}
	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
		struct control *c = &controls[i];
		if (c->entity != index >> 8 || c->cs != cs) continue;
		int32_t v = 0;
		switch (req) {
		case 0x01:
			memcpy(&v, d, c->len);
			if (c->len == 2 && c->min < 0) v = (int16_t)v;
			c->cur = v;
			return 0;
		case 0x81: v = c->cur; break;
		case 0x82: v = c->min; break;
		case 0x83: v = c->max; break;
		case 0x84: v = c->res; break;
		case 0x85: d[0] = c->len, d[1] = 0; return 2;
		case 0x86: d[0] = 3; return 1;
		case 0x87: v = c->def; break;
		default: return -1;
		}
		memcpy(d, &v, c->len);
		return c->len;
	}
	return -1;
}

static int add_mode(const char *arg) {
	static char kinds[16][8];
	char path[256], bare[8] = "";
	struct mode *m = &modes[nmodes];
	if (sscanf(arg, "%7[^:]:%dx%d:%255[^:]:%7s", kinds[nmodes], &m->w, &m->h, path, bare) < 4) return 0;
	m->kind = kinds[nmodes];
	m->max = m->w * m->h * 2;
	m->clip = load_clip(path, m->kind, m->max);
	if (!strcmp(bare, "bare")) make_bare(&m->clip);
	int same = nmodes && !strcmp(m->kind, m[-1].kind);
	m->format = nmodes ? m[-1].format + !same : 1;
	m->frame = same ? m[-1].frame + 1 : 1;
	nmodes++;
	return 1;
}

int main(int argc, char **argv) {
	for (int i = 1; i < argc; i++)
		if (nmodes == 16 || !add_mode(argv[i])) return 2;
	if (!nmodes) return 2;
	mode = probed = modes;
	descriptors();
	obey_signals();
	int sv[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv)) die("socketpair");
	FILE *a = fopen("/sys/devices/platform/vhci_hcd.0/attach", "w");
	if (!a) die("vhci_hcd");
	fprintf(a, "0 %d 65537 3", sv[0]);
	if (fclose(a)) die("attach");
	close(sv[0]);
	sock = sv[1];
	for (;;) {
		serve();
		int wait = -1;
		if (frozen) {
			wait = 10;
		} else if (nurbs && !busy) {
			long long left = next - now_ns();
			wait = left <= 0 ? 0 : (left + 999999) / 1000000;
		}
		struct pollfd p = {sock, POLLIN, 0};
		if (poll(&p, 1, wait) <= 0) continue;
		uint32_t h[12];
		uint8_t d[4096];
		if (!xread(h, sizeof h)) return 0;
		uint32_t cmd = be32toh(h[0]), seq = be32toh(h[1]), in = be32toh(h[3]), ep = be32toh(h[4]);
		int len = be32toh(h[6]);
		if (cmd == 2) {                                        // unlink
			int found = 0;
			for (int i = 0; i < nurbs; i++)
				if (urbs[i].seq == be32toh(h[5])) {
					memmove(urbs + i, urbs + i + 1, (--nurbs - i) * sizeof *urbs);
					found = 1;
					break;
				}
			reply(4, seq, found ? -ECONNRESET : 0, 0);
			continue;
		}
		if (ep) {
			if (nurbs < 64) urbs[nurbs++] = (struct urb){seq, len};
			if (next == 0) next = now_ns();
			continue;
		}
		uint8_t *setup = (uint8_t *)&h[10];
		if (!in && len > 0 && (len > (int)sizeof d || !xread(d, len))) return 1;
		int n = request(setup, d);
		if (n > len) n = len;
		reply(3, seq, n < 0 ? -EPIPE : 0, n < 0 ? 0 : in ? n : len);
		if (in && n > 0) xwrite(d, n);
	}
}
