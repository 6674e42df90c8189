//go:build linux

package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestDocker builds every image and runs the compose file with each profile.
func TestDocker(t *testing.T) {
	e := startEngine(t)
	c := &composed{engine: e, files: []string{"compose", "-f", "docker-compose.yml", "-f", e.prepare()}}
	c.compose("--profile", "camera", "--profile", "cluster", "config", "--quiet")
	c.compose("build")
	e.mustDocker(append(e.buildArgs(), "-f", "deployments/docker/Dockerfile", "--target", "hub", "-t", "bramble-hub",
		".")...)
	for _, step := range []struct {
		name string
		run  func(*composed)
	}{
		{"sizes", sizes},
		{"hub and camera", hubAndCamera},
		{"renditions", renditions},
		{"browser", browser},
		{"webcams", webcams},
		{"users", users},
		{"down", down},
		{"cluster", cluster},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			inner := *e
			inner.t = t
			step.run(&composed{engine: &inner, files: c.files})
		}) {
			t.Log(c.logs())
			break
		}
	}
	c.compose("--profile", "*", "down", "--volumes")
}

// composed runs docker compose in an engine.
type composed struct {
	*engine
	files []string // docker compose -f ...
}

func (c *composed) compose(args ...string) string {
	c.t.Helper()
	return c.mustDocker(append(c.files, args...)...)
}

// url is the page of a service at its published port.
func (c *composed) url(name string) string {
	c.t.Helper()
	services, _ := compose(c.t)
	port := services[name].Ports[0]
	return "http://" + port[:strings.LastIndex(port, ":")]
}

func (c *composed) logs() string {
	out, _ := c.command(context.Background(), append(c.files, "--profile", "*", "logs", "--no-color", "--tail", "30")...).
		CombinedOutput()
	return string(out)
}

// sizes checks that no image grows, and that the image with ffmpeg contains the notices that its license demands.
func sizes(c *composed) {
	for image, most := range map[string]int{"bramble-hub": 40, "bramble-hub:ffmpeg": 60, "bramble-agent": 30} {
		size, err := strconv.Atoi(c.mustDocker("image", "inspect", "--format", "{{.Size}}", image))
		c.must(err)
		c.t.Logf("%s has %.1f MB", image, float64(size)/1e6)
		if size > most*1e6 {
			c.t.Errorf("%s has more than %d MB", image, most)
		}
	}
	c.mustDocker("create", "--name", "contents", "bramble-hub:ffmpeg")
	for _, name := range []string{"bramble/copyright", "ffmpeg/copyright", "ffmpeg/source", "x264/copyright"} {
		c.mustDocker("cp", "contents:/usr/share/doc/"+name, c.t.TempDir())
	}
	c.mustDocker("rm", "contents")
}

// hubAndCamera runs the first command of the guide, and the image without ffmpeg.
func hubAndCamera(c *composed) {
	c.compose("up", "--build", "--detach", "--wait")
	if got := c.picture(c.url("hub") + "/cam/porch.jpeg"); got != "1280x720" {
		c.t.Errorf("the picture has %s", got)
	}
	const port = "8090" // in the engine's own network
	plain := net.JoinHostPort("127.0.0.1", port)
	c.mustDocker("run", "--detach", "--name", "plain", "--network", "bramble_default", "--publish", plain+":"+port,
		"-e", "BRAMBLE_HTTP=0.0.0.0:"+port, "-e", "BRAMBLE_HTTP_PUBLISHED="+plain, "-e", "BRAMBLE_NATS_URL=nats://nats:4222",
		"bramble-hub")
	c.picture("http://" + plain + "/cam/porch.jpeg")
	c.mustDocker("rm", "--force", "plain")
}

