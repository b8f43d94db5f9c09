// Package newprotocol has only tests. They show that a new server protocol is one package and one line
// in server/parts.go: they build the program with a protocol of their own, and test its settings,
// reference, readiness, access, metrics, connections and recordings, without a change of other code.
package newprotocol
