// Package auth authenticates clients by name and password, by token or by digest response, and
// determines their roles. It depends on no protocol: the HTTP server and the ingest servers pass it
// the credentials that they have received.
//
// Secrets are compared in constant time, and the check of an unknown name takes as long as that of a
// known one. The number of passwords that are hashed at once is bounded, and so is the number of
// failed sign-ins from one address.
package auth
