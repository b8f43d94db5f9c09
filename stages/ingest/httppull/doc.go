// Package httppull registers the schemes http:// and https:// of pulled streams. The content of the response decides how
// it is read: see kinds. A body without an end is a live stream; one with a known length is a file, which is published at
// its own pace.
package httppull
