// Package webhook is the stage "webhook": it notifies an HTTP server of recordings and events. It
// sends each notice until the server accepts it, or until give_up has passed.
//
//	mp4 --media.Recording--> webhook --media.Recording--> metadata
//	                           |
//	                        Outbox: one file a notice --POST--> server
//
// The outbox stores a notice on disk before the recording goes on to the next stage, and deletes
// the notice after a 2xx response. When the process starts, the outbox sends the notices that a
// kill or a power cut left. If a crash came before this stage received the end of a file, recovery
// finishes the file and then sends the notice, except for a file of a tee's branch. An event may be
// marked in a file that ended long before: this stage does not receive such an event, and no notice
// is sent for it. A server may receive a notice twice, with the same webhook-id.
//
// # Files of the outbox
//
//	<16 hex digits: time of creation, in ns>.notice   JSON, see Notice
//	*.new                                 unfinished: deleted at the start
//
// A notice is written to a new file, synced and renamed, and then the directory is synced. The file
// holds everything that is needed to send the notice except the secret. The secret is read from its
// own file or environment variable at each attempt, so that neither the outbox nor a printed
// configuration contains it.
//
// # Signature
//
// Signatures follow Standard Webhooks: webhook-signature is "v1," and the base64 of HMAC-SHA256
// over "<webhook-id>.<webhook-timestamp>.<body>". The timestamp is the time of the attempt, in Unix
// seconds: a receiver refuses an old one, to prevent replays.
package webhook
