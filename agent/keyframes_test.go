package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestKeyFramesAreSpread: a flood of requests makes two key frames a second, the first one at once, and the last
// request is not forgotten.
func TestKeyFramesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []time.Duration
		k := &keyFrames{request: func() error {
			asked = append(asked, time.Since(began))
			return nil
		}}
		for range 1000 {
			if err := k.ask(); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Millisecond)
		}
		<-time.After(time.Minute)
		synctest.Wait() // until the timer's goroutine has ended
		if len(asked) != 3 || asked[0] != 0 || asked[1] != keyFrameInterval || asked[2] != 2*keyFrameInterval {
			t.Errorf("asked after %v", asked)
		}
		if err := k.ask(); err != nil || len(asked) != 4 {
			t.Errorf("after a pause: asked after %v, %v", asked, err)
		}
		_ = k.ask()
		k.stop()
		<-time.After(time.Minute)
		synctest.Wait() // until the timer's goroutine has ended
		if len(asked) != 4 {
			t.Errorf("after the end: asked after %v", asked)
		}
	})
}

// TestKeyFrameErrorIsKept: a request that comes too early gets the error of the last attempt.
func TestKeyFrameErrorIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		k := &keyFrames{request: func() error { return broken }}
		defer k.stop()
		for range 2 {
			if err := k.ask(); !errors.Is(err, broken) {
				t.Errorf("%v", err)
			}
		}
	})
}
