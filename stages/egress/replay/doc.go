// Package replay plays recordings to clients of an RTSP server, as the ONVIF Streaming Specification has it (section Playback).
//
//	path replay/live/a --Describe--> Show --NewPlayer--> Player: Play answers a PLAY request, Run sends
//	footage.Reader --footage.Unit--> Player --rtp.Frames--> rtsp.Outlet
//
// The server, package stages/ingest/rtsp, speaks with the clients. A Player paces the units by their times, jumps over gaps, and
// waits for a client that takes them slowly: it leaves out nothing.
//
// # Times
//
// With Rate-Control: yes, the default, the RTP times are those at which the client shows the units: they go on over gaps and places
// that a client has chosen, and are as far apart as Scale makes them. With Rate-Control: no, they are those of the recording, also in
// reverse.
package replay
