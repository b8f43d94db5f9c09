// Package declared holds the declarations of a recorder: the pipelines, streams and schedule of its
// configuration, and the pipelines made by API. The latter override pipelines of the same name, and a
// file in the record directory keeps them across restarts.
//
// Read and Compile check the declarations and start nothing, so that spool check finds the problems
// that spool serve would have. A Set belongs to a running recorder. It applies changes to the recorder
// and the hub: when the configuration is read again (on request, on SIGHUP, when its file changes), and
// when a client makes or removes a pipeline. It makes one change at a time, checks the whole change
// before it applies any part, and stores a pipeline before it runs. Its errors are for the clients of
// the API and contain no directories of the machine.
package declared
