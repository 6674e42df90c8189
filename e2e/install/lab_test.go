package install

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/e2e/internal/netns"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is two hosts, hub and pi, in a network of their own.
type lab struct {
	t     *testing.T
	first map[string]string // process number of the first process, by host
	pid   int               // process in the hosts' network
	pin   string            // the fingerprint of the hub's key, when it is known
}

// boot starts the hosts, or says why that cannot be done here. They end with the test.
func boot(t *testing.T) (l *lab, cannot string) {
	t.Helper()
	var said bytes.Buffer
	prepare := exec.Command("./root.sh")
	prepare.Stderr = &said
	root, err := prepare.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		return nil, said.String()
	}
	if err != nil {
		t.Fatalf("root.sh: %v\n%s", err, said.String())
	}
	if out, err := exec.Command("unshare", "--net", "--mount", "true").CombinedOutput(); err != nil {
		return nil, "namespaces are not allowed: " + string(out)
	}
	cmd := exec.Command("unshare", "--net", "--mount", "./boot.sh", strings.TrimSpace(string(root)), t.TempDir(), "hub",
		"pi")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	trouble, err := os.Create(filepath.Join(t.TempDir(), "trouble"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = trouble
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l = &lab{t: t, first: map[string]string{}, pid: cmd.Process.Pid}
	t.Cleanup(func() {
		for _, pid := range l.first { // with its first process a container ends; without its nspawn it may not
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()      // killed
		_ = trouble.Close() // nothing of ours was written
	})
	for lines := bufio.NewScanner(out); len(l.first) < 2; {
		if !lines.Scan() {
			text, err := os.ReadFile(trouble.Name())
			t.Fatalf("boot.sh: %s, %v", text, err)
		}
		name, pid, _ := strings.Cut(lines.Text(), " ")
		l.first[name] = pid
	}
	return l, ""
}

// shell returns a command of root's on a host, in root's folder.
func (l *lab) shell(host, command string) *exec.Cmd {
	return exec.Command("nsenter", "--target", l.first[host], "--all",
		"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "sh", "-c", "cd /root && "+command)
}

// run runs a command, which must succeed, and returns what it prints. What is typed goes to its terminal, if that is
// not empty.
func (l *lab) run(host, command, typed string) string {
	l.t.Helper()
	if typed != "" {
		command = "script --quiet --return --command '" + command + "' /dev/null"
	}
	cmd := l.shell(host, command)
	cmd.Stdin = strings.NewReader(typed)
	var stdout, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &all
	began := time.Now()
	if err := cmd.Run(); err != nil {
		log, _ := l.shell(host, "journalctl --no-pager -n 40").CombinedOutput()
		l.t.Fatalf("on %s: %s: %v\n%s%s\n%s", host, masked(command), err, masked(stdout.String()), all.String(), log)
	}
	l.t.Logf("%s# %s   (%v)", host, masked(command), time.Since(began).Round(10*time.Millisecond))
	return stdout.String()
}

// masked is text without an agent's token.
func masked(text string) string {
	return regexp.MustCompile(`SU[A-Z2-7]{56}`).ReplaceAllString(text, "SU...")
}

// put copies files into root's folder of a host.
func (l *lab) put(host string, files ...string) {
	l.t.Helper()
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join("/proc", l.first[host], "root/root", filepath.Base(f)), data, 0o644)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

// client returns an HTTP client in the lab's network.
func (l *lab) client() *http.Client {
	t := &http.Transport{DialContext: netns.Dialer(l.pid)}
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(state tls.ConnectionState) error {
		if got := tlstrust.Fingerprint(state.PeerCertificates[0]); got != l.pin {
			return fmt.Errorf("the hub's key is %s, want %s", got, l.pin)
		}
		return nil
	}}
	l.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 30 * time.Second}
}
