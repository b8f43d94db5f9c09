// Package recorder decides which streams are recorded, by which pipelines, and when.
//
// A Job keeps one pipeline running for one stream. A Recorder has at most one job for each pair of pipeline and
// stream. It begins and ends jobs when a client requests it, a publisher comes (modes always and event), a
// trigger arrives (mode event), a window of the Schedule begins or ends, or Update changes the declared
// pipelines.
//
//	Start, Stop                 a client's request
//	PublisherCame, StartAlways  a publisher comes, or the configuration names the stream
//	Trigger                     an event: noted in a running recording, or recorded to a file of its own
//	Schedule                    the windows of an Agenda of cron expressions
//	Update, Hold                the pipelines change, or pause
//
// The package touches neither media nor files; the stages of the pipelines do. Its goroutines are tasks of
// package pipeline.
package recorder
