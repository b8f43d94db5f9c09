// Package stages holds the stages between a live stream and its files, one file each. A stage's
// file name is its name in a declaration.
//
// The directory stages holds every step that handles live media, up to the parts of a file: the hub
// of live streams and the protocols that publish to it are among them. The directory sinks holds
// the muxer, the rows of the catalogue, the code that keeps files and rows consistent, and the code
// that deletes both. A step that starts from a finished recording, such as exec and webhook, is a
// stage.
package stages
