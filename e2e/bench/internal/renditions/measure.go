//go:build linux

package renditions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// bench asks a hub.
type bench struct{ hub *proc.Hub }

// get opens a URL.
func (b *bench) get(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(b.hub.Page, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // for the error only
		return nil, errors.Join(fmt.Errorf("%s: %s %s", path, resp.Status, text), resp.Body.Close())
	}
	return resp.Body, nil
}

func (b *bench) read(ctx context.Context, path string) ([]byte, error) {
	body, err := b.get(ctx, path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// until waits for ok, asking every 20 ms.
func until(ctx context.Context, ok func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (b *bench) waitCameras(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		data, err := b.read(ctx, "/api/v1/cameras")
		var list struct{ Cameras []struct{ ID string } }
		return err == nil && json.Unmarshal(data, &list) == nil && len(list.Cameras) == 2*maxTiles, err
	})
}

// metric returns one of the hub's metrics.
func (b *bench) metric(ctx context.Context, name string) (float64, error) {
	data, err := b.read(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// rested waits until no ffmpeg runs.
func (b *bench) rested(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		n, err := b.metric(ctx, "bramble_hub_transcodes")
		return n == 0, err
	})
}

// watch takes a stream until ctx ends. It tells of the first bytes that match.
func (b *bench) watch(ctx context.Context, path string, match []byte, found chan<- time.Time) {
	body, err := b.get(ctx, path)
	if err != nil {
		return // the bench waits in vain for found, and says so
	}
	defer func() { _ = body.Close() }() // it was cut
	var have []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if found != nil {
			if have = append(have, buf[:n]...); bytes.Contains(have, match) {
				found <- time.Now()
				found, have = nil, nil
			}
		}
		if err != nil {
			return
		}
	}
}

// firstPictures measures from a request to the end of the first picture, of a camera that runs already.
func (b *bench) firstPictures(ctx context.Context, w io.Writer) error {
	_, _ = fmt.Fprintf(w,
		"first picture after the first viewer's request, of a camera that runs, ms (1280x720@15, GOP 4 s)\n")
	for _, pair := range []struct{ own, path, match string }{
		{"/cam/jpeg-0.mjpeg", "/cam/jpeg-0.mp4", "mdat"}, {"/cam/jpeg-0.mjpeg", "/cam/jpeg-0.mjpeg?width=640", "\xff\xd9"},
		{"/cam/h264-0.mp4", "/cam/h264-0.mjpeg", "\xff\xd9"}, {"/cam/h264-0.mp4", "/cam/h264-0.mp4?width=640", "mdat"},
	} {
		warm, cool := context.WithCancel(ctx)
		go b.watch(warm, pair.own, nil, nil) // ends with cool
		var times []float64
		for range 7 {
			if err := b.rested(ctx); err != nil {
				cool()
				return err
			}
			one, end := context.WithTimeout(warm, 10*time.Second)
			found := make(chan time.Time, 1)
			began := time.Now()
			go b.watch(one, pair.path, []byte(pair.match), found) // ends with end
			select {
			case at := <-found:
				times = append(times, float64(at.Sub(began).Microseconds())/1000)
			case <-one.Done():
				end()
				cool()
				return fmt.Errorf("%s: no picture", pair.path)
			}
			end()
		}
		cool()
		slices.Sort(times)
		_, _ = fmt.Fprintf(w, "  %-28s median %4.0f  worst %4.0f\n", pair.path, times[len(times)/2], times[len(times)-1])
	}
	return nil
}

// stills measures single pictures, one after the other, of cameras that run.
func (b *bench) stills(ctx context.Context, w io.Writer) error {
	_, _ = fmt.Fprintf(w, "stills one after the other, ms\n")
	for _, s := range []struct{ own, path string }{
		{"/cam/jpeg-0.mjpeg", "/cam/jpeg-0.jpeg"}, {"/cam/jpeg-0.mjpeg", "/cam/jpeg-0.jpeg?width=320"},
		{"/cam/h264-0.mp4", "/cam/h264-0.jpeg"}, {"/cam/h264-0.mp4", "/cam/h264-0.jpeg?width=320"},
	} {
		warm, cool := context.WithCancel(ctx)
		go b.watch(warm, s.own, nil, nil) // ends with cool
		var times []float64
		pause := time.NewTicker(70 * time.Millisecond) // more than a frame's time, so that each is a new picture
		for range 101 {
			<-pause.C
			began := time.Now()
			if _, err := b.read(ctx, s.path); err != nil {
				cool()
				return err
			}
			times = append(times, float64(time.Since(began).Microseconds())/1000)
		}
		pause.Stop()
		cool()
		first := times[0]
		times = times[1:]
		slices.Sort(times)
		_, _ = fmt.Fprintf(w, "  %-28s first %4.0f  then p50 %5.1f  p99 %5.1f\n", s.path, first, times[50], times[98])
	}
	return nil
}

// tiles measures the processor time of a grid.
func (b *bench) tiles(ctx context.Context, w io.Writer) error {
	_, _ = fmt.Fprintf(w, "processor time of a grid of tiles, percent of one core: ffmpeg, and the hub\n")
	for _, kind := range []string{"jpeg", "h264"} {
		for _, query := range []string{"width=320&fps=2", "width=320"} {
			for _, n := range []int{1, 9, maxTiles} {
				if err := b.grid(ctx, w, kind, query, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) grid(ctx context.Context, w io.Writer, kind, query string, n int) error {
	if err := b.rested(ctx); err != nil {
		return err
	}
	viewing, end := context.WithCancel(ctx)
	defer end()
	for i := range n {
		go b.watch(viewing, fmt.Sprintf("/cam/%s-%d.mjpeg?%s", kind, i, query), nil, nil) // ends with viewing
	}
	const settle, measured = 2 * time.Second, 4 * time.Second
	if err := loadgen.Pause(ctx, settle); err != nil {
		return err
	}
	cpu, hub, err := b.used(ctx)
	if err == nil {
		err = loadgen.Pause(ctx, measured)
	}
	if err != nil {
		return err
	}
	cpu2, hub2, err := b.used(ctx)
	if err != nil {
		return err
	}
	processes, err := b.metric(ctx, "bramble_hub_transcodes")
	_, _ = fmt.Fprintf(w, "  %s .mjpeg?%-16s %2d tiles: ffmpeg %5.1f %% in %2.0f processes, hub %5.1f %%\n",
		kind, query, n,
		100*(cpu2-cpu)/measured.Seconds(), processes, 100*(hub2-hub)/measured.Seconds())
	return err
}

// used returns the processor time of ffmpeg and of the hub in seconds.
func (b *bench) used(ctx context.Context) (ffmpeg, hub float64, err error) {
	if ffmpeg, err = b.metric(ctx, "bramble_hub_transcode_cpu_seconds_total"); err != nil {
		return 0, 0, err
	}
	cpu, err := b.hub.CPU()
	return ffmpeg, cpu.Seconds(), err
}
