// Package newprotocol has tests only. They build the program with a server protocol that
// nobody knows, which is one package and one line in the list of parts, and drive it from
// outside: its settings, reference, readiness, access, figures and connections, and what
// it records. Nothing else in the program may have to change for a protocol.
package newprotocol
