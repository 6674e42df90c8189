package credstore_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
)

func TestParse(t *testing.T) {
	c := credstoretest.New(t, secrets)
	good, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credstore.Parse(good); err != nil {
		t.Fatal(err)
	}
	anna, _ := credstoretest.Load(t, c.Path).User("anna")
	hash := anna.Hash
	for name, test := range map[string]struct{ old, new, says string }{
		"newer":             {`"version": 1`, `"version": 3`, "version 3"},
		"no version":        {`"version": 1`, `"version": 0`, "version 0"},
		"unknown member":    {`"version": 1`, `"version": 1, "teams": []`, "teams"},
		"unknown role":      {`"role": "operator"`, `"role": "boss"`, "viewer, operator or admin"},
		"bad name":          {`"name": "anna"`, `"name": "Anna"`, "Anna"},
		"second user":       {`"name": "anna"`, `"name": "otto"`, "second user"},
		"glob":              {`"lab-*"`, `"lab-[1]"`, "lab-[1]"},
		"hash":              {hash, "plain", "argon2id"},
		"hash of too much":  {"m=64", "m=99999999", "out of bounds"},
		"hash of nothing":   {"t=1", "t=0", "out of bounds"},
		"owner gone":        {`"owner": "anna"`, `"owner": "ann"`, "does not exist"},
		"token id":          {`"id": "` + c.TokenID, `"id": "x` + c.TokenID, "8 of"},
		"token sum":         {`"sha256": "`, `"sha256": "z`, "hexadecimal"},
		"agent's key":       {c.Porch.Public(), "UABC", "public NKey"},
		"same key":          {c.Consumer.Public(), c.Porch.Public(), "same key"},
		"seed, not key":     {c.Porch.Public(), c.Porch.Seed().Reveal(), "public NKey"},
		"agent with a glob": {`"lab-1"`, `"lab-1*"`, "lab-1*"},
		"camera twice":      {`"lab-1"`, `"lab-2"`, "two agents, or twice"},
		"link key":          {`"link_key": "`, `"link_key": "AAAA`, "32"},
		"two objects":       {"", "{}", ""},
		"cut":               {`"consumers"`, "", "JSON"},
		"list":              {"{", "[", "JSON"},
	} {
		text := strings.Replace(string(good), test.old, test.new, 1)
		if test.old == "" {
			text, test.says = string(good)+"{}", "JSON"
		}
		_, err := credstore.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
		if err != nil && (strings.Contains(err.Error(), hash) || len(err.Error()) > 1000) {
			t.Errorf("%s: the error tells too much: %v", name, err)
		}
	}
}

