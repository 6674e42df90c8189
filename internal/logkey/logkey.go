// Package logkey holds the keys of structured log lines, so that agent and hub call the same thing by the same name.
package logkey

// The keys.
const (
	Camera  = "camera"
	Subject = "subject"
	Viewer  = "viewer"
	Reason  = "reason"
	Err     = "err"
	Host    = "host"
	Source  = "source"
)
