// Package cluster holds a test of several NATS servers and hubs behind a load balancer: who dies or is cut off, and
// what viewers see of it.
package cluster