func TestEdits(t *testing.T) {
	c := credstoretest.New(t, secrets)
	before := credstoretest.Load(t, c.Path)
	for name, test := range map[string]struct {
		change func(*credstore.File) error
		says   string
	}{
		"user twice": {func(d *credstore.File) error {
			return d.AddUser("anna", permission.Viewer, []string{"*"}, credstoretest.RightPassword)
		}, "already"},
		"short password": {func(d *credstore.File) error { return d.AddUser("new", permission.Viewer, nil, "short") },
			"at least 10"},
		"long password": {func(d *credstore.File) error {
			return d.SetPassword("anna",
				secret.Text(strings.Repeat("x", 2000)))
		}, "at most"}, "password of bytes": {func(d *credstore.File) error {
			return d.SetPassword("anna", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
		}, "UTF-8"},
		"unknown role": {func(d *credstore.File) error {
			return d.AddUser("new", "boss", nil,
				credstoretest.RightPassword)
		}, "boss"},
		"no such user": {func(d *credstore.File) error { return d.SetPassword("unknown", credstoretest.RightPassword) },
			"user list"}, "set an unknown user": {func(d *credstore.File) error {
			return d.SetUser("unknown", permission.Viewer, nil,
				nil)
		}, "user list"},
		"set a bad role":         {func(d *credstore.File) error { return d.SetUser("anna", "boss", nil, nil) }, "boss"},
		"remove an unknown user": {func(d *credstore.File) error { return d.RemoveUser("unknown") }, "user list"},
		"token of an unknown user": {func(d *credstore.File) error { _, _, err := d.AddToken("unknown", "x", 0); return err },
			"user list"}, "token in the past": {func(d *credstore.File) error {
			_, _,
				err := d.AddToken("anna", "x", -1)
			return err
		}, "expires"},
		"no such token": {func(d *credstore.File) error { return d.RemoveToken("xxxxxxxx") }, "token list"},
		"agent twice": {func(d *credstore.File) error { _, err := d.AddAgent("porch", []string{"x"}); return err },
			"already"}, "camera twice": {func(d *credstore.File) error {
			_,
				err := d.AddAgent("other", []string{"porch"})
			return err
		}, "belongs to agent porch"},
		"agent with a glob": {func(d *credstore.File) error { _, err := d.AddAgent("other", []string{"lab-*"}); return err },
			"lab-*"}, "agent of nothing": {func(d *credstore.File) error { _, err := d.AddAgent("other", nil); return err },
			"no cameras"},
		"no such agent": {func(d *credstore.File) error { return d.RemoveAgent("other") }, "agent list"},
		"consumer twice": {func(d *credstore.File) error { _, err := d.AddConsumer("detector", []string{"*"}); return err },
			"already"}, "no such consumer": {func(d *credstore.File) error { return d.RemoveConsumer("other") },
			"consumer list"},
	} {
		if err := credstore.Edit(c.Path, test.change); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if after := credstoretest.Load(t, c.Path); !reflect.DeepEqual(after, before) {
		t.Error("a change that failed has changed something")
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveUser("anna") })
	if after := credstoretest.Load(t, c.Path); len(after.Users()) != 3 || len(after.Tokens()) != 1 {
		t.Errorf("%d users and %d tokens are left", len(after.Users()), len(after.Tokens()))
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		if err := d.RemoveAgent("porch"); err != nil {
			return err
		}
		return d.RemoveConsumer("detector")
	})
	if after := credstoretest.Load(t, c.Path); len(after.Agents())+len(after.Consumers()) != 0 {
		t.Error("an agent or a consumer is left")
	}
}

// wholeFile has one entry of each kind. It is a constant because making it takes hashing and fsync in each process of a
// fuzzer.
const wholeFile = `{"version":1,"link_key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",` +
	`"users":[{"name":"anna","role":"viewer","cameras":["porch","lab-*"],"hash":"$argon2id$v=19$m=64,t=1,` +
	`p=1$c2FsdHNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","enabled":true}],` +
	`"tokens":[{"id":"aaaaaaaa","owner":"anna","name":"backup",` +
	`"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",` +
	`"created":"2026-01-01T00:00:00Z"}],` +
	`"agents":[{"name":"porch","cameras":["porch","lab-1"],` +
	`"key":"UCDPHWXNODVLZMUS7KY6NV4NSGXVKR6FDUDQZWJ2MHXWVVOHH73IEIKO"}],` +
	`"consumers":[{"name":"detector","cameras":["lab-*","attic"],` +
	`"key":"UC5SK5A7GNZWDALZWHZIUI467FJQGSKOHJOC42RJNY6GFK2MS6A3RTHW"}]}`

func FuzzCredentials(f *testing.F) {
	if _, err := credstore.Parse([]byte(wholeFile)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(wholeFile))
	f.Add([]byte(strings.NewReplacer(`"version":1,`, `"version":2,"groups":[{"name":"site","cameras":["gh-*"]}],`,
		`"lab-*"]`, `"lab-*=operator","@site"]`).Replace(wholeFile)))
	for _, text := range []string{"", "{}", "null", "[]", `{"version":1}`, `{"version":1,"link_key":"` +
		strings.Repeat("A", 43) + `="}`, `{"version":1e9}`, `{"version":1,"users":[null]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := credstore.Parse(data)
		if err != nil {
			return
		}
		again, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		d2, err := credstore.Parse(again)
		if err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		if !d.Equal(d2) {
			t.Error("it means something else after writing and reading")
		}
		for _, u := range d.Users {
			if err := password.ValidateHash(u.Hash); err != nil {
				t.Errorf("a hash that cannot be checked came through: %v", err)
			}
		}
	})
}
