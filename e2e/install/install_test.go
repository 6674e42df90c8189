package install

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
)

const password = "correct horse battery"

// made are the folders of the packages of two versions.
type made struct {
	older, newer string
	err          error
}

// packages builds the programs in a folder, and of them the packages.
func packages(dir string) (m made) {
	for _, program := range []string{"agent", "hub"} {
		// as go build does: its cache has most of them. scripts/dist.sh is tested in e2e/crossarch
		out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "bramble-"+program+"-linux-amd64"),
			"github.com/bramble-cam/bramble/"+program+"/cmd/bramble-"+program).CombinedOutput()
		if err != nil {
			m.err = fmt.Errorf("go build: %w\n%s", err, out)
			return m
		}
	}
	m.older, m.err = pack(dir, "1.0.0-rc.1")
	if m.err == nil {
		m.newer, m.err = pack(dir, "1.0.0-2-gabc123")
	}
	return m
}

// pack makes the packages of one version, in a folder of their own.
func pack(dir, version string) (to string, err error) {
	cmd := exec.Command("../../scripts/packages.sh", "amd64")
	cmd.Env = append(os.Environ(), "DIST="+dir, "VERSION="+version)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "NO PACKAGE") {
		return "", fmt.Errorf("packages.sh: %w\n%s", err, out)
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 2 {
		return "", fmt.Errorf("made %v, %w", debs, err)
	}
	to = filepath.Join(dir, version)
	err = os.Mkdir(to, 0o700)
	for _, f := range debs {
		err = errors.Join(err, os.Rename(f, filepath.Join(to, filepath.Base(f))))
	}
	return to, err
}

// deliver puts the packages of a folder, and no others, where the guide wants them.
func (l *lab) deliver(dir string) {
	l.t.Helper()
	for host, program := range map[string]string{"hub": "hub", "pi": "agent"} {
		l.run(host, "rm -f *.deb", "")
		files, err := filepath.Glob(filepath.Join(dir, "bramble-"+program+"_*.deb"))
		if err != nil || len(files) != 1 {
			l.t.Fatalf("%v, %v", files, err)
		}
		l.put(host, files...)
	}
}

// TestInstall does what docs/guide/install.md says.
func TestInstall(t *testing.T) {
	testutil.System(t, "installs packages in a clean Debian")
	began := time.Now()
	packed := make(chan made, 1)
	dir := t.TempDir()
	go func() { packed <- packages(dir) }()
	l, cannot := boot(t)
	booted := time.Since(began)
	debs := <-packed
	if cannot != "" {
		t.Skip("no clean Debian 12 can be made here: " + cannot)
	}
	if debs.err != nil {
		t.Fatal(debs.err)
	}
	t.Logf("booted after %v, packages made after %v", booted.Round(100*time.Millisecond),
		time.Since(began).Round(100*time.Millisecond))
	l.deliver(debs.older)
	began = time.Now()
	page, line, token := "", "", ""
	steps := guide(t)
	for len(steps) > 0 && steps[0].section != "Later" {
		s := steps[0]
		steps = steps[1:]
		switch s.command { // what the guide leaves to its reader
		case "sudo bramble-hub setup anna":
			page = regexp.MustCompile(`https://\S+`).FindString(l.run(s.host, s.command, password+"\n"+password+"\n"))
		case "sudo bramble-hub agent add porch":
			line, token, _ = strings.Cut(strings.TrimSpace(l.run(s.host, s.command, "")), "\n")
		case "sudo bramble-agent join tls://HUB:4222 --tls-fingerprint sha256:... --camera porch":
			// as it is shipped it waits for a hub here
			l.run(s.host, "systemctl start bramble-agent && systemctl stop bramble-agent", "")
			m := regexp.MustCompile(
				`^sudo bramble-agent join tls://\S+:4222 --tls-fingerprint (sha256:[0-9a-f]{64}) --camera porch$`).
				FindStringSubmatch(line)
			if m == nil || !strings.HasPrefix(token, "SU") {
				t.Fatalf("agent add printed %q, %q", masked(line), masked(token))
			}
			l.pin = m[1]
			join(t, l, line+"='pattern:#size=320x240&fps=10'", token) // there is no camera here
		default:
			l.run(s.host, s.command, "")
		}
	}
	redirected(t, l, page)
	picture(t, l, page)
	t.Logf("from the packages to a picture: %v", time.Since(began).Round(100*time.Millisecond))
	traces(t, l, token)
	verify(l)
	watch(t, l, page)
	later(t, l, page, debs.newer, steps)
}

// picture fetches one, as anna. The camera may not have been heard of yet.
func picture(t *testing.T, l *lab, page string) {
	t.Helper()
	c := l.client()
	testutil.Eventually(t, "a picture of the porch", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"cam/porch.jpeg", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Do(req); err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusUnauthorized {
			return false // a stranger gets none
		}
		req.SetBasicAuth("anna", password)
		resp, err := c.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		img, err := jpeg.Decode(resp.Body)
		return err == nil && img.Bounds().Dx() == 320
	})
}

