//go:build !linux

package transcode

const limited = false
