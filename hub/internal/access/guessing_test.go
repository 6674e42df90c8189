package access

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/secret"
)

// attack sends a wrong password for anna three times a second for 145 s. from returns the address of each attempt.
// Meanwhile it calls the user's action each second.
func attack(t *testing.T, d *Authenticator, from func(i int) string, each func(second int)) {
	t.Helper()
	wrong := ledger.hide("password", "a wrong guess of it")
	for i := range 3 * 145 {
		_, err := d.Password(t.Context(), from(i), "anna", wrong)
		var wait *RateLimitedError
		if !errors.Is(err, ErrUnauthenticated) && !errors.As(err, &wait) {
			t.Fatalf("the guesser: %v", err)
		}
		if i%3 == 0 {
			each(i / 3)
		}
		later(time.Second / 3)
	}
}

func manyAddresses(i int) string { return fmt.Sprintf("198.18.%d.%d", i/200, i%200+1) }

// An attacker with many addresses cannot lock a user out.
// Where the user has logged in before there is no wait, elsewhere there is one.
func TestManyGuessersLockNobodyOut(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		login := func(addr string) error {
			_, _, err := d.Login(t.Context(), addr, "anna", c.annaPw)
			return err
		}
		if err := login(home); err != nil {
			t.Fatal(err)
		}
		var until time.Time // when the new device may try again
		refused := 0
		attack(t, d, manyAddresses, func(second int) {
			if err := login(home); err != nil {
				t.Errorf("after %d s, from where she has logged in: %v", second, err)
			}
			if second < 60 || time.Now().Before(until) || until.Equal(time.Unix(1, 0)) {
				return
			}
			var wait *RateLimitedError
			switch err := login(abroad); {
			case err == nil:
				until = time.Unix(1, 0)
			case errors.As(err, &wait) && wait.After <= maxWait:
				refused++
				until = time.Now().Add(wait.After)
			default:
				t.Errorf("from a new address: %v", err)
			}
		})
		if refused != 1 || !until.Equal(time.Unix(1, 0)) {
			t.Errorf("a new device was refused %d times; want one wait, and then a login", refused)
		}
		if err := login(abroad); err != nil {
			t.Errorf("the new device, once more: %v", err)
		}
	})
}

// An attacker with one address locks out no user at another address, even at their first login.
func TestOneGuesserLocksNobodyOut(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		attack(t, d, func(int) string { return abroad }, func(second int) {
			if second%12 < 11 {
				return
			}
			if _, err := d.Password(t.Context(), fmt.Sprintf("192.0.2.%d", second+1), "anna", c.annaPw); err != nil {
				t.Errorf("after %d s: %v", second, err)
			}
		})
	})
}

// In a class behind a proxy, one student guesses the passwords of all others. Only that student has to wait.
// The others have not logged in before.
func TestGuesserInAClass(t *testing.T) {
	c := newCast(t)
	wrong := ledger.hide("password", "a wrong guess of it")
	edit(t, c.file, func(doc *File) error {
		for i := range 30 {
			doc.Users = append(doc.Users,
				User{Name: fmt.Sprint("student", i), Role: Viewer, Hash: cheapHash(c.annaPw), Enabled: true})
		}
		return nil
	})
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		address := func(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
		blocked := 0
		for i := 1; i < 30; i++ {
			for range 3 {
				if _, err := d.Password(t.Context(), address(0), fmt.Sprint("student", i), wrong); !errors.Is(err, ErrUnauthenticated) {
					blocked++
				}
			}
		}
		if blocked < 3*29-freeOfAddress-1 {
			t.Errorf("the guesser was blocked %d times", blocked)
		}
		for i := 1; i < 30; i++ {
			if _, _, err := d.Login(t.Context(), address(i), fmt.Sprint("student", i), c.annaPw); err != nil {
				t.Errorf("student %d: %v", i, err)
			}
		}
		var wait *RateLimitedError
		if _, _, err := d.Login(t.Context(), address(0), "student0", c.annaPw); !errors.As(err, &wait) ||
			wait.Why != waitOfAddress {
			t.Errorf("the guesser's own login: %v", err)
		}
	})
}

