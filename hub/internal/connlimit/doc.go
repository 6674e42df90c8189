// Package connlimit bounds the connections of the web server: how fast they are accepted, and how many of one address
// are open without a request. Limits of viewers belong to package viewers.
package connlimit
