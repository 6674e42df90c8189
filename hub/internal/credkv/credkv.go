// Package credkv keeps the credentials of several hubs in a bucket of NATS KV.
package credkv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
)

const (
	// key is the key of the credentials in the bucket.
	key = "credentials"

	// dialTimeout bounds the wait for a connection, requestTimeout the wait for an answer.
	dialTimeout    = 2 * time.Second
	requestTimeout = 5 * time.Second

	// maxAttempts is how often an edit is tried after concurrent changes by others.
	maxAttempts = 10
)

// ErrEmpty says that the bucket is empty.
var ErrEmpty = errors.New("there are no credentials in it yet: " +
	"\"bramble-hub credentials push\" stores those of this host")

// Config locates the bucket and the credentials file.
type Config struct {
	URL        string // of NATS
	Bucket     string
	Credential credential.Credential // of an account with JetStream
	Trust      tlstrust.Settings
	File       string // the credentials file
	Log        *slog.Logger
}

// Bucket is a connection to the bucket of credentials.
type Bucket struct {
	cfg  Config
	nc   *nats.Conn
	js   jetstream.JetStream
	done chan struct{} // closed when the connection has ended

	errs loglimit.ErrorOnce // of the bucket's content; owned by Run's goroutine
}

// Entry is the content of the bucket.
type Entry struct {
	File     *credstore.File
	Stored   time.Time
	revision uint64 // of the key in the bucket
}

// Open connects. If wait is set it returns at once and keeps trying in the background.
func Open(cfg Config, wait bool) (*Bucket, error) {
	trusts, err := cfg.Trust.Options()
	if err != nil {
		return nil, err
	}
	b := &Bucket{cfg: cfg, done: make(chan struct{})}
	options := append(cfg.Credential.Options(), trusts...)
	options = append(options,
		nats.Name("bramble-hub credentials"), nats.Timeout(dialTimeout), nats.MaxReconnects(-1),
		nats.PingInterval(5*time.Second), nats.MaxPingsOutstanding(2), nats.RetryOnFailedConnect(wait),
		nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // callers get the errors
		nats.ClosedHandler(func(*nats.Conn) { close(b.done) }),
	)
	if b.nc, err = nats.Connect(cfg.URL, options...); err != nil {
		return nil, b.wrap(err)
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		b.Close()
		return nil, b.wrap(err)
	}
	return b, nil
}

// Close ends the connection.
func (b *Bucket) Close() {
	b.nc.Close()
	<-b.done
}

// BucketError says why the bucket cannot be used.
type BucketError struct {
	Bucket string
	Err    error
}

func (e *BucketError) Error() string { return "credentials bucket " + e.Bucket + ": " + e.Err.Error() }

func (e *BucketError) Unwrap() error { return e.Err }

func (b *Bucket) wrap(err error) error {
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = fmt.Errorf("%w: \"bramble-hub credentials push\" makes it", err)
	}
	return &BucketError{b.cfg.Bucket, err}
}

// Get returns the content of the bucket. The error is ErrEmpty if it is empty.
func (b *Bucket) Get(ctx context.Context) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if err != nil {
		return Entry{}, b.wrap(err)
	}
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Entry{}, b.wrap(ErrEmpty)
	}
	if err != nil {
		return Entry{}, b.wrap(err)
	}
	return b.entry(e)
}

func (b *Bucket) entry(e jetstream.KeyValueEntry) (Entry, error) {
	d, err := credstore.Parse(e.Value())
	if err != nil {
		return Entry{}, b.wrap(fmt.Errorf("its content is no valid credentials document: %w", err))
	}
	return Entry{d, e.Created(), e.Revision()}, nil
}