// A blocked address does not block users who usually log in there, passwords that were right, or sessions.
// An attacker who guesses such a user's password there still has to wait.
func TestBlockedAddress(t *testing.T) {
	c := newCast(t)
	wrong := ledger.hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		_, cookie, err := d.Login(t.Context(), home, "anna", c.annaPw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil {
			t.Fatal(err)
		}
		for i := range 3 * freeOfAddress {
			_, _ = d.Password(t.Context(), home, fmt.Sprint("user", i), wrong)
		}
		var wait *RateLimitedError
		if _, err := d.Password(t.Context(), home, "root", c.adminPw); !errors.As(err, &wait) || wait.Why != waitOfAddress {
			t.Errorf("somebody who was never there: %v", err)
		}
		if _, err := d.Password(t.Context(), abroad, "root", c.adminPw); err != nil {
			t.Errorf("the same from elsewhere: %v", err)
		}
		if _, _, err := d.Session(home, cookie.Value); err != nil {
			t.Errorf("a session: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil {
			t.Errorf("a password that was right: %v", err)
		}
		later(basicLife - time.Second)
		for i := range freeOfAddress {
			_, _ = d.Password(t.Context(), home, fmt.Sprint("user", i), wrong)
		}
		later(time.Second)
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil {
			t.Errorf("a program, when its password is checked again: %v", err)
		}
		for range 2 * freeOfAddress {
			_, _ = d.Password(t.Context(), home, "anna", wrong)
		}
		if _, err := d.Password(t.Context(), home, "anna", c.annaPw); !errors.As(err, &wait) || wait.Why != waitOfPair {
			t.Errorf("a user who is guessed where she logs in: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil {
			t.Errorf("another user there: %v", err)
		}
	})
}

// An address has one guess per wait for a name under attack. Other addresses cannot prolong its wait.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses()
		wait := func(addr string, take bool) time.Duration {
			var w *RateLimitedError
			if errors.As(g.wait("anna", addr, time.Now(), take), &w) {
				return w.After
			}
			return 0
		}
		for i, want := range []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60} {
			g.failed("anna", manyAddresses(i), time.Now())
			if got := wait(fmt.Sprint("192.0.2.", i), true); got != want*time.Second {
				t.Errorf("with %d failing addresses: %v, want %d s", i+1, got, int(want))
			}
		}
		if wait(home, true) != maxWait || g.wait("otto", home, time.Now(), true) != nil {
			t.Error("the wait is not that of the name alone")
		}
		later(maxWait - time.Second)
		for i := range 100 {
			g.failed("anna", manyAddresses(i), time.Now())
		}
		if got := wait(home, true); got != time.Second {
			t.Errorf("put off to %v", got)
		}
		later(time.Second)
		for range 2 {
			if wait(home, false) != 0 {
				t.Error("asking takes the turn")
			}
		}
		if wait(home, true) != 0 || wait(home, true) != maxWait {
			t.Error("it is no turn, or more than one")
		}
		later(forgetAfter + time.Second)
		if wait(abroad, true) != 0 {
			t.Error("it is not forgotten")
		}
	})
}

// An attacker with an IPv6 network of 65,536 address keys is finally blocked as one address.
func TestGuesserWithANetwork(t *testing.T) {
	c := newCast(t)
	wrong := ledger.hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		checked := 0
		for i := range 1000 {
			if _, err := d.Password(t.Context(), fmt.Sprintf("2001:db8:1:%x::1", i), fmt.Sprint("user", i),
				wrong); errors.Is(err, ErrUnauthenticated) {
				checked++
			}
		}
		if checked != freeOfNetwork {
			t.Errorf("%d passwords were checked", checked)
		}
		if _, err := d.Password(t.Context(), "2001:db8:2::1", "anna", c.annaPw); err != nil {
			t.Errorf("a neighbor: %v", err)
		}
	})
}

// Memory is bounded for any names and addresses. An attacker cannot make the hub forget the logins of users.
func TestGuessesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses()
		g.succeeded("anna", home, time.Now())
		for i := range maxTargets + 300 {
			g.failed(fmt.Sprint("name", i), manyAddresses(i), time.Now())
		}
		for i := range 2 * maxFailing {
			g.failed("otto", manyAddresses(i), time.Now())
		}
		for i := range maxTurns + 300 {
			_ = g.wait("otto", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), time.Now(), true)
		}
		if len(g.targets) > maxTargets || len(g.turns) > maxTurns || len(g.targets["otto"].failing.at) > maxFailing {
			t.Errorf("%d names, %d turns, %d addresses of a name", len(g.targets), len(g.turns),
				len(g.targets["otto"].failing.at))
		}
		for i := range 2 * maxHomes {
			g.succeeded("root", fmt.Sprint("192.0.2.", i), time.Now())
			later(time.Second)
		}
		if !g.isHome(pair{"anna", home}) || len(g.homes["root"].at) != maxHomes ||
			!g.isHome(pair{"root", fmt.Sprint("192.0.2.", 2*maxHomes-1)}) {
			t.Errorf("remembered are %d addresses of root", len(g.homes["root"].at))
		}
	})
}

// A client that has to wait takes no place in the queue for password checks.
func TestWaitersTakeNoPlace(t *testing.T) {
	c := newCast(t)
	wrong := ledger.hide("password", "a wrong guess of it")
	d := NewAuthenticator(c.keeper(t), testLog())
	for i := range freeOfAddress {
		_, _ = d.Password(t.Context(), abroad, fmt.Sprint("user", i), wrong)
	}
	for range cap(d.verifier.slots) {
		if err := d.verifier.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range maxQueued + 1 { // would wait forever, or get ErrBusy
		var wait *RateLimitedError
		if _, _, err := d.Login(t.Context(), abroad, "anna", secret.Text("anything")); !errors.As(err, &wait) {
			t.Fatal(err)
		}
	}
}
