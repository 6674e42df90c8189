// Package web is the hub's HTTP server. It composes what answers requests (outputs, /ws, the API, logins, metrics,
// the page), and owns the listener, TLS, middleware and shutdown. What an answer says belongs to those packages.
package web