// put stores a document unless another one was stored since before was read. A zero before means an empty bucket.
func (b *Bucket) put(ctx context.Context, d *credstore.File, before Entry) error {
	data, err := d.Encode()
	if err != nil {
		return b.wrap(err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	switch {
	case err != nil:
	case before.revision == 0:
		_, err = kv.Create(ctx, key, data) // also after a delete
	default:
		_, err = kv.Update(ctx, key, data, before.revision)
	}
	if err != nil {
		return b.wrap(err)
	}
	return nil
}

// conflict reports whether another document was stored meanwhile.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// Edit changes the credentials in the bucket, then those in the file.
// After a concurrent change by others, change is called again with their document.
// If the bucket is empty, the file's credentials are changed and stored there.
func (b *Bucket) Edit(ctx context.Context, change func(*credstore.File) error) error {
	for range maxAttempts {
		before, err := b.base(ctx)
		if err != nil {
			return err
		}
		d := before.File
		changed, err := d.Apply(change)
		if err != nil {
			return err
		}
		if changed || before.revision == 0 {
			err = b.put(ctx, d, before)
		}
		if conflict(err) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err = credstore.Install(b.cfg.File, d, false); errors.Is(err, credstore.ErrOlder) { // the file is newer already
			return nil
		}
		return err
	}
	return b.wrap(errors.New("others keep changing it: try again"))
}

// base returns the document to edit. The file must not be newer than the bucket: its changes would be lost.
func (b *Bucket) base(ctx context.Context) (Entry, error) {
	own, err := credstore.Read(b.cfg.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Entry{}, err
	}
	e, getErr := b.Get(ctx)
	switch {
	case errors.Is(getErr, ErrEmpty) && err == nil:
		return Entry{File: own}, nil
	case errors.Is(getErr, ErrEmpty):
		return Entry{File: credstore.NewFile()}, nil
	case getErr != nil:
		return Entry{}, getErr
	case err == nil && (own.Revision > e.File.Revision ||
		own.Revision == e.File.Revision && !own.Equal(e.File)):
		return Entry{}, fmt.Errorf("%s has changes that are not in the bucket %s (revision %d, there %d): "+
			"\"bramble-hub credentials push --force\" stores them there, \"bramble-hub credentials pull --force\" discards them",
			b.cfg.File, b.cfg.Bucket, own.Revision, e.File.Revision)
	}
	return e, nil
}

// Push stores the file's credentials in the bucket. It creates the bucket if it is missing.
// Without force, the credentials in the bucket must be older.
func (b *Bucket) Push(ctx context.Context, replicas int, force bool) error {
	// A missing file is created.
	if err := credstore.Edit(b.cfg.File, func(*credstore.File) error { return nil }); err != nil {
		return err
	}
	own, err := credstore.Read(b.cfg.File)
	if err != nil {
		return err
	}
	if err := b.create(ctx, replicas); err != nil {
		return err
	}
	e, err := b.Get(ctx)
	switch {
	case errors.Is(err, ErrEmpty):
		return b.put(ctx, own, Entry{})
	case err != nil && !force:
		return err
	case err != nil: // the content is broken
		return b.overwrite(ctx, own)
	case own.Equal(e.File):
		return nil
	case own.Revision <= e.File.Revision && !force:
		return setting.Errorf("credentials bucket %s has revision %d, %s has %d: "+
			"\"bramble-hub credentials pull\" takes those of the bucket, {force} stores those of the file",
			b.cfg.Bucket, e.File.Revision, b.cfg.File, own.Revision)
	}
	if own.Revision <= e.File.Revision { // other hubs accept only newer ones
		own.Revision = e.File.Revision + 1
	}
	if err := b.put(ctx, own, e); err != nil {
		return err
	}
	_, err = credstore.Install(b.cfg.File, own, true)
	return err
}

func (b *Bucket) overwrite(ctx context.Context, d *credstore.File) error {
	data, err := d.Encode()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if err == nil {
		_, err = kv.Put(ctx, key, data)
	}
	if err != nil {
		return b.wrap(err)
	}
	return nil
}

// create creates the bucket if it is missing. It keeps no history: old credentials hold removed users and keys.
func (b *Bucket) create(ctx context.Context, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = b.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: b.cfg.Bucket, Description: "credentials of Bramble hubs", History: 1, Replicas: replicas,
			MaxBytes: maxBytes, Storage: jetstream.FileStorage,
		})
	}
	if err != nil {
		return b.wrap(err)
	}
	return nil
}

// maxBytes bounds the bucket: room for the largest old and new credentials.
const maxBytes = 16 << 20

// Pull writes the bucket's credentials to the file. Without force, the file must be older.
func (b *Bucket) Pull(ctx context.Context, force bool) (changed bool, err error) {
	e, err := b.Get(ctx)
	if err != nil {
		return false, err
	}
	changed, err = credstore.Install(b.cfg.File, e.File, force)
	if errors.Is(err, credstore.ErrOlder) || errors.Is(err, credstore.ErrDiverged) {
		err = setting.Errorf("credentials bucket %s has revision %d: %w: "+
			"\"bramble-hub credentials push\" stores those of the file, {force} takes those of the bucket",
			b.cfg.Bucket, e.File.Revision, err)
	}
	return changed, err
}

// install installs credentials that the hub received from the bucket. It logs unusable ones once.
func (b *Bucket) install(e Entry, err error) {
	changed := false
	if err == nil {
		changed, err = credstore.Install(b.cfg.File, e.File, false)
	}
	isNew, recovered := b.errs.Seen(err)
	switch {
	case err == nil && changed:
		b.cfg.Log.Info("credentials taken from the bucket", "audit", "credentials.pull", "bucket", b.cfg.Bucket,
			"revision", e.File.Revision)
	case recovered:
		b.cfg.Log.Info("the credentials in the file and in the bucket are the same again", "bucket", b.cfg.Bucket)
	case isNew:
		b.cfg.Log.Error("the credentials in the bucket were not installed; those in the file remain in force",
			logkey.Err, err, "bucket", b.cfg.Bucket, "file", b.cfg.File, "remedy", "bramble-hub credentials status")
	}
}
