// Package credstore keeps the credentials file: users, groups, mappings, API tokens, agents and consumers.
// It reads, watches and edits the file. Who a client is, package auth finds out; what it may do, package permission.
package credstore
