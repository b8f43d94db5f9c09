// Package live compares servers under the same live load: each server and the
// load generator are processes of their own, and what a server costs is what
// the kernel says of its process between two moments, when all publish.
package live
