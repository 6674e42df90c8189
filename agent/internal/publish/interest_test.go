package publish

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestIdleAsksOnceASecond(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.run(time.Minute)
	if n := len(b.alone); n != 60 && n != 61 {
		t.Errorf("%d probes in a minute", n)
	}
	for i := 1; i < len(b.alone); i++ {
		if d := b.alone[i].Sub(b.alone[i-1]); d < probeInterval {
			t.Errorf("probe %d came %v after the one before", i, d)
		}
	}
	if len(b.wanted) > 0 {
		t.Errorf("wanted without a subscriber, at %v", b.wanted)
	}
}

func TestSubscriberStartsAndEndsTheStream(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.frames = 40 * time.Millisecond
	b.run(5300 * time.Millisecond)
	b.subscribed = true
	joined := b.now
	b.run(time.Minute)
	if len(b.wanted) != 1 || b.wanted[0].Sub(joined) > probeInterval+minAnswerTime {
		t.Fatalf("joined at %v, wanted changed at %v", joined, b.wanted)
	}
	if alone, ridden := len(b.alone), len(b.ridden); alone > 7 || ridden < 50 || ridden > 60 {
		t.Errorf("in a minute %d questions rode on frames; until then %d went alone", ridden, alone)
	}
	b.subscribed = false
	left := b.now
	b.run(time.Minute)
	if len(b.wanted) != 2 {
		t.Fatalf("left at %v, wanted changed at %v", left, b.wanted)
	}
	if d := b.wanted[1].Sub(left); d < DefaultLinger-probeInterval-minAnswerTime || d > DefaultLinger+minAnswerTime {
		t.Errorf("idle %v after the last subscriber left, want about %v", d, DefaultLinger)
	}
}

func TestReturnWithinTheLingerKeepsTheStream(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed = true
	for range 5 {
		b.run(10 * time.Second)
		b.subscribed = !b.subscribed
		b.run(7 * time.Second)
		b.subscribed = !b.subscribed
	}
	if len(b.wanted) != 1 {
		t.Errorf("wanted changed at %v, want one start and no end", b.wanted)
	}
}

// TestShortLingerDoesNotFlap: time alone never ends the demand, only 503s do.
func TestShortLingerDoesNotFlap(t *testing.T) {
	b := newFakeNATS(t, time.Millisecond)
	b.subscribed = true
	b.run(time.Minute)
	if len(b.wanted) != 1 {
		t.Errorf("wanted changed at %v although the subscriber stayed", b.wanted)
	}
}

// TestSlowFramesCarryNoQuestion: a live stream asks without a frame when none comes.
func TestSlowFramesCarryNoQuestion(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed, b.frames = true, 5*time.Second
	b.run(time.Minute)
	if n := b.questions(); n < 45 || n > 61 {
		t.Errorf("%d questions in a minute", n)
	}
	b.subscribed = false
	b.run(DefaultLinger + 2*time.Second)
	if b.i.wanted {
		t.Error("still wanted")
	}
}

// TestStillsCarryTheirQuestions: of a live stream with a frame a second no question goes alone, and its end is still
// noticed.
func TestStillsCarryTheirQuestions(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.i.extraWait = stillWait
	b.subscribed, b.frames = true, 1100*time.Millisecond
	b.run(2 * time.Second) // found
	alone := len(b.alone)
	b.run(time.Minute)
	if n := len(b.alone) - alone; n > 0 || len(b.ridden) < 25 {
		t.Errorf("in a minute %d questions went alone, %d rode on frames", n, len(b.ridden))
	}
	b.subscribed = false
	b.run(DefaultLinger + 3*time.Second)
	if b.i.wanted {
		t.Error("still wanted")
	}
}

// TestSlowLink: answers take longer than the publisher waits for them. It soon notices that there is no
// subscriber, and it finds one that comes.
func TestSlowLink(t *testing.T) {
	for _, rtt := range []time.Duration{240 * time.Millisecond, 600 * time.Millisecond, 1100 * time.Millisecond,
		3 * time.Second, 7 * time.Second} {
		t.Run(rtt.String(), func(t *testing.T) {
			b := newFakeNATS(t, time.Second)
			b.rtt = rtt
			b.run(30 * time.Second)
			if len(b.wanted) > 0 {
				t.Fatalf("wanted without a subscriber, at %v", b.wanted)
			}
			b.subscribed = true
			b.run(probeInterval + minAnswerTime + 6*rtt)
			if !b.i.wanted {
				t.Error("a subscriber is not noticed")
			}
		})
	}
}

// TestHiccupsStartNothing: Wi-Fi that saves power answers late every now and then.
func TestHiccupsStartNothing(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	for n := range 100 {
		b.rtt = time.Millisecond
		if n%10 == 0 {
			b.rtt = 400 * time.Millisecond
		}
		b.run(3 * time.Second)
	}
	if len(b.wanted) > 0 || b.pings == 0 {
		t.Errorf("wanted without a subscriber, at %v; %d pings", b.wanted, b.pings)
	}
}

// TestFrozenServerStartsNothing: its silence is no answer.
func TestFrozenServerStartsNothing(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.run(10 * time.Second)
	b.frozen, b.subscribed = true, true
	b.run(time.Minute)
	if len(b.wanted) > 0 {
		t.Fatalf("wanted changed at %v", b.wanted)
	}
	if b.pings > 12 {
		t.Errorf("%d pings in a minute", b.pings)
	}
	b.frozen = false
	b.run(pingTimeout + probeInterval + minAnswerTime)
	if !b.i.wanted {
		t.Error("the subscriber is not found when the server is back")
	}
}

