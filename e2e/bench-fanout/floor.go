//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

// floor is the cheapest relay that can be written with one writev of shared slices per viewer and frame: no queue, no deadline, no HTTP behind the
// header, nothing counted. What a relay costs above it is what it can save.
type floor struct {
	mu      sync.Mutex
	frames  [][]byte // the last few, oldest first
	next    int      // number of the next one
	arrived chan struct{}
}

const kept = 32

// runFloor serves until its feed ends. It says where it listens on standard output: feed, then viewers.
func runFloor() error {
	f := &floor{arrived: make(chan struct{})}
	feed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	viewers, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, feed.Addr(), viewers.Addr()); err != nil {
		return err
	}
	go f.accept(viewers)
	conn, err := feed.Accept()
	if err != nil {
		return err
	}
	return f.take(conn)
}

func (f *floor) take(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 1<<16)
	for {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return nil //nolint:nilerr // the feed's end is the floor's
		}
		b := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		f.mu.Lock()
		f.frames = append(f.frames, b)
		if len(f.frames) > kept {
			f.frames = append([][]byte(nil), f.frames[1:]...)
		}
		f.next++
		close(f.arrived)
		f.arrived = make(chan struct{})
		f.mu.Unlock()
	}
}

func (f *floor) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go f.serve(conn)
	}
}

func (f *floor) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	request, err := bufio.NewReaderSize(conn, 512).ReadString('\n')
	if err != nil {
		return
	}
	isJPEG := strings.Contains(request, ".mjpeg")
	head := "HTTP/1.1 200 OK\r\n\r\n"
	if isJPEG {
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
		if b, at = f.after(at, isJPEG); b == nil {
			return
		}
		var out net.Buffers
		if isJPEG {
			header = fmt.Appendf(header[:0], "Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(b))
			out = append(vec[:0], header, b, tail)
		} else {
			// An access unit inside an MP4 box, so that the viewer knows where it ends.
			header = append(binary.BigEndian.AppendUint32(header[:0], uint32(8+len(b))), "mdat"...)
			out = append(vec[:0], header, b)
		}
		if _, err := out.WriteTo(conn); err != nil {
			return
		}
	}
}

// after waits for a frame behind number at: the newest picture, or the next access unit.
func (f *floor) after(at int, newest bool) ([]byte, int) {
	for {
		f.mu.Lock()
		arrived, next, frames := f.arrived, f.next, f.frames
		f.mu.Unlock()
		if next > 0 && at < next-1 {
			if newest || at < next-len(frames) {
				return frames[len(frames)-1], next - 1
			}
			return frames[at+1-(next-len(frames))], at + 1
		}
		<-arrived
	}
}
