// Package examples runs what lies in examples/ as a reader would: real programs, a real NATS server, real cameras.
package examples
