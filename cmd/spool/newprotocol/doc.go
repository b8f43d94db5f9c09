// Package newprotocol has only tests. They build the program with an invented server protocol,
// which is one package and one line in the list of parts, and drive the built program: settings,
// reference, readiness, access, metrics, connections and recordings. No other code of the
// program may need a change for a new protocol.
package newprotocol
