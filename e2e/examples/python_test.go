package examples

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// withNATS is the environment in which Python programs have nats-py: the real one if it is installed, else a stand-in
// of ours, which proves that the example works over the NATS protocol and not that it uses nats-py rightly.
func withNATS(t *testing.T) []string {
	t.Helper()
	need(t, "python3")
	env := []string{"PYTHONDONTWRITEBYTECODE=1"}
	if exec.Command("python3", "-c", "import nats.aio.client").Run() == nil {
		t.Log("with the installed nats-py")
		return env
	}
	t.Log("nats-py is not installed: with the stand-in in testdata/nats")
	return append(env, "PYTHONPATH=testdata")
}

func script(name string) string { return filepath.Join("..", "..", "examples", "python", name) }

func TestPythonConsumer(t *testing.T) {
	t.Parallel()
	env := withNATS(t)
	url, dir := testutil.StartNATS(t), t.TempDir()
	serve(t, url, "porch=pattern:#size=160x120&fps=10")
	p := start(t, env, "python3", script("consumer.py"), url, "porch", dir, "5")
	waitEnded(t, p)
	if said := p.Output(); said != "" {
		t.Errorf("consumer.py said %s", said)
	}
	waitPictures(t, dir, 4, 160, 120)
	missingPictures(t, url, savedPictures(t, dir))
}

func TestPythonDetectors(t *testing.T) {
	t.Parallel()
	env := withNATS(t)
	testDetectors(t, func(url string) *proc.Process { return start(t, env, "python3", script("detector.py"), url) })
}
