package rpicam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/subprocess"
)

// tool is the installed program.
type tool struct {
	path       string
	version    string // "" if it does not tell
	noRaw      bool   // knows --no-raw: since 1.3
	lowLatency bool   // knows --low-latency: since 1.6.0
	elementary bool   // libav's H.264 goes the way that has times, if the output's name ends in 264: since 1.8.0
}

const (
	// probeTime is how long the program may take to say its version: seconds on a Pi Zero that starts everything at
	// once.
	probeTime = 15 * time.Second

	// probeLimit is how much of what it says is read, in bytes; the list of its options takes 12 KiB.
	probeLimit = 64 << 10
)

// versionPattern finds the number in `rpicam-apps build: v1.9.0 49344f2a8d18 ...`. Versions before 1.5.3 have none
// there.
var versionPattern = regexp.MustCompile(`(?m)^\S+-apps build: v(\d+)\.(\d+)\.(\d+)`)

// findTool looks for the program and asks it for its version, or for its options if it does not tell.
func findTool(ctx context.Context, host host, log *slog.Logger) (*tool, error) {
	tool := &tool{}
	for _, name := range host.programs {
		if path, err := exec.LookPath(name); err == nil {
			tool.path = path
			break
		}
	}
	if tool.path == "" {
		return nil, fmt.Errorf("neither %s is installed: sudo apt install rpicam-apps. (A USB camera is no Pi "+
			"camera: its source is v4l2:)",
			strings.Join(host.programs, " nor "))
	}
	text, err := tool.query(ctx, host, log, "--version")
	if err != nil {
		return nil, err
	}
	if m := versionPattern.FindStringSubmatch(text); m != nil {
		tool.version = strings.Join(m[1:], ".")
		tool.noRaw, tool.lowLatency, tool.elementary = newerThan(m, 1, 3), newerThan(m, 1, 6), newerThan(m, 1, 8)
		return tool, nil
	}
	if text, err = tool.query(ctx, host, log, "--help"); err != nil {
		return nil, err
	}
	tool.noRaw, tool.lowLatency = strings.Contains(text, "--no-raw"), strings.Contains(text, "--low-latency")
	return tool, nil
}

// newerThan compares a match of versionPattern.
func newerThan(match []string, major, minor int) bool {
	a, errA := strconv.Atoi(match[1])
	b, errB := strconv.Atoi(match[2])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

// query runs the program with one option and returns what it prints.
func (t *tool) query(ctx context.Context, host host, log *slog.Logger, option string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	trouble := &faultDetector{}
	cfg := subprocess.Config{Path: t.path, Args: []string{option}, Env: host.env, Log: log, Source: "rpicam",
		OnStderr: trouble.onLine}
	var text []byte
	ended, err := subprocess.Run(ctx, cfg, func(_ context.Context, p subprocess.Pipes) (err error) {
		text, err = io.ReadAll(io.LimitReader(p.Stdout, probeLimit))
		return errors.Join(err, errEnded)
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("start %s: %w", t.path, err)
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s %s has not ended within %v", t.path, option, probeTime)
	case ended.WaitErr != nil && len(text) < probeLimit:
		return "", trouble.explain(ended)
	}
	return string(text), nil
}
