package stream

import (
	"sync"
	"sync/atomic"
)

// derived holds what outputs make of a packet: a list of cells, one for each type.
type derived struct{ head atomic.Pointer[derivedCell] }

type derivedCell struct {
	cell any // a *cell[T]
	next *derivedCell
}

type cell[T any] struct {
	once  sync.Once
	value T
	err   error
}

// Cached returns what build makes of the packet. Only the first call for a packet and a type calls build.
//
// All readers share the result, so it must not be modified. T is the key: an output must declare its own type for each
// thing that it makes, and must always pass the same build with it.
func Cached[T any](p *Packet, build func(*Packet) (T, error)) (T, error) {
	c := cellOf[T](&p.derived)
	c.once.Do(func() { c.value, c.err = build(p) })
	return c.value, c.err
}

func cellOf[T any](d *derived) *cell[T] {
	var made *derivedCell
	for {
		head := d.head.Load()
		for e := head; e != nil; e = e.next {
			if c, ok := e.cell.(*cell[T]); ok {
				return c
			}
		}
		if made == nil {
			made = &derivedCell{cell: &cell[T]{}}
		}
		if made.next = head; d.head.CompareAndSwap(head, made) {
			return made.cell.(*cell[T]) //nolint:forcetypeassert // made above
		}
	}
}
