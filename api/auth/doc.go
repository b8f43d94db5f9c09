// Package auth tells who a caller is by his name and password or his token, and what
// he may do. It knows no protocol: HTTP and the ingest servers hand in what was sent
// to them.
//
// Secrets are compared in constant time; a name that does not exist takes as long as
// one that does. A few passwords are hashed at once, and the failures of one remote
// are bounded.
package auth
