package httpapi

import (
	"net"
	"runtime"
)

// politeListener lets others run between two connections. Without it all who come at once are accepted in one go, and a frame has to wait behind the requests of
// hundreds before its viewers get it.
type politeListener struct{ net.Listener }

// Accept implements net.Listener.
func (l politeListener) Accept() (net.Conn, error) {
	runtime.Gosched()
	return l.Listener.Accept()
}
