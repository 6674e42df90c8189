package apiv1_test

import (
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
)

// TestWithHost: an agent reaches NATS at the host at which the client reached the hub.
func TestWithHost(t *testing.T) {
	for host, want := range map[string]string{
		"": "nats://example.com:4222", "hub.local:8080": "nats://hub.local:4222", "hub": "nats://hub:4222",
		"[fe80::1]:8080": "nats://[fe80::1]:4222", "[fe80::1]": "nats://[fe80::1]:4222",
	} {
		if got := apiv1.WithHost("nats://example.com:4222", host); got != want {
			t.Errorf("asked at %q: %s, want %s", host, got, want)
		}
	}
}