// redirected requests the page like a viewer who types its address without https://.
func redirected(t *testing.T, l *lab, page string) {
	t.Helper()
	c := l.client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(page, "https://", "http://", 1),
		nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // it was not read
	if resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != page {
		t.Errorf("%s: %s, %v", req.URL, resp.Status, resp.Header)
	}
}

// verify has systemd check the units as they are installed, and what they are allowed.
func verify(l *lab) {
	l.t.Helper()
	for host, unit := range map[string]string{"hub": "bramble-hub", "pi": "bramble-agent"} {
		l.run(host, "systemd-analyze verify --man=no "+unit+".service && systemd-analyze security --no-pager --threshold=25 "+
			unit, "")
		show := l.run(host, "systemctl show "+unit+
			" -p DynamicUser,NRestarts,WatchdogUSec,MemoryMax,ActiveState,UnitFileState; "+
			"stat -c uid:%u /proc/$(systemctl show -P MainPID "+unit+")", "")
		for _, want := range []string{"DynamicUser=yes", "NRestarts=0", "WatchdogUSec=1min", "ActiveState=active",
			"UnitFileState=enabled"} {
			if !strings.Contains(show, want) {
				l.t.Errorf("%s lacks %s:\n%s", unit, want, show)
			}
		}
		if strings.Contains(show, "uid:0") || strings.Contains(show, "MemoryMax=infinity") {
			l.t.Errorf("%s runs as\n%s", unit, show)
		}
	}
	l.run("pi", `[ "$(stat -c %a:%U /etc/bramble/agent.credential)" = 600:root ]`, "")
}

// watch opens the grid in Chromium, and waits until its tile is live and moves.
func watch(t *testing.T, l *lab, page string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: make test-system installs it where it can")
	}
	if _, err := os.Stat("../browser/node_modules/playwright-core"); err != nil {
		t.Skip("playwright-core is not installed: make test-system installs it where it can (npm ci in e2e/browser)")
	}
	cmd := exec.Command("nsenter", "--net", fmt.Sprintf("--target=%d", l.pid), "node",
		"../browser/grid.mjs", page, "--cameras", "1", "--user",
		"anna", "--password", password)
	key, err := hex.DecodeString(strings.TrimPrefix(l.pin, "sha256:"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "TRUSTED_KEY="+base64.StdEncoding.EncodeToString(key))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	var result struct{ Cameras []struct{ ID, State string } }
	if err != nil || json.Unmarshal(out, &result) != nil || len(result.Cameras) != 1 ||
		result.Cameras[0].State != "live" || result.Cameras[0].ID != "porch" {
		t.Fatalf("grid.mjs: %v: %s%s", err, out, said.String())
	}
	t.Logf("Chromium: %s", out)
}

// later runs what the guide says about upgrades, settings and removal, and looks at what is left.
func later(t *testing.T, l *lab, page, newer string, steps []step) {
	t.Helper()
	l.deliver(newer)
	main := func() string {
		return l.run("hub", "systemctl show -p MainPID bramble-hub", "") +
			l.run("pi", "systemctl show -p MainPID bramble-agent", "")
	}
	before := main()
	kept := l.run("pi", "cat /etc/bramble/*", "") + l.run("hub", "cat /etc/bramble/* /var/lib/bramble/credentials.json",
		"")
	upgraded := false
	for i, s := range steps {
		if strings.Contains(s.command, "apt remove") && !upgraded { // all is up to date and set
			upgraded = true
			if v := l.run("hub", "dpkg-query -W -f '${Version}' bramble-hub", "") +
				l.run("pi", "dpkg-query -W -f '${Version}' bramble-agent", ""); v != "1.0.0+2.gabc1231.0.0+2.gabc123" {
				t.Errorf("installed is %s", v)
			}
			picture(t, l, page)
			if kept != l.run("pi", "cat /etc/bramble/*", "")+l.run("hub", "cat /etc/bramble/* /var/lib/bramble/credentials.json",
				"") {
				t.Error("the upgrade has changed what its owner has set")
			}
		}
		l.run(s.host, s.command, "")
		if i == 1 && before == main() {
			t.Errorf("the upgrade has restarted nothing: %s", before)
		}
		if program := "bramble-" + map[string]string{"hub": "hub", "pi": "agent"}[s.host]; strings.Contains(s.command,
			"apt remove") {
			l.run(s.host, "! systemctl is-active "+program+" && [ ! -e /usr/bin/"+program+" ] && [ -e /etc/bramble/*.yaml.bak ]",
				"")
		}
	}
	if !upgraded {
		t.Error("the guide tells nothing about removal")
	}
	for _, host := range []string{"hub", "pi"} {
		if left := l.run(host,
			"find / -xdev -name '*bramble*' -not -path \"$HOME/*\" -not -path '/var/cache/*' -not -path '/var/log/*'",
			""); left != "" {
			t.Errorf("purged, but on %s is left:\n%s", host, left)
		}
	}
}
