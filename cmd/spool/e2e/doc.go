// Package e2e tests the product from outside: its tests build the program, run it in an empty
// directory, publish to it and play from it with real clients, and kill it.
//
// A functional test runs the program with the race detector. A test that measures the program, kills
// it or plays in a browser runs the program as it is released. Each test ends with a drain of the
// recorder and requires exit code 0, no unexpected warning in the log and no unfinished file. With
// E2E_LONG=1 in the environment, clips and loads have their full length; otherwise they are shorter.
package e2e
