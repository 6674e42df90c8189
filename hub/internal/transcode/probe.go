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

// tryTime bounds each run of Try.
const tryTime = 20 * time.Second

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
	about, err := cfg.tryRun(ctx, path, []string{"-version"}, nil)
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
	if err := stdjpeg.Encode(&picture, image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420), nil); err != nil {
		return version, err
	}
	input := tryInput(mkvHeader(nil, width, height, interval), picture.Bytes())
	unit, err := cfg.tryRun(ctx, path, arguments(cfg.HWAccel, rendition{media.Want{Codec: media.H264}}, source{media.JPEG, width, height}, interval), input)
	if err != nil {
		return version, fmt.Errorf("encode H.264: %w", err)
	}
	au, info, err := new(h264.Normalizer).Normalize(nil, unit)
	if err != nil || !info.Key {
		return version, fmt.Errorf("encode H.264: ffmpeg made %d bytes, which are no key frame: %w", len(unit), err)
	}
	input = tryInput(mkvHeader(info.Params, width, height, interval), h264.AppendAVCC(nil, au, nil))
	again, err := cfg.tryRun(ctx, path, arguments(cfg.HWAccel, rendition{media.Want{Codec: media.JPEG, Quality: defaultQuality}}, source{media.H264, width, height}, interval), input)
	if err == nil {
		_, _, err = jpeg.Check(again)
	}
	if err != nil {
		return version, fmt.Errorf("decode H.264: %w", err)
	}
	return version, nil
}

// tryInput is a film of one picture, which is to be encoded.
func tryInput(head, picture []byte) []byte {
	return append(mkvBlock(head, 1, true, len(picture)), picture...)
}

// tryRun runs ffmpeg with an input and returns its output.
func (c *Config) tryRun(ctx context.Context, path string, args []string, input []byte) (output []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	cfg := subprocess.Config{
		Path: path, Args: args, Stdin: true, Extra: 1, StopTime: stopTime, Limits: c.limits(), Log: c.Log, Source: "ffmpeg",
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
		return nil, fmt.Errorf("ffmpeg made nothing within %v", tryTime)
	case out.WaitErr != nil:
		return nil, explain(out, "")
	case len(output) == 0:
		return nil, errors.New("ffmpeg made nothing, and said: " + out.LastStderr)
	}
	return output, nil
}
