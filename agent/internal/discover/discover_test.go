package discover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
)

const (
	id920  = "by-id/usb-046d_HD_Pro_Webcam_C920_9F6A0A6F"
	twinID = "by-id/usb-046d_HD_Pro_Webcam_C920"
	port11 = "by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0"
	port13 = "by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0"
	csiPi4 = "0 : imx708_wide [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)\n" +
		"    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n"
	imx219  = "0 : imx219 [3280x2464 10-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx219@10)\n"
	imx219b = "1 : imx219 [3280x2464 10-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@80000/imx219@10)\n"
)

// short writes a list as tests compare it.
func short(list []Camera) string {
	var b strings.Builder
	for _, f := range list {
		if f.Use != nil {
			fmt.Fprintf(&b, "%s %s\n", f.Name, f.Use.Source)
		} else {
			fmt.Fprintf(&b, "- %s %s: %s\n", f.Node, f.Title, f.Skipped)
		}
	}
	return b.String()
}

// TestCameras: what is found on machines of all sorts. A line that begins with - ends wherever the reason goes on.
func TestCameras(t *testing.T) {
	pi4 := func(h *host) {
		h.kernel("unicam-image", 0)
		h.kernel("unicam-embedded", 1)
		h.kernel("bcm2835-codec-decode", 10)
		h.kernel("bcm2835-codec-encode", 11)
		h.kernel("bcm2835-isp0-output0", 13)
		h.kernel("bcm2835-isp0-capture1", 14, 23)
		h.kernel("rpivid", 19)
	}
	for _, c := range []struct {
		name string
		host func(h *host)
		want []string
	}{
		{"none", func(*host) {}, nil},
		{"webcam", func(h *host) {
			h.plug(1, metadata(webcam("1.1")), id920+"-video-index1", port11+"-video-index1")
			h.plug(0, webcam("1.1"), id920+"-video-index0", port11+"-video-index0")
		}, []string{
			"pi4-hd-pro-webcam-c920 v4l2:/dev/v4l/" + id920 + "-video-index0#format=mjpeg&size=1280x720&fps=30",
			"- /dev/video1 HD Pro Webcam C920: it has the camera's metadata",
		}},
		{"webcam without udev", func(h *host) { h.plug(3, webcam("1.1")) }, []string{
			"pi4-hd-pro-webcam-c920 v4l2:/dev/video3#format=mjpeg&size=1280x720&fps=30",
		}},
		{"equal webcams", func(h *host) {
			h.plug(0, webcam("1.3"), twinID+"-video-index0", port13+"-video-index0")
			h.plug(2, webcam("1.1"), twinID+"-video-index0", port11+"-video-index0")
		}, []string{
			"pi4-hd-pro-webcam-c920 v4l2:/dev/v4l/" + port11 + "-video-index0#format=mjpeg&size=1280x720&fps=30",
			"pi4-hd-pro-webcam-c920-2 v4l2:/dev/v4l/" + port13 + "-video-index0#format=mjpeg&size=1280x720&fps=30",
		}},
		{"webcams of a kind with serial numbers", func(h *host) {
			h.plug(0, webcam("1.3"), id920+"-video-index0", port13+"-video-index0")
			h.plug(2, webcam("1.1"), twinID+"_0001-video-index0", port11+"-video-index0")
		}, []string{
			"pi4-hd-pro-webcam-c920 v4l2:/dev/v4l/" + twinID + "_0001-video-index0#format=mjpeg&size=1280x720&fps=30",
			"pi4-hd-pro-webcam-c920-2 v4l2:/dev/v4l/" + id920 + "-video-index0#format=mjpeg&size=1280x720&fps=30",
		}},
		{"Pi 4", func(h *host) {
			pi4(h)
			h.listing, h.listErr = csiPi4, nil
		}, []string{
			"pi4-imx708-wide rpicam:0#codec=h264&size=1280x720&fps=30",
			"- /dev/video0 unicam: raw data of the camera's sensor", "- /dev/video1 unicam: ",
			"- /dev/video10 bcm2835-codec: video encoder",
			"- /dev/video11 bcm2835-codec: ", "- /dev/video13 bcm2835-isp: image processor", "- /dev/video14 bcm2835-isp: ",
			"- /dev/video19 rpivid: video decoder", "- /dev/video23 bcm2835-isp: ",
		}},
		{"Pi 4 without rpicam-apps", func(h *host) { h.kernel("unicam-image", 0) }, []string{
			"-  Raspberry Pi camera: rpicam-apps are not installed: sudo apt install", "- /dev/video0 unicam: ",
		}},
		{"Pi without rpicam-apps nor Pi camera", func(h *host) { h.kernel("bcm2835-codec-decode", 10) },
			[]string{"- /dev/video10 bcm2835-codec: "}},
		{"Pi 5 with two cameras, and a webcam that libcamera lists too", func(h *host) {
			h.kernel("rp1-cfe-csi2_ch0", 0, 4)
			h.kernel("pispbe-input", 20)
			h.kernel("rpi-hevc-dec", 19)
			h.plug(8, webcam("1.1"), id920+"-video-index0", port11+"-video-index0")
			h.listing, h.listErr = imx219+imx219b+
				"2 : HD Pro Webcam C920 [2304x1536] (/base/axi/pcie@1000120000/rp1/usb@200000-1:1.0-046d:082d)\n", nil
		}, []string{
			"pi4-imx219 rpicam:0#codec=h264&size=1280x720&fps=30", "pi4-imx219-2 rpicam:1#codec=h264&size=1280x720&fps=30",
			"pi4-hd-pro-webcam-c920 v4l2:/dev/v4l/" + id920, "- /dev/video0 rp1-cfe: ", "- /dev/video4 rp1-cfe: ",
			"- /dev/video19 rpi-hevc-dec: ", "- /dev/video20 pispbe: ",
		}},
		{"drivers that sysfs does not tell", func(h *host) {
			h.plug(0, offers("unicam", "unicam", sized(device.YUYV, px(640, 480))))
			h.plug(11, metadata(offers("bcm2835-codec", "bcm2835-codec-encode")))
			h.listing, h.listErr = "No cameras available!\n", nil
		}, []string{
			"-  Raspberry Pi camera: the kernel sees a camera, but rpicam-hello --list-cameras lists none",
			"- /dev/video0 unicam: ", "- /dev/video11 bcm2835-codec: ",
		}},
		{"rpicam-hello fails half way", func(h *host) {
			h.listing, h.listErr = imx219, errors.New("rpicam-hello --list-cameras: exit status 255")
		}, []string{
			"pi4-imx219 rpicam:0#", "-  Raspberry Pi camera: rpicam-hello --list-cameras: exit status 255",
		}},
		{"trouble", func(h *host) {
			h.plug(0, described{err: fmt.Errorf("%w: %w", source.ErrPermission, syscall.EACCES)})
			h.plug(1, described{err: fmt.Errorf("%w: %w", source.ErrPermission, syscall.EPERM)})
			h.plug(2, described{err: source.ErrGone})
			h.plug(3, described{err: errors.New("broken")})
			h.write("/sys/class/video4linux/video0/name", "HD Pro Webcam C920\n")
		}, []string{
			"- /dev/video0 HD Pro Webcam C920: no permission to open it: add the user to the group " +
				"video with sudo usermod -aG video $USER",
			"- /dev/video1 /dev/video1: opening it is not allowed", "- /dev/video2 /dev/video2: it is gone",
			"- /dev/video3 /dev/video3: broken",
		}},
		{"busy", func(h *host) {
			h.plug(0, described{Description: device.Description{Card: "Twin"}, err: source.ErrBusy}, "by-id/twin-video-index0",
				"by-path/b-video-index0")
			h.plug(1, described{Description: device.Description{Card: "Twin"}, err: source.ErrBusy}, "by-path/a-video-index0")
		}, []string{"pi4-twin v4l2:/dev/v4l/by-path/a-video-index0\n", "pi4-twin-2 v4l2:/dev/v4l/by-path/b-video-index0\n"}},
		{"two nodes of one camera", func(h *host) {
			h.plug(0, offers("uvcvideo", "ELP", sized(device.MJPEG, px(1920, 1080, 30))), "by-path/usb-1-video-index0")
			h.plug(2, offers("uvcvideo", "ELP", sized(device.H264, px(1920, 1080, 30))), "by-path/usb-1-video-index2")
			h.plug(3, offers("uvcvideo", "ELP", sized(device.MJPEG, px(1920, 1080, 30))), "by-path/usb-2-video-index0")
		}, []string{
			"pi4-elp v4l2:/dev/v4l/by-path/usb-1-video-index0#format=mjpeg&size=1920x1080&fps=30",
			"pi4-elp-2 v4l2:/dev/v4l/by-path/usb-2-video-index0#format=mjpeg&size=1920x1080&fps=30",
			"- /dev/video2 ELP: the same camera as /dev/video0. To use this node instead: " +
				"v4l2:/dev/v4l/by-path/usb-1-video-index2#format=h264&size=1920x1080&fps=30",
		}},
		{"test devices", func(h *host) {
			h.plug(0, offers("vivid", "vivid", sized(device.YUYV, px(640, 360, 30, 1))), "by-path/platform-vivid.0-video-index0")
			h.plug(1, metadata(offers("vivid", "vivid")))
			h.plug(10, offers("v4l2 loopback", "Garden film", sized(device.H264, px(1280, 720, 30))))
			h.plug(11, offers("v4l2 loopback", "OBS Virtual Camera"))
			h.plug(12, metadata(offers("v4l2 loopback", "Dummy")))
		}, []string{
			"pi4-garden-film v4l2:/dev/video10#format=h264&size=1280x720&fps=30",
			"pi4-vivid v4l2:/dev/v4l/by-path/platform-vivid.0-video-index0#format=yuyv&size=640x360&fps=10",
			"- /dev/video1 vivid: it captures no video", "- /dev/video11 OBS Virtual Camera: nothing writes to it",
			"- /dev/video12 Dummy: nothing writes to it",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			c.host(h)
			for range 3 { // the order of nodes and of maps changes; the list does not
				got := strings.SplitAfter(short(h.find()), "\n")
				got = got[:len(got)-1]
				if len(got) != len(c.want) {
					t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, ""), strings.Join(c.want, "\n"))
				}
				for i := range got {
					if !strings.HasPrefix(got[i], c.want[i]) {
						t.Errorf("got\n%swant\n%s", got[i], c.want[i])
					}
				}
			}
		})
	}
}

