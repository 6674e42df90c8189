package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// The hosts of the lab, each a network namespace: the hub, the balancer with an address in both networks, and the
// students' computers.
const (
	hubHost      = "10.77.0.2"
	balancerHost = "10.77.0.3"
	labHost      = "10.78.0.1"
	students     = 30
)

// labEnv has this test program be the students: it is the balancer's URL.
const labEnv = "BRAMBLE_TEST_LAB"

// student returns the name, the password and the address of one.
func student(i int) (name, password, address string) {
	return fmt.Sprintf("student%d", i), fmt.Sprintf("the right horse of %d battery staples", i), fmt.Sprintf("10.78.0.%d",
		100+i)
}

// TestLab: a hub behind a reverse proxy on another host, the shipped HAProxy. Thirty students log in through it while
// the last of them guesses the others' passwords as fast as possible. Only that one waits.
func TestLab(t *testing.T) {
	testutil.System(t, "runs 30 students behind a proxy")
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed: make test-system installs it where it can")
	}
	l := newLab(t)
	file := filepath.Join(t.TempDir(), "credentials.json")
	for i := range students {
		name, password, _ := student(i)
		add := exec.Command(binary("bramble-hub"), "--credentials", file, "user", "add", name, "--password-stdin")
		add.Stdin = strings.NewReader(password + "\n")
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	hub := l.start("hub", nil, binary("bramble-hub"), "--credentials", file, "--http", net.JoinHostPort(hubHost, "0"),
		"--nats", "127.0.0.1:0", "--trusted-proxy", balancerHost, "--log-format", "json")
	l.waitOutput(hub, "hub ready")
	_, addr, _ := strings.Cut(hub.Output(), `"page":"http://`)
	addr, _, _ = strings.Cut(addr, "/")
	config, err := filepath.Abs(balancer)
	if err != nil {
		t.Fatal(err)
	}
	bind := net.JoinHostPort(labHost, "80")
	l.start("proxy", []string{"BALANCER_BIND=" + bind, "HUB_A=" + addr, "HUB_B=" + net.JoinHostPort(hubHost, "1")},
		"haproxy", "-db", "-f", config)

	cmd := l.command("lab", os.Args[0])
	cmd.Env = append(os.Environ(), labEnv+"=http://"+bind)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var got outcome
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Fatalf("%v\n%s%s", err, out, said.String())
	}
	if got.Guesses < 11 || got.Waits == 0 || got.Right != 0 {
		t.Errorf("the guesser: %+v", got)
	}
	if len(got.In) != students-1 || len(got.Refused) > 0 {
		t.Errorf("%d of %d have logged in at once, refused were %v", len(got.In), students-1, got.Refused)
	}
	if got.Own != http.StatusTooManyRequests {
		t.Errorf("the guesser's own login: %d", got.Own)
	}
	_, _, guesser := student(students - 1)
	if !strings.Contains(hub.Output(), `"address":"`+guesser+`"`) ||
		strings.Contains(hub.Output(), `"address":"`+balancerHost+`"`) {
		t.Error("the log does not name the students' addresses, or names the balancer's")
	}
	t.Logf("%+v", got)
}

// lab is three hosts.
type lab struct {
	*fixture
	names map[string]string // of namespaces
}

// newLab makes the hosts: hub - proxy - lab.
func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("no network namespaces can be made here: not root")
	}
	l := &lab{&fixture{t: t}, map[string]string{}}
	for _, host := range []string{"hub", "proxy", "lab"} {
		l.names[host] = fmt.Sprintf("bramble-%d-%s", os.Getpid(), host)
		if out, err := exec.Command("ip", "netns", "add", l.names[host]).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces can be made here: %v %s", err, out)
		}
		t.Cleanup(func() { l.ip("netns", "del", l.names[host]) })
		l.ip("-n", l.names[host], "link", "set", "lo", "up")
	}
	l.join("hub", []string{hubHost}, balancerHost)
	var all []string
	for i := range students {
		_, _, address := student(i)
		all = append(all, address)
	}
	l.join("lab", all, labHost)
	return l
}

