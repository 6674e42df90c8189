// Package e2e holds the end-to-end tests: real agents, real NATS, a real hub, and players that know nothing of Bramble.
package e2e
