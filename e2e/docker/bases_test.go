//go:build linux

package docker

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"
)

// composeModule is built where docker has no plugin for compose.
const composeModule = "github.com/docker/compose/v2@v2.40.3"

// prepare makes the base images and Compose, and returns the path of a compose file that adds the build arguments.
func (e *engine) prepare() string {
	e.t.Helper()
	e.serveBuilds()
	var made errgroup.Group
	made.Go(e.makeCompose)
	e.makeBases()
	e.must(made.Wait())

	type build struct {
		Network string            `json:"network"`
		Args    map[string]string `json:"args"`
	}
	services := map[string]map[string]build{}
	for _, name := range []string{"hub", "hub-b", "demo", "camera"} {
		services[name] = map[string]build{"build": {"host", e.args}}
	}
	text, err := json.Marshal(map[string]any{"services": services})
	e.must(err)
	override := filepath.Join(e.dir, "override.json")
	e.must(os.WriteFile(override, text, 0o600))
	return override
}

// makeCompose builds the plugin for compose if docker has none.
func (e *engine) makeCompose() error {
	if e.command(e.t.Context(), "compose", "version").Run() == nil {
		return nil
	}
	plugins := filepath.Join(e.dir, "config/cli-plugins")
	if err := os.Mkdir(plugins, 0o755); err != nil {
		return err
	}
	// Its go.mod excludes versions, which go install refuses.
	out, err := e.run(goCommand("mod", "download", "-json", composeModule))
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return err
	}
	build := goCommand("build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(plugins, "docker-compose"), "./cmd")
	build.Dir = module.Dir
	_, err = e.run(build)
	return err
}

// makeBases makes the images that the Dockerfile and the compose file begin with, with what Bramble needs of them.
func (e *engine) makeBases() {
	e.t.Helper()
	archive, err := e.run(exec.Command("./debian.sh"))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		e.t.Skipf("%s%v", cannot, err)
	}
	e.must(err)
	dockerfile, err := os.ReadFile(filepath.Join(root, "deployments/docker/Dockerfile"))
	e.must(err)
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	e.must(err)
	name := func(text []byte, image string) string {
		found := regexp.MustCompile(`(?m)(?:^FROM(?: \S+)*|image:) (` + image + `:\S+)`).FindSubmatch(text)
		if found == nil {
			e.t.Fatalf("no image %s", image)
		}
		return string(found[1])
	}
	debian := name(dockerfile, "debian")
	e.mustDocker("import", archive, debian)
	from := "FROM " + debian + "\n"
	install := from + "RUN apt-get update -qq && apt-get install -qq --no-install-recommends "

	e.build(name(dockerfile, "golang"), e.mustRun(goCommand("env", "GOROOT")), from+
		"COPY bin /usr/local/go/bin\nCOPY lib /usr/local/go/lib\nCOPY pkg /usr/local/go/pkg\nCOPY src /usr/local/go/src\n"+
		"COPY VERSION go.env /usr/local/go/\nENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")
	empty := filepath.Join(e.dir, "context")
	e.must(os.Mkdir(empty, 0o755))
	e.build(name(compose, "haproxy"), empty, install+"haproxy >/dev/null\n"+
		"CMD [\"haproxy\", \"-f\", \"/usr/local/etc/haproxy/haproxy.cfg\"]\nUSER haproxy\nSTOPSIGNAL SIGUSR1\n")
	e.mustRun(goCommand("build", "-o", filepath.Join(empty, "nats-server"), "github.com/nats-io/nats-server/v2"))
	e.build(name(compose, "nats"), empty, install+"wget >/dev/null\n"+
		"COPY nats-server /usr/bin/nats-server\nENTRYPOINT [\"nats-server\"]\n")
}

// build builds an image from the text of a Dockerfile.
func (e *engine) build(image, dir, dockerfile string) {
	e.t.Helper()
	cmd := e.command(e.t.Context(), append(e.buildArgs(), "-t", image, "-f", "-", dir)...)
	cmd.Stdin = strings.NewReader(dockerfile)
	e.mustRun(cmd)
}

func (e *engine) buildArgs() []string {
	command := []string{"build", "--network", "host"}
	for name, value := range e.args {
		command = append(command, "--build-arg", name+"="+value)
	}
	return command
}
