// Package server holds the parts of a running recorder. It makes them, opens them in order, and
// closes them in reverse. It hands each part the parts that it needs, so that none of them
// imports another, and reports for all of them: readiness, health, metrics. spool serve calls
// Declare, New and Run; tests pass a clock of their own.
//
// The other commands use single functions of a record directory: Compile (check), FileSystems
// and RecordDirs (check), RetentionPlan (retention), CatalogueOptions, ClaimDirectory and
// Compare (reindex). None of these prints anything.
//
//	server.go     the parts, made and closed; open.go: opened, in their order
//	run.go        from the start to the drain
//	parts.go      the stages and protocols that are linked in
//	health.go     what is wrong; ready.go, obstacles.go, writable.go: what it stands on
//	events.go     an event of a request; events_footage.go: in recordings that are there
//	recover.go    what a crash left; reconcile.go: the catalogue and the disk
//	declared/     what is to be recorded, and reload
package server
