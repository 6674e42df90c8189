package stream

import "sync"

// Form is a way in which a frame goes out: the bytes around its payload, made once and shared by all viewers.
type Form uint8

// The forms.
const (
	Part     Form = iota // one part of multipart/x-mixed-replace
	Fragment             // one MP4 fragment
	Init                 // the MP4 init segment of viewers who begin here
	numForms
)

type form struct {
	once  sync.Once
	value any
	err   error
}

// Cached returns what build makes of the frame for the given form, calling build only the first time. build must always be the same function for a form,
// and what it makes must not be changed.
func Cached[T any](f *Packet, as Form, build func(*Packet) (T, error)) (T, error) {
	m := &f.made[as]
	m.once.Do(func() { m.value, m.err = build(f) })
	value, _ := m.value.(T)
	return value, m.err
}