// join connects a host with these addresses to the balancer, which has an address in the same network.
func (l *lab) join(host string, addresses []string, balancer string) {
	l.t.Helper()
	l.ip("link", "add", "name", "wire", "netns", l.names[host], "type", "veth", "peer", "name", host, "netns",
		l.names["proxy"])
	for _, address := range addresses {
		l.ip("-n", l.names[host], "addr", "add", address+"/24", "dev", "wire")
	}
	l.ip("-n", l.names["proxy"], "addr", "add", balancer+"/24", "dev", host)
	l.ip("-n", l.names[host], "link", "set", "wire", "up")
	l.ip("-n", l.names["proxy"], "link", "set", host, "up")
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Errorf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// command is one on a host.
func (l *lab) command(host string, args ...string) *exec.Cmd {
	return exec.CommandContext(l.t.Context(), "ip", append([]string{"netns", "exec", l.names[host]}, args...)...)
}

// start starts a program on a host.
func (l *lab) start(host string, env []string, args ...string) *proc.Process {
	l.t.Helper()
	return l.fixture.start(env, "ip", append([]string{"netns", "exec", l.names[host]}, args...)...)
}

// outcome is what became of the students.
type outcome struct {
	Guesses, Waits, Right int // of the guesser: wrong passwords that were checked, refusals to check one, logins
	In                    []string
	Refused               map[string]int // statuses
	Own                   int            // status of the guesser's own login
}

// study has the students log in, on their host, prints what became of it, and returns the exit code.
func study(root string) int {
	got, err := logInAll(root)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(got)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// logInAll has one student guess, and then all others log in at once.
func logInAll(root string) (got outcome, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*testutil.Timeout)
	defer cancel()
	_, _, guesser := student(students - 1)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for status := 0; status != http.StatusUnauthorized; { // the balancer starts
		select {
		case <-again.C:
		case <-ctx.Done():
			return got, fmt.Errorf("the balancer answers %d: %w", status, err)
		}
		status, err = logIn(ctx, root, "missing", "the password of a missing user", guesser)
	}
	others := make(chan struct{})
	blocked := make(chan struct{})
	guessed := make(chan error, 1)
	go func() { guessed <- got.guess(ctx, root, blocked, others) }()
	select { // the guesser has to wait before the others begin
	case <-blocked:
	case err := <-guessed:
		return got, err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	refused, in := map[string]int{}, []string{}
	for i := range students - 1 {
		all.Go(func() {
			name, password, address := student(i)
			status, err := logIn(ctx, root, name, password, address)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || status != http.StatusSeeOther {
				refused[fmt.Sprint(name, " ", err)] = status
			} else {
				in = append(in, name)
			}
		})
	}
	all.Wait()
	close(others)
	err = <-guessed
	got.In, got.Refused = in, refused
	name, password, address := student(students - 1)
	if err == nil {
		got.Own, err = logIn(ctx, root, name, password, address)
	}
	return got, err
}

// guess guesses passwords of the others until they have all logged in, and goes on when it is told to wait.
func (o *outcome) guess(ctx context.Context, root string, blocked chan<- struct{}, others <-chan struct{}) error {
	_, _, address := student(students - 1)
	for n := 0; ; n++ {
		name, _, _ := student(n / 4 % 5) // more than once each, so that a count by name alone would hold
		status, err := logIn(ctx, root, name, fmt.Sprintf("a wrong guess, number %d", n), address)
		switch {
		case err != nil:
			return err
		case status == http.StatusSeeOther:
			o.Right++
		case status == http.StatusTooManyRequests:
			if o.Waits++; o.Waits == 1 {
				close(blocked)
			}
		}
		o.Guesses++
		select {
		case <-others:
			if o.Waits > 0 {
				return nil
			}
		default:
		}
	}
}

// logIn returns the status of a login from an address.
func logIn(ctx context.Context, root, name, password, address string) (int, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	form := url.Values{"user": {name}, "password": {password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, root+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", "192.0.2.1") // the balancer must not pass this to the hub
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
