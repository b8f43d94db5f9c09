// Package bundle writes the footage of a span of time to files: one stream as a file, several streams as a zip
// archive with a player. Each export has a signed manifest (package manifest).
//
//	one stream        NAME.mp4  NAME.manifest.json  NAME.manifest.json.sig
//	several streams   NAME.zip: STREAM.mp4...  player.html  manifest.json  manifest.json.sig
//
// The archive is not compressed, because media does not get smaller. The bytes of an archive follow from its
// files, their order and the time in the manifest: package verify writes the archive again and compares.
package bundle
