// Package auth authenticates callers by name and password or by token, and determines their roles.
// It knows no protocol: HTTP and the ingest servers pass the received credentials in.
//
// Secrets are compared in constant time, and an unknown name takes as long as a known one. Few
// passwords are hashed at once, and the failures of one remote address are bounded.
package auth
