// Package e2e tests the product from outside: its tests build the binary, run it in an empty
// directory, and use real clients to publish, record, play and kill.
//
// A functional test runs the binary with the race detector. A test that measures, kills or plays
// in a browser runs the static binary. Each test ends with a drain of the recorder and requires
// exit code 0, no unexpected warning in the log and no unfinished file. With E2E_LONG=1 the clips
// and loads have their full length.
package e2e
