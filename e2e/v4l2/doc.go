// Package v4l2 tests the agent with real V4L2 devices: it runs in the virtual machine of e2e/v4l2vm, and the hub here.
package v4l2
