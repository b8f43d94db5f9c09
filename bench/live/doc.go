// Package live compares servers under the same live load: each server and the load generator are separate processes,
// and the cost of a server is the kernel's account of its process between two moments, while all publish.
package live
