// Package baseline is the cheapest relay that can be written with one writev of shared slices per viewer and frame: no
// queue, no deadline, no HTTP behind the header, nothing counted. What a relay costs above it is what it can save.
package baseline

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path"
	"strings"
	"sync"
)

// kept is how many frames of a camera can be had.
const kept = 32

// camera is the last few frames of one.
type camera struct {
	mu      sync.Mutex
	frames  [][]byte // oldest first
	next    int      // number of the next one
	arrived chan struct{}
}

type relay struct {
	mu      sync.Mutex
	cameras map[string]*camera
	feeds   int
	ended   chan struct{} // closed when the last feed has ended
}

func (r *relay) waitFeeds(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.feeds += n; r.feeds == 0 {
		close(r.ended)
	}
}

// Run serves until its last feed ends. It says on out where it listens: for feeds, then for viewers. A feed is a
// camera's name in a line, then frames, each with its length in four bytes in front.
func Run(out io.Writer) error {
	r := &relay{cameras: map[string]*camera{}, ended: make(chan struct{})}
	feeds, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	viewers, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "baseline %s %s\n", feeds.Addr(), viewers.Addr()); err != nil {
		return err
	}
	go accept(feeds, r.take)
	go accept(viewers, r.serve)
	<-r.ended
	return nil
}

func accept(l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }() // the other end has seen it already, or does not care
			serve(conn)
		}()
	}
}

func (r *relay) camera(name string) *camera {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cameras[name] == nil {
		r.cameras[name] = &camera{arrived: make(chan struct{})}
	}
	return r.cameras[name]
}

func (r *relay) take(conn net.Conn) {
	r.waitFeeds(1)
	defer r.waitFeeds(-1)
	in := bufio.NewReaderSize(conn, 1<<16)
	name, err := in.ReadString('\n')
	if err != nil {
		return
	}
	c := r.camera(strings.TrimSpace(name))
	for {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		c.add(b)
	}
}

func (c *camera) add(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, b)
	if len(c.frames) > kept {
		c.frames = append([][]byte(nil), c.frames[1:]...)
	}
	c.next++
	close(c.arrived)
	c.arrived = make(chan struct{})
}

func (r *relay) serve(conn net.Conn) {
	in := bufio.NewReaderSize(conn, 512)
	for {
		request, err := in.ReadString('\n')
		if err != nil {
			return
		}
		for line := request; strings.TrimSpace(line) != ""; {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		_, rest, _ := strings.Cut(request, "/cam/")
		name, _, _ := strings.Cut(rest, " ")
		kind := path.Ext(name)
		c := r.camera(strings.TrimSuffix(name, kind))
		if kind != ".jpeg" {
			c.stream(conn, kind)
			return
		}
		b, _ := c.after(-1, true)
		out := net.Buffers{fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n",
			len(b)), b}
		if _, err := out.WriteTo(conn); err != nil {
			return
		}
	}
}

func (c *camera) stream(conn net.Conn, kind string) {
	head := "HTTP/1.1 200 OK\r\n\r\n"
	if kind == ".mjpeg" {
		head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n"
	}
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	at := -1
	vec, header := make([][]byte, 3), make([]byte, 0, 64)
	tail := []byte("\r\n--frame\r\n")
	for {
		var b []byte
		b, at = c.after(at, kind == ".mjpeg")
		var out net.Buffers
		switch kind {
		case ".mjpeg":
			header = fmt.Appendf(header[:0], "Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(b))
			out = append(vec[:0], header, b, tail)
		case ".mp4": // an access unit inside an MP4 box, so that the viewer knows where it ends
			//nolint:gosec // small by construction
			header = append(binary.BigEndian.AppendUint32(header[:0], uint32(8+len(b))), "mdat"...)
			out = append(vec[:0], header, b)
		default:
			out = append(vec[:0], b)
		}
		if _, err := out.WriteTo(conn); err != nil {
			return
		}
	}
}

// after waits for a frame behind number at: the newest picture, or the next access unit.
func (c *camera) after(at int, newest bool) ([]byte, int) {
	for {
		c.mu.Lock()
		arrived, next, frames := c.arrived, c.next, c.frames
		c.mu.Unlock()
		if next > 0 && at < next-1 {
			if newest || at < next-len(frames) {
				return frames[len(frames)-1], next - 1
			}
			return frames[at+1-(next-len(frames))], at + 1
		}
		<-arrived
	}
}
