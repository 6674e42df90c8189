package transcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/subprocess"
)

// probeTimeout bounds each run of Try.
const probeTimeout = 20 * time.Second

// Probe finds out whether ffmpeg can do what a Transcoder wants of it, and returns its version. It has one picture
// encoded as H.264, and that decoded again, with the command line of a rendition: so a missing encoder and a device
// that may not be opened show, in ffmpeg's own words. The error is ErrNoFFmpeg if there is none.
func Probe(ctx context.Context, cfg Config) (version string, err error) {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	path, err := exec.LookPath(cfg.FFmpeg)
	if err != nil {
		return "", fmt.Errorf("%w (%w)", ErrNoFFmpeg, err)
	}
	about, err := cfg.probeRun(ctx, path, []string{"-version"}, nil)
	if err != nil {
		return "", err
	}
	version, ok := strings.CutPrefix(string(about), "ffmpeg version ")
	if !ok {
		return "", fmt.Errorf("%s is no ffmpeg: it says %.40q when asked for its version", path, about)
	}
	version, _, _ = strings.Cut(version, " ")
	const width, height, interval = 320, 240, 40 * time.Millisecond
	var picture bytes.Buffer
	gray := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	if err := stdjpeg.Encode(&picture, gray, nil); err != nil {
		return version, err
	}
	input := probeInput(mkvHeader(nil, width, height, interval), picture.Bytes())
	encode := arguments(cfg.HWAccel, rendition{media.Want{Codec: media.H264}},
		source{media.JPEG, width, height}, interval)
	unit, err := cfg.probeRun(ctx, path, encode, input)
	if err != nil {
		return version, fmt.Errorf("encode H.264: %w", err)
	}
	au, info, err := new(h264.Normalizer).Normalize(nil, unit)
	if err != nil || !info.Key {
		return version, fmt.Errorf("encode H.264: ffmpeg made %d bytes, which are no key frame: %w", len(unit), err)
	}
	input = probeInput(mkvHeader(info.Params, width, height, interval), h264.AppendAVCC(nil, au, nil))
	decode := arguments(cfg.HWAccel, rendition{media.Want{Codec: media.JPEG, Quality: defaultQuality}},
		source{media.H264, width, height}, interval)
	again, err := cfg.probeRun(ctx, path, decode, input)
	if err == nil {
		_, _, err = jpeg.Check(again)
	}
	if err != nil {
		return version, fmt.Errorf("decode H.264: %w", err)
	}
	return version, nil
}

// probeInput is a film of one picture, which is to be encoded.
func probeInput(head, picture []byte) []byte {
	return append(mkvBlock(head, 1, true, len(picture)), picture...)
}

// probeRun runs ffmpeg with an input and returns its output.
func (c *Config) probeRun(ctx context.Context, path string, args []string, input []byte) (output []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cfg := subprocess.Config{
		Path: path, Args: args, Stdin: true, Extra: 1, StopTime: stopTimeout, Limits: c.limits(), Log: c.Log,
		Source:   "ffmpeg",
		OnStderr: func(string) slog.Level { return slog.LevelDebug },
	}
	out, err := subprocess.Run(ctx, cfg, func(_ context.Context, pipes subprocess.Pipes) error {
		_, err := pipes.Stdin.Write(input) // fits into the pipe
		_ = pipes.Stdin.Close()            // ffmpeg then ends
		var read error
		output, read = io.ReadAll(pipes.Stdout)
		_, _ = io.Copy(io.Discard, pipes.Extra[0]) // the list of frames says nothing that the frames do not
		return errors.Join(err, read)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("start %s: %w", path, err)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ffmpeg made nothing within %v", probeTimeout)
	case out.WaitErr != nil:
		return nil, explain(out, "")
	case len(output) == 0:
		return nil, errors.New("ffmpeg made nothing, and said: " + out.LastStderr)
	}
	return output, nil
}
