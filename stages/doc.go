// Package stages holds the stages of a pipeline between a live stream and the parts of its files. A
// stage is in the file that has its name in a declaration: gop_ring in gop_ring.go.
//
// The directory stages also holds the hub of live streams and the protocols that publish to it:
// every step that handles live media. A stage that starts from a finished recording, such as exec
// or webhook, is here too. The directory sinks holds the muxer, the catalogue, the code that keeps
// files and rows consistent, and the code that deletes both.
package stages
