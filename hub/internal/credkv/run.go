package credkv

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// rereadInterval is how often the bucket is read, in addition to watching it. A watch misses a recreated bucket.
const rereadInterval = 30 * time.Second

// retryInterval is the wait after the bucket could not be read.
const retryInterval = 2 * time.Second

// Run keeps the file in step with the bucket until ctx ends.
func (b *Bucket) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && ctx.Err() == nil {
			b.install(Entry{}, err)
			sleep(ctx, retryInterval)
		}
	}
	return nil
}

// sleep waits until ctx ends or the time is over.
func sleep(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// follow installs the content of the bucket and its changes, for rereadInterval or until an error.
func (b *Bucket) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rereadInterval)
	defer cancel()
	kv, err := b.keyValue(ctx)
	if err != nil {
		return err
	}
	watcher, err := kv.Watch(ctx, key)
	if err != nil {
		return b.wrap(err)
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
				b.install(Entry{}, b.wrap(ErrEmpty))
			case e == nil:
			case e.Operation() != jetstream.KeyValuePut:
				b.install(Entry{}, b.wrap(ErrEmpty))
			default:
				found = true
				b.install(b.entry(e))
			}
		}
	}
}

func (b *Bucket) keyValue(ctx context.Context) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if err != nil {
		return nil, b.wrap(err)
	}
	return kv, nil
}
