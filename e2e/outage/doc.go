// Package outage holds tests of an agent whose NATS server freezes or dies: memory, and what is delivered afterwards.
package outage
