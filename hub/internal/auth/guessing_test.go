package auth_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/throttle"
	"github.com/bramble-cam/bramble/internal/secret"
)

// As package throttle has them.
const (
	addressFreeAttempts = 10
	networkFreeAttempts = 50
	reasonAddress       = "too many wrong passwords from your address"
	reasonUserAtAddress = "too many wrong passwords for this user from your address"
)

// attack sends a wrong password for anna three times a second for 145 s. from returns the address of each attempt.
// Meanwhile it calls the user's action each second.
func attack(t *testing.T, d *auth.Authenticator, from func(i int) string, each func(second int)) {
	t.Helper()
	wrong := secrets.Hide("password", "a wrong guess of it")
	for i := range 3 * 145 {
		_, err := d.Password(t.Context(), from(i), "anna", wrong)
		var wait *throttle.RateLimitedError
		if !errors.Is(err, auth.ErrUnauthenticated) && !errors.As(err, &wait) {
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
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		login := func(addr string) error {
			_, _, err := d.Login(t.Context(), addr, "anna", c.Anna)
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
			var wait *throttle.RateLimitedError
			switch err := login(abroad); {
			case err == nil:
				until = time.Unix(1, 0)
			case errors.As(err, &wait) && wait.After <= time.Minute:
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
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		attack(t, d, func(int) string { return abroad }, func(second int) {
			if second%12 < 11 {
				return
			}
			if _, err := d.Password(t.Context(), fmt.Sprintf("192.0.2.%d", second+1), "anna", c.Anna); err != nil {
				t.Errorf("after %d s: %v", second, err)
			}
		})
	})
}

// In a class behind a proxy, one student guesses the passwords of all others. Only that student has to wait.
// The others have not logged in before.
func TestGuesserInAClass(t *testing.T) {
	c := credstoretest.New(t, secrets)
	wrong := secrets.Hide("password", "a wrong guess of it")
	credstoretest.Edit(t, c.Path, func(doc *credstore.File) error {
		for i := range 30 {
			doc.Users = append(doc.Users,
				credstore.User{Name: fmt.Sprint("student", i), Role: permission.Viewer, Hash: credstoretest.CheapHash(c.Anna),
					Enabled: true})
		}
		return nil
	})
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		address := func(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
		blocked := 0
		for i := 1; i < 30; i++ {
			for range 3 {
				if _, err := d.Password(t.Context(), address(0), fmt.Sprint("student", i), wrong); !errors.Is(err,
					auth.ErrUnauthenticated) {
					blocked++
				}
			}
		}
		if blocked < 3*29-addressFreeAttempts-1 {
			t.Errorf("the guesser was blocked %d times", blocked)
		}
		for i := 1; i < 30; i++ {
			if _, _, err := d.Login(t.Context(), address(i), fmt.Sprint("student", i), c.Anna); err != nil {
				t.Errorf("student %d: %v", i, err)
			}
		}
		var wait *throttle.RateLimitedError
		if _, _, err := d.Login(t.Context(), address(0), "student0", c.Anna); !errors.As(err, &wait) ||
			wait.Why != reasonAddress {
			t.Errorf("the guesser's own login: %v", err)
		}
	})
}

// A blocked address does not block users who usually log in there, passwords that were right, or sessions.
// An attacker who guesses such a user's password there still has to wait.
func TestBlockedAddress(t *testing.T) {
	c := credstoretest.New(t, secrets)
	wrong := secrets.Hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		_, cookie, err := d.Login(t.Context(), home, "anna", c.Anna)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil {
			t.Fatal(err)
		}
		for i := range 3 * addressFreeAttempts {
			_, _ = d.Password(t.Context(), home, fmt.Sprint("user", i), wrong)
		}
		var wait *throttle.RateLimitedError
		if _, err := d.Password(t.Context(), home, "root", c.Root); !errors.As(err, &wait) || wait.Why != reasonAddress {
			t.Errorf("an unknown user: %v", err)
		}
		if _, err := d.Password(t.Context(), abroad, "root", c.Root); err != nil {
			t.Errorf("the same from elsewhere: %v", err)
		}
		if _, _, err := d.Session(home, cookie.Value); err != nil {
			t.Errorf("a session: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil {
			t.Errorf("a password that was right: %v", err)
		}
		later(auth.BasicCacheTTL - time.Second)
		for i := range addressFreeAttempts {
			_, _ = d.Password(t.Context(), home, fmt.Sprint("user", i), wrong)
		}
		later(time.Second)
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil {
			t.Errorf("a program, when its password is checked again: %v", err)
		}
		for range 2 * addressFreeAttempts {
			_, _ = d.Password(t.Context(), home, "anna", wrong)
		}
		if _, err := d.Password(t.Context(), home, "anna", c.Anna); !errors.As(err, &wait) ||
			wait.Why != reasonUserAtAddress {
			t.Errorf("a user who is guessed where she logs in: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil {
			t.Errorf("another user there: %v", err)
		}
	})
}

// An attacker with an IPv6 network of 65,536 address keys is finally blocked as one address.
func TestGuesserWithANetwork(t *testing.T) {
	c := credstoretest.New(t, secrets)
	wrong := secrets.Hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		checked := 0
		for i := range 1000 {
			if _, err := d.Password(t.Context(), fmt.Sprintf("2001:db8:1:%x::1", i), fmt.Sprint("user", i),
				wrong); errors.Is(err, auth.ErrUnauthenticated) {
				checked++
			}
		}
		if checked != networkFreeAttempts {
			t.Errorf("%d passwords were checked", checked)
		}
		if _, err := d.Password(t.Context(), "2001:db8:2::1", "anna", c.Anna); err != nil {
			t.Errorf("a neighbor: %v", err)
		}
	})
}

// A client that has to wait takes no place in the queue for password checks.
func TestWaitersTakeNoPlace(t *testing.T) {
	c := credstoretest.New(t, secrets)
	wrong := secrets.Hide("password", "a wrong guess of it")
	d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
	for i := range addressFreeAttempts {
		_, _ = d.Password(t.Context(), abroad, fmt.Sprint("user", i), wrong)
	}
	for range min(2, runtime.GOMAXPROCS(0)) {
		if err := d.Verifier().Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 33 { // would wait forever, or get ErrBusy
		var wait *throttle.RateLimitedError
		if _, _, err := d.Login(t.Context(), abroad, "anna", secret.Text("anything")); !errors.As(err, &wait) {
			t.Fatal(err)
		}
	}
}