func TestLateRefusalKeepsALingeringStream(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed = true
	b.run(10 * time.Second)
	b.subscribed, b.rtt = false, 300*time.Millisecond
	left := b.now
	b.run(time.Minute)
	if d := b.wanted[len(b.wanted)-1].Sub(left); len(b.wanted) != 2 || d > DefaultLinger+b.rtt {
		t.Errorf("left at %v, wanted changed at %v", left, b.wanted)
	}
}

func TestWake(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.run(3300 * time.Millisecond)
	b.wake()
	woken := b.now
	b.run(time.Minute)
	if len(b.wanted) != 2 || b.wanted[1].Sub(woken) < DefaultLinger {
		t.Errorf("woken at %v, but nothing subscribed; wanted changed at %v", woken, b.wanted)
	}
}

// TestWakeAgainstALateRefusal: the 503 to a question of before the wake says nothing about who has called since.
func TestWakeAgainstALateRefusal(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.rtt = 300 * time.Millisecond
	b.run(100 * time.Millisecond)
	b.wake()
	b.run(800 * time.Millisecond)
	if !b.i.wanted {
		t.Error("the late 503 undid the wake")
	}
}

// TestWakeInALateAnswer: the same for a question whose silence has been believed already.
func TestWakeInALateAnswer(t *testing.T) {
	i, start := interest{linger: DefaultLinger}, time.Unix(1000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	i.wake(start)
	i.ask(at(9900 * time.Millisecond))
	i.tick(at(10150 * time.Millisecond)) // no 503: there is a subscriber
	i.wake(at(10200 * time.Millisecond))
	i.noResponders(1, at(10250*time.Millisecond)) // it was only late
	if !i.wanted {
		t.Error("the late 503 undid the wake")
	}
	i.tick(at(10200*time.Millisecond + DefaultLinger))
	if i.wanted {
		t.Error("still wanted, although nothing subscribed after the wake")
	}
}

func TestLostConnectionKeepsDemandForTheGrace(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed = true
	b.run(10 * time.Second)
	asked := b.questions()
	b.lose()
	b.run(offlineLinger)
	if !b.i.wanted {
		t.Error("demand was forgotten within the grace")
	}
	b.run(DefaultLinger + time.Second)
	if b.i.wanted {
		t.Error("demand outlives the grace and the linger time")
	}
	if b.questions() != asked {
		t.Error("asked without a connection")
	}
	b.reconnect()
	b.run(minAnswerTime + 2*b.rtt)
	if !b.i.wanted {
		t.Error("the subscriber, who is still there, is not found at once after the reconnect")
	}
}

func TestReconnectWithinTheGrace(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed = true
	b.run(10 * time.Second)
	b.lose()
	b.run(30 * time.Second)
	b.reconnect()
	b.subscribed = false // gone in the meantime
	back := b.now
	b.run(time.Minute)
	if len(b.wanted) != 2 || b.wanted[1].Sub(back) > DefaultLinger+probeInterval {
		t.Errorf("back at %v, wanted changed at %v", back, b.wanted)
	}
}

// TestNoAnswerFromALostConnection: silence means yes only if the question had arrived.
func TestNoAnswerFromALostConnection(t *testing.T) {
	for _, outage := range []time.Duration{0, 10 * time.Millisecond, time.Second} {
		t.Run(outage.String(), func(t *testing.T) {
			b := newFakeNATS(t, DefaultLinger)
			b.run(5*time.Second + time.Millisecond) // a question is on its way
			if b.i.asked.IsZero() {
				t.Fatal("no question is open")
			}
			b.lose()
			if outage > 0 {
				b.run(outage)
			}
			b.reconnect()
			b.run(10 * time.Second)
			if len(b.wanted) > 0 {
				t.Errorf("wanted without a subscriber, at %v", b.wanted)
			}
		})
	}
}

func TestForeignRefusals(t *testing.T) {
	b := newFakeNATS(t, DefaultLinger)
	b.subscribed = true
	b.run(20 * time.Second)
	before := b.i
	for _, n := range []uint64{0, b.i.question + 1, b.i.question - 8, b.i.question - 16, 1 << 63} {
		b.i.noResponders(n, b.now)
	}
	if b.i != before {
		t.Errorf("answers to questions that were not asked have changed %+v to %+v", before, b.i)
	}
}

// TestInterestNeverSpinsAndAlwaysLearns throws everything at the machine in any order; run checks that it never asks
// to be called in the past.
func TestInterestNeverSpinsAndAlwaysLearns(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := newFakeNATS(t, time.Duration(rng.IntN(12_000))*time.Millisecond)
		b.frames = []time.Duration{0, 33 * time.Millisecond, 3 * time.Second}[rng.IntN(3)]
		for range 60 {
			switch rng.IntN(8) {
			case 7:
				b.frozen = !b.frozen
			case 0:
				b.subscribed = !b.subscribed
			case 1:
				b.rtt = time.Duration(1+rng.IntN(1500)) * time.Millisecond
			case 2:
				b.wake()
			case 3:
				b.lose()
			case 4:
				b.reconnect()
			}
			b.run(time.Duration(rng.IntN(4000)) * time.Millisecond)
		}
		b.reconnect()
		b.frozen = false
		b.rtt = time.Duration(1+rng.IntN(1500)) * time.Millisecond
		b.run(time.Minute)
		if b.i.wanted != b.subscribed {
			t.Fatalf("seed %d: wanted %v, subscribed %v, after a quiet minute: %+v", seed, b.i.wanted, b.subscribed, b.i)
		}
	}
}
