// Package auth authenticates clients: by a password, an API token, a session, a signed link or an external identity.
// What a principal may do belongs to package permission. How HTTP carries proofs belongs to package webauth.
package auth
