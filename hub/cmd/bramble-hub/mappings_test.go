package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMappingCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	do(t, file, "", "mapping", "add", "group:Lab Staff", "--role", "operator", "--cameras", "lab-*,porch=viewer")
	do(t, file, "", "mapping", "set", "group:Lab Staff", "--role", "viewer")
	line := regexp.MustCompile(`(?m)^group:Lab Staff +viewer +lab-\*,porch=viewer$`)
	if list := do(t, file, "", "mapping", "list"); !line.MatchString(list) {
		t.Errorf("the list:\n%s", list)
	}
	if list := do(t, file, "", "mapping", "list", "--json"); !strings.Contains(list, `"who": "group:Lab Staff"`) {
		t.Errorf("the list: %s", list)
	}
	if _, said, code := command(t, file, "", "mapping", "add", "anna", "--cameras", "*"); code == 0 ||
		!strings.Contains(said, "group:NAME") {
		t.Errorf("exit code %d: %s", code, said)
	}
	do(t, file, "", "mapping", "remove", "group:Lab Staff")
}

// A proxy that may name users must send a secret, unless the operator accepts its address alone.
func TestProxyAuthSettings(t *testing.T) {
	dir := t.TempDir()
	file, empty := filepath.Join(dir, "credentials.json"), filepath.Join(dir, "none.json")
	do(t, file, "", "mapping", "add", "everyone", "--cameras", "porch")
	secretFile := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good := secretFile("good", "0123456789abcdef\n", 0o640)
	open, short := secretFile("open", "0123456789abcdef", 0o644), secretFile("short", "x", 0o600)
	two := secretFile("two", "0123456789abcdef\nx\n", 0o600)
	peers := filepath.Join(t.TempDir(), "peers.json")
	do(t, peers, "", "agent", "add", "porch")
	for name, test := range map[string]struct {
		file  string
		flags []string
		says  string
	}{
		"good":        {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-secret-file=" + good}, ""},
		"the address": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-without-secret"}, ""},
		"no secret":   {file, []string{"--proxy-auth-user-header=Remote-User"}, "--proxy-auth-secret-file"},
		"both": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-without-secret",
			"--proxy-auth-secret-file=" + good}, "exclude each other"},
		"readable by all": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-secret-file=" + open},
			"chmod o="}, "short": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-secret-file=" + short},
			"16 or more"},
		"two lines": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-secret-file=" + two},
			"one line"}, "no file": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-secret-file=" + empty},
			"no such file"},
		"no header": {file, []string{"--proxy-auth-groups-header=Remote-Groups"}, "need --proxy-auth-user-header"},
		"bad header": {file, []string{"--proxy-auth-user-header=Remote User", "--proxy-auth-without-secret"},
			"name of a header"}, "Authorization": {file, []string{"--proxy-auth-user-header=authorization",
			"--proxy-auth-without-secret"}, "name of a header"},
		"bad URL": {file, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-without-secret",
			"--proxy-auth-logout-url=javascript:alert(1)"}, "give a URL"},
		"no mapping": {peers, []string{"--proxy-auth-user-header=Remote-User", "--proxy-auth-without-secret"}, "mapping add"},
	} {
		_, said, code := command(t, test.file, "", append(test.flags, "check", "--nats", "127.0.0.1:0")...)
		if (code == 0) != (test.says == "") || !strings.Contains(said, test.says) {
			t.Errorf("%s: exit code %d, %s, want %q", name, code, said, test.says)
		}
	}
}

func TestJWTSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	do(t, file, "", "mapping", "add", "everyone", "--cameras", "porch")
	for name, test := range map[string]struct {
		flags []string
		says  string
	}{
		"good": {[]string{"--jwt-keys=https://id.example.org/keys", "--jwt-issuer=https://id.example.org",
			"--jwt-audience=bramble"}, ""},
		"no audience": {[]string{"--jwt-keys=https://id.example.org/keys", "--jwt-issuer=https://id.example.org"},
			"--jwt-audience"}, "no keys": {[]string{"--jwt-issuer=https://id.example.org", "--jwt-audience=bramble"},
			"need --jwt-keys"},
		"in clear": {[]string{"--jwt-keys=http://id.example.org/keys", "--jwt-issuer=x", "--jwt-audience=bramble"}, "https"},
	} {
		_, said, code := command(t, file, "", append(test.flags, "check", "--nats", "127.0.0.1:0")...)
		if (code == 0) != (test.says == "") || !strings.Contains(said, test.says) {
			t.Errorf("%s: exit code %d, %s, want %q", name, code, said, test.says)
		}
	}
}

func TestOIDCSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	do(t, file, "", "mapping", "add", "everyone", "--cameras", "porch")
	const (
		issuer = "--oidc-issuer=https://id.example.org"
		back   = "--oidc-redirect-url=https://cams.example.org/login/oidc/callback"
	)
	for name, test := range map[string]struct {
		flags []string
		says  string
	}{
		"good":        {[]string{issuer, back, "--oidc-client-id=bramble"}, ""},
		"no issuer":   {[]string{back, "--oidc-client-id=bramble"}, "need --oidc-issuer"},
		"no client":   {[]string{issuer, back}, "--oidc-client-id"},
		"no way back": {[]string{issuer, "--oidc-client-id=bramble"}, "--oidc-redirect-url"},
		"no secret": {[]string{issuer, back, "--oidc-client-id=bramble", "--oidc-client-secret-file=" + file + ".gone"},
			"--oidc-client-secret-file"},
	} {
		_, said, code := command(t, file, "", append(test.flags, "check", "--nats", "127.0.0.1:0")...)
		if (code == 0) != (test.says == "") || !strings.Contains(said, test.says) {
			t.Errorf("%s: exit code %d, %s, want %q", name, code, said, test.says)
		}
	}
}
