// Package clip finds the media of a span of time in a stream's recordings.
//
//	Select     the rows of a span           -> Clips: which part of each recording is in the span
//	Library    a clip's row                 -> Recording: its file, its sample index, its tracks
//
// Two clocks meet here. A span is given on the wall clock, ns UTC. The samples of a recording have media
// times: ns, or ticks of their track, since the beginning of the recording. The anchors of a
// recording map one to the other.
//
// A sample is in a span if it is presented at or after the span's start and before the span's end.
package clip