// TestSensorIsNotOpened: the nodes of the Pi camera are told by their names.
func TestSensorIsNotOpened(t *testing.T) {
	h := newHost(t)
	h.kernel("unicam-image", 0)
	h.find()
	if len(h.asked) > 0 {
		t.Errorf("opened %v", h.asked)
	}
}

// TestWithoutCgo: what cannot be opened is listed all the same, and Pi cameras work.
func TestWithoutCgo(t *testing.T) {
	h := newHost(t)
	h.plug(0, webcam("1.1"), id920+"-video-index0")
	h.kernel("bcm2835-codec-decode", 10)
	h.write("/dev/video-dec0", "") // a link of udev
	h.err = device.ErrNoSupport
	h.listing, h.listErr = csiPi4, nil
	got := short(h.find())
	want := "pi4-imx708-wide rpicam:0#codec=h264&size=1280x720&fps=30\n- /dev/video0 /dev/video0: " +
		device.ErrNoSupport.Error() +
		"\n- /dev/video10 bcm2835-codec: video encoder and decoder of the Pi, not a camera\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	h := newHost(t)
	h.err = errors.New("no /dev")
	if _, err := Cameras(t.Context(), h.options()); err == nil || !strings.Contains(err.Error(), "no /dev") {
		t.Errorf("%v", err)
	}
	h.err = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Cameras(ctx, h.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestNamesStay: a camera keeps its name while others come and go, and one that comes back gets its old one.
func TestNamesStay(t *testing.T) {
	h := newHost(t)
	h.plug(0, webcam("1.1"), port11+"-video-index0")
	h.plug(2, webcam("1.3"), port13+"-video-index0")
	f := New(h.options())
	first := look(t, f)
	h.unplug(0, port11+"-video-index0")
	if left := look(t, f); len(left) != 1 || left[0].Name != first[1].Name {
		t.Errorf("got %s", short(left))
	}
	h.plug(5, webcam("1.1"), port11+"-video-index0")
	if back := look(t, f); short(back) != short(first) {
		t.Errorf("got\n%swant\n%s", short(back), short(first))
	}
}

// TestNamesOutliveLinks: a camera is the same one before and after udev has made its links.
func TestNamesOutliveLinks(t *testing.T) {
	h := newHost(t)
	h.plug(0, webcam("1.1"))
	f := New(h.options())
	before := look(t, f)
	h.plug(0, webcam("1.1"), id920+"-video-index0", port11+"-video-index0")
	after := look(t, f)
	if before[0].Name != after[0].Name || before[0].Use.Source == after[0].Use.Source {
		t.Errorf("before %s, after %s", short(before), short(after))
	}
}

// TestPiCamerasStay: to ask for them disturbs a camera that runs, and takes long. So it is done once, but after
// trouble.
func TestPiCamerasStay(t *testing.T) {
	h := newHost(t)
	f := New(h.options())
	step := func(what, listing string, err error, want string, lists int) {
		t.Helper()
		h.listing, h.listErr = listing, err
		before := h.lists
		if got := short(look(t, f)); !strings.HasPrefix(got, want) || want == "" && got != "" || h.lists != before+lists {
			t.Errorf("%s: got %q after %d lists, want %q after %d", what, got, h.lists-before, want, lists)
		}
	}
	step("none", "", nil, "", 1)
	step("none, seen", csiPi4, nil, "", 0)
	h.kernel("unicam-image", 0)
	step("the kernel has loaded its driver", "", errors.New("no luck"), "-  Raspberry Pi camera: no luck\n", 1)
	step("again after trouble", csiPi4, nil, "pi4-imx708-wide ", 1)
	step("found", "", errors.New("in use"), "pi4-imx708-wide ", 0)
}

func TestChanged(t *testing.T) { synctest.Test(t, testChanged) }

func testChanged(t *testing.T) {
	h := newHost(t)
	f := New(h.options())
	after := func(what string, want bool) {
		t.Helper()
		if got := f.Changed(); got != want {
			t.Errorf("%s: changed is %v", what, got)
		}
	}
	after("nothing looked at", true)
	look(t, f)
	after("nothing new", false)
	h.plug(0, webcam("1.1"))
	after("a node", true)
	look(t, f)
	after("seen", false)
	if err := os.Chmod(filepath.Join(h.root, "/dev/video0"), 0o660); err != nil {
		t.Fatal(err)
	}
	after("permission granted", true)
	look(t, f)
	h.plug(0, webcam("1.1"), port11+"-video-index0")
	after("a link", true)
	look(t, f)
	h.unplug(0, port11+"-video-index0")
	h.plug(1, webcam("1.1"), port11+"-video-index0")
	after("another node", true)
	look(t, f)
	h.unplug(1, port11+"-video-index0")
	after("gone", true)
	look(t, f)
	after("seen", false)
	h.plug(2, webcam("1.1"))
	h.age("/dev/video2", -time.Second/10) // the clock stood before
	after("a node of the future", true)
	h.age("/dev/video2", 0)
	after("a node so new that udev is at work", false)
	h.age("/dev/video2", time.Second)
	after("a node that is ready", true)
}
