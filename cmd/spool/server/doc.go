// Package server holds the parts of a running recorder and their order: what each is
// built from, started after and ended before. It hands the parts to each other, so that
// none of them knows another, and answers for all of them: readiness, health, metrics.
// Whoever runs one calls Declare, New and Run; tests hand in a clock of their own.
//
// The commands beside spool serve use what a recorder does with its directory: Compile
// (check), FileSystems and RecordDirs (check), RetentionPlan (retention), CatalogueOptions,
// ClaimDirectory and Compare (reindex). None of these prints anything.
//
//	server.go     the parts, made and closed; open.go: opened, in their order
//	run.go        from the start to the drain
//	parts.go      the stages and protocols that are linked in
//	health.go     what is wrong; ready.go, obstacles.go, writable.go: what it stands on
//	events.go     an event of a request; events_footage.go: in recordings that are there
//	recover.go    what a crash left; reconcile.go: the catalogue and the disk
//	declared/     what is to be recorded, and reload
package server
