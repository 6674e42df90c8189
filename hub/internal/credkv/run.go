package credkv

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// lookInterval is how often the bucket is read, in addition to watching it. A watch misses a recreated bucket.
const lookInterval = 30 * time.Second

// retryInterval is the wait after the bucket could not be read.
const retryInterval = 2 * time.Second

// Run keeps the file in step with the bucket until ctx ends.
func (b *Bucket) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && ctx.Err() == nil {
			b.take(Entry{}, err)
			pause(ctx, retryInterval)
		}
	}
	return nil
}

// pause waits until ctx ends or the time is over.
func pause(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// follow installs the content of the bucket and its changes, for lookInterval or until an error.
func (b *Bucket) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookInterval)
	defer cancel()
	kv, err := b.keyValue(ctx)
	if err != nil {
		return err
	}
	watcher, err := kv.Watch(ctx, key)
	if err != nil {
		return b.unreachable(err)
	}
	defer func() { _ = watcher.Stop() }() // the subscription ends with the connection at the latest
	found := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-watcher.Updates():
			switch {
			case !ok:
				return nil
			case e == nil && !found: // the end of the initial values
				b.take(Entry{}, b.unreachable(ErrEmpty))
			case e == nil:
			case e.Operation() != jetstream.KeyValuePut:
				b.take(Entry{}, b.unreachable(ErrEmpty))
			default:
				found = true
				b.take(b.entry(e))
			}
		}
	}
}

func (b *Bucket) keyValue(ctx context.Context) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if err != nil {
		return nil, b.unreachable(err)
	}
	return kv, nil
}
