// Package export makes exports in the background, and keeps them in the record directory until they are deleted or
// too old.
//
//	.spool-exports/ID.unfinished/   an export that is being made, or one that a crash left: the next start removes it
//	.spool-exports/ID/              a finished export: its files and export.json, all durable
//	.spool-key.pem                  the recorder's private key, made for the first export
//
// A directory gets its final name when all its files are synced, so that a finished export is always whole.
//
// Exports must not hurt recordings. They never use the space that retention keeps free (Options.Room). They write
// slowly (Limits.BytesPerSecond), sync in small parts, pause as long as a sync has taken, and do not fill the page
// cache.
package export