// renditions lets the ffmpeg of the image make every kind of rendition, of a JPEG camera and of an H.264 camera.
func renditions(c *composed) {
	clip, err := filepath.Abs(filepath.Join(root, "e2e/golden/testdata/yard.h264"))
	c.must(err)
	c.mustDocker("run", "--detach", "--name", "yard", "--network", "bramble_default", "--volume", clip+":/yard.h264:ro",
		"-e", "BRAMBLE_HUB=nats://nats:4222", "-e", "BRAMBLE_CAMERA=yard=file:/yard.h264", "bramble-agent")
	defer c.mustDocker("rm", "--force", "yard")
	for path, want := range map[string]string{
		"porch.jpeg?width=320":            "320x180",
		"porch.jpeg?width=640&rotate=90":  "640x1137",
		"porch.jpeg?width=640&rotate=180": "640x360",
		"porch.jpeg?width=640&rotate=270": "640x1137",
		"porch.jpeg?quality=30":           "1280x720",
		"yard.jpeg":                       "64x48",
		"yard.jpeg?rotate=90":             "48x64",
	} {
		if got := c.picture(c.url("hub") + "/cam/" + path); got != want {
			c.t.Errorf("%s has %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{
		"porch.mp4?duration=1s", "porch.mp4?width=320&duration=1s", "porch.h264?width=320", "porch.ts?bitrate=500000",
		"yard.mp4?bitrate=250000&duration=1s", "yard.mjpeg?quality=30", "porch.mjpeg?width=320&fps=5",
	} {
		c.stream(c.url("hub")+"/cam/"+path, 20_000)
	}
	c.compose("exec", "-T", "hub", "ffmpeg", "-version")
}

// browser opens the page in Chromium through the published port.
func browser(c *composed) {
	if _, err := os.Stat("../browser/node_modules/playwright-core"); err != nil {
		c.t.Skip("playwright-core is not installed: make test-system installs it where it can (npm ci in e2e/browser)")
	}
	cmd := exec.Command("nsenter", fmt.Sprintf("--target=%d", c.pid), "--net", "node", "../browser/grid.mjs",
		c.url("hub"), "--cameras", "1")
	c.t.Log(c.mustRun(cmd))
}

// webcams checks that the agent for this host's webcams becomes healthy, even without a webcam.
func webcams(c *composed) {
	c.compose("--profile", "camera", "up", "--detach", "--wait")
}

// users checks that a hub with a user asks for a password.
func users(c *composed) {
	add := c.command(c.t.Context(), append(c.files, "run", "--rm", "-T", "hub", "user", "add", "anna", "--role", "admin",
		"--password-stdin")...)
	add.Stdin = strings.NewReader("correct horse battery staple\n")
	c.mustRun(add)
	testutil.Eventually(c.t, "the hub asks for a password", func() bool {
		status, _, _ := c.get(c.url("hub") + "/cam/porch.jpeg")
		return status == http.StatusUnauthorized
	})
	c.compose("run", "--rm", "-T", "hub", "user", "remove", "anna")
}

// down checks that every program ends with exit code 0.
func down(c *composed) {
	c.compose("--profile", "camera", "stop")
	for line := range strings.Lines(c.compose("ps", "--all", "--format", "json")) {
		var s struct {
			Service  string
			ExitCode int
		}
		c.must(json.Unmarshal([]byte(line), &s))
		if s.Service != "nats" && s.ExitCode != 0 {
			c.t.Errorf("%s ended with exit code %d", s.Service, s.ExitCode)
		}
	}
	c.compose("--profile", "camera", "down")
}

// cluster checks that the load balancer delivers pictures after either hub or a NATS server is killed.
func cluster(c *composed) {
	page := c.url("balancer") + "/cam/porch.jpeg?max_age=0"
	c.compose("--profile", "cluster", "up", "--detach", "--wait")
	c.picture(page)
	for _, hub := range []string{"hub", "hub-b"} {
		c.compose("kill", hub)
		testutil.Eventually(c.t, "pictures without "+hub, func() bool {
			status, _, err := c.get(page)
			return err == nil && status == http.StatusOK
		})
		c.picture(page)
		c.stream(c.url("balancer")+"/cam/porch.mp4?width=320&duration=1s", 20_000)
		c.compose("--profile", "cluster", "up", "--detach", "--wait", hub)
	}
	c.compose("kill", "nats-c")
	c.picture(page)
}

// picture waits for a JPEG, decodes it, and returns its size.
func (c *composed) picture(url string) string {
	c.t.Helper()
	var status int
	var body []byte
	var err error
	testutil.Eventually(c.t, "a picture at "+url, func() bool {
		status, body, err = c.get(url)
		return err == nil && status == http.StatusOK
	})
	picture, err := jpeg.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		c.t.Fatalf("%s: %v", url, err)
	}
	return fmt.Sprintf("%dx%d", picture.Width, picture.Height)
}

// stream reads the beginning of a stream, at most size bytes.
func (c *composed) stream(url string, size int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), testutil.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	c.must(err)
	resp, err := c.client.Do(req)
	c.must(err)
	defer resp.Body.Close()
	n, err := io.CopyN(io.Discard, resp.Body, size)
	if resp.StatusCode != http.StatusOK || n < 2_000 {
		c.t.Errorf("%s: status %d and %d bytes: %v", url, resp.StatusCode, n, err)
	}
}

func (c *composed) get(url string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), testutil.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
