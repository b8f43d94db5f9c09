// Package manifest describes the files of an export, and proves that they are unchanged since the recorder
// made them.
//
// A manifest is a JSON text that lists each file of an export with its size and SHA-256, and what it shows. The
// recorder signs this text with its own Ed25519 key (RFC 8032):
//
//	manifest.json      the text, in the form that Encode writes
//	manifest.json.sig  the 64 bytes of the signature of that text
//
// The key is in the record directory: see LoadKey. Other programs can check a signature too:
//
//	openssl pkeyutl -verify -pubin -inkey recorder.pem -rawin -in manifest.json -sigfile manifest.json.sig
//
// The manifest holds the public key, so that a reader without the recorder's key can see that nothing has
// changed by accident. Only a reader who has the recorder's key from elsewhere can tell that no one else has
// made the export.
package manifest
