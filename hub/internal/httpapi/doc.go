// Package httpapi is the hub's HTTP face: pictures and streams, the API, metrics and the page.
package httpapi
