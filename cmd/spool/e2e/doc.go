// Package e2e proves the product from outside: its tests build the binary, run
// it in an empty directory, and let real clients publish, record, play and kill.
//
// A functional test runs the binary with the race detector; one that measures,
// kills or plays in a browser runs the static one. Each ends with the recorder
// drained: exit code 0, no warning in the log that was not expected, no file
// unfinished. E2E_LONG=1 gives the clips and loads their full length.
package e2e
