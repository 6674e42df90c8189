// Package webui holds the page that the hub serves: plain ES modules, embedded as they are.
package webui
